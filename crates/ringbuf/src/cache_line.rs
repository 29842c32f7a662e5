//! Alignment that keeps two writers off one cache line.

use core::fmt;

/// The size of the unit in which cores hand memory to each other, in bytes.
pub(crate) const CACHE_LINE_BYTES: usize = 64;

/// A value alone on two cache lines: Intel's prefetcher fetches lines in pairs.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct CacheLine<T>(pub(crate) T);

impl<T: fmt::Debug> fmt::Debug for CacheLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
