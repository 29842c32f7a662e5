//! What a journal has beside its end: the directory, the segments and the cursors.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::cursor::CursorState;
use super::disk::Disk;
use super::error::{AppendError, during};
use super::options::{Cursors, Options};
use super::segment::{Segment, segment_name};
use super::writer::Spares;
use super::{Offset, Time};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Locks are taken in this order: the writer, spares, segments, cursors.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) disk: Box<dyn Disk>,
    pub(crate) options: Options,
    /// Random; enters every check.
    pub(crate) id: [u8; 16],
    pub(crate) spares: Mutex<Spares>,
    /// Oldest first; the last is written to.
    pub(crate) segments: RwLock<VecDeque<Arc<Segment>>>,
    pub(crate) cursors: Mutex<BTreeMap<String, CursorState>>,
    /// All records before this one are durable.
    pub(crate) durable: AtomicU64,
    /// A file was made whose name is not durable.
    pub(crate) is_directory_dirty: AtomicBool,
}

impl Store {
    pub(crate) fn segments_from(&self, index: u32) -> Vec<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let at = segments.partition_point(|it| it.header.segment < index);
        segments.range(at..).cloned().collect()
    }

    /// The segment that holds a record, or the oldest.
    pub(crate) fn segment_of(&self, number: u64) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let at = segments.partition_point(|it| it.header.base <= number);
        segments.get(at.saturating_sub(1)).cloned()
    }

    /// The first segment that may hold a record of this time or later.
    pub(crate) fn segment_at(&self, time: u64) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let at = segments.partition_point(|it| it.header.time_max < time);
        segments.get(at.saturating_sub(1)).cloned()
    }

    /// The segment after one, and whether it is the oldest.
    pub(crate) fn segment_after(&self, index: u32) -> Option<(Arc<Segment>, bool)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let at = segments.partition_point(|it| it.header.segment <= index);
        Some((Arc::clone(segments.get(at)?), at == 0))
    }

    pub(crate) fn start(&self) -> Offset {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        Offset(segments.front().map_or(0, |it| it.header.base))
    }

    /// The length of all files, with so many spares.
    pub(crate) fn bytes(&self, spares: usize) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let all: u64 = segments.iter().map(|it| it.header.bytes).sum();
        all + spares as u64 * self.options.segment_bytes
    }

    /// Removes the oldest segments until so many more bytes are within the limit.
    pub(crate) fn free_bytes(&self, more: u64, spares: usize) -> Result<(), AppendError> {
        while self.bytes(spares) + more > self.options.bytes_max {
            if !self.remove_oldest(|_, end| self.is_free(end))? {
                return Err(AppendError::Full {
                    bytes_max: self.options.bytes_max,
                });
            }
        }
        Ok(())
    }

    /// Removes what is too old, and what everybody has read.
    pub(crate) fn retire(&self, now: Time) -> Result<(), AppendError> {
        let oldest = self.options.age_max.map(|age| now.saturating_sub(age));
        let may_go = |time_max: u64, end: u64| {
            let is_old = oldest.is_some_and(|oldest| Time::from_ns(time_max) < oldest);
            let is_read = self.options.cursors == Cursors::Release
                && self.slowest().is_some_and(|slowest| slowest >= end);
            is_read || (is_old && self.is_free(end))
        };
        while self.remove_oldest(may_go)? {}
        Ok(())
    }

    /// Whether the cursors let records before a number go.
    fn is_free(&self, end: u64) -> bool {
        let slowest = self.slowest();
        self.options.cursors == Cursors::Ignored || slowest.is_none_or(|slowest| slowest >= end)
    }

    fn slowest(&self) -> Option<u64> {
        self.cursors().values().map(CursorState::position).min()
    }

    pub(crate) fn cursors(&self) -> MutexGuard<'_, BTreeMap<String, CursorState>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the oldest segment if it is over and may go, told its youngest time and its end.
    fn remove_oldest(&self, may_go: impl Fn(u64, u64) -> bool) -> Result<bool, AppendError> {
        let removed = {
            let mut segments = self
                .segments
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let Some(after) = segments.get(1).map(|it| it.header) else {
                return Ok(false);
            };
            if !may_go(after.time_max, after.base) {
                return Ok(false);
            }
            segments.pop_front()
        };
        if let Some(removed) = removed {
            let name = segment_name(removed.header.segment);
            let gone = self.disk.remove(&name);
            gone.map_err(during("removing", &name))?;
        }
        Ok(true)
    }
}

/// The lengths that a journal has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The oldest record that is there.
    pub start: Offset,
    /// The next record to be written.
    pub end: Offset,
    /// All records before this one are durable.
    pub durable: Offset,
    /// Segments, without those made ahead.
    pub segments: usize,
    /// Segments that were made ahead.
    pub spares: usize,
    /// The length of all files.
    pub bytes: u64,
    /// How often something was made durable.
    pub syncs: u64,
}

impl Stats {
    pub(crate) fn of(store: &Store, end: u64, syncs: u64) -> Self {
        let spares = store.spares.lock().unwrap_or_else(PoisonError::into_inner);
        let spares = spares.ready.len();
        let segments = store
            .segments
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let segments = segments.len();
        Self {
            start: store.start(),
            end: Offset(end),
            durable: Offset(store.durable.load(Ordering::Acquire)),
            segments,
            spares,
            bytes: store.bytes(spares),
            syncs,
        }
    }
}
