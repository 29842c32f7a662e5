//! At least once over a journal: delivery, a durable cursor, and a journal of dead letters.

use std::fmt;
use std::ops::Deref;

use thiserror::Error;

use super::letter::{LETTER_BYTES_MAX, Letter};
use super::machine::{Answer, ConsumerId, Delivery, Key, Lease, Stale};
use super::once::visible;
use super::options::{Options, OptionsError};
use crate::journal::{
    AppendError, Cursor, CursorError, Held, Journal, ReadError, Reader, Start, SyncError,
};
use crate::time::{Offset, Time};

/// Delivers the records of a journal at least once, across crashes.
///
/// # Guarantees
///
/// - As [`Delivery`], for records. What no consumer acknowledged before a crash is delivered again.
/// - A dead letter is durable, as far as its journal's policy promises, before the cursor passes it.
/// - Records that are lost or removed are told once, by [`Durable::take`], and counted.
///
/// # What it does not do
///
/// The tries of a message are counted anew after a restart. What was acknowledged behind the first that
/// was not, and after the last [`commit`](Self::commit), is delivered again.
pub struct Durable {
    reader: Reader,
    cursor: Cursor,
    delivery: Delivery<Held>,
    dead: Journal,
    key: Box<KeyOf>,
    counts: Counts,
    letter: Vec<u8>,
}

/// Finds in a record what it must keep its order with.
type KeyOf = dyn Fn(&[u8]) -> Option<Key> + Send;

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Deliveries.
    pub delivered: u64,
    /// Of these, second and later tries.
    pub redelivered: u64,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Dead letters that were written.
    pub dead: u64,
    /// Records that were lost or removed before they were read.
    pub missed: u64,
}

/// A record that a consumer got. Dereferences to the payload.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// What its answers name.
    pub lease: Lease,
    /// When it is delivered again if no answer came.
    pub deadline: Time,
    record: Held,
}

impl Delivered {
    /// The time that its writer gave it.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.record.time
    }
}

impl Deref for Delivered {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.record
    }
}

