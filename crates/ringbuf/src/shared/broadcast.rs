//! One producer process, many consumer processes, each of which sees every element.
//!
//! - A [`Consumer`] has a seat: the producer waits for the slowest of them. One whose process is
//!   dead is dropped, by a producer that waits for it or when it is [asked to](Producer::drop_dead).
//! - A [`Watcher`] has none, and there can be any number: the producer does not know of it. A
//!   slow one is told exactly how many elements it missed.
//!
//! Both begin with what is pushed after they came, and come and go at any time.
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_ringbuf::region::Heap;
//! use claude_flow_ringbuf::shared::PopError;
//! use claude_flow_ringbuf::shared::broadcast::{Options, Ring};
//!
//! let options = Options { consumers: 8, capacity: 4, schema: 0 };
//! let size_bytes = Ring::<u64>::size_bytes(&options).expect("it fits the memory");
//! let ring = Ring::<u64>::create(Arc::new(Heap::new(size_bytes)), &options)?;
//! let (mut producer, mut consumer, mut watcher) = (ring.producer()?, ring.consumer()?, ring.watch());
//! for number in 0..6 {
//!     producer.push(&number)?;
//!     assert_eq!(consumer.pop()?, number);
//! }
//! assert_eq!(watcher.try_pop(), Err(PopError::Missed { count: 2 }));
//! assert_eq!(watcher.try_pop(), Ok(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who touches what
//!
//! | what | producer | consumer | watcher |
//! |---|---|---|---|
//! | places | writes `tail..tail + n` | copies out `head..tail` | copies out, then checks `claimed` |
//! | `claimed` | stores `tail + n` before it writes (relaxed, release fence) | never | loads after it copied (acquire fence) |
//! | `tail` | stores after it wrote (release) | loads (acquire) | loads (acquire) |
//! | a seat's `head` | loads (acquire) when it has used up what it saw | its owner stores (release) | never |
//!
//! A consumer that comes stores its head, passes a fence, and takes the tail that it reads then:
//! a producer that looked at the seats before, and did not see it, cannot write over anything from
//! that tail on before it looks again, which it does behind a fence.
//!
//! # Source
//!
//! The Disruptor's gating sequences (Thompson et al. 2011); Boehm, *Can Seqlocks Get Along With
//! Programming Language Memory Models?* (2012), for the watcher.
#![expect(
    unsafe_code,
    reason = "elements are copied to and from the places of the ring"
)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::{align_of, offset_of, size_of};
use core::ptr::{self, NonNull};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use super::parts::{Bell, Owner, checksum};
use super::{
    AttachError, Corrupt, CreateError, Peer, Plain, PopError, PushError, SeatError, Waiting,
    memory, process, wait,
};
use crate::region::{REGION_ALIGN_BYTES, Region};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::{CAPACITY_MAX, CapacityError, Deadline};

/// The first word of every broadcast.
const MAGIC: u64 = 0x6366_2d63_6173_7400;

/// The first word while the rest is being written.
const MAGIC_UNFINISHED: u64 = 1;

/// The layout that this file describes.
const VERSION: u32 = 1;

/// The most consumers with a seat.
pub const CONSUMERS_MAX: usize = 1_024;

/// How often somebody who waits looks whether the others live.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// What a broadcast is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many consumers there can be at once, up to [`CONSUMERS_MAX`].
    pub consumers: usize,
    /// How many elements the ring holds; a power of two.
    pub capacity: usize,
    /// A number that says what the elements mean; who attaches must name the same.
    pub schema: u64,
}

/// What a region begins with; nothing but atomics. Each part that changes is alone on two lines.
#[repr(C, align(128))]
struct Control {
    magic: AtomicU64,
    version: AtomicU32,
    consumers: AtomicU32,
    capacity: AtomicU64,
    unit_bytes: AtomicU32,
    unit_align: AtomicU32,
    schema: AtomicU64,
    checksum: AtomicU64,
    pid_namespace: AtomicU64,
    reserved: [AtomicU64; 9],
    cursor: Cursor,
    producer: ProducerSeat,
    /// What consumers and watchers sleep on.
    published: Line<Bell>,
}

