//! Many producer processes, one consumer: a ring of elements for each producer, behind one
//! receiver that polls them fairly.
//!
//! A lane is a [`spsc`] ring with a seat of its own: a producer that dies, stalls or
//! lies spoils its lane and no other. What one producer sends comes in its order; between lanes
//! there is no order.
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_ringbuf::region::Heap;
//! use claude_flow_ringbuf::shared::lanes::{Lanes, Options};
//!
//! let options = Options { lanes: 4, capacity: 64, schema: 0 };
//! let size_bytes = Lanes::<u64>::size_bytes(&options).expect("it fits the memory");
//! let lanes = Lanes::<u64>::create(Arc::new(Heap::new(size_bytes)), &options)?;
//! let mut consumer = lanes.consumer()?;
//! let (mut one, mut other) = (lanes.producer()?, lanes.producer()?);
//! one.push(&1)?;
//! other.push(&2)?;
//! assert_eq!(consumer.try_pop()? + consumer.try_pop()?, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! A head of 128 bytes, then the lanes, each a whole ring of `docs/spec.md` at a multiple of 128
//! bytes. The head's bell is what the receiver sleeps on; each producer rings it.
#![expect(unsafe_code, reason = "lanes lie at offsets from the region's base")]

use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;
use std::sync::Arc;

use super::parts::{Bell, checksum};
use super::{AttachError, CreateError, Peer, Plain, PopError, PushError, SeatError, Waiting, spsc};
use crate::region::{REGION_ALIGN_BYTES, Region};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{CAPACITY_MAX, CapacityError, Deadline};

/// The first word of every set of lanes.
const MAGIC: u64 = 0x6366_2d6c_616e_6500;

/// The first word while the rest is being written.
const MAGIC_UNFINISHED: u64 = 1;

/// The layout that this file describes; that of the lanes has its own number.
const VERSION: u32 = 1;

/// The most lanes.
pub const LANES_MAX: usize = 1_024;

/// How many elements come from one lane before the next has its turn.
const TURN_MAX: u32 = 64;

/// What lanes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many producers there can be at once, up to [`LANES_MAX`].
    pub lanes: usize,
    /// How many elements a lane holds; a power of two.
    pub capacity: usize,
    /// A number that says what the elements mean; who attaches must name the same.
    pub schema: u64,
}

/// What a region begins with; nothing but atomics.
#[repr(C, align(128))]
struct Head {
    magic: AtomicU64,
    version: AtomicU32,
    lanes: AtomicU32,
    lane_bytes: AtomicU64,
    checksum: AtomicU64,
    reserved: [AtomicU64; 4],
    /// What the consumer sleeps on: on a line of its own.
    bell: Bell,
}

const _: () = {
    assert!(offset_of!(Head, checksum) == 24);
    assert!(offset_of!(Head, bell) == 64);
    assert!(size_of::<Head>() == REGION_ALIGN_BYTES);
};

/// A part of a region that holds one lane.
#[derive(Debug)]
struct Part {
    region: Arc<dyn Region>,
    /// A multiple of [`REGION_ALIGN_BYTES`]; `offset + size_bytes` is at most the region's length.
    offset: usize,
    size_bytes: usize,
}

// SAFETY: the bytes are some of a region's, which promises the same for all of them; the offset is
// a multiple of the alignment and the end within the region, both checked before it is made.
unsafe impl Region for Part {
    fn base(&self) -> NonNull<u8> {
        // SAFETY: the offset is within the region.
        unsafe { self.region.base().add(self.offset) }
    }

    fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

/// A region that holds lanes, out of which their ends are taken.
pub struct Lanes<T> {
    region: Arc<dyn Region>,
    lanes: Arc<[spsc::Ring<T>]>,
}

/// The length of a lane and of all of them with the head, in bytes.
fn sizes<T: Plain>(lanes: usize, capacity: usize) -> Option<(usize, usize)> {
    let lane = spsc::Ring::<T>::size_bytes(capacity)?;
    let lane = lane.checked_next_multiple_of(REGION_ALIGN_BYTES)?;
    let total = lane.checked_mul(lanes)?.checked_add(size_of::<Head>())?;
    isize::try_from(total).is_ok().then_some((lane, total))
}

fn aligned(region: &dyn Region) -> Option<&Head> {
    let base = region.base().cast::<Head>();
    if !base.is_aligned() || region.size_bytes() < size_of::<Head>() {
        return None;
    }
    // SAFETY: the region is aligned for a head and as long, it lives as long as the answer, and
    // all fields are atomics, of which any content is valid.
    Some(unsafe { base.as_ref() })
}

impl<T: Plain> Lanes<T> {
    /// The length of the region that lanes need, in bytes; none if no memory can be that long.
    #[must_use]
    pub fn size_bytes(options: &Options) -> Option<usize> {
        sizes::<T>(options.lanes, options.capacity).map(|(_, total)| total)
    }

    /// Makes lanes in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; [`CreateError::Capacity`] also if there are no lanes or too many. The
    /// region is unchanged, but for [`CreateError::Process`], which leaves it unfinished.
    pub fn create(region: Arc<dyn Region>, options: &Options) -> Result<Self, CreateError> {
        if !(1..=LANES_MAX).contains(&options.lanes) {
            let capacity = options.lanes;
            return Err(CreateError::Capacity(CapacityError { capacity }));
        }
        if !options.capacity.is_power_of_two() || options.capacity > CAPACITY_MAX {
            let capacity = options.capacity;
            return Err(CreateError::Capacity(CapacityError { capacity }));
        }
        if size_of::<T>() == 0 {
            return Err(CreateError::Element);
        }
        let (lane_bytes, needed) =
            sizes::<T>(options.lanes, options.capacity).ok_or(CreateError::TooLarge)?;
        let size_bytes = region.size_bytes();
        if size_bytes < needed {
            return Err(CreateError::TooSmall { size_bytes, needed });
        }
        let head = aligned(&*region).ok_or(CreateError::Misaligned)?;
        // Two that create at once: one of them finds the word taken. Nothing is read after it.
        head.magic
            .compare_exchange(0, MAGIC_UNFINISHED, Ordering::Relaxed, Ordering::Relaxed)
            .map_err(|_| CreateError::Occupied)?;
        let lanes = parts(&region, options.lanes, lane_bytes)
            .map(|part| spsc::Ring::create(part, options.capacity, options.schema))
            .collect::<Result<_, _>>()?;
        let count = u32::try_from(options.lanes).unwrap_or(u32::MAX);
        // The magic's Release store publishes all of it.
        head.version.store(VERSION, Ordering::Relaxed);
        head.lanes.store(count, Ordering::Relaxed);
        head.lane_bytes.store(lane_bytes as u64, Ordering::Relaxed);
        let sum = checksum(words(VERSION, count, lane_bytes as u64));
        head.checksum.store(sum, Ordering::Relaxed);
        // SYNC: pairs with the Acquire load in `attach`.
        head.magic.store(MAGIC, Ordering::Release);
        Ok(Self { region, lanes })
    }