/// Why a consumer cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DurableError {
    /// An option is out of its range.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The dead letters' journal takes no letter of the longest record.
    #[error("the dead letters' journal takes {bytes_max} bytes, and a letter may have {bytes}")]
    Letters {
        /// The longest letter.
        bytes: usize,
        /// The limit.
        bytes_max: u32,
    },
    /// Records are missing; the next call goes on behind them.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A dead letter was not written, and is not settled; the next call tries again.
    #[error("a record was not written: {0}")]
    Append(#[from] AppendError),
    /// A record is not known to be durable.
    #[error("a record is not durable: {0}")]
    Sync(#[from] SyncError),
    /// The lease is over.
    #[error(transparent)]
    Stale(#[from] Stale),
}

impl Durable {
    /// The consumers of a name, from where they came to; new ones begin with the oldest record. `key`
    /// finds in a record what it must keep its order with.
    ///
    /// # Errors
    ///
    /// [`DurableError`].
    pub fn open(
        journal: &Journal,
        name: &str,
        dead: Journal,
        options: Options,
        seed: u64,
        key: impl Fn(&[u8]) -> Option<Key> + Send + 'static,
    ) -> Result<Self, DurableError> {
        let bytes = journal.options().record_bytes_max as usize + LETTER_BYTES_MAX;
        let bytes_max = dead.options().record_bytes_max;
        if bytes > bytes_max as usize {
            return Err(DurableError::Letters { bytes, bytes_max });
        }
        let cursor = journal.cursor(name, journal.start())?;
        let reader = journal.reader(Start::At(cursor.position()), visible(journal))?;
        Ok(Self {
            delivery: Delivery::new(options, cursor.position(), seed)?,
            reader,
            cursor,
            dead,
            key: Box::new(key),
            counts: Counts::default(),
            letter: Vec::new(),
        })
    }

    /// Gives a consumer the next record; none if none is ready for it.
    ///
    /// # Errors
    ///
    /// [`DurableError`].
    pub fn take(
        &mut self,
        consumer: ConsumerId,
        now: Time,
    ) -> Result<Option<Delivered>, DurableError> {
        self.delivery.advance(now);
        self.bury()?;
        self.fill()?;
        let Some(handed) = self.delivery.take(consumer, now) else {
            return Ok(None);
        };
        let delivered = Delivered {
            lease: handed.lease,
            deadline: handed.deadline,
            record: handed.item.clone(),
        };
        self.counts.delivered += 1;
        self.counts.redelivered += u64::from(delivered.lease.attempt > 1);
        Ok(Some(delivered))
    }

    /// As [`Delivery::acknowledge`]. Kept across a crash by the next [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`Stale`].
    pub fn acknowledge(&mut self, lease: Lease, now: Time) -> Result<(), Stale> {
        self.delivery.acknowledge(lease, now)?;
        self.counts.acknowledged += 1;
        Ok(())
    }

    /// As [`Delivery::reject`].
    ///
    /// # Errors
    ///
    /// [`DurableError::Stale`], or what keeps a dead letter from being written.
    pub fn reject(
        &mut self,
        lease: Lease,
        answer: Answer,
        reason: &str,
        now: Time,
    ) -> Result<(), DurableError> {
        self.delivery.reject(lease, answer, reason, now)?;
        self.bury()
    }

    /// As [`Delivery::extend`].
    ///
    /// # Errors
    ///
    /// [`Stale`].
    pub fn extend(&mut self, lease: Lease, now: Time) -> Result<Time, Stale> {
        self.delivery.extend(lease, now)
    }

    /// As [`Delivery::gone`].
    ///
    /// # Errors
    ///
    /// What keeps a dead letter from being written.
    pub fn gone(&mut self, consumer: ConsumerId, now: Time) -> Result<(), DurableError> {
        self.delivery.gone(consumer, now);
        self.bury()
    }

    /// Keeps across a crash what is settled. Gives the first record that is not.
    ///
    /// # Errors
    ///
    /// [`DurableError`].
    pub fn commit(&mut self, now: Time) -> Result<Offset, DurableError> {
        self.delivery.advance(now);
        self.bury()?;
        let settled = self.delivery.settled();
        if settled > self.cursor.position() {
            self.cursor.commit(settled, &[])?;
        }
        Ok(settled)
    }

    /// When [`take`](Self::take) may have something again without a new record.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        self.delivery.next_time()
    }

    /// How many records are held.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.delivery.held()
    }

    /// What was done since it was opened.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes in what the journal has, as far as there is room.
    fn fill(&mut self) -> Result<(), DurableError> {
        while !self.delivery.is_full() {
            let record = match self.reader.next() {
                Ok(Some(record)) => record.hold(),
                Ok(None) => break,
                Err(error) => {
                    self.counts.missed += missed(&error);
                    return Err(error.into());
                }
            };
            let key = (self.key)(&record);
            let offered = self.delivery.offer(record.offset, key, record);
            debug_assert_eq!(
                offered,
                Ok(()),
                "there is room, and a reader keeps the order"
            );
        }
        Ok(())
    }

    /// Writes dead letters, and settles each once it is written.
    fn bury(&mut self) -> Result<(), DurableError> {
        while let Some((offset, record, history)) = self.delivery.dead() {
            self.letter.clear();
            let letter = Letter {
                offset,
                time: record.time,
                history: history.to_vec(),
                payload: record,
            };
            letter.encode(&mut self.letter);
            let time = history.last().map_or(record.time, |last| last.ended);
            let written = self.dead.append(time, &self.letter)?;
            self.dead.commit(written)?;
            self.delivery.bury();
            self.counts.dead += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable")
            .field("cursor", &self.cursor.name())
            .field("settled", &self.delivery.settled())
            .field("held", &self.delivery.held())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

const fn missed(error: &ReadError) -> u64 {
    match error {
        ReadError::Damaged(damage) => damage.to.0 - damage.from.0,
        ReadError::Removed { from, to } => to.0 - from.0,
        _ => 0,
    }
}
