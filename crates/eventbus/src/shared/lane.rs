//! The way from one publisher to one subscription: a ring of entries that name messages in the
//! publisher's memory.
//!
//! An entry is in the ring from the moment in which it is published until it is acknowledged. So what was
//! published and not acknowledged is in the file, whoever dies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use claude_flow_ringbuf::shared::{Waiting, spsc};

use super::arena::{Arena, Slots, UNIT_BYTES};
use super::error::AttachError;
use super::files::Directory;
use super::memory::Memory;
use super::registry::{PublisherId, Record};
use super::{Message, Overflow, VERSION};
use crate::sync::Ordering;

/// In a lane's file, before the ring: one above the highest number that was ever given to a consumer.
const BEGUN: usize = 0;
/// The number of the message that was first when a consumer took over, and how often it was.
const TRIES: usize = 8;
const RING: usize = 128;

const COUNT_BITS: u32 = 16;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// So many places of a lane are worth to wake its publisher for.
const fn much(capacity: usize) -> usize {
    capacity.div_ceil(8)
}

/// An entry as the ring holds it: plain words.
type Words = [u64; 4];

/// What stands for a message in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Counts the messages of the lane.
    pub(super) number: u64,
    /// Where in the publisher's memory the envelope begins, in bytes.
    pub(super) offset: usize,
    /// Of envelope and payload.
    pub(super) len: u32,
    pub(super) payload_start: u16,
    /// How many messages were dropped before it.
    pub(super) dropped: u32,
    pub(super) unix_ns: u64,
}

impl Entry {
    #[inline]
    fn to_words(self) -> Words {
        let units = (self.offset / UNIT_BYTES) as u64;
        [
            self.number,
            units | u64::from(self.len) << 32,
            u64::from(self.payload_start) | u64::from(self.dropped) << 32,
            self.unix_ns,
        ]
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the parts of a word")]
    fn from_words(words: Words) -> Self {
        Self {
            number: words[0],
            offset: (words[1] as u32) as usize * UNIT_BYTES,
            len: (words[1] >> 32) as u32,
            payload_start: words[2] as u16,
            dropped: (words[2] >> 32) as u32,
            unix_ns: words[3],
        }
    }
}

/// The publisher's end.
#[derive(Debug)]
pub(super) struct Outlet {
    ring: spsc::Producer<Words>,
    /// The slots of what is in the ring, oldest first.
    in_flight: VecDeque<u32>,
    capacity: usize,
    next: u64,
    /// Dropped since the last entry.
    dropped: u32,
    /// The ring says what cannot be: nothing comes back any more.
    is_damaged: bool,
}

impl Outlet {
    /// Makes the lane of a publisher in a subscription's directory.
    pub(super) fn create(
        directory: &Directory,
        id: PublisherId,
        record: &Record,
    ) -> Result<Self, AttachError> {
        let path = || directory.path().join(id.lane());
        let ring_bytes = spsc::Ring::<Words>::size_bytes(record.capacity);
        let ring_bytes = ring_bytes.ok_or(AttachError::Option {
            name: "capacity",
            must: "small enough for the memory",
        })?;
        let names = (id.draft(), id.lane());
        let mut ring = None;
        directory.make((&names.0, &names.1), RING + ring_bytes, |memory| {
            let region = memory.rest(RING).expect("the file is longer");
            let made = spsc::Ring::<Words>::create(region, record.capacity, VERSION.into());
            let damaged = |_| AttachError::Damaged {
                path: path(),
                why: "no lane can be laid out in it",
            };
            ring = Some(made.map_err(damaged)?);
            Ok(())
        })?;
        let producer = ring.and_then(|ring| ring.producer().ok());
        let ring = producer.ok_or_else(|| AttachError::Damaged {
            path: path(),
            why: "somebody else publishes there",
        })?;
        Ok(Self {
            ring,
            in_flight: VecDeque::with_capacity(record.capacity),
            capacity: record.capacity,
            next: 0,
            dropped: 0,
            is_damaged: false,
        })
    }

    /// Whether an entry can be pushed, as far as is known without a look at what came back.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.capacity && !self.is_damaged
    }