    /// Finds the lanes that another process has made in a region.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead, in the head or in a lane.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        let size_bytes = region.size_bytes() as u64;
        let truncated = |needed| AttachError::Truncated { size_bytes, needed };
        if size_bytes < size_of::<Head>() as u64 {
            return Err(truncated(size_of::<Head>() as u64));
        }
        let head = aligned(&*region).ok_or(AttachError::Misaligned)?;
        // SYNC: pairs with the Release store in `create`.
        match head.magic.load(Ordering::Acquire) {
            MAGIC => {}
            MAGIC_UNFINISHED | 0 => return Err(AttachError::Unfinished),
            found => return Err(AttachError::Foreign { found }),
        }
        let version = head.version.load(Ordering::Relaxed);
        let count = head.lanes.load(Ordering::Relaxed);
        let lane_bytes = head.lane_bytes.load(Ordering::Relaxed);
        if version != VERSION {
            return Err(AttachError::Version {
                found: version,
                expected: VERSION,
            });
        }
        if checksum(words(version, count, lane_bytes)) != head.checksum.load(Ordering::Relaxed) {
            return Err(AttachError::Checksum);
        }
        let capacity = count as usize;
        if !(1..=LANES_MAX).contains(&capacity) {
            return Err(AttachError::Capacity(CapacityError { capacity }));
        }
        let length = AttachError::Length { found: lane_bytes };
        let lane = usize::try_from(lane_bytes)
            .ok()
            .filter(|it| *it != 0 && it.is_multiple_of(REGION_ALIGN_BYTES))
            .ok_or(length)?;
        let total = lane
            .checked_mul(capacity)
            .and_then(|it| it.checked_add(size_of::<Head>()))
            .ok_or(AttachError::Length { found: lane_bytes })?;
        if total as u64 > size_bytes {
            return Err(truncated(total as u64));
        }
        let lanes = parts(&region, capacity, lane)
            .map(|part| spsc::Ring::attach(part, schema))
            .collect::<Result<_, _>>()?;
        Ok(Self { region, lanes })
    }

    /// Takes a lane that is free, or takes one over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`] of the last lane that was tried: [`SeatError::Taken`] if all are.
    ///
    /// # Complexity
    ///
    /// Linear in the number of lanes, some microseconds for each that a process has.
    pub fn producer(&self) -> Result<Producer<T>, SeatError> {
        let mut refused = SeatError::Taken { pid: 0 };
        for (number, lane) in self.lanes.iter().enumerate() {
            match lane.producer() {
                Ok(lane) => {
                    return Ok(Producer {
                        region: Arc::clone(&self.region),
                        lane,
                        number,
                    });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Takes the consumer's place, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`] of the first lane that does not give its seat; the others are given back.
    /// One that is [corrupt](SeatError::Corrupt) keeps the consumer from all: the region is to be
    /// made anew.
    pub fn consumer(&self) -> Result<Consumer<T>, SeatError> {
        let lanes = self.lanes.iter().map(spsc::Ring::consumer);
        Ok(Consumer {
            region: Arc::clone(&self.region),
            lanes: lanes.collect::<Result<_, _>>()?,
            turn: 0,
            left: TURN_MAX,
            waiting: Waiting::default(),
        })
    }

    /// How many lanes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lanes.len()
    }
}

const fn words(version: u32, lanes: u32, lane_bytes: u64) -> [u64; 2] {
    [version as u64 | (lanes as u64) << 32, lane_bytes]
}

/// The memory of each lane; the region is as long as all of them and the head.
fn parts(
    region: &Arc<dyn Region>,
    lanes: usize,
    size_bytes: usize,
) -> impl Iterator<Item = Arc<dyn Region>> + use<'_> {
    (0..lanes).map(move |lane| {
        Arc::new(Part {
            region: Arc::clone(region),
            offset: size_of::<Head>() + lane * size_bytes,
            size_bytes,
        }) as Arc<dyn Region>
    })
}

fn bell(region: &dyn Region) -> &Bell {
    let head = aligned(region).expect("it was checked when the lanes were made or found");
    &head.bell
}

impl<T> Clone for Lanes<T> {
    fn clone(&self) -> Self {
        Self {
            region: Arc::clone(&self.region),
            lanes: Arc::clone(&self.lanes),
        }
    }
}

impl<T> fmt::Debug for Lanes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("count", &self.lanes.len())
            .field("region", &self.region)
            .finish()
    }
}

/// The end that one process sends by.
///
/// Dropping it leaves the lane to another process.
pub struct Producer<T> {
    region: Arc<dyn Region>,
    lane: spsc::Producer<T>,
    number: usize,
}

