//! The end of the journal: appending, and beginning the next segment.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::error::{AppendError, IoError, during};
use super::frame::{self, DATA_START, Header, MARK_BYTES, Mark};
use super::map::Tail;
use super::options::SyncPolicy;
use super::scan::{Point, start_of};
use super::segment::{Segment, segment_name};
use super::store::Store;
use super::{Inner, Offset, POINT_BYTES, Time};
use crate::sync::Ordering;

/// What is kept at the end of a segment for the mark before its last record, one of a sync, and
/// the seal.
const END_BYTES: usize = 3 * MARK_BYTES;

/// Where the next record goes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) tail: Tail,
    pub(crate) segment: Arc<Segment>,
    /// The number of the next record.
    pub(crate) next: u64,
    pub(crate) time_max: u64,
    /// A record that ends behind it takes the long way.
    limit: usize,
    /// Up to here pages were asked for.
    populated: usize,
    pub(crate) is_poisoned: bool,
    record_bytes_max: u32,
}

/// Files that were made ahead.
#[derive(Debug)]
pub(crate) struct Spares {
    pub(crate) ready: VecDeque<u32>,
    /// The index of the next to be made.
    pub(crate) next: u32,
}

impl Writer {
    pub(crate) fn new(
        tail: Tail,
        segment: Arc<Segment>,
        next: u64,
        time_max: u64,
        record_bytes_max: u32,
    ) -> Self {
        let populated = tail.end();
        Self {
            tail,
            segment,
            next,
            time_max,
            // The first record takes the long way, which asks for pages.
            limit: 0,
            populated,
            is_poisoned: false,
            record_bytes_max,
        }
    }

    #[inline]
    fn append(&mut self, store: &Store, time: u64, payload: &[u8]) -> Result<u64, AppendError> {
        let bytes = frame::record_bytes(payload.len());
        let is_long = payload.len() > self.record_bytes_max as usize;
        if is_long || self.tail.end() + bytes > self.limit {
            self.make_room(store, payload.len())?;
        }
        let seed = self.segment.seed;
        let word = frame::write_record(self.tail.room(), seed, self.next, time, payload);
        self.tail.publish(bytes, word);
        let number = self.next;
        self.next += 1;
        self.time_max = self.time_max.max(time);
        Ok(number)
    }

    /// Afterwards a record of this length fits before `limit`.
    #[cold]
    fn make_room(&mut self, store: &Store, payload_bytes: usize) -> Result<(), AppendError> {
        if self.is_poisoned {
            return Err(AppendError::Poisoned);
        }
        if payload_bytes > self.record_bytes_max as usize {
            return Err(AppendError::TooLong {
                bytes: payload_bytes,
                bytes_max: self.record_bytes_max,
            });
        }
        let bytes = frame::record_bytes(payload_bytes);
        if self.tail.end() + bytes > self.usable() {
            self.roll(store)?;
        } else if self.limit > 0 && self.limit < self.usable() {
            self.mark(store);
        }
        let point = self.tail.end() + POINT_BYTES.max(bytes);
        self.limit = point.min(self.usable());
        if store.options.policy == SyncPolicy::None && self.limit > self.populated {
            let ahead = (store.options.prefault_bytes as usize).max(POINT_BYTES);
            // The pages before were asked for; the first may be touched already.
            let start = self.populated / 4_096 * 4_096;
            let end = self.limit.max(start + ahead);
            self.tail.map().populate(start, end - start);
            self.populated = end;
        }
        debug_assert!(self.tail.end() + bytes <= self.limit);
        Ok(())
    }

    /// Where records end at the latest.
    fn usable(&self) -> usize {
        self.tail.map().len().saturating_sub(END_BYTES)
    }

    /// Writes a mark, if there is room for it; the seal's place is kept.
    pub(crate) fn mark(&mut self, store: &Store) {
        let place = self.tail.end();
        if place + 2 * MARK_BYTES > self.tail.map().len() {
            return;
        }
        self.segment.add_point(Point {
            number: self.next,
            time_max: self.time_max,
            at: place,
        });
        self.write_mark(store, false);
    }

    fn write_mark(&mut self, store: &Store, is_seal: bool) {
        let mark = Mark {
            number: self.next,
            // SYNC: pairs with the Release store in Inner::lead().
            durable: store.durable.load(Ordering::Acquire),
            time_max: self.time_max,
        };
        let (seed, place) = (self.segment.seed, self.tail.end());
        let word = frame::write_mark(self.tail.room(), seed, place, mark, is_seal);
        self.tail.publish(MARK_BYTES, word);
    }

