//! One producer, one consumer: a ring of places with an index for each end.
//!
//! ```
//! use claude_flow_ringbuf::spsc;
//!
//! let (mut producer, mut consumer) = spsc::ring(1_024)?;
//! let sender = std::thread::spawn(move || (0..100_u64).all(|it| producer.push(it).is_ok()));
//! let sum: u64 = std::iter::from_fn(|| consumer.pop().ok()).sum();
//! assert_eq!(sum, 4_950);
//! # assert!(sender.join().expect("the sender does not panic"));
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! # Who touches what
//!
//! A position counts values since the beginning, wrapping; the place of a position is its
//! remainder by the capacity. `head` is the position of the next value to pop, `tail` that of
//! the next to push, and `head <= tail <= head + capacity` at every moment.
//!
//! | what | producer | consumer |
//! |---|---|---|
//! | places `head..tail` | never | reads, empties |
//! | places `tail..head + capacity` | fills | never |
//! | `Shared::tail` | stores (release) | loads (acquire), only when it has used up what it saw |
//! | `Shared::head` | loads (acquire), only when it has used up what it saw | stores (release) |
//! | `Shared::is_producer_gone` | stores once, in its drop | loads |
//! | `Shared::is_consumer_gone` | loads | stores once, in its drop |
//!
//! ```text
//!            head            tail          head + capacity
//!   … empty │ values          │ empty places │
//!           └ the consumer's ─┴ the producer's ┘
//! ```
//!
//! # Source
//!
//! Lamport's ring with the cached opposite index of `MCRingBuffer` (Lee, Bu, Chandranmenon 2010)
//! and a slip as in `FastForward` (Giacomoni, Moseley, Vachharajani 2008). Deviation: every value
//! is published at once, so nothing is ever held back; the slip is chosen from what was seen.
#![expect(
    unsafe_code,
    reason = "places are read and written by the rules in the table above"
)]

mod chunk;
mod claim;
mod pace;

pub use self::chunk::{Chunk, Taking};
pub use self::claim::Claim;
pub(crate) use self::pace::Pace;

use core::fmt;

use crate::cache_line::CacheLine;
use crate::places::{Memory, Places};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::{CapacityError, Deadline, Iter, Pop, PopError, Push, PushError, Spin, Wait};

/// The two ends of a ring.
pub type Ends<T, W = Spin> = (Producer<T, W>, Consumer<T, W>);

/// A ring whose ends poll while they wait; see [`Spin`].
///
/// # Errors
///
/// The capacity is not a power of two up to [`CAPACITY_MAX`](crate::CAPACITY_MAX), or no memory
/// can be that large.
pub fn ring<T>(capacity: usize) -> Result<Ends<T>, CapacityError> {
    ring_with(capacity)
}

/// A ring whose ends wait as `W` says.
///
/// # Errors
///
/// As for [`ring`].
pub fn ring_with<T, W: Wait>(capacity: usize) -> Result<Ends<T, W>, CapacityError> {
    let memory = Memory::new(capacity)?;
    let places = memory.places();
    let shared = Arc::new(Shared {
        tail: CacheLine(AtomicUsize::new(0)),
        head: CacheLine(AtomicUsize::new(0)),
        memory,
        is_producer_gone: AtomicBool::new(false),
        is_consumer_gone: AtomicBool::new(false),
        place: W::default(),
        value: W::default(),
    });
    let producer = Producer {
        shared: Arc::clone(&shared),
        places: places.clone(),
        tail: 0,
        limit: capacity,
        pace: Pace::of_producer(capacity),
    };
    let consumer = Consumer {
        shared,
        places,
        head: 0,
        limit: 0,
        pace: Pace::of_consumer(capacity),
    };
    Ok((producer, consumer))
}

/// What both ends see.
struct Shared<T, W> {
    /// The position of the next push.
    tail: CacheLine<AtomicUsize>,
    /// The position of the next pop.
    head: CacheLine<AtomicUsize>,
    memory: Memory<T>,
    is_producer_gone: AtomicBool,
    is_consumer_gone: AtomicBool,
    /// "There is a place": the producer waits for it.
    place: W,
    /// "There is a value": the consumer waits for it.
    value: W,
}

impl<T, W> Drop for Shared<T, W> {
    fn drop(&mut self) {
        // Both ends are gone; the reference count ordered their last stores before this.
        let head = self.head.0.load(Ordering::Relaxed);
        let tail = self.tail.0.load(Ordering::Relaxed);
        // SAFETY: the places `head..tail` hold values, nobody else is left, and this runs once.
        unsafe {
            self.memory.drop_values(head, tail.wrapping_sub(head));
        }
    }
}

