//! Reading records in their order.

use std::ops::Deref;
use std::sync::Arc;

use super::error::{Damage, DamageKind, ReadError, during};
use super::frame::{self, Found, MARK_BYTES, Place};
use super::map::Map;
use super::scan::{Point, start_of};
use super::segment::Segment;
use super::{Inner, Offset, Time};
use crate::sync::Ordering;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The oldest record that is there.
    Beginning,
    /// This record; it may be the next to be written.
    At(Offset),
    /// The first record of this time or later, also if later ones have earlier times.
    Since(Time),
}

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All that were appended. A crash of the machine may take the last ones back.
    Appended,
    /// Those that are durable.
    Durable,
}

/// Reads records in their order: [`Journal::reader`](super::Journal::reader).
///
/// Any number of them, in any threads. None holds up the writer or retention: what is removed while a
/// reader is in it stays readable until it goes on.
#[derive(Debug)]
pub struct Reader {
    inner: Arc<Inner>,
    segment: Arc<Segment>,
    map: Arc<Map>,
    /// The next frame.
    at: usize,
    /// The next record.
    number: u64,
    /// Records from this one on are not visible as far as is known.
    limit: u64,
    visible: Visible,
    /// What the next call says first.
    pending: Option<ReadError>,
}

/// A record where it lies in the journal.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its number.
    pub offset: Offset,
    /// The time that its writer gave it.
    pub time: Time,
    /// Its bytes.
    pub payload: &'a [u8],
    map: &'a Arc<Map>,
    start: usize,
}

impl Record<'_> {
    /// The record without its reader: it keeps the segment mapped, also when that is removed.
    #[must_use]
    pub fn hold(&self) -> Held {
        Held {
            offset: self.offset,
            time: self.time,
            map: Arc::clone(self.map),
            start: self.start,
            end: self.start + self.payload.len(),
        }
    }
}

/// A record that keeps its segment mapped. Dereferences to the payload.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its number.
    pub offset: Offset,
    /// The time that its writer gave it.
    pub time: Time,
    map: Arc<Map>,
    // Invariant: a range of the map's published bytes.
    start: usize,
    end: usize,
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map.published()[self.start..self.end]
    }
}

/// What a step of the long way comes to.
enum Step {
    Record(Place),
    End,
    Again,
}

impl Reader {
    pub(crate) fn new(
        inner: Arc<Inner>,
        start: Start,
        visible: Visible,
    ) -> Result<Self, ReadError> {
        let store = &inner.store;
        let segment = match start {
            Start::Beginning => store.segment_of(0),
            Start::At(offset) => store.segment_of(offset.0),
            Start::Since(time) => store.segment_at(time.as_ns()),
        };
        let segment = segment.expect("an open journal has a segment");
        let map = map(&inner, &segment)?;
        let limit = match visible {
            Visible::Appended => u64::MAX,
            Visible::Durable => 0,
        };
        let Point { at, number, .. } = start_of(&segment.header);
        let mut reader = Self {
            inner,
            segment,
            map,
            at,
            number,
            limit,
            visible,
            pending: None,
        };
        match start {
            Start::Beginning => {}
            Start::At(offset) => reader.seek(offset)?,
            Start::Since(time) => reader.seek_time(time)?,
        }
        if reader.pending.is_some() {
            // The short way does not ask.
            reader.limit = 0;
        }
        Ok(reader)
    }

