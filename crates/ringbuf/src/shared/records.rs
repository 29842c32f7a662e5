//! Byte records of any length, from one producer to one consumer, written and read in place.
//!
//! A record costs the same at every length: the producer writes it where it lies, the consumer
//! reads it there, nothing is copied between.
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_ringbuf::region::Heap;
//! use claude_flow_ringbuf::shared::records::Ring;
//!
//! let size_bytes = Ring::size_bytes(1 << 20).expect("it fits the memory");
//! let ring = Ring::create(Arc::new(Heap::new(size_bytes)), 1 << 20, Ring::GRANULARITY, 0)?;
//! let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
//!
//! let mut claim = producer.try_claim(100_000)?;
//! claim.bytes().write_bytes(0, b"in place");
//! claim.commit(8);
//!
//! let record = consumer.try_peek()?;
//! assert_eq!(record.bytes().to_vec(), b"in place");
//! record.release();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! A record is a word, the payload, and what rounds both up to the granularity. The lower half of
//! the word is the length of the payload, the upper half says whether
//! it is a record or padding. A record
//! never goes over the end of the ring: padding fills what is left.
#![expect(
    unsafe_code,
    reason = "records lie at offsets from the base of the region"
)]

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use super::ends::{Reader, Writer};
use super::layout::{Kind, Shape, Shared};
use super::{
    AttachError, Corrupt, CreateError, Peer, PopError, PushError, SeatError, View, ViewMut, Waiting,
};
use crate::region::Region;
use crate::sync::{AtomicU64, Ordering};
use crate::{CapacityError, Deadline};

/// The word that a record begins with, in bytes.
const HEADER_BYTES: u64 = 8;

/// The upper half of the word of a record; not zero, so that zeros are no record.
const PAYLOAD: u64 = 0x5245;

/// The upper half of the word of padding, whose lower half is not used.
const PADDING: u64 = 0x5041;

/// The largest granularity, in bytes.
const GRANULARITY_MAX: u32 = 4_096;

/// A region that holds a ring of records, out of which its ends are taken.
#[derive(Clone)]
pub struct Ring {
    shared: Arc<Shared>,
}

impl Ring {
    /// The granularity that fits most: records begin at multiples of it, and are rounded up to it.
    pub const GRANULARITY: u32 = 8;

    /// A record on cache lines of its own: 56 bytes of payload fit the first. The two ends then
    /// never wait for one line because of two records.
    pub const GRANULARITY_LINE: u32 = 64;

    /// The length of the region that a ring needs, in bytes; none if no memory can be that long.
    #[must_use]
    pub fn size_bytes(capacity_bytes: usize) -> Option<usize> {
        shape(capacity_bytes as u64, Self::GRANULARITY, 0).total_bytes()
    }

    /// Makes a ring in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// The capacity is a power of two of bytes, the granularity one from 8 to 4,096. The schema is
    /// a number that says what the bytes mean; who attaches must name the same.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; the region is unchanged.
    pub fn create(
        region: Arc<dyn Region>,
        capacity_bytes: usize,
        granularity: u32,
        schema: u64,
    ) -> Result<Self, CreateError> {
        let shape = shape(capacity_bytes as u64, granularity, schema);
        shape.check_capacity().map_err(CreateError::Capacity)?;
        if !is_granularity(granularity) || u64::from(granularity) > shape.capacity / 2 {
            return Err(CreateError::Granularity);
        }
        Shared::create(region, shape).map(Self::new)
    }