/// The end that values go into.
///
/// # Complexity
///
/// Every call that does not wait is wait-free and allocates nothing.
pub struct Producer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// Those of `shared`, which keeps them.
    places: Places<T>,
    /// The same as `Shared::tail`, which only this end stores: loaded from there, in the line that
    /// the consumer polls, a round trip took 0.9 µs instead of 0.5.
    tail: usize,
    /// Up to where the places are known to be empty: `tail <= limit <= head + capacity`.
    limit: usize,
    pace: Pace,
}

impl<T, W: Wait> Producer<T, W> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] or [`PushError::Disconnected`], with the value in it; the ring is unchanged.
    ///
    /// # Complexity
    ///
    /// Wait-free; one store to a line that the consumer reads only when it has used up what it saw.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        let tail = self.tail();
        let is_full = tail == self.limit && self.refresh() == 0;
        self.put(tail, value, is_full)
    }

    /// Pushes, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// [`PushError::Disconnected`] with the value in it.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.push_until(value, Deadline::Never)
    }

    /// Pushes, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline, [`PushError::Disconnected`];
    /// the value is in it.
    #[inline]
    pub fn push_until(
        &mut self,
        value: T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError<T>> {
        let tail = self.tail();
        let is_full = tail == self.limit && self.make_room(deadline.into()) == 0;
        self.put(tail, value, is_full)
    }

    #[inline]
    fn put(&mut self, tail: usize, value: T, is_full: bool) -> Result<(), PushError<T>> {
        if self.is_disconnected() {
            return Err(PushError::Disconnected(value));
        }
        if is_full {
            return Err(PushError::Full(value));
        }
        // SAFETY: `tail < limit`, so the place is empty and the consumer leaves it alone.
        unsafe { self.places.write(tail, value) };
        self.publish(tail, 1);
        Ok(())
    }

    /// Lends up to `count` empty places, to be filled in place and published together.
    ///
    /// As many as there are now, at least one unless `count` is zero.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] or [`PushError::Disconnected`].
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_ringbuf::spsc;
    ///
    /// let (mut producer, mut consumer) = spsc::ring(8)?;
    /// let claim = producer.try_claim(3).expect("the ring is empty");
    /// assert_eq!(claim.fill(10..), 3);
    /// assert_eq!(consumer.try_chunk(8).expect("three are there").into_iter().sum::<u64>(), 33);
    /// # Ok::<(), claude_flow_ringbuf::CapacityError>(())
    /// ```
    #[inline]
    pub fn try_claim(&mut self, count: usize) -> Result<Claim<'_, T, W>, PushError<()>> {
        let mut free = self.limit.wrapping_sub(self.tail());
        if free < count {
            free = self.refresh();
        }
        self.lend(count, free)
    }

    /// Lends up to `count` empty places, waiting up to the deadline for the first.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline, [`PushError::Disconnected`].
    #[inline]
    pub fn claim_until(
        &mut self,
        count: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Claim<'_, T, W>, PushError<()>> {
        let mut free = self.limit.wrapping_sub(self.tail());
        if free < count {
            free = self.make_room(deadline.into());
        }
        self.lend(count, free)
    }

    #[inline]
    fn lend(&mut self, count: usize, free: usize) -> Result<Claim<'_, T, W>, PushError<()>> {
        if self.is_disconnected() {
            return Err(PushError::Disconnected(()));
        }
        if free == 0 && count != 0 {
            return Err(PushError::Full(()));
        }
        Ok(Claim::new(self, count.min(free)))
    }

    /// Pushes as many values as there are places for now, and says how many; the first of the
    /// slice come first.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no place at all, [`PushError::Disconnected`].
    #[inline]
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        Ok(self.try_claim(values.len())?.copy_from(values))
    }

    /// How many values are in the ring; the consumer may take some meanwhile.
    #[must_use]
    pub fn len(&self) -> usize {
        // SYNC: pairs with the Release store in `Consumer::release`.
        let head = self.shared.head.0.load(Ordering::Acquire);
        self.tail().wrapping_sub(head)
    }

    /// Whether there is no value in the ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the ring holds at most.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// Whether the consumer is gone.
    #[inline]
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        // Nothing is read in consequence of this: no ordering is needed.
        self.shared.is_consumer_gone.load(Ordering::Relaxed)
    }

    /// The position of the next push.
    #[inline]
    const fn tail(&self) -> usize {
        self.tail
    }

    /// Looks at what the consumer has emptied; the number of empty places.
    #[inline]
    fn refresh(&mut self) -> usize {
        // SYNC: pairs with the Release store in `Consumer::release`: the values are out of their
        // places before this end writes to them.
        let head = self.shared.head.0.load(Ordering::Acquire);
        self.limit = head.wrapping_add(self.capacity());
        let free = self.limit.wrapping_sub(self.tail());
        debug_assert!(free <= self.capacity(), "the head is never beyond the tail");
        self.pace.saw(free);
        free
    }

    /// Waits for an empty place, or for the consumer to go; the number of empty places.
    #[cold]
    fn make_room(&mut self, deadline: Deadline) -> usize {
        let free = self.refresh();
        if free != 0 {
            return free;
        }
        if self.pace.slip() {
            let free = self.refresh();
            if free != 0 {
                return free;
            }
        }
        self.shared
            .place
            .wait_until(deadline, || self.is_push_ready());
        // Some more than the one that ended the wait.
        self.pace.slip();
        self.refresh()
    }

    /// Hands the next `count` places, which were filled, to the consumer.
    #[inline]
    fn publish(&mut self, tail: usize, count: usize) {
        debug_assert!(
            count <= self.limit.wrapping_sub(tail),
            "only places of this end are published"
        );
        // SYNC: pairs with the Acquire load in `Consumer::look`.
        let tail = tail.wrapping_add(count);
        self.shared.tail.0.store(tail, Ordering::Release);
        // After the atomic store: the compiler then keeps the tail of a loop in a register.
        self.tail = tail;
        self.shared.value.notify(1);
    }
}

