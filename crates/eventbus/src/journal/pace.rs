//! Replay at the speed at which records were written, or a multiple of it.

use super::{ReadError, Reader, Record, Time};

/// Gives records when they are due, on a clock that the caller drives.
///
/// The first record is due at once, and every other as long after it as their times are apart, divided
/// by the speed. A record whose time lies before that of an earlier one is due with that one.
#[derive(Debug)]
pub struct Paced {
    reader: Reader,
    speed: Speed,
    /// When the first record was given, and the greatest time of any since.
    began: Option<Began>,
}

#[derive(Debug, Clone, Copy)]
struct Began {
    now: Time,
    first: Time,
    latest: Time,
}

/// How many times faster than recorded: `times` divided by `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// The dividend.
    pub times: u32,
    /// The divisor; 0 counts as 1.
    pub per: u32,
}

impl Speed {
    /// As it was recorded.
    pub const RECORDED: Self = Self { times: 1, per: 1 };

    /// So long on the caller's clock.
    fn scale(self, ns: u64) -> u64 {
        let scaled = u128::from(ns) * u128::from(self.per.max(1)) / u128::from(self.times.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// What comes next in a replay.
#[derive(Debug, Clone, Copy)]
pub enum Due<'a> {
    /// A record.
    Now(Record<'a>),
    /// Nothing before this time.
    Later(Time),
    /// Nothing is there yet.
    End,
}

impl Paced {
    /// From where the reader stands.
    #[must_use]
    pub const fn new(reader: Reader, speed: Speed) -> Self {
        Self {
            reader,
            speed,
            began: None,
        }
    }

    /// What is due.
    ///
    /// # Errors
    ///
    /// As [`Reader::next`].
    pub fn next(&mut self, now: Time) -> Result<Due<'_>, ReadError> {
        let Some(time) = self.reader.peek()?.map(|record| record.time) else {
            return Ok(Due::End);
        };
        let began = self.began.get_or_insert(Began {
            now,
            first: time,
            latest: time,
        });
        let latest = began.latest.max(time);
        let apart = latest.as_ns().saturating_sub(began.first.as_ns());
        let due = began.now.as_ns().saturating_add(self.speed.scale(apart));
        if due > now.as_ns() {
            return Ok(Due::Later(Time::from_ns(due)));
        }
        began.latest = latest;
        Ok(self.reader.next()?.map_or(Due::End, Due::Now))
    }
}