    /// The number of the record that comes next.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        Offset(self.number)
    }

    /// The next record; none if there is none yet.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: records are missing. The next call goes on behind them.
    ///
    /// # Complexity
    ///
    /// Linear in the record: one check. Nothing is copied or allocated; a call of the system for a
    /// new segment.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows from its reader, which iterators cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.step(true)
    }

    /// As [`next`](Self::next), and the next call gives the same record again.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn peek(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.step(false)
    }

    #[inline]
    fn step(&mut self, is_taken: bool) -> Result<Option<Record<'_>>, ReadError> {
        let mut place = None;
        if self.number < self.limit {
            let bytes = self.map.published();
            place = frame::record(bytes, self.at, self.segment.seed, self.number);
        }
        let place = match place {
            Some(place) => place,
            None => match self.find()? {
                Some(place) => place,
                None => return Ok(None),
            },
        };
        let number = self.number;
        if is_taken {
            self.at = place.next;
            self.number += 1;
        }
        Ok(Some(Record {
            offset: Offset(number),
            time: Time::from_ns(place.time),
            payload: &self.map.published()[place.start..place.end],
            map: &self.map,
            start: place.start,
        }))
    }

    /// The long way: over marks, to the next segment, and over what is lost.
    #[cold]
    fn find(&mut self) -> Result<Option<Place>, ReadError> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        loop {
            if self.number >= self.limit {
                self.limit = match self.visible {
                    Visible::Appended => u64::MAX,
                    // SYNC: pairs with the Release store in Inner::lead().
                    Visible::Durable => self.inner.store.durable.load(Ordering::Acquire),
                };
                if self.number >= self.limit {
                    return Ok(None);
                }
            }
            match self.find_step()? {
                Step::Record(place) => return Ok(Some(place)),
                Step::End => return Ok(None),
                Step::Again => {}
            }
        }
    }

    fn find_step(&mut self) -> Result<Step, ReadError> {
        let bytes = self.map.published();
        let bytes_len = bytes.len();
        match frame::read(bytes, self.at, self.segment.seed, self.number) {
            Found::Record(place) => Ok(Step::Record(place)),
            Found::Mark(mark) if mark.number >= self.number => {
                let lost = self.lose(mark.number, DamageKind::Broken);
                if lost.is_ok() {
                    self.at += MARK_BYTES;
                }
                lost.map(|()| Step::Again)
            }
            Found::Seal(mark) if mark.number >= self.number => {
                self.lose(mark.number, DamageKind::Broken)?;
                self.go_on(bytes_len)
            }
            Found::Nothing => self.go_on(bytes_len),
            _ => {
                match frame::resume(bytes, self.at, self.segment.seed, self.number) {
                    Some((at, number)) => {
                        let lost = self.lose(number, DamageKind::Broken);
                        self.at = at;
                        lost?;
                    }
                    None => return self.leave_broken(bytes_len),
                }
                Ok(Step::Again)
            }
        }
    }

    /// Nothing in the rest of the segment can be read.
    fn leave_broken(&mut self, bytes_len: usize) -> Result<Step, ReadError> {
        let (end, next) = {
            let writer = self.inner.writer();
            if writer.segment.header.segment != self.segment.header.segment {
                drop(writer);
                return self.go_on(bytes_len);
            }
            (writer.tail.end(), writer.next)
        };
        let lost = self.lose(next, DamageKind::Broken);
        self.at = end;
        lost.map(|()| Step::Again)
    }

    /// Enters the next segment, if there is one; so much of this one was seen.
    fn go_on(&mut self, bytes_len: usize) -> Result<Step, ReadError> {
        let next = self.inner.store.segment_after(self.segment.header.segment);
        let Some((segment, is_oldest)) = next else {
            return Ok(Step::End);
        };
        // The list says that this one is over, and it may have grown until then.
        if self.map.published().len() > bytes_len {
            return Ok(Step::Again);
        }
        let map = map(&self.inner, &segment)?;
        let base = segment.header.base;
        let (from, position) = (self.number, self.at as u64);
        let left = std::mem::replace(&mut self.segment, segment);
        self.map = map;
        self.at = start_of(&self.segment.header).at;
        self.number = base;
        if base <= from {
            return Ok(Step::Again);
        }
        let (from, to) = (Offset(from), Offset(base));
        let is_next = left.header.segment + 1 == self.segment.header.segment;
        if is_oldest && !is_next {
            return Err(ReadError::Removed { from, to });
        }
        let kind = if is_next {
            DamageKind::Broken
        } else {
            DamageKind::Missing
        };
        Err(ReadError::Damaged(Damage {
            segment: left.header.segment + u32::from(!is_next),
            position: if is_next { position } else { 0 },
            from,
            to,
            kind,
        }))
    }

    fn lose(&mut self, to: u64, kind: DamageKind) -> Result<(), ReadError> {
        if to <= self.number {
            return Ok(());
        }
        let from = std::mem::replace(&mut self.number, to);
        Err(ReadError::Damaged(Damage {
            segment: self.segment.header.segment,
            position: self.at as u64,
            from: Offset(from),
            to: Offset(to),
            kind,
        }))
    }

    fn enter(&mut self, point: Point) {
        self.at = point.at;
        self.number = point.number;
    }

    /// Goes to a record. What is lost on the way is nobody's concern, but not the record itself.
    fn seek(&mut self, offset: Offset) -> Result<(), ReadError> {
        let end = Offset(self.inner.writer().next);
        if offset > end {
            return Err(ReadError::Ahead { asked: offset, end });
        }
        if offset.0 < self.number {
            let (from, to) = (offset, Offset(self.number));
            self.pending = Some(ReadError::Removed { from, to });
            return Ok(());
        }
        let bytes = self.map.published();
        let point = self.segment.point(bytes, |it| it.number <= offset.0);
        self.enter(point);
        self.walk(|reader, _| reader.number >= offset.0)?;
        if self.number > offset.0 {
            self.pending = Some(ReadError::Damaged(Damage {
                segment: self.segment.header.segment,
                position: self.at as u64,
                from: offset,
                to: Offset(self.number),
                kind: DamageKind::Broken,
            }));
        }
        Ok(())
    }

    fn seek_time(&mut self, time: Time) -> Result<(), ReadError> {
        let bytes = self.map.published();
        let point = self.segment.point(bytes, |it| it.time_max < time.as_ns());
        self.enter(point);
        self.walk(|_, next| next >= time)
    }

    /// Reads on until `is_there` holds before a record, told its time, or all are read.
    fn walk(&mut self, is_there: impl Fn(&Self, Time) -> bool) -> Result<(), ReadError> {
        let visible = std::mem::replace(&mut self.visible, Visible::Appended);
        let limit = std::mem::replace(&mut self.limit, u64::MAX);
        let outcome = loop {
            let time = match self.peek() {
                Ok(Some(record)) => record.time,
                Ok(None) => break Ok(()),
                Err(ReadError::Damaged(_) | ReadError::Removed { .. }) => continue,
                Err(error) => break Err(error),
            };
            if is_there(self, time) {
                break Ok(());
            }
            // It was peeked at a moment ago.
            if let Err(error) = self.next() {
                break Err(error);
            }
        };
        (self.visible, self.limit) = (visible, limit);
        outcome
    }
}

fn map(inner: &Inner, segment: &Segment) -> Result<Arc<Map>, ReadError> {
    let name = segment.name();
    let map = inner.store.disk.map(&name);
    Ok(map.map_err(during("mapping", &name))?)
}
