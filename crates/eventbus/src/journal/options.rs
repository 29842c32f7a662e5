//! How a journal is kept.

use std::time::Duration;

use super::OpenError;
use super::frame::{DATA_START, MARK_BYTES, RECORD_BYTES_LIMIT, record_bytes};

/// The shortest segment.
pub const SEGMENT_BYTES_MIN: u64 = 64 << 10;

/// The longest segment.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The most segments that are made ahead.
pub const AHEAD_MAX: u32 = 64;

/// How a journal is kept; the record's own limits follow from the segment's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The length of a segment: a multiple of 4,096, [`SEGMENT_BYTES_MIN`] to
    /// [`SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// The length of all segments together, those that are made ahead among them; at least
    /// `ahead + 3` segments.
    pub bytes_max: u64,
    /// The longest record; at most 16 MiB, and a quarter of a segment.
    pub record_bytes_max: u32,
    /// When records become durable.
    pub policy: SyncPolicy,
    /// Segments whose youngest record is older are removed; none are without it.
    pub age_max: Option<Duration>,
    /// What cursors have to do with removal.
    pub cursors: Cursors,
    /// How many segments [`Journal::tend`](super::Journal::tend) makes ahead; at most
    /// [`AHEAD_MAX`].
    pub ahead: u32,
    /// How many bytes ahead of the end pages are asked for, with [`SyncPolicy::None`]. They are
    /// written to the disk as zeros if nothing else comes.
    pub prefault_bytes: u32,
}

/// When records become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncPolicy {
    /// When the system pleases, or [`Journal::sync`](super::Journal::sync) is called. A killed
    /// process loses nothing, a machine that stops may.
    None,
    /// At most so long after they were appended, by [`Journal::tend`](super::Journal::tend).
    Every(Duration),
    /// When [`Journal::commit`](super::Journal::commit) returns; callers share a sync.
    Batch,
}

impl SyncPolicy {
    /// Whether anybody was promised anything.
    pub(crate) const fn is_synced(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// What the durable cursors of consumers have to do with the removal of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursors {
    /// Nothing: a slow consumer finds that records were removed.
    Ignored,
    /// What a cursor has not passed is not removed: a slow consumer makes the journal full.
    Protect,
    /// As `Protect`, and what all cursors have passed is removed at once. Without cursors nothing is.
    Release,
}

impl Default for Options {
    /// 64 segments of 64 MiB, records of up to 1 MiB, committed in batches; the oldest are removed.
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            bytes_max: 4 << 30,
            record_bytes_max: 1 << 20,
            policy: SyncPolicy::Batch,
            age_max: None,
            cursors: Cursors::Ignored,
            ahead: 1,
            prefault_bytes: 1 << 20,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let refuse = |name, must| Err(OpenError::Options { name, must });
        let is_length = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes);
        if !is_length || !self.segment_bytes.is_multiple_of(4_096) {
            return refuse("segment_bytes", "a multiple of 4096 from 64 KiB to 1 GiB");
        }
        if self.ahead > AHEAD_MAX {
            return refuse("ahead", "at most 64");
        }
        if self.bytes_max / self.segment_bytes < u64::from(self.ahead) + 3 {
            return refuse("bytes_max", "at least ahead + 3 segments");
        }
        let longest = u64::from(self.record_bytes_max);
        if self.record_bytes_max > RECORD_BYTES_LIMIT || longest > self.segment_bytes / 4 {
            return refuse(
                "record_bytes_max",
                "at most 16 MiB and a quarter of a segment",
            );
        }
        debug_assert!(
            (DATA_START + record_bytes(self.record_bytes_max as usize) + 3 * MARK_BYTES) as u64
                <= self.segment_bytes,
            "every record fits an empty segment"
        );
        Ok(())
    }
}