impl<T, W: Wait> Push<T> for Producer<T, W> {
    type Wait = W;

    #[inline]
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.try_push(value)
    }

    fn is_push_ready(&self) -> bool {
        self.tail() != self.limit
            || self.is_disconnected()
            // SYNC: pairs with the Release store in `Consumer::release`.
            || self.shared.head.0.load(Ordering::Acquire) != self.tail().wrapping_sub(self.capacity())
    }

    fn place(&self) -> &W {
        &self.shared.place
    }

    #[inline]
    fn push_until(&mut self, value: T, deadline: impl Into<Deadline>) -> Result<(), PushError<T>> {
        self.push_until(value, deadline)
    }
}

impl<T, W: Wait> Drop for Producer<T, W> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire load in `Consumer::is_disconnected`: who sees it sees the
        // last values as well.
        self.shared.is_producer_gone.store(true, Ordering::Release);
        self.shared.value.notify_all();
    }
}

impl<T, W: Wait> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// The end that values come out of.
///
/// When it is dropped, the values that are left are dropped with it.
///
/// # Complexity
///
/// Every call that does not wait is wait-free and allocates nothing.
pub struct Consumer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// Those of `shared`, which keeps them.
    places: Places<T>,
    /// The same as `Shared::head`, which only this end stores.
    head: usize,
    /// Up to where there are known to be values: `head <= limit <= tail`.
    limit: usize,
    pace: Pace,
}

