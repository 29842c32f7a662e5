//! Elements on cache lines of their own, from one producer to one consumer, between processes.
//!
//! A stamp beside each element says whether it is published, so that an element of up to 56 bytes
//! crosses between the cores with a single line. That is the lowest latency there is; the price is
//! memory (an element takes at least a line) and the batches of [`spsc`](super::spsc).
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_ringbuf::region::Heap;
//! use claude_flow_ringbuf::shared::lines::Ring;
//!
//! let size_bytes = Ring::<[u64; 7]>::size_bytes(256).expect("it fits the memory");
//! let ring = Ring::<[u64; 7]>::create(Arc::new(Heap::new(size_bytes)), 256, 0)?;
//! let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
//! producer.push(&[1; 7])?;
//! assert_eq!(consumer.pop()?, [1; 7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who touches what
//!
//! The place of a position is its remainder by the capacity. Its stamp is the position plus one
//! once it is published, and stays until the producer comes round again.
//!
//! | what | producer | consumer |
//! |---|---|---|
//! | places `head..tail` | never | reads |
//! | places `tail..head + capacity` | writes, the stamp last (release) | loads the stamp of the first (acquire) |
//! | `Control::head` | loads (acquire) when it has used up what it saw | stores (release) |
//! | `Control::tail` | never | never |
//!
//! A producer that takes over finds the tail by the stamps from the head on.
//!
//! # Source
//!
//! `FastForward` (Giacomoni, Moseley, Vachharajani 2008), with a number in place of a null, and
//! with an index for the way back.
#![expect(
    unsafe_code,
    reason = "elements are copied to and from the places of the ring"
)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ptr::{self, NonNull};
use std::sync::Arc;

use super::ends::{AHEAD_BYTES, End, Role, positions};
use super::layout::{Kind, STAMP_BYTES, Shape, Shared};
use super::wait::Ended;
use super::{
    AttachError, Corrupt, CreateError, Peer, Plain, PopError, PushError, SeatError, Waiting, memory,
};
use crate::Deadline;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::region::Region;
use crate::sync::{AtomicU64, Ordering};

/// A region that holds a ring of elements, out of which its ends are taken.
pub struct Ring<T> {
    shared: Arc<Shared>,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Ring<T> {
    /// The length of the region that a ring needs, in bytes; none if no memory can be that long.
    #[must_use]
    pub fn size_bytes(capacity: usize) -> Option<usize> {
        shape::<T>(capacity as u64, 0).total_bytes()
    }

    /// Makes a ring in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// The capacity is a power of two. The schema is a number that says what the elements mean;
    /// who attaches must name the same.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; the region is unchanged.
    pub fn create(
        region: Arc<dyn Region>,
        capacity: usize,
        schema: u64,
    ) -> Result<Self, CreateError> {
        if size_of::<T>() == 0 || u32::try_from(size_of::<T>()).is_err() {
            return Err(CreateError::Element);
        }
        let shape = shape::<T>(capacity as u64, schema);
        Shared::create(region, shape).map(Self::new)
    }

    /// Finds the ring that another end has made in a region.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        Shared::attach(region, |capacity, _| shape::<T>(capacity, schema)).map(Self::new)
    }

    /// Takes the producer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    ///
    /// # Complexity
    ///
    /// Linear in the number of elements in the ring: the stamps are looked through.
    pub fn producer(&self) -> Result<Producer<T>, SeatError> {
        let end = End::take(&self.shared, Role::Producer, 1)?;
        let capacity = end.capacity();
        // SYNC: pairs with the Release store in `Consumer::try_pop`.
        let head = end.control().head.0.load(Ordering::Acquire);
        let is_published = |index: &u64| {
            let position = head.wrapping_add(*index);
            // Nothing is read in consequence: the producer only needs to know where to go on.
            stamp(&end.place(position)).load(Ordering::Relaxed) == position.wrapping_add(1)
        };
        let count = (0..capacity).take_while(is_published).count() as u64;
        Ok(Producer {
            ahead: (AHEAD_BYTES / end.stride_bytes) as u64,
            tail: head.wrapping_add(count),
            limit: head.wrapping_add(capacity),
            end,
            elements: PhantomData,
        })
    }