/// What the producer stores with each push.
#[repr(C, align(128))]
struct Cursor {
    tail: AtomicU64,
    /// Places of positions below this may be written to: `tail <= claimed`.
    claimed: AtomicU64,
}

#[repr(C, align(128))]
struct ProducerSeat {
    owner: AtomicU64,
    /// What the producer sleeps on.
    released: Bell,
}

#[repr(C, align(128))]
struct ConsumerSeat {
    owner: AtomicU64,
    head: AtomicU64,
}

#[repr(C, align(128))]
struct Line<T>(T);

const _: () = {
    assert!(offset_of!(Control, checksum) == 40);
    assert!(offset_of!(Control, cursor) == 128);
    assert!(offset_of!(Control, producer) == 256);
    assert!(offset_of!(Control, published) == 384);
    assert!(size_of::<Control>() == 512);
    assert!(size_of::<ConsumerSeat>() == REGION_ALIGN_BYTES);
};

/// A region whose description was checked, and what the check found.
#[derive(Debug)]
struct Shared {
    /// Keeps the memory; at least the length of the ring, and aligned for [`Control`].
    region: Arc<dyn Region>,
    base: NonNull<u8>,
    consumers: usize,
    /// A power of two.
    capacity: u64,
    stride_bytes: usize,
}

// SAFETY: `base` belongs to `region`, which is Send and Sync; everything behind it is accessed by
// atomics; the rest is plain data.
unsafe impl Send for Shared {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shared {}

impl Shared {
    fn control(&self) -> &Control {
        // SAFETY: the length and the alignment were checked, `region` keeps the memory as long as
        // `self` lives, and all fields are atomics.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    fn seat(&self, seat: usize) -> &ConsumerSeat {
        assert!(seat < self.consumers, "the seat is one of ours");
        let offset = size_of::<Control>() + seat * size_of::<ConsumerSeat>();
        // SAFETY: the seats lie behind the control block, at multiples of 128 from an aligned
        // base; all fields are atomics.
        unsafe { self.base.add(offset).cast::<ConsumerSeat>().as_ref() }
    }

    /// The place of a position: `stride_bytes` from here on are in the region.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a masked position is below a capacity that fits the memory, of a 64-bit machine"
    )]
    fn place(&self, position: u64) -> NonNull<u8> {
        let index = (position & (self.capacity - 1)) as usize;
        let data = size_of::<Control>() + self.consumers * size_of::<ConsumerSeat>();
        // SAFETY: the index is below the capacity, and the region holds as many strides behind
        // the seats.
        unsafe { self.base.add(data + index * self.stride_bytes) }
    }

    fn load<T: Plain>(&self, position: u64) -> T {
        // SAFETY: the place is in the region, and a stride is no shorter than an element, whose
        // size was checked.
        unsafe { memory::load_value(self.place(position).as_ptr()) }
    }

    /// Gives up a place whose owner word this process wrote.
    fn leave(&self, word: &AtomicU64, owner: u64) {
        // Only our own word: what somebody forged is not ours to repair.
        // SYNC: pairs with the Acquire loads of owners: our last publication is seen.
        let _ = word.compare_exchange(owner, process::LEFT, Ordering::Release, Ordering::Relaxed);
        self.control().published.0.ring();
        self.control().producer.released.ring();
    }
}

/// Makes an owner word ours, if nobody alive has it; the dead process that had it.
fn seize(word: &AtomicU64) -> Result<(u64, Option<u32>), SeatError> {
    let owner = process::myself().map_err(SeatError::Process)?;
    let found = word.load(Ordering::Relaxed);
    let predecessor = match Peer::of(found) {
        Peer::Alive { pid } => return Err(SeatError::Taken { pid }),
        Peer::Dead { pid } => Some(pid),
        Peer::Absent | Peer::Left => None,
    };
    // SYNC: pairs with the Release store in `leave`. Of a dead owner the kernel made every store
    // visible.
    match word.compare_exchange(found, owner, Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => Ok((owner, predecessor)),
        Err(now) => Err(SeatError::Taken {
            pid: process::pid_of(now),
        }),
    }
}