impl<T, W: Wait> Consumer<T, W> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`]; what was pushed before the producer
    /// went is delivered first.
    ///
    /// # Complexity
    ///
    /// Wait-free; one store to a line that the producer reads only when it has used up what it saw.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        if self.head == self.limit {
            self.refill()?;
        }
        Ok(self.take())
    }

    /// Pops, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// [`PopError::Disconnected`].
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(Deadline::Never)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline, [`PopError::Disconnected`].
    #[inline]
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        if self.head == self.limit {
            self.await_values(deadline.into())?;
        }
        Ok(self.take())
    }

    #[inline]
    pub(crate) fn take(&mut self) -> T {
        debug_assert!(self.head != self.limit, "the caller has seen a value");
        // SAFETY: `head < limit`, so the place holds a value and the producer leaves it alone;
        // `release` gives the place back.
        let value = unsafe { self.places.read(self.head) };
        self.release(1);
        value
    }

    /// The next value, left where it is.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    pub fn try_peek(&mut self) -> Result<&T, PopError> {
        if self.head == self.limit {
            self.refill()?;
        }
        // SAFETY: `head < limit`, so the place is this end's; the slice borrows this end.
        let (first, _) = unsafe { self.places.slices(self.head, 1) };
        // SAFETY: the place holds a value, as above.
        Ok(unsafe { first[0].assume_init_ref() })
    }

    /// Lends up to `count` values in place, to be released together.
    ///
    /// As many as there are now, at least one unless `count` is zero.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    #[inline]
    pub fn try_chunk(&mut self, count: usize) -> Result<Chunk<'_, T, W>, PopError> {
        let there = self.limit.wrapping_sub(self.head);
        if there < count && self.look() == 0 {
            self.refill()?;
        }
        Ok(self.lend(count))
    }

    /// Lends up to `count` values in place, waiting up to the deadline for the first.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline, [`PopError::Disconnected`].
    #[inline]
    pub fn chunk_until(
        &mut self,
        count: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Chunk<'_, T, W>, PopError> {
        let there = self.limit.wrapping_sub(self.head);
        if there < count && self.look() == 0 {
            self.await_values(deadline.into())?;
        }
        Ok(self.lend(count))
    }

    #[inline]
    pub(crate) fn lend(&mut self, count: usize) -> Chunk<'_, T, W> {
        let there = self.limit.wrapping_sub(self.head);
        Chunk::new(self, count.min(there))
    }

    /// Pops as many values as there are now, up to the length of the slice, and says how many.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    #[inline]
    pub fn try_pop_slice(&mut self, values: &mut [T]) -> Result<usize, PopError>
    where
        T: Copy,
    {
        Ok(self.try_chunk(values.len())?.copy_to(values))
    }

    /// Pops what is there now, without waiting; each value frees its place when it is taken.
    pub fn drain(&mut self) -> crate::Drain<'_, Self, T> {
        Pop::drain(self)
    }

    /// Pops what comes, waiting between, until the producer is gone.
    pub fn iter(&mut self) -> Iter<'_, Self, T> {
        Pop::iter(self)
    }

    /// How many values are in the ring; the producer may add some meanwhile.
    #[must_use]
    pub fn len(&self) -> usize {
        // SYNC: pairs with the Release store in `Producer::publish`.
        let tail = self.shared.tail.0.load(Ordering::Acquire);
        tail.wrapping_sub(self.head)
    }

    /// Whether there is no value in the ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the ring holds at most.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// Whether the producer is gone; values may be left.
    #[inline]
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        // SYNC: pairs with the Release store in `Producer`'s drop.
        self.shared.is_producer_gone.load(Ordering::Acquire)
    }

    /// Whether the last look saw values that are not taken yet.
    #[inline]
    pub(crate) fn has_seen_values(&self) -> bool {
        self.head != self.limit
    }

    /// Looks at what the producer has filled; the number of values.
    #[inline]
    pub(crate) fn look(&mut self) -> usize {
        // SYNC: pairs with the Release store in `Producer::publish`: the values are in their
        // places before this end reads them.
        self.limit = self.shared.tail.0.load(Ordering::Acquire);
        let there = self.limit.wrapping_sub(self.head);
        debug_assert!(there <= self.capacity(), "a ring has only its places");
        self.pace.saw(there);
        there
    }

    /// Waits for at least one value.
    #[cold]
    fn await_values(&mut self, deadline: Deadline) -> Result<(), PopError> {
        match self.refill() {
            Err(PopError::Empty) => {}
            done => return done,
        }
        if self.pace.slip() && self.look() != 0 {
            return Ok(());
        }
        self.shared
            .value
            .wait_until(deadline, || self.is_pop_ready());
        // Some more than the one that ended the wait.
        self.pace.slip();
        self.refill()
    }

    /// Looks for at least one value.
    #[inline]
    fn refill(&mut self) -> Result<(), PopError> {
        if self.look() != 0 {
            return Ok(());
        }
        if !self.is_disconnected() {
            return Err(PopError::Empty);
        }
        // The last values may have come between the two looks.
        if self.look() == 0 {
            return Err(PopError::Disconnected);
        }
        Ok(())
    }

    /// Hands the next `count` places, which were emptied, to the producer.
    #[inline]
    fn release(&mut self, count: usize) {
        debug_assert!(
            count <= self.limit.wrapping_sub(self.head),
            "only places of this end are released"
        );
        let head = self.head.wrapping_add(count);
        // SYNC: pairs with the Acquire load in `Producer::refresh`.
        self.shared.head.0.store(head, Ordering::Release);
        // After the atomic store: the compiler then keeps the head of a loop in a register.
        self.head = head;
        self.shared.place.notify(1);
    }
}

impl<T, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn is_pop_ready(&self) -> bool {
        self.head != self.limit
            // SYNC: pairs with the Release store in `Producer::publish`.
            || self.shared.tail.0.load(Ordering::Acquire) != self.head
            || self.is_disconnected()
    }

    fn value(&self) -> &W {
        &self.shared.value
    }

    #[inline]
    fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        self.pop_until(deadline)
    }
}

impl<T, W: Wait> Drop for Consumer<T, W> {
    fn drop(&mut self) {
        // Nothing is read in consequence of this: no ordering is needed.
        self.shared.is_consumer_gone.store(true, Ordering::Relaxed);
        self.shared.place.notify_all();
        // What is left now would otherwise live as long as the producer does; what is pushed
        // while this runs does. A value that panics leaves the rest to the end of the ring.
        while let Ok(value) = self.try_pop() {
            drop(value);
        }
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