    /// Takes the consumer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn consumer(&self) -> Result<Consumer<T>, SeatError> {
        let end = End::take(&self.shared, Role::Consumer, 1)?;
        Ok(Consumer {
            head: end.control().head.0.load(Ordering::Relaxed),
            end,
            run: 0,
            elements: PhantomData,
        })
    }

    /// How many elements the ring holds at most.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.shared.shape().capacity
    }

    fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            elements: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("shape", self.shared.shape())
            .field("region", &self.shared.region())
            .finish()
    }
}

fn shape<T>(capacity: u64, schema: u64) -> Shape {
    Shape {
        kind: Kind::Lines,
        capacity,
        // Saturated sizes never match a ring: `create` refuses them.
        unit_bytes: u32::try_from(size_of::<T>()).unwrap_or(u32::MAX),
        unit_align: u32::try_from(align_of::<T>()).unwrap_or(u32::MAX),
        schema,
    }
}

/// The stamp of a place.
#[inline]
fn stamp(place: &NonNull<u8>) -> &AtomicU64 {
    // SAFETY: the stride is a multiple of a line and the places begin at one, so the place is an
    // aligned word of the region, which lives as long as the end that computed it.
    unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) }
}

/// The element of a place.
#[inline]
fn element(place: NonNull<u8>) -> *mut u8 {
    // SAFETY: the stride is at least the stamp and the element.
    unsafe { place.add(STAMP_BYTES) }.as_ptr()
}

/// The end that values go into.
///
/// Dropping it leaves the seat to another process.
pub struct Producer<T> {
    end: End,
    /// The position of the next element.
    tail: u64,
    /// Up to where the places are known to be free: `limit - tail <= capacity`.
    limit: u64,
    /// How far ahead of the tail lines are taken back from the consumer's core, in elements.
    ahead: u64,
    elements: PhantomData<fn(T)>,
}