/// The length of a stride and of all, in bytes.
fn sizes<T>(consumers: usize, capacity: usize) -> Option<(usize, usize)> {
    let stride = size_of::<T>().checked_next_multiple_of(size_of::<u64>())?;
    let seats = consumers.checked_mul(size_of::<ConsumerSeat>())?;
    let total = stride
        .checked_mul(capacity)?
        .checked_add(seats)?
        .checked_add(size_of::<Control>())?;
    isize::try_from(total).is_ok().then_some((stride, total))
}

fn control_of(region: &dyn Region) -> Option<NonNull<u8>> {
    let base = region.base();
    base.cast::<Control>().is_aligned().then_some(base)
}

/// A region that holds a broadcast, out of which its ends are taken.
pub struct Ring<T> {
    shared: Arc<Shared>,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Ring<T> {
    /// The length of the region that a ring needs, in bytes; none if no memory can be that long.
    #[must_use]
    pub fn size_bytes(options: &Options) -> Option<usize> {
        sizes::<T>(options.consumers, options.capacity).map(|(_, total)| total)
    }

    /// Makes a ring in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// # Errors
    ///
    /// [`CreateError`], [`CreateError::Capacity`] also if there are too many consumers; the
    /// region is unchanged.
    pub fn create(region: Arc<dyn Region>, options: &Options) -> Result<Self, CreateError> {
        check_counts(options.consumers, options.capacity).map_err(CreateError::Capacity)?;
        let unit_bytes = u32::try_from(size_of::<T>()).unwrap_or(0);
        if unit_bytes == 0 {
            return Err(CreateError::Element);
        }
        let (stride_bytes, needed) =
            sizes::<T>(options.consumers, options.capacity).ok_or(CreateError::TooLarge)?;
        let size_bytes = region.size_bytes();
        if size_bytes < needed {
            return Err(CreateError::TooSmall { size_bytes, needed });
        }
        let base = control_of(&*region).ok_or(CreateError::Misaligned)?;
        let namespace = process::namespace().map_err(CreateError::Process)?;
        let shared = Shared {
            region,
            base,
            consumers: options.consumers,
            capacity: options.capacity as u64,
            stride_bytes,
        };
        let control = shared.control();
        // Two that create at once: one of them finds the word taken. Nothing is read after it.
        control
            .magic
            .compare_exchange(0, MAGIC_UNFINISHED, Ordering::Relaxed, Ordering::Relaxed)
            .map_err(|_| CreateError::Occupied)?;
        let consumers = u32::try_from(options.consumers).unwrap_or(u32::MAX);
        let unit_align = u32::try_from(align_of::<T>()).unwrap_or(u32::MAX);
        // The magic's Release store publishes all of it.
        control.version.store(VERSION, Ordering::Relaxed);
        control.consumers.store(consumers, Ordering::Relaxed);
        control.capacity.store(shared.capacity, Ordering::Relaxed);
        control.unit_bytes.store(unit_bytes, Ordering::Relaxed);
        control.unit_align.store(unit_align, Ordering::Relaxed);
        control.schema.store(options.schema, Ordering::Relaxed);
        control.checksum.store(control.sum(), Ordering::Relaxed);
        control.pid_namespace.store(namespace, Ordering::Relaxed);
        // SYNC: pairs with the Acquire load in `attach`.
        control.magic.store(MAGIC, Ordering::Release);
        Ok(Self::new(shared))
    }

    /// Finds the ring that another process has made in a region.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        let size_bytes = region.size_bytes() as u64;
        let truncated = |needed| AttachError::Truncated { size_bytes, needed };
        if size_bytes < size_of::<Control>() as u64 {
            return Err(truncated(size_of::<Control>() as u64));
        }
        let base = control_of(&*region).ok_or(AttachError::Misaligned)?;
        // SAFETY: the region is longer than a control block and aligned for it, it lives over
        // this function, and all its fields are atomics, of which any content is valid.
        let control = unsafe { base.cast::<Control>().as_ref() };
        // SYNC: pairs with the Release store in `create`.
        match control.magic.load(Ordering::Acquire) {
            MAGIC => {}
            MAGIC_UNFINISHED | 0 => return Err(AttachError::Unfinished),
            found => return Err(AttachError::Foreign { found }),
        }
        let (consumers, capacity) = control.check::<T>(schema)?;
        let (stride_bytes, total) =
            sizes::<T>(consumers, capacity).ok_or(AttachError::Length { found: u64::MAX })?;
        if total as u64 > size_bytes {
            return Err(truncated(total as u64));
        }
        let namespace = process::namespace().map_err(AttachError::Process)?;
        if control.pid_namespace.load(Ordering::Relaxed) != namespace {
            return Err(AttachError::Namespace);
        }
        Ok(Self::new(Shared {
            region,
            base,
            consumers,
            capacity: capacity as u64,
            stride_bytes,
        }))
    }