    /// Whether it is worth to wake up: otherwise both ends hand each other one place at a time.
    pub(super) fn has_much_room(&self) -> bool {
        self.in_flight.len() <= self.capacity - much(self.capacity)
    }

    pub(super) const fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// Takes back the slots of what was acknowledged.
    pub(super) fn collect(&mut self, slots: &mut Slots) {
        let Ok(left) = self.ring.len() else {
            self.is_damaged = true;
            return;
        };
        while self.in_flight.len() > left {
            let slot = self.in_flight.pop_front();
            slots.release(slot.expect("it is longer"));
        }
    }

    /// Hands a message over, if there is room; whether it did.
    #[inline]
    pub(super) fn push(&mut self, slot: u32, entry: Entry) -> bool {
        if !self.has_room() {
            return false;
        }
        let entry = Entry {
            number: self.next,
            dropped: self.dropped,
            ..entry
        };
        if self.ring.try_push(&entry.to_words()).is_err() {
            // There was room: somebody has written to its words.
            self.is_damaged = true;
            return false;
        }
        self.in_flight.push_back(slot);
        self.next += 1;
        self.dropped = 0;
        true
    }

    /// The next entry tells that one more is missing before it.
    pub(super) fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Takes back everything: the subscription is gone.
    pub(super) fn abandon(&mut self, slots: &mut Slots) {
        for slot in self.in_flight.drain(..) {
            slots.release(slot);
        }
    }
}

/// The subscriber's end.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) publisher: PublisherId,
    ring: spsc::Consumer<Words>,
    head: Memory,
    arena: Arc<Arena>,
    /// Of the entries that were given out, whether each was acknowledged; the first was not.
    held: VecDeque<bool>,
    /// The number of the first of them, or of the next one.
    first: u64,
    /// Acknowledged since the publisher was last told.
    untold: usize,
    /// Below this number everything was given to a consumer before this one.
    begun_before: u64,
    /// One above the highest that this one was given, as stored.
    begun: u64,
    /// How often the message of this number was first when somebody took over.
    tried: Option<(u64, u32)>,
}

impl Inlet {
    /// Takes the lane over, with what its last consumer has not acknowledged.
    pub(super) fn open(
        bus: &Directory,
        directory: &Directory,
        publisher: PublisherId,
    ) -> Result<Option<Self>, AttachError> {
        let name = publisher.lane();
        let damaged = |why| AttachError::Damaged {
            path: directory.path().join(&name),
            why,
        };
        let Some(head) = directory.map(&name)? else {
            return Ok(None);
        };
        let region = head.rest(RING).ok_or(damaged("it is too short"))?;
        let ring = spsc::Ring::<Words>::attach(region, VERSION.into());
        let ring = ring.map_err(|_| damaged("it holds no ring of this version"))?;
        super::check_capacity(ring.capacity()).map_err(|_| damaged("its ring is too long"))?;
        let mut ring = ring
            .consumer()
            .map_err(|_| damaged("somebody else receives there"))?;
        ring.set_waiting(Waiting::Spin);
        let begun = head.word(BEGUN).load(Ordering::Relaxed);
        let mut inlet = Self {
            publisher,
            arena: Arc::new(Arena::open(bus, publisher)?),
            ring,
            head,
            held: VecDeque::new(),
            first: 0,
            untold: 0,
            begun_before: begun,
            begun,
            tried: None,
        };
        inlet.count_try();
        Ok(Some(inlet))
    }

    /// The first message may be what its consumers die of.
    fn count_try(&mut self) {
        let Ok(Some(first)) = self.entry(0) else {
            return;
        };
        self.first = first.number;
        if first.number >= self.begun_before {
            return;
        }
        let word = self.head.word(TRIES);
        let before = word.load(Ordering::Relaxed);
        let number = first.number & (u64::MAX >> COUNT_BITS);
        let count = if before >> COUNT_BITS == number {
            (before & COUNT_MASK).saturating_add(1).min(COUNT_MASK)
        } else {
            1
        };
        word.store(number << COUNT_BITS | count, Ordering::Relaxed);
        self.tried = Some((first.number, u32::try_from(count).unwrap_or(u32::MAX)));
    }