impl<T: Plain> Producer<T> {
    /// Pushes without waiting.
    ///
    /// That the consumer is absent or dead is not an error as long as there is a place.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`], [`PushError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation, no system call unless the consumer sleeps.
    #[inline]
    pub fn try_push(&mut self, value: &T) -> Result<(), PushError> {
        if self.tail == self.limit && self.refresh()? == 0 {
            return Err(PushError::Full);
        }
        let place = self.end.place(self.tail);
        // SAFETY: the value has so many initialised bytes; the place is in the region and has room
        // for them behind the stamp.
        unsafe { memory::store(element(place), ptr::from_ref(value).cast(), size_of::<T>()) };
        self.tail = self.tail.wrapping_add(1);
        // SYNC: pairs with the Acquire load in `Consumer::try_pop`.
        stamp(&place).store(self.tail, Ordering::Release);
        self.end.notify();
        if self.limit.wrapping_sub(self.tail) > self.ahead {
            memory::prefetch_to_write(self.end.place(self.tail.wrapping_add(self.ahead)));
        }
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

    /// Pushes, waiting up to the deadline.
    ///
    /// A consumer that has not come yet is waited for.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline; [`PushError::Left`] and
    /// [`PushError::Dead`] if there is none and nobody makes one; [`PushError::Corrupt`].
    #[inline]
    pub fn push_until(
        &mut self,
        value: &T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError> {
        match self.try_push(value) {
            Err(PushError::Full) => {
                self.wait(deadline.into())?;
                // A lying consumer can have taken the place back: then it is full, once more.
                self.try_push(value)
            }
            done => done,
        }
    }

    /// Who has the consumer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.end.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub fn predecessor(&self) -> Option<u32> {
        self.end.predecessor()
    }

    /// How this end waits from now on.
    pub fn set_waiting(&mut self, waiting: Waiting) {
        self.end.waiting = waiting;
    }

    /// Looks at what the consumer released; the number of free places.
    #[inline]
    fn refresh(&mut self) -> Result<u64, Corrupt> {
        // SYNC: pairs with the Release store in `Consumer::try_pop`: the elements were read before
        // this end writes to their places.
        let head = self.end.control().head.0.load(Ordering::Acquire);
        if self.tail.wrapping_sub(head) > self.end.capacity() {
            return Err(positions(head, self.tail));
        }
        self.limit = head.wrapping_add(self.end.capacity());
        let free = self.limit.wrapping_sub(self.tail);
        self.end.pace.saw(free);
        Ok(free)
    }

    #[cold]
    fn wait(&mut self, deadline: Deadline) -> Result<(), PushError> {
        self.end.pace.slip();
        let full = self.tail.wrapping_sub(self.end.capacity());
        let ended = self.end.wait(deadline, || {
            // SYNC: pairs with the Release store in `Consumer::try_pop`; what is corrupt is for
            // `refresh` to say.
            self.end.control().head.0.load(Ordering::Acquire) != full
        });
        match ended {
            Ended::Ready => Ok(()),
            Ended::Late => Err(PushError::Full),
            Ended::Left => Err(PushError::Left),
            Ended::Dead(pid) => Err(PushError::Dead { pid }),
        }
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

/// The end that values come out of.
///
/// Dropping it leaves the seat to another process, and the values that are left to that one.
pub struct Consumer<T> {
    end: End,
    /// The same as `Control::head`, which only this end stores.
    head: u64,
    /// How many elements came since the ring was last found empty.
    run: u64,
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
        let place = self.end.place(self.head);
        let next = self.head.wrapping_add(1);
        // SYNC: pairs with the Release store in `Producer::try_push`.
        let found = stamp(&place).load(Ordering::Acquire);
        if found != next {
            return Err(self.nothing(found));
        }
        // SAFETY: the place is in the region and has room for an element behind the stamp.
        let value = unsafe { memory::load_value(element(place)) };
        self.run += 1;
        self.head = next;
        // SYNC: pairs with the Acquire load in `Producer::refresh`.
        self.end.control().head.0.store(next, Ordering::Release);
        self.end.notify();
        Ok(value)
    }

    /// Pops, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`pop_until`](Self::pop_until).
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(Deadline::Never)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// A producer that has not come yet is waited for. What was published before it left or died
    /// comes first.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline; [`PopError::Left`] and
    /// [`PopError::Dead`] if there is nothing and nothing will come; [`PopError::Corrupt`].
    #[inline]
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        match self.try_pop() {
            Err(PopError::Empty) => {
                self.wait(deadline.into())?;
                // A lying producer can have taken its stamp back: then it is empty, once more.
                self.try_pop()
            }
            done => done,
        }
    }

    /// Who has the producer's seat; asks the system, which takes some microseconds.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.end.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub fn predecessor(&self) -> Option<u32> {
        self.end.predecessor()
    }

    /// How this end waits from now on.
    pub fn set_waiting(&mut self, waiting: Waiting) {
        self.end.waiting = waiting;
    }

    /// What a stamp says that is not that of our position.
    fn nothing(&mut self, found: u64) -> PopError {
        self.end.pace.saw(self.run);
        self.run = 0;
        // From the lap before, or from the first, when there was none.
        let before = self.head.wrapping_add(1).wrapping_sub(self.end.capacity());
        if found == before || found == 0 {
            PopError::Empty
        } else {
            PopError::Corrupt(Corrupt::Record {
                position: self.head,
                header: found,
            })
        }
    }

    #[cold]
    fn wait(&mut self, deadline: Deadline) -> Result<(), PopError> {
        self.end.pace.slip();
        let place = self.end.place(self.head);
        let stamp = stamp(&place);
        let before = stamp.load(Ordering::Relaxed);
        let next = self.head.wrapping_add(1);
        let is_long = STAMP_BYTES + size_of::<T>() > CACHE_LINE_BYTES && self.end.pace.is_single();
        let ended = self.end.wait(deadline, || {
            // SYNC: pairs with the Release store in `Producer::try_push`.
            let found = stamp.load(Ordering::Acquire);
            if is_long {
                // The last line comes together with the first, and not after it.
                let last = element(place).wrapping_add(size_of::<T>() - 1);
                memory::prefetch_to_read(NonNull::new(last).unwrap_or(place));
            }
            found == next || found != before
        });
        match ended {
            Ended::Ready => Ok(()),
            Ended::Late => Err(PopError::Empty),
            Ended::Left => Err(PopError::Left),
            Ended::Dead(pid) => Err(PopError::Dead { pid }),
        }
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}