    /// Finds the ring that another end has made in a region.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        let shared = Shared::attach(region, |capacity, granularity| {
            shape(capacity, granularity, schema)
        })?;
        // The description says which; here is what may be said.
        let shape = shared.shape();
        if !is_granularity(shape.unit_align) || u64::from(shape.unit_align) > shape.capacity / 2 {
            return Err(AttachError::Capacity(CapacityError {
                capacity: bytes(shape.capacity),
            }));
        }
        Ok(Self::new(shared))
    }

    /// Takes the producer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn producer(&self) -> Result<Producer, SeatError> {
        let granularity = self.granularity();
        let writer = Writer::take(&self.shared, granularity)?;
        if writer.position() % granularity != 0 {
            return Err(SeatError::Corrupt(misplaced(writer.position())));
        }
        Ok(Producer {
            writer,
            granularity,
        })
    }

    /// Takes the consumer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn consumer(&self) -> Result<Consumer, SeatError> {
        let granularity = self.granularity();
        let reader = Reader::take(&self.shared, granularity)?;
        if reader.position() % granularity != 0 {
            return Err(SeatError::Corrupt(misplaced(reader.position())));
        }
        Ok(Consumer {
            reader,
            granularity,
        })
    }

    /// The longest record, in bytes: the ring takes it wherever the last one ended.
    #[must_use]
    pub fn len_max(&self) -> usize {
        bytes(len_max(self.shared.shape().capacity))
    }

    fn granularity(&self) -> u64 {
        u64::from(self.shared.shape().unit_align)
    }

    fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("shape", self.shared.shape())
            .field("region", &self.shared.region())
            .finish()
    }
}

const fn shape(capacity: u64, granularity: u32, schema: u64) -> Shape {
    Shape {
        kind: Kind::Records,
        capacity,
        unit_bytes: 1,
        unit_align: granularity,
        schema,
    }
}

const fn is_granularity(granularity: u32) -> bool {
    granularity.is_power_of_two()
        && granularity as u64 >= HEADER_BYTES
        && granularity <= GRANULARITY_MAX
}

/// Half of the ring: then a record and the padding before it fit an empty one.
const fn len_max(capacity: u64) -> u64 {
    capacity / 2 - HEADER_BYTES
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of bytes in a region fits a 64-bit machine"
)]
const fn bytes(units: u64) -> usize {
    units as usize
}

/// A position that is no beginning of a record.
const fn misplaced(position: u64) -> Corrupt {
    Corrupt::Record {
        position,
        header: 0,
    }
}

/// The word at a place.
#[inline]
fn header(place: &NonNull<u8>) -> &AtomicU64 {
    // SAFETY: the callers' positions are multiples of a granularity of at least 8, and the places
    // begin at a multiple of 1,024 from an aligned base, so the place is a word of the region,
    // which lives as long as the end that computed it.
    unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) }
}

/// The end that records go into.
///
/// Dropping it leaves the seat to another process.
#[derive(Debug)]
pub struct Producer {
    /// Its position is a multiple of the granularity.
    writer: Writer,
    /// A power of two from 8 to [`GRANULARITY_MAX`].
    granularity: u64,
}

impl Producer {
    /// Lends the place of a record of up to `len` bytes, to be written and published.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`], [`PushError::TooLong`], [`PushError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, whatever the length; no allocation, no system call unless the consumer sleeps.
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_>, PushError> {
        let plan = self.plan(len)?;
        self.writer.reserve(plan.padding + plan.record)?;
        Ok(Claim {
            producer: self,
            padding: plan.padding,
            len,
        })
    }

    /// Lends the place of a record, waiting up to the deadline for it.
    ///
    /// # Errors
    ///
    /// As for [`try_claim`](Self::try_claim); [`PushError::Left`] and [`PushError::Dead`] if there is no
    /// place and nobody makes one.
    #[inline]
    pub fn claim_until(
        &mut self,
        len: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Claim<'_>, PushError> {
        let plan = self.plan(len)?;
        let units = plan.padding + plan.record;
        match self.writer.reserve(units) {
            Err(PushError::Full) => {
                self.writer.wait(units, deadline.into())?;
                self.try_claim(len)
            }
            Err(error) => Err(error),
            Ok(()) => self.try_claim(len),
        }
    }