    /// Takes the producer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn producer(&self) -> Result<Producer<T>, SeatError> {
        let control = self.shared.control();
        let (owner, predecessor) = seize(&control.producer.owner)?;
        let tail = control.cursor.tail.load(Ordering::Relaxed);
        let claimed = control.cursor.claimed.load(Ordering::Relaxed);
        let producer = Producer {
            shared: Arc::clone(&self.shared),
            owner,
            predecessor,
            tail,
            limit: tail,
            claimed,
            waiting: Waiting::default(),
            elements: PhantomData,
        };
        // One that died may have claimed places and not published them.
        if claimed.wrapping_sub(tail) > self.shared.capacity {
            return Err(SeatError::Corrupt(positions(tail, claimed)));
        }
        Ok(producer)
    }

    /// Takes a consumer's seat that is free, or one whose process is dead.
    ///
    /// It sees every element that is pushed from now on.
    ///
    /// # Errors
    ///
    /// [`SeatError::Taken`] by one of those who have the seats, if all are taken.
    ///
    /// # Complexity
    ///
    /// Linear in the number of seats, some microseconds for each that a process has.
    pub fn consumer(&self) -> Result<Consumer<T>, SeatError> {
        let mut refused = SeatError::Taken { pid: 0 };
        for number in 0..self.shared.consumers {
            let seat = self.shared.seat(number);
            match seize(&seat.owner) {
                Ok((owner, _)) => {
                    let tail = &self.shared.control().cursor.tail;
                    // The producer sees the seat with this head, or with the last owner's.
                    seat.head
                        .store(tail.load(Ordering::Relaxed), Ordering::Relaxed);
                    // SYNC: pairs with the fence in `Producer::refresh`; SeqCst since a store
                    // must be seen before a load of another place.
                    fence(Ordering::SeqCst);
                    // SYNC: pairs with the Release store in `Producer::publish`.
                    let head = tail.load(Ordering::Acquire);
                    seat.head.store(head, Ordering::Release);
                    return Ok(Consumer {
                        shared: Arc::clone(&self.shared),
                        number,
                        owner,
                        head,
                        limit: head,
                        waiting: Waiting::default(),
                        elements: PhantomData,
                    });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Watches what is pushed from now on, without a seat.
    #[must_use]
    pub fn watch(&self) -> Watcher<T> {
        // SYNC: pairs with the Release store in `Producer::publish`.
        let position = self.shared.control().cursor.tail.load(Ordering::Acquire);
        Watcher {
            shared: Arc::clone(&self.shared),
            position,
            waiting: Waiting::default(),
            elements: PhantomData,
        }
    }

    fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            elements: PhantomData,
        }
    }
}

fn check_counts(consumers: usize, capacity: usize) -> Result<(), CapacityError> {
    if !capacity.is_power_of_two() || capacity > CAPACITY_MAX {
        return Err(CapacityError { capacity });
    }
    if consumers > CONSUMERS_MAX {
        return Err(CapacityError {
            capacity: consumers,
        });
    }
    Ok(())
}

impl Control {
    fn sum(&self) -> u64 {
        let low = |word: &AtomicU32| u64::from(word.load(Ordering::Relaxed));
        checksum([
            low(&self.version) | low(&self.consumers) << 32,
            self.capacity.load(Ordering::Relaxed),
            low(&self.unit_bytes) | low(&self.unit_align) << 32,
            self.schema.load(Ordering::Relaxed),
        ])
    }

    /// Reads the description; the number of consumers and the capacity.
    fn check<T>(&self, schema_expected: u64) -> Result<(usize, usize), AttachError> {
        let version = self.version.load(Ordering::Relaxed);
        if version != VERSION {
            return Err(AttachError::Version {
                found: version,
                expected: VERSION,
            });
        }
        // What is read again below, and may have changed, is checked by itself.
        if self.sum() != self.checksum.load(Ordering::Relaxed) {
            return Err(AttachError::Checksum);
        }
        let size_bytes = self.unit_bytes.load(Ordering::Relaxed);
        let align_bytes = self.unit_align.load(Ordering::Relaxed);
        let size_bytes_expected = u32::try_from(size_of::<T>()).unwrap_or(u32::MAX);
        let align_bytes_expected = u32::try_from(align_of::<T>()).unwrap_or(u32::MAX);
        if (size_bytes, align_bytes) != (size_bytes_expected, align_bytes_expected) {
            return Err(AttachError::Element {
                size_bytes,
                align_bytes,
                size_bytes_expected,
                align_bytes_expected,
            });
        }
        let schema = self.schema.load(Ordering::Relaxed);
        if schema != schema_expected {
            return Err(AttachError::Schema {
                found: schema,
                expected: schema_expected,
            });
        }
        let consumers = self.consumers.load(Ordering::Relaxed) as usize;
        let capacity = self.capacity.load(Ordering::Relaxed);
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        check_counts(consumers, capacity).map_err(AttachError::Capacity)?;
        Ok((consumers, capacity))
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            elements: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("region", &self.shared.region)
            .field("consumers", &self.shared.consumers)
            .field("capacity", &self.shared.capacity)
            .finish_non_exhaustive()
    }
}

const fn positions(head: u64, tail: u64) -> Corrupt {
    Corrupt::Positions { head, tail }
}

/// The deadline, or the moment to look around if that is earlier.
fn slice(deadline: Deadline, now: Instant) -> Deadline {
    Deadline::At(now + wait::rest(deadline, now).min(LOOK_PERIOD))
}

/// The end that everything goes into.
///
/// Dropping it leaves the seat to another process.
pub struct Producer<T> {
    shared: Arc<Shared>,
    owner: u64,
    predecessor: Option<u32>,
    /// The same as `Cursor::tail`, which only this end stores.
    tail: u64,
    /// Up to where the places are free: `limit - tail <= capacity`.
    limit: u64,
    /// The same as `Cursor::claimed`.
    claimed: u64,
    waiting: Waiting,
    elements: PhantomData<fn(T)>,
}

impl<T: Plain> Producer<T> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if the slowest consumer has not read the oldest element yet.
    ///
    /// # Complexity
    ///
    /// Wait-free; a look at every seat when what the last look found is used up. No allocation,
    /// no system call unless somebody sleeps.
    #[inline]
    pub fn try_push(&mut self, value: &T) -> Result<(), PushError> {
        self.try_push_slice(core::slice::from_ref(value))
            .and_then(|count| {
                if count == 1 {
                    Ok(())
                } else {
                    Err(PushError::Full)
                }
            })
    }

    /// Pushes as many values as there are places for now, and says how many.
    ///
    /// # Errors
    ///
    /// As for [`try_push`](Self::try_push).
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError> {
        let mut free = self.limit.wrapping_sub(self.tail);
        if free < values.len() as u64 {
            free = self.refresh();
        }
        if free == 0 && !values.is_empty() {
            return Err(PushError::Full);
        }
        let count = values
            .len()
            .min(usize::try_from(free).unwrap_or(usize::MAX));
        self.publish(&values[..count]);
        Ok(count)
    }

    /// Pushes, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`push_until`](Self::push_until).
    pub fn push(&mut self, value: &T) -> Result<(), PushError> {
        self.push_until(value, Deadline::Never)
    }

    /// Pushes, waiting up to the deadline for the slowest consumer.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline.
    pub fn push_until(
        &mut self,
        value: &T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError> {
        let deadline = deadline.into();
        loop {
            if self.try_push(value).is_ok() {
                return Ok(());
            }
            let shared = Arc::clone(&self.shared);
            let waiting = self.waiting;
            let slice = slice(deadline, Instant::now());
            let bell = &shared.control().producer.released;
            if bell.wait(waiting, slice, || self.refresh() != 0) {
                continue;
            }
            if wait::rest(deadline, Instant::now()).is_zero() {
                return self.try_push(value);
            }
            self.drop_dead();
        }
    }

    /// Takes away the seats of consumers whose processes are dead; how many.
    ///
    /// # Complexity
    ///
    /// Some microseconds for each seat that is taken.
    pub fn drop_dead(&mut self) -> usize {
        let is_dead = |number: &usize| {
            let word = &self.shared.seat(*number).owner;
            let found = word.load(Ordering::Relaxed);
            matches!(Owner::from_word(found).look(), Peer::Dead { .. })
                && word
                    .compare_exchange(found, process::LEFT, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        };
        (0..self.shared.consumers).filter(is_dead).count()
    }

    /// How many consumers have a seat.
    #[must_use]
    pub fn consumers(&self) -> usize {
        let is_taken =
            |it: &usize| self.shared.seat(*it).owner.load(Ordering::Relaxed) > process::LEFT;
        (0..self.shared.consumers).filter(is_taken).count()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub const fn predecessor(&self) -> Option<u32> {
        self.predecessor
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.waiting = waiting;
    }

    /// Looks at what the consumers released; the number of free places.
    fn refresh(&mut self) -> u64 {
        let capacity = self.shared.capacity;
        // SYNC: pairs with the fence in `Ring::consumer`: who is not seen here begins with our
        // tail or behind it.
        fence(Ordering::SeqCst);
        let used = (0..self.shared.consumers)
            .map(|number| self.shared.seat(number))
            .filter(|seat| seat.owner.load(Ordering::Acquire) > process::LEFT)
            // SYNC: pairs with the Release store in `Consumer::try_pop`: the element was read
            // before its place is written to.
            .map(|seat| self.tail.wrapping_sub(seat.head.load(Ordering::Acquire)))
            // Who lies about its head, or has not stored one yet, is not waited for.
            .filter(|used| *used <= capacity)
            .max()
            .unwrap_or(0);
        self.limit = self.tail.wrapping_add(capacity - used);
        capacity - used
    }

    /// Writes values to free places and shows them.
    fn publish(&mut self, values: &[T]) {
        let cursor = &self.shared.control().cursor;
        let end = self.tail.wrapping_add(values.len() as u64);
        // A predecessor may have claimed more and died: what it spoilt stays so until then.
        if end.wrapping_sub(self.tail) > self.claimed.wrapping_sub(self.tail) {
            self.claimed = end;
            cursor.claimed.store(end, Ordering::Relaxed);
        }
        // SYNC: pairs with the Acquire fence in `Watcher::try_pop`: who reads what is written
        // below sees that it was claimed.
        fence(Ordering::Release);
        for (position, value) in (0_u64..).zip(values) {
            let place = self.shared.place(self.tail.wrapping_add(position));
            // SAFETY: the value has so many initialised bytes; the place is in the region and no
            // shorter than an element.
            unsafe { memory::store(place.as_ptr(), ptr::from_ref(value).cast(), size_of::<T>()) };
        }
        self.tail = end;
        // SYNC: pairs with the Acquire loads of the tail.
        cursor.tail.store(end, Ordering::Release);
        self.shared.control().published.0.ring();
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        let word = &self.shared.control().producer.owner;
        self.shared.leave(word, self.owner);
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

/// An end that sees every element, and that the producer waits for.
///
/// Dropping it leaves the seat to another process.
pub struct Consumer<T> {
    shared: Arc<Shared>,
    number: usize,
    owner: u64,
    /// The same as the seat's head, which only this end stores.
    head: u64,
    /// Up to where elements are published: `limit - head <= capacity`.
    limit: u64,
    waiting: Waiting,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Consumer<T> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], [`PopError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation, no system call unless the producer sleeps.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        if self.head == self.limit {
            // SYNC: pairs with the Release store in `Producer::publish`.
            let tail = self.shared.control().cursor.tail.load(Ordering::Acquire);
            if tail.wrapping_sub(self.head) > self.shared.capacity {
                return Err(positions(self.head, tail).into());
            }
            self.limit = tail;
            if tail == self.head {
                return Err(PopError::Empty);
            }
        }
        let value = self.shared.load(self.head);
        self.head = self.head.wrapping_add(1);
        let seat = self.shared.seat(self.number);
        // SYNC: pairs with the Acquire load in `Producer::refresh`.
        seat.head.store(self.head, Ordering::Release);
        self.shared.control().producer.released.ring();
        Ok(value)
    }

    /// Pops, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`pop_until`](Self::pop_until).
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(Deadline::Never)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline; [`PopError::Left`] and
    /// [`PopError::Dead`] if there is nothing and nothing will come; [`PopError::Corrupt`].
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        let (shared, waiting) = (Arc::clone(&self.shared), self.waiting);
        pop_until(&shared, waiting, deadline.into(), || self.try_pop())
    }

    /// Who has the producer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        peer(&self.shared)
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.waiting = waiting;
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        let word = &self.shared.seat(self.number).owner;
        self.shared.leave(word, self.owner);
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("number", &self.number)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

/// An end that nobody waits for, and that is told how much it missed.
pub struct Watcher<T> {
    shared: Arc<Shared>,
    /// Of the next element.
    position: u64,
    waiting: Waiting,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Watcher<T> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Missed`] with the number of elements that were overwritten since the last one,
    /// or since the last such answer; [`PopError::Empty`]; [`PopError::Corrupt`] if the producer
    /// went back.
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation; stores nothing.
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let (cursor, capacity) = (&self.shared.control().cursor, self.shared.capacity);
        // SYNC: pairs with the Release store in `Producer::publish`.
        let tail = cursor.tail.load(Ordering::Acquire);
        let ahead = tail.wrapping_sub(self.position);
        if ahead == 0 {
            return Err(PopError::Empty);
        }
        if ahead <= capacity {
            let value = self.shared.load(self.position);
            // SYNC: pairs with the Release fence in `Producer::publish`.
            fence(Ordering::Acquire);
            let claimed = cursor.claimed.load(Ordering::Relaxed);
            if claimed.wrapping_sub(self.position) <= capacity {
                self.position = self.position.wrapping_add(1);
                return Ok(value);
            }
        }
        // The oldest that is not being written to; a producer never goes back.
        let claimed = cursor.claimed.load(Ordering::Relaxed);
        let count = claimed.wrapping_sub(capacity).wrapping_sub(self.position);
        if count == 0 || count.max(ahead) > u64::MAX / 2 {
            return Err(positions(self.position, tail).into());
        }
        self.position = self.position.wrapping_add(count);
        Err(PopError::Missed { count })
    }

    /// Pops, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// As for [`try_pop`](Self::try_pop), [`PopError::Empty`] if nothing came up to the deadline;
    /// [`PopError::Left`] and [`PopError::Dead`] if there is nothing and nothing will come.
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        let (shared, waiting) = (Arc::clone(&self.shared), self.waiting);
        pop_until(&shared, waiting, deadline.into(), || self.try_pop())
    }

    /// Who has the producer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        peer(&self.shared)
    }

    /// How this end waits from now on.
    pub const fn set_waiting(&mut self, waiting: Waiting) {
        self.waiting = waiting;
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

fn peer(shared: &Shared) -> Peer {
    // SYNC: pairs with the Release store in `leave`.
    Peer::of(shared.control().producer.owner.load(Ordering::Acquire))
}

fn pop_until<T>(
    shared: &Shared,
    waiting: Waiting,
    deadline: Deadline,
    mut try_pop: impl FnMut() -> Result<T, PopError>,
) -> Result<T, PopError> {
    let mut popped = try_pop();
    while matches!(popped, Err(PopError::Empty)) {
        let slice = slice(deadline, Instant::now());
        let bell = &shared.control().published.0;
        bell.wait(waiting, slice, || {
            popped = try_pop();
            let has_left =
                || shared.control().producer.owner.load(Ordering::Acquire) == process::LEFT;
            !matches!(popped, Err(PopError::Empty)) || has_left()
        });
        if !matches!(popped, Err(PopError::Empty)) {
            break;
        }
        let end = match peer(shared) {
            Peer::Left => Some(PopError::Left),
            Peer::Dead { pid } => Some(PopError::Dead { pid }),
            Peer::Absent | Peer::Alive { .. } => None,
        };
        let is_late = wait::rest(deadline, Instant::now()).is_zero();
        if end.is_none() && !is_late {
            continue;
        }
        // What was published before the end comes first.
        popped = try_pop();
        if let (Err(PopError::Empty), Some(end)) = (&popped, end) {
            return Err(end);
        }
        if is_late {
            break;
        }
    }
    popped
}