impl<T: Plain> Producer<T> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if its lane is, [`PushError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation, no system call unless the consumer sleeps.
    #[inline]
    pub fn try_push(&mut self, value: &T) -> Result<(), PushError> {
        self.lane.try_push(value)?;
        bell(&*self.region).ring();
        Ok(())
    }

    /// Pushes, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`push_until`](Self::push_until).
    #[inline]
    pub fn push(&mut self, value: &T) -> Result<(), PushError> {
        self.push_until(value, Deadline::Never)
    }

    /// Pushes, waiting up to the deadline for a place in its lane.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was none up to the deadline; [`PushError::Left`] and
    /// [`PushError::Dead`] if nobody makes one; [`PushError::Corrupt`].
    #[inline]
    pub fn push_until(
        &mut self,
        value: &T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError> {
        self.lane.push_until(value, deadline)?;
        bell(&*self.region).ring();
        Ok(())
    }

    /// Pushes as many values as there are places for now, and says how many.
    ///
    /// # Errors
    ///
    /// As for [`try_push`](Self::try_push).
    #[inline]
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError> {
        let count = self.lane.try_push_slice(values)?;
        bell(&*self.region).ring();
        Ok(count)
    }

    /// The number of its lane.
    #[must_use]
    pub const fn lane(&self) -> usize {
        self.number
    }

    /// Who has the consumer's place; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.lane.peer()
    }

    /// The dead process whose lane this took over.
    #[must_use]
    pub fn predecessor(&self) -> Option<u32> {
        self.lane.predecessor()
    }

    /// How this end waits from now on.
    pub fn set_waiting(&mut self, waiting: Waiting) {
        self.lane.set_waiting(waiting);
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("lane", &self.number)
            .finish_non_exhaustive()
    }
}

/// The end that everything comes out of.
///
/// Dropping it leaves its place to another process.
pub struct Consumer<T> {
    region: Arc<dyn Region>,
    /// At least one.
    lanes: Box<[spsc::Consumer<T>]>,
    /// Whose turn it is; below the number of lanes.
    turn: usize,
    /// How many more it may give before the next has its turn.
    left: u32,
    waiting: Waiting,
}

impl<T: Plain> Consumer<T> {
    /// Pops without waiting: from the lane whose turn it is, or from the next that has something.
    ///
    /// A lane has its turn for up to 64 elements.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if all lanes are; [`PopError::Corrupt`] if they are and one is corrupt,
    /// which stays so: the others go on.
    ///
    /// # Complexity
    ///
    /// Linear in the number of lanes that are empty; wait-free, no allocation.
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let mut refused = PopError::Empty;
        if self.left == 0 {
            self.next();
        }
        for _ in 0..self.lanes.len() {
            match self.lanes[self.turn].try_pop() {
                Ok(value) => {
                    self.left -= 1;
                    return Ok(value);
                }
                Err(PopError::Empty) => {}
                Err(error) => refused = error,
            }
            self.next();
        }
        Err(refused)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// Producers come and go: that none is there is no reason not to wait.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline; [`PopError::Corrupt`].
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        let region = Arc::clone(&self.region);
        let mut popped = self.try_pop();
        if matches!(popped, Err(PopError::Empty)) {
            let waiting = self.waiting;
            bell(&*region).wait(waiting, deadline.into(), || {
                popped = self.try_pop();
                !matches!(popped, Err(PopError::Empty))
            });
        }
        popped
    }

    /// Who has a lane, by its number; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self, lane: usize) -> Option<Peer> {
        self.lanes.get(lane).map(spsc::Consumer::peer)
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.waiting = waiting;
    }

    const fn next(&mut self) {
        self.turn = (self.turn + 1) % self.lanes.len();
        self.left = TURN_MAX;
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("lanes", &self.lanes.len())
            .field("turn", &self.turn)
            .finish_non_exhaustive()
    }
}