    /// Copies a record in without waiting.
    ///
    /// # Errors
    ///
    /// As for [`try_claim`](Self::try_claim).
    #[inline]
    pub fn try_push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let mut claim = self.try_claim(record.len())?;
        claim.bytes().write_bytes(0, record);
        claim.commit(record.len());
        Ok(())
    }

    /// Copies a record in, waiting up to the deadline for a place.
    ///
    /// # Errors
    ///
    /// As for [`claim_until`](Self::claim_until).
    #[inline]
    pub fn push_until(
        &mut self,
        record: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError> {
        let mut claim = self.claim_until(record.len(), deadline)?;
        claim.bytes().write_bytes(0, record);
        claim.commit(record.len());
        Ok(())
    }

    /// The longest record, in bytes.
    #[must_use]
    pub const fn len_max(&self) -> usize {
        bytes(len_max(self.writer.capacity()))
    }

    /// Who has the consumer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.writer.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub const fn predecessor(&self) -> Option<u32> {
        self.writer.predecessor()
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.writer.set_waiting(waiting);
    }

    /// Where a record of this length comes to lie.
    #[inline]
    const fn plan(&self, len: usize) -> Result<Plan, PushError> {
        let len_max = self.len_max();
        if len > len_max {
            return Err(PushError::TooLong { len_max });
        }
        let record = (HEADER_BYTES + len as u64).next_multiple_of(self.granularity);
        let capacity = self.writer.capacity();
        let to_end = capacity - (self.writer.position() & (capacity - 1));
        let padding = if record > to_end { to_end } else { 0 };
        Ok(Plan { padding, record })
    }
}

/// What a record takes, in bytes.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// What is left to the end of the ring and too short for the record; else 0.
    padding: u64,
    /// The header, the payload, and what rounds them up.
    record: u64,
}

/// The place of a record, lent to be written; if it is not committed, nothing was pushed.
#[must_use = "what is not committed is not pushed"]
#[derive(Debug)]
pub struct Claim<'a> {
    /// `padding` and a record of `len` bytes are reserved.
    producer: &'a mut Producer,
    padding: u64,
    len: usize,
}

impl Claim<'_> {
    /// The bytes of the record; they hold what was there before. Their address is a multiple of 8.
    #[inline]
    pub fn bytes(&mut self) -> ViewMut<'_> {
        let place = self.place();
        // SAFETY: the record does not go over the end of the ring, so its payload follows the word.
        let first = unsafe { place.add(bytes(HEADER_BYTES)) };
        // SAFETY: as above, for `len` bytes; the producer keeps the region.
        unsafe { ViewMut::from_raw(first, self.len) }
    }

    /// Publishes the first `len` bytes as a record.
    ///
    /// # Panics
    ///
    /// If more were asked for than was claimed.
    #[inline]
    pub fn commit(self, len: usize) {
        assert!(len <= self.len, "a claim has only its bytes");
        let place = self.place();
        let word = PAYLOAD << 32 | len as u64;
        // The publication below orders both words.
        header(&place).store(word, Ordering::Relaxed);
        let writer = &mut self.producer.writer;
        if self.padding != 0 {
            let padding = writer.place(writer.position());
            header(&padding).store(PADDING << 32, Ordering::Relaxed);
        }
        let record = (HEADER_BYTES + len as u64).next_multiple_of(self.producer.granularity);
        writer.publish(self.padding + record);
    }

    #[inline]
    fn place(&self) -> NonNull<u8> {
        let writer = &self.producer.writer;
        writer.place(writer.position().wrapping_add(self.padding))
    }
}

/// The end that records come out of.
///
/// Dropping it leaves the seat to another process, and the records that are left to that one.
#[derive(Debug)]
pub struct Consumer {
    /// Its position is a multiple of the granularity.
    reader: Reader,
    /// A power of two from 8 to [`GRANULARITY_MAX`].
    granularity: u64,
}

