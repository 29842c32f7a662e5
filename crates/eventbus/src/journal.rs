//! A journal of records on disk: appended at one end, read from anywhere, kept across crashes.
//!
//! # Guarantees
//!
//! - A record that [`Journal::commit`] returned for under [`SyncPolicy::Batch`] survives a crash of
//!   process and machine, in its order. Without that policy it survives a killed process.
//! - What was being written at a crash is there up to some record, and no further; the rest is cut off
//!   and counted ([`Opened::torn_bytes`]).
//! - What was lost of durable records is reported with the first and last of them, by
//!   [`Journal::open`] or by readers, and never skipped in silence. A reader goes on behind it.
//!   A loss at the very end that takes the marks of the last sync along looks like a torn end.
//! - Every record is checked when it is read, by CRC-32C.
//! - An append is one copy, one check and one release store: no allocation, no system call, but at the
//!   end of a segment, or (with [`SyncPolicy::None`]) of the pages that were asked for.
//! - Several appenders share a sync.
//! - A full disk or journal refuses an append by name and changes nothing; the next one tries again.
//! - One process writes; a second one is refused.
//! - Bounded: the files by [`Options::bytes_max`], records, cursors and results by constants.
//!
//! # What it does not do
//!
//! It does not compress or encrypt, and removes whole segments only.
//! It does not wake readers: they ask again.
//! On a file system that writes elsewhere than in place (btrfs, ZFS) a full disk can end the process at
//! a store to the mapping, as a kill does.
//! The same is true of a device that cannot read a page, and of a program that cuts our files; see
//! `journal/map.rs`.
//!
//! # Example
//!
//! ```
//! use claude_flow_eventbus::journal::{Journal, Options, Start, Time, Visible};
//!
//! let directory = tempfile::tempdir()?;
//! let options = Options { segment_bytes: 4 << 20, ..Options::default() };
//! let journal = Journal::open(directory.path(), options)?.journal;
//! let offset = journal.append(Time::from_ns(1), b"built")?;
//! journal.commit(offset)?;
//!
//! let mut reader = journal.reader(Start::Beginning, Visible::Durable)?;
//! let record = reader.next()?.expect("it was committed");
//! assert_eq!((record.offset, record.payload), (offset, &b"built"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! `docs/adr` of the crate says why, `docs/journal.md` has the bytes.

mod cursor;
mod disk;
mod error;
mod frame;
mod group;
mod keeper;
mod map;
mod open;
mod options;
mod pace;
mod reader;
mod scan;
mod segment;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use self::group::Group;
use self::store::Store;
use self::writer::Writer;
use crate::sync::Ordering;

pub use self::cursor::{CURSORS_MAX, Cursor, RESULT_BYTES_MAX};
pub use self::error::{
    AppendError, CursorError, Damage, DamageKind, IoError, OpenError, ReadError, SyncError,
    TendError,
};
pub use self::keeper::Keeper;
pub use self::open::Opened;
pub use self::options::{
    AHEAD_MAX, Cursors, Options, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SyncPolicy,
};
pub use self::pace::{Due, Paced, Speed};
pub use self::reader::{Held, Reader, Record, Start, Visible};
pub use self::store::Stats;
pub use self::writer::Appender;
pub use crate::time::{Offset, Time};

/// How far the places are apart from which a segment can be read.
const POINT_BYTES: usize = 64 << 10;

/// Keeps records on disk: the module has the guarantees. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    store: Store,
    writer: Mutex<Writer>,
    group: Group,
    tended: Mutex<Tended>,
}

#[derive(Debug, Default)]
struct Tended {
    /// When everything was last made durable by [`Journal::tend`].
    synced: Option<Time>,
}