    /// Ends this segment and begins the next. If there is none, nothing has changed.
    pub(crate) fn roll(&mut self, store: &Store) -> Result<(), AppendError> {
        let (segment, tail) = store.begin_segment(self.next, self.time_max)?;
        if self.tail.end() + MARK_BYTES <= self.tail.map().len() {
            self.write_mark(store, true);
        }
        self.tail = tail;
        self.segment = Arc::clone(&segment);
        self.populated = self.tail.end();
        let mut segments = store
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.push_back(segment);
        Ok(())
    }

    /// Where pages were not asked for yet, if that is less than so far ahead.
    pub(crate) fn unpopulated(&mut self, ahead: usize) -> Option<(usize, usize)> {
        let end = (self.tail.end() + ahead).min(self.tail.map().len());
        let start = self.populated / 4_096 * 4_096;
        if end < start + POINT_BYTES {
            return None;
        }
        self.populated = end;
        Some((start, end - start))
    }

    /// Takes nothing any more.
    pub(crate) const fn poison(&mut self) {
        self.is_poisoned = true;
        self.limit = 0;
    }
}

impl Inner {
    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// A file with its header, which is in no list yet.
    pub(crate) fn begin_segment(
        &self,
        base: u64,
        time_max: u64,
    ) -> Result<(Arc<Segment>, Tail), AppendError> {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.ready.is_empty() {
            self.make_spare(&mut spares)?;
        }
        let Some(index) = spares.ready.front().copied() else {
            return Err(AppendError::Full {
                bytes_max: self.options.bytes_max,
            });
        };
        let name = segment_name(index);
        let mut tail = self
            .disk
            .map_tail(&name, 0)
            .map_err(during("mapping", &name))?;
        spares.ready.pop_front();
        let header = Header {
            journal: self.id,
            segment: index,
            is_synced: self.options.policy.is_synced(),
            base,
            time_max,
            bytes: tail.map().len() as u64,
        };
        let word = header.write(tail.room());
        tail.publish(DATA_START, word);
        let segment = Segment::with_points(header, vec![start_of(&header)]);
        Ok((Arc::new(segment), tail))
    }

    /// Makes one file ahead.
    ///
    /// # Errors
    ///
    /// No file is left behind, or one that the next call replaces.
    pub(crate) fn make_spare(&self, spares: &mut Spares) -> Result<(), AppendError> {
        let bytes = self.options.segment_bytes;
        self.free_bytes(bytes, spares.ready.len())?;
        let name = segment_name(spares.next);
        let is_synced = self.options.policy.is_synced();
        if let Err(error) = self.create(&name, is_synced) {
            // Half a file; if it stays, the next attempt takes it away.
            let _ = self.disk.remove(&name);
            return Err(error);
        }
        self.is_directory_dirty.store(!is_synced, Ordering::Release);
        spares.ready.push_back(spares.next);
        spares.next += 1;
        Ok(())
    }

    fn create(&self, name: &str, is_synced: bool) -> Result<(), AppendError> {
        let bytes = self.options.segment_bytes;
        let mut made = self.disk.create(name, bytes, is_synced);
        if matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            self.disk.remove(name).map_err(during("removing", name))?;
            made = self.disk.create(name, bytes, is_synced);
        }
        made.map_err(during("making", name)).map_err(by_name)?;
        if is_synced {
            self.disk
                .sync(name)
                .map_err(during("syncing", name))
                .map_err(by_name)?;
            self.disk
                .sync_directory()
                .map_err(during("syncing the directory of", name))?;
        }
        Ok(())
    }
}

/// Tells a full disk from other refusals.
fn by_name(error: IoError) -> AppendError {
    match error.source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            AppendError::DiskFull(error)
        }
        _ => AppendError::Io(error),
    }
}

/// The journal's end, locked for one caller: [`Journal::lock`](super::Journal::lock).
///
/// Whoever appends many records locks once.
#[derive(Debug)]
pub struct Appender<'a> {
    store: &'a Store,
    writer: MutexGuard<'a, Writer>,
}

impl<'a> Appender<'a> {
    pub(crate) fn new(inner: &'a Inner) -> Self {
        Self {
            store: &inner.store,
            writer: inner.writer(),
        }
    }

    /// Appends a record; readers see it at once. It is durable when the policy says so.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; nothing was appended.
    ///
    /// # Complexity
    ///
    /// Linear in the payload: one copy and one check. No allocation and no system call, but at the
    /// end of a segment for which none was made ahead, and with [`SyncPolicy::None`] one call for
    /// some pages.
    #[inline]
    pub fn append(&mut self, time: Time, payload: &[u8]) -> Result<Offset, AppendError> {
        let number = self.writer.append(self.store, time.as_ns(), payload)?;
        Ok(Offset(number))
    }

    /// The next record's number.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.writer.next)
    }
}
