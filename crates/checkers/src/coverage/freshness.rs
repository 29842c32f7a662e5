//! Whether a report can speak of a source as it is now.

/// What is known of a report and of the source that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin<'a> {
    /// When the report was made, on any scale.
    pub report_made_ns: Option<u64>,
    /// When the source was changed last, on the same scale.
    pub source_changed_ns: Option<u64>,
    /// The hash of the source that the report was made from.
    pub hash_then: Option<&'a [u8]>,
    /// The hash of the source as it is, by the same function.
    pub hash_now: Option<&'a [u8]>,
}

/// Whether a report speaks of a source as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// It does.
    Fresh,
    /// The source has changed since.
    Stale,
    /// It cannot be told.
    Unknown,
}

impl Origin<'_> {
    /// Judges by the hashes if both are known, and else by the times.
    ///
    /// Equal times tell nothing: the clocks of file systems are coarse.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        if let (Some(then), Some(now)) = (self.hash_then, self.hash_now) {
            return if then == now {
                Freshness::Fresh
            } else {
                Freshness::Stale
            };
        }
        match (self.report_made_ns, self.source_changed_ns) {
            (Some(made), Some(changed)) if made > changed => Freshness::Fresh,
            (Some(made), Some(changed)) if made < changed => Freshness::Stale,
            _ => Freshness::Unknown,
        }
    }
}