impl Journal {
    /// Locks the end, to append several records.
    #[must_use]
    pub fn lock(&self) -> Appender<'_> {
        Appender::new(&self.0)
    }

    /// Appends a record. It is durable when the policy says so.
    ///
    /// # Errors
    ///
    /// As [`Appender::append`].
    pub fn append(&self, time: Time, payload: &[u8]) -> Result<Offset, AppendError> {
        self.lock().append(time, payload)
    }

    /// Waits until a record is durable, if the policy is [`SyncPolicy::Batch`]; callers share a sync.
    /// With the other policies it returns at once.
    ///
    /// # Errors
    ///
    /// [`SyncError`].
    ///
    /// # Complexity
    ///
    /// One `fdatasync`, or none; waits for at most one more that is under way.
    pub fn commit(&self, offset: Offset) -> Result<(), SyncError> {
        match self.policy() {
            SyncPolicy::Batch => self.0.sync_to(offset.0.saturating_add(1).min(self.end().0)),
            SyncPolicy::None | SyncPolicy::Every(_) => Ok(()),
        }
    }

    /// Makes everything durable that was appended before, whatever the policy.
    ///
    /// # Errors
    ///
    /// [`SyncError`].
    pub fn sync(&self) -> Result<(), SyncError> {
        self.0.sync_to(self.end().0)
    }

    /// The oldest record that is there, or the end.
    #[must_use]
    pub fn start(&self) -> Offset {
        self.0.store.start()
    }

    /// The next record to be written.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.0.writer().next)
    }

    /// All records before this one are durable.
    #[must_use]
    pub fn durable(&self) -> Offset {
        // SYNC: pairs with the Release store in Inner::lead().
        Offset(self.0.store.durable.load(Ordering::Acquire))
    }

    /// Reads from a place on.
    ///
    /// # Errors
    ///
    /// [`ReadError::Ahead`] and [`ReadError::Io`]. What else is wrong with the place the first call
    /// of [`Reader::next`] says.
    pub fn reader(&self, start: Start, visible: Visible) -> Result<Reader, ReadError> {
        Reader::new(Arc::clone(&self.0), start, visible)
    }

    /// A consumer's cursor; a new one stands at `start`.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub fn cursor(&self, name: &str, start: Offset) -> Result<Cursor, CursorError> {
        Cursor::open(Arc::clone(&self.0), name, start)
    }

    /// Forgets a consumer, which nobody has open. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`CursorError::InUse`] and [`CursorError::Io`].
    pub fn remove_cursor(&self, name: &str) -> Result<bool, CursorError> {
        cursor::remove(&self.0.store, name)
    }

    /// Does what is due: removes what retention lets go, makes segments ahead and asks for their
    /// pages, and syncs with [`SyncPolicy::Every`]. A [`Keeper`] calls it.
    ///
    /// # Errors
    ///
    /// [`TendError`]; whatever failed is tried again by the next call, but for a sync.
    ///
    /// # Complexity
    ///
    /// Writes whole segments. Appends go on meanwhile, up to the end of theirs.
    pub fn tend(&self, now: Time) -> Result<(), TendError> {
        let store = &self.0.store;
        if let SyncPolicy::Every(interval) = self.policy() {
            let mut tended = self.0.tended.lock().unwrap_or_else(PoisonError::into_inner);
            let due = tended
                .synced
                .map_or(now, |last| last.saturating_add(interval));
            if due <= now {
                self.sync()?;
                tended.synced = Some(now);
            }
        }
        store.retire(now)?;
        let lock = || store.spares.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..store.options.ahead {
            let mut spares = lock();
            if spares.ready.len() >= store.options.ahead as usize {
                break;
            }
            match store.make_spare(&mut spares) {
                // The append that needs it says so.
                Err(AppendError::Full { .. }) => break,
                made => made?,
            }
        }
        if self.policy() == SyncPolicy::None {
            let ahead = store.options.prefault_bytes as usize;
            let (map, range) = {
                let mut writer = self.0.writer();
                (Arc::clone(writer.tail.map()), writer.unpopulated(ahead))
            };
            if let Some((start, len)) = range {
                map.populate(start, len);
            }
        }
        Ok(())
    }

    /// Reads everything that is there now, and gives what is lost of it.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn verify(&self) -> Result<Vec<Damage>, IoError> {
        let mut damages = Vec::new();
        let end = self.end();
        let started = self.reader(Start::Beginning, Visible::Appended);
        let mut reader = match started {
            Ok(reader) => reader,
            Err(ReadError::Io(error)) => return Err(error),
            Err(_) => unreachable!("the beginning is not ahead of the end"),
        };
        while reader.offset() < end {
            match reader.next() {
                Ok(Some(_)) | Err(ReadError::Removed { .. }) => {}
                Ok(None) => break,
                Err(ReadError::Damaged(damage)) => damages.push(damage),
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Ahead { .. }) => unreachable!("only a start is ahead"),
            }
        }
        Ok(damages)
    }

    /// The lengths that it has now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&self.0.store, self.end().0, self.0.group.count())
    }

    /// How it is kept.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.store.options
    }

    /// When records become durable.
    #[must_use]
    pub fn policy(&self) -> SyncPolicy {
        self.0.store.options.policy
    }
}