impl Consumer {
    /// Lends the next record where it lies.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], [`PopError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, whatever the length; no allocation.
    #[inline]
    pub fn try_peek(&mut self) -> Result<Record<'_>, PopError> {
        self.reader.refill(1)?;
        let mut word = self.word();
        if word >> 32 == PADDING {
            self.skip_padding(word)?;
            word = self.word();
        }
        let len = word & u64::from(u32::MAX);
        let units = (HEADER_BYTES + len).next_multiple_of(self.granularity);
        if word >> 32 != PAYLOAD || units > self.reader.there().min(self.to_end()) {
            return Err(self.corrupt(word));
        }
        let place = self.reader.place(self.reader.position());
        // SAFETY: `units` bytes from the place on were checked to be before the end of the ring.
        let first = unsafe { place.add(bytes(HEADER_BYTES)) };
        Ok(Record {
            consumer: self,
            first,
            len: bytes(len),
            units,
        })
    }

    /// Lends the next record where it lies, waiting up to the deadline for it.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if none came up to the deadline; [`PopError::Left`] and
    /// [`PopError::Dead`] if there is none and none will come; [`PopError::Corrupt`].
    #[inline]
    pub fn peek_until(&mut self, deadline: impl Into<Deadline>) -> Result<Record<'_>, PopError> {
        if let Err(error) = self.reader.refill(1) {
            if error != PopError::Empty {
                return Err(error);
            }
            self.reader.wait(deadline.into())?;
        }
        self.try_peek()
    }

    /// Copies the next record out.
    ///
    /// # Errors
    ///
    /// As for [`try_peek`](Self::try_peek).
    pub fn try_pop(&mut self) -> Result<alloc::vec::Vec<u8>, PopError> {
        let record = self.try_peek()?;
        let bytes = record.bytes().to_vec();
        record.release();
        Ok(bytes)
    }

    /// Copies the next record out, waiting up to the deadline for it.
    ///
    /// # Errors
    ///
    /// As for [`peek_until`](Self::peek_until).
    pub fn pop_until(
        &mut self,
        deadline: impl Into<Deadline>,
    ) -> Result<alloc::vec::Vec<u8>, PopError> {
        let record = self.peek_until(deadline)?;
        let bytes = record.bytes().to_vec();
        record.release();
        Ok(bytes)
    }

    /// Who has the producer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.reader.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub const fn predecessor(&self) -> Option<u32> {
        self.reader.predecessor()
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.reader.set_waiting(waiting);
    }

    /// The word at our position, read once.
    #[inline]
    fn word(&self) -> u64 {
        let place = self.reader.place(self.reader.position());
        // Ordered by the Acquire load of the tail.
        header(&place).load(Ordering::Relaxed)
    }

    #[inline]
    const fn to_end(&self) -> u64 {
        let capacity = self.reader.capacity();
        capacity - (self.reader.position() & (capacity - 1))
    }

    #[cold]
    fn skip_padding(&mut self, word: u64) -> Result<(), PopError> {
        let padding = self.to_end();
        // A producer publishes padding together with the record behind it.
        if padding >= self.reader.there() {
            return Err(self.corrupt(word));
        }
        self.reader.release(padding);
        Ok(())
    }

    #[cold]
    const fn corrupt(&self, word: u64) -> PopError {
        PopError::Corrupt(Corrupt::Record {
            position: self.reader.position(),
            header: word,
        })
    }
}

/// A record in the ring, lent to be read; if it is not released, it is the next one again.
#[derive(Debug)]
pub struct Record<'a> {
    consumer: &'a mut Consumer,
    /// `len` bytes from here on are in the region.
    first: NonNull<u8>,
    len: usize,
    units: u64,
}

// SAFETY: the pointer goes into a region, which is Send and Sync, and is used by atomics only.
unsafe impl Send for Record<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Record<'_> {}

impl Record<'_> {
    /// The bytes of the record. Their address is a multiple of 8.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> View<'_> {
        // SAFETY: `peek` checked that the bytes are in the region, which the consumer keeps.
        unsafe { View::from_raw(self.first, self.len) }
    }

    /// Gives the place back to the producer.
    #[inline]
    pub fn release(self) {
        self.consumer.reader.set_single(self.units);
        self.consumer.reader.release(self.units);
    }
}
