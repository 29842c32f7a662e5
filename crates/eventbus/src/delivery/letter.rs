//! Dead letters as records of a journal, and sending them again.

use thiserror::Error;

use super::durable::DurableError;
use super::machine::{Attempt, ConsumerId, Reason};
use super::options::{REASON_BYTES_MAX, TRIES_LIMIT};
use crate::journal::{Journal, ReadError, Start, Visible};
use crate::time::{Offset, Time};

/// What a letter has beside its message, at the most.
pub const LETTER_BYTES_MAX: usize =
    HEAD_BYTES + TRIES_LIMIT as usize * (ATTEMPT_BYTES + REASON_BYTES_MAX);

/// Version, offset, time, number of tries.
const HEAD_BYTES: usize = 1 + 8 + 8 + 1;

/// Consumer, two times, kind, length of the reason.
const ATTEMPT_BYTES: usize = 8 + 8 + 8 + 1 + 2;

const VERSION: u8 = 1;

/// A message that was given up, and why. `docs/journal.md` has the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter<'a> {
    /// Which record of its journal it was.
    pub offset: Offset,
    /// The record's time.
    pub time: Time,
    /// All tries.
    pub history: Vec<Attempt>,
    /// The message.
    pub payload: &'a [u8],
}

/// The bytes are no letter.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("no dead letter of version 1")]
pub struct LetterError;

impl<'a> Letter<'a> {
    /// Appends the letter's bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.offset.0.to_le_bytes());
        bytes.extend_from_slice(&self.time.as_ns().to_le_bytes());
        let tries = &self.history[..self.history.len().min(TRIES_LIMIT as usize)];
        bytes.push(u8::try_from(tries.len()).unwrap_or(u8::MAX));
        for attempt in tries {
            bytes.extend_from_slice(&attempt.consumer.0.to_le_bytes());
            bytes.extend_from_slice(&attempt.taken.as_ns().to_le_bytes());
            bytes.extend_from_slice(&attempt.ended.as_ns().to_le_bytes());
            let (kind, text) = match &attempt.reason {
                Reason::Rejected(text) => (0, text.as_str()),
                Reason::TimedOut => (1, ""),
                Reason::ConsumerGone => (2, ""),
            };
            let text = &text[..text.floor_char_boundary(REASON_BYTES_MAX)];
            bytes.push(kind);
            bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(self.payload);
    }

    /// From a record of a dead letter journal.
    ///
    /// # Errors
    ///
    /// [`LetterError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, LetterError> {
        let mut rest = bytes;
        let [VERSION] = take(&mut rest)? else {
            return Err(LetterError);
        };
        let offset = Offset(u64::from_le_bytes(take(&mut rest)?));
        let time = Time::from_ns(u64::from_le_bytes(take(&mut rest)?));
        let [tries] = take(&mut rest)?;
        if u32::from(tries) > TRIES_LIMIT {
            return Err(LetterError);
        }
        let history: Result<_, _> = (0..tries).map(|_| decode_attempt(&mut rest)).collect();
        Ok(Self {
            offset,
            time,
            history: history?,
            payload: rest,
        })
    }
}

fn decode_attempt(rest: &mut &[u8]) -> Result<Attempt, LetterError> {
    let consumer = ConsumerId(u64::from_le_bytes(take(rest)?));
    let taken = Time::from_ns(u64::from_le_bytes(take(rest)?));
    let ended = Time::from_ns(u64::from_le_bytes(take(rest)?));
    let [kind] = take(rest)?;
    let len = usize::from(u16::from_le_bytes(take(rest)?));
    let (text, after) = rest.split_at_checked(len).ok_or(LetterError)?;
    *rest = after;
    let text = str::from_utf8(text).map_err(|_| LetterError)?;
    let reason = match (kind, text) {
        (0, text) if len <= REASON_BYTES_MAX => Reason::Rejected(text.to_owned()),
        (1, "") => Reason::TimedOut,
        (2, "") => Reason::ConsumerGone,
        _ => return Err(LetterError),
    };
    Ok(Attempt {
        consumer,
        taken,
        ended,
        reason,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], LetterError> {
    let (first, after) = rest.split_first_chunk().ok_or(LetterError)?;
    *rest = after;
    Ok(*first)
}

/// Appends the messages of dead letters to a journal again, as new records: from where the cursor
/// `name` of the dead letters stands, at most so many. Gives how many.
///
/// A crash in between sends the last ones twice. A record that is no letter is stepped over and counts.
///
/// # Errors
///
/// [`DurableError`]; those before are sent.
pub fn resend(
    dead: &Journal,
    name: &str,
    journal: &Journal,
    now: Time,
    count_max: usize,
) -> Result<usize, DurableError> {
    let mut cursor = dead.cursor(name, dead.start())?;
    let mut letters = dead.reader(Start::At(cursor.position()), Visible::Appended)?;
    let mut count = 0;
    while count < count_max {
        let record = match letters.next() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            // Told by the letters' own readers; the cursor passes it with the next commit.
            Err(ReadError::Removed { .. } | ReadError::Damaged(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        if let Ok(letter) = Letter::decode(record.payload) {
            let offset = journal.append(now, letter.payload)?;
            journal.commit(offset)?;
        }
        count += 1;
        cursor.commit(letters.offset(), &[])?;
    }
    Ok(count)
}
