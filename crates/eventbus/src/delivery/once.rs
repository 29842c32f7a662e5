//! Effectively once: a consumer whose result is kept together with how far it came.

use thiserror::Error;

use crate::journal::{
    Cursor, CursorError, Journal, ReadError, Reader, Record, Start, SyncPolicy, Visible,
};

/// Reads records in their order, and commits what came of them together with its place.
///
/// A record may be read again after a crash, but then from the result of before: as if it had been
/// read once. That holds for what is in the result, and not for what a consumer does beside it. One
/// that keeps its results in a store of its own keeps [`Record::offset`] there as well, and begins with
/// [`Journal::reader`].
#[derive(Debug)]
pub struct EffectivelyOnce {
    reader: Reader,
    cursor: Cursor,
}

/// Why a consumer cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnceError {
    /// Records are missing.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl EffectivelyOnce {
    /// The consumer of a name, from where it came to; a new one begins with the oldest record.
    ///
    /// # Errors
    ///
    /// [`OnceError`].
    pub fn open(journal: &Journal, name: &str) -> Result<Self, OnceError> {
        let cursor = journal.cursor(name, journal.start())?;
        let reader = journal.reader(Start::At(cursor.position()), visible(journal))?;
        Ok(Self { reader, cursor })
    }

    /// What the last commit kept; empty at first.
    #[must_use]
    pub fn result(&self) -> &[u8] {
        self.cursor.result()
    }

    /// The next record.
    ///
    /// # Errors
    ///
    /// As [`Reader::next`].
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows from its reader, which iterators cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.reader.next()
    }

    /// Keeps the result of all records that [`next`](Self::next) gave.
    ///
    /// # Errors
    ///
    /// As [`Cursor::commit`].
    pub fn commit(&mut self, result: &[u8]) -> Result<(), CursorError> {
        self.cursor.commit(self.reader.offset(), result)
    }
}

/// What may be handed out: nothing that a crash takes back, as far as the policy promises that.
pub(crate) fn visible(journal: &Journal) -> Visible {
    match journal.policy() {
        SyncPolicy::Batch => Visible::Durable,
        SyncPolicy::None | SyncPolicy::Every(_) => Visible::Appended,
    }
}