    /// The next message, if there is one.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(Message, u32)>, &'static str> {
        let Some(entry) = self.entry(self.held.len())? else {
            return Ok(None);
        };
        if self.held.is_empty() {
            self.first = entry.number;
        } else if entry.number != self.first.wrapping_add(self.held.len() as u64) {
            return Err("the messages of a lane are not numbered in order");
        }
        let message = self.message(entry)?;
        if entry.number >= self.begun {
            self.begun = entry.number.wrapping_add(1);
            // Before the consumer has it: what it dies of was begun.
            self.head.word(BEGUN).store(self.begun, Ordering::Relaxed);
        }
        self.held.push_back(false);
        Ok(Some((message, entry.dropped)))
    }

    /// The entry behind so many others.
    #[inline]
    fn entry(&mut self, index: usize) -> Result<Option<Entry>, &'static str> {
        use claude_flow_ringbuf::shared::PopError;
        match self.ring.try_chunk(index + 1) {
            Ok(chunk) if chunk.len() > index => Ok(Some(Entry::from_words(chunk.read(index)))),
            Ok(_) | Err(PopError::Empty) => Ok(None),
            Err(_) => Err("the positions of a lane cannot be"),
        }
    }

    #[inline]
    fn message(&self, entry: Entry) -> Result<Message, &'static str> {
        let len = entry.len as usize;
        let payload_start = usize::from(entry.payload_start);
        if payload_start > len || self.arena.memory.view(entry.offset, len).is_none() {
            return Err("a message does not lie in its publisher's memory");
        }
        Ok(Message {
            arena: Arc::clone(&self.arena),
            offset: entry.offset,
            len,
            payload_start,
            publisher: self.publisher,
            number: entry.number,
            unix_ns: entry.unix_ns,
            tries: self.tries(entry.number),
        })
    }

    fn tries(&self, number: u64) -> u32 {
        match self.tried {
            _ if number >= self.begun_before => 0,
            Some((tried, count)) if tried == number => count,
            _ => 1,
        }
    }

    /// The message of a number is done with; whether it was held.
    #[inline]
    pub(super) fn acknowledge(&mut self, number: u64) -> bool {
        let index = number.wrapping_sub(self.first);
        let place = usize::try_from(index).ok();
        let Some(is_done) = place.and_then(|it| self.held.get_mut(it)) else {
            return false;
        };
        let is_news = !*is_done;
        *is_done = true;
        let mut count = 0;
        while self.held.front() == Some(&true) {
            self.held.pop_front();
            count += 1;
        }
        if count != 0 {
            self.first = self.first.wrapping_add(count as u64);
            // As many are there: they were given out.
            if let Ok(chunk) = self.ring.try_chunk(count) {
                let there = chunk.len();
                chunk.release(count.min(there));
            }
            self.untold += count;
            // A publisher that waits has filled the lane: it is woken for many places, or for all.
            if self.untold >= much(self.ring.capacity()) || self.is_empty() {
                self.untold = 0;
                self.arena.bell().ring();
            }
        }
        is_news
    }

    /// Whether there is nothing that was not given out.
    pub(super) fn is_exhausted(&mut self) -> bool {
        matches!(self.entry(self.held.len()), Ok(None))
    }

    /// Whether everything was acknowledged.
    pub(super) fn is_empty(&mut self) -> bool {
        self.held.is_empty() && self.is_exhausted()
    }
}

/// How many messages are in a lane; none if that cannot be said.
pub(super) fn len(directory: &Directory, publisher: PublisherId) -> Option<usize> {
    let memory = directory.map(&publisher.lane()).ok()??;
    let ring = spsc::Ring::<Words>::attach(memory.rest(RING)?, VERSION.into()).ok()?;
    ring.len().ok()
}

/// What a publisher knows of a subscription.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) record: Record,
    /// Made when the first message goes there.
    pub(super) lane: Option<Outlet>,
    /// When it was last looked at whether its process lives.
    pub(super) looked: Instant,
}

impl Target {
    /// Whether a publisher has to wait for it rather than drop.
    pub(super) fn is_strict(&self) -> bool {
        matches!(self.record.overflow, Overflow::Refuse { .. })
    }
}
