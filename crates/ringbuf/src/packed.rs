//! One producer, one consumer, for the shortest way of a single small value.
//!
//! ```
//! use claude_flow_ringbuf::packed;
//!
//! let (mut producer, mut consumer) = packed::ring(64)?;
//! let sender = std::thread::spawn(move || (0..100_u64).all(|it| producer.push(it).is_ok()));
//! let sum: u64 = std::iter::from_fn(|| consumer.pop().ok()).sum();
//! assert_eq!(sum, 4_950);
//! # assert!(sender.join().expect("the sender does not panic"));
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! In [`spsc`](crate::spsc) a value that the consumer waits for comes on two cache lines: the
//! producer's index and the place. Here each line of values begins with a word that says up to
//! where it is filled, so the value comes with the news of it. Seven values of 8 bytes share a line.
//!
//! What it does not have: values are not contiguous, so there are no slices of places to lend; values
//! of more than 56 bytes take several lines and gain nothing; batches are slower than in `spsc`.
//!
//! # Who touches what
//!
//! A position counts values since the beginning and never wraps: 2⁶⁴ values at a thousand million a
//! second are more than five hundred years. With `VALUES` places a line, position `p` lies in line
//! `p / VALUES` modulo the number of lines. `head` is the position of the next value to pop, `tail`
//! that of the next to push, and `head <= tail <= head + capacity`.
//!
//! | what | producer | consumer |
//! |---|---|---|
//! | places `head..tail` | never | reads, empties |
//! | places `tail..head + capacity` | fills | never |
//! | the word of the tail's line | stores the tail (release), after the value | loads (acquire), when it has used up what it saw |
//! | `Shared::head` | loads (acquire), only when it has used up what it saw | stores (release) |
//! | `Shared::is_producer_gone` | stores once, in its drop | loads |
//! | `Shared::is_consumer_gone` | loads | stores once, in its drop |
//!
//! ```text
//!   line:  │ word = tail │ value │ value │ value │  …  │
//!          word > head: the values head..word are there
//!          word <= head: of an earlier lap, nothing is there yet
//! ```
//!
//! The word of the head's line is of an earlier lap, and then not above the head; or of this lap; or
//! of the next, if the producer has come round to the line while the consumer is still in it. Each is a tail,
//! and everything below a tail is published, also what lies in other lines. There are at least as many
//! places as the capacity, so the place of a position is that of no other from the head to the head and
//! the capacity.
//!
//! # Source
//!
//! The flag beside the value is `FastForward`'s (Giacomoni, Moseley, Vachharajani 2008); one word for the
//! values of a line is ours.
#![expect(
    unsafe_code,
    reason = "places are read and written by the rules in the table above"
)]

mod lines;
#[cfg(all(test, loom))]
mod loom_tests;

use core::fmt;

use self::lines::{Lines, Memory};
use crate::cache_line::CacheLine;
use crate::spsc::Pace;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};
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
    let lines = memory.lines();
    let shared = Arc::new(Shared {
        head: CacheLine(AtomicU64::new(0)),
        memory,
        capacity: capacity as u64,
        is_producer_gone: AtomicBool::new(false),
        is_consumer_gone: AtomicBool::new(false),
        place: W::default(),
        value: W::default(),
    });
    let producer = Producer {
        shared: Arc::clone(&shared),
        at: At::start(lines.clone()),
        limit: capacity as u64,
        pace: Pace::of_producer(capacity),
    };
    let consumer = Consumer {
        shared,
        at: At::start(lines),
        limit: 0,
        streak_start: 0,
        pace: Pace::of_consumer(capacity),
    };
    Ok((producer, consumer))
}

/// What both ends see.
struct Shared<T, W> {
    /// The position of the next pop.
    head: CacheLine<AtomicU64>,
    memory: Memory<T>,
    capacity: u64,
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
        let mut rest = Rest {
            at: At::of(self.memory.lines(), self.head.0.load(Ordering::Relaxed)),
        };
        rest.drop_all();
    }
}

/// A position with its place.
struct At<T> {
    lines: Lines<T>,
    position: u64,
    /// Below the number of lines.
    line: usize,
    /// Below [`Lines::VALUES`].
    slot: usize,
}

impl<T> At<T> {
    fn start(lines: Lines<T>) -> Self {
        Self {
            lines,
            position: 0,
            line: 0,
            slot: 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "remainders by what is below CAPACITY_MAX"
    )]
    fn of(lines: Lines<T>, position: u64) -> Self {
        let values = Lines::<T>::VALUES as u64;
        let line = (position / values % lines.count() as u64) as usize;
        let slot = (position % values) as usize;
        Self {
            lines,
            position,
            line,
            slot,
        }
    }

    /// The word of the line.
    #[inline]
    fn word(&self) -> &AtomicU64 {
        // SAFETY: the line is below the number of lines, and the end that this belongs to keeps
        // the memory alive.
        unsafe { self.lines.word(self.line) }
    }

    /// Goes to the next position.
    #[inline]
    fn step(&mut self) {
        self.position += 1;
        self.slot += 1;
        if self.slot == Lines::<T>::VALUES {
            self.slot = 0;
            self.line += 1;
            if self.line == self.lines.count() {
                self.line = 0;
            }
        }
    }

    /// How many positions from this one on are published.
    fn published(&self) -> u64 {
        let mut ahead = Self::of(self.lines.clone(), self.position);
        loop {
            // SYNC: pairs with the Release store in `Producer::publish`.
            let word = ahead.word().load(Ordering::Acquire);
            if word <= ahead.position {
                return ahead.position - self.position;
            }
            let is_full = word.is_multiple_of(Lines::<T>::VALUES as u64);
            ahead = Self::of(ahead.lines, word);
            if !is_full {
                return ahead.position - self.position;
            }
        }
    }
}

/// Drops what is left in a ring that nobody uses, all of it even if a value panics.
struct Rest<T> {
    at: At<T>,
}

impl<T> Rest<T> {
    fn drop_all(&mut self) {
        // Relaxed: nobody else is left.
        while self.at.word().load(Ordering::Relaxed) > self.at.position {
            let (line, slot) = (self.at.line, self.at.slot);
            self.at.step();
            // SAFETY: the word says that the place holds a value; nobody else is left, and `step`
            // saw to it that this happens once.
            drop(unsafe { self.at.lines.read(line, slot) });
        }
    }
}

impl<T> Drop for Rest<T> {
    fn drop(&mut self) {
        // What a panic of a value left; of a second panic the process dies.
        self.drop_all();
    }
}

/// The end that values go into.
///
/// # Complexity
///
/// Every call that does not wait is wait-free and allocates nothing.
pub struct Producer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// The tail.
    at: At<T>,
    /// Up to where the places are known to be empty: `tail <= limit <= head + capacity`.
    limit: u64,
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
    /// Wait-free; two stores to one line.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        let is_full = self.at.position == self.limit && self.refresh() == 0;
        self.put(value, is_full)
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
        let is_full = self.at.position == self.limit && self.make_room(deadline.into()) == 0;
        self.put(value, is_full)
    }

    #[inline]
    fn put(&mut self, value: T, is_full: bool) -> Result<(), PushError<T>> {
        if self.is_disconnected() {
            return Err(PushError::Disconnected(value));
        }
        if is_full {
            return Err(PushError::Full(value));
        }
        // SAFETY: `tail < limit`, so the place is empty and the consumer leaves it alone.
        unsafe { self.at.lines.write(self.at.line, self.at.slot, value) };
        self.publish();
        self.shared.value.notify(1);
        Ok(())
    }

    /// Pushes as many values as there are places for now, and says how many; the first of the
    /// slice come first.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no place at all, [`PushError::Disconnected`].
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        if self.is_disconnected() {
            return Err(PushError::Disconnected(()));
        }
        let mut free = self.limit - self.at.position;
        if free < values.len() as u64 {
            free = self.refresh();
        }
        if free == 0 && !values.is_empty() {
            return Err(PushError::Full(()));
        }
        let count = usize::try_from(free).map_or(values.len(), |free| free.min(values.len()));
        for value in &values[..count] {
            // SAFETY: `count` places from the tail on are empty, and the consumer leaves them alone.
            unsafe { self.at.lines.write(self.at.line, self.at.slot, *value) };
            self.publish();
        }
        self.shared.value.notify(1);
        Ok(count)
    }

    /// How many values are in the ring; the consumer may take some meanwhile.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most the capacity")]
    pub fn len(&self) -> usize {
        // SYNC: pairs with the Release store in `Consumer::release`.
        let head = self.shared.head.0.load(Ordering::Acquire);
        (self.at.position - head) as usize
    }

    /// Whether there is no value in the ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the ring holds at most.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "it came as a usize")]
    pub fn capacity(&self) -> usize {
        self.shared.capacity as usize
    }

    /// Whether the consumer is gone.
    #[inline]
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        // Nothing is read in consequence of this: no ordering is needed.
        self.shared.is_consumer_gone.load(Ordering::Relaxed)
    }

    /// Looks at what the consumer has emptied; the number of empty places.
    #[inline]
    fn refresh(&mut self) -> u64 {
        // SYNC: pairs with the Release store in `Consumer::release`: the values are out of their
        // places before this end writes to them.
        let head = self.shared.head.0.load(Ordering::Acquire);
        self.limit = head + self.shared.capacity;
        let free = self.limit - self.at.position;
        debug_assert!(
            free <= self.shared.capacity,
            "the head is never beyond the tail"
        );
        free
    }

    /// Waits for an empty place, or for the consumer to go; the number of empty places.
    #[cold]
    fn make_room(&mut self, deadline: Deadline) -> u64 {
        let free = self.refresh();
        if free != 0 {
            return free;
        }
        self.shared
            .place
            .wait_until(deadline, || self.is_push_ready());
        // Some more than the one that woke this end: see `Pace`.
        self.pace.slip();
        let free = self.refresh();
        self.pace.saw(usize::try_from(free).unwrap_or(usize::MAX));
        free
    }

    /// Hands the next place, which was filled, to the consumer.
    #[inline]
    fn publish(&mut self) {
        debug_assert!(self.at.position < self.limit, "the place is this end's");
        let tail = self.at.position + 1;
        // SYNC: pairs with the Acquire loads in `Consumer::look` and `At::published`.
        self.at.word().store(tail, Ordering::Release);
        self.at.step();
    }
}

impl<T, W: Wait> Push<T> for Producer<T, W> {
    type Wait = W;

    #[inline]
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.try_push(value)
    }

    fn is_push_ready(&self) -> bool {
        self.at.position != self.limit
            || self.is_disconnected()
            // SYNC: pairs with the Release store in `Consumer::release`.
            || self.shared.head.0.load(Ordering::Acquire) + self.shared.capacity != self.at.position
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
        // SYNC: pairs with the Acquire load in `Consumer::is_disconnected`: who sees this sees the
        // last values as well.
        self.shared.is_producer_gone.store(true, Ordering::Release);
        self.shared.value.notify_all();
    }
}

impl<T, W: Wait> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("packed::Producer")
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
    /// The head.
    at: At<T>,
    /// Up to where there are known to be values; none if it is not above the head.
    limit: u64,
    /// The head when the ring was last seen empty.
    streak_start: u64,
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
        if self.at.position >= self.limit {
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
        if self.at.position >= self.limit && !self.look() {
            self.await_value(deadline.into())?;
        }
        Ok(self.take())
    }

    /// The next value, left where it is.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    pub fn try_peek(&mut self) -> Result<&T, PopError> {
        if self.at.position >= self.limit {
            self.refill()?;
        }
        // SAFETY: `head < limit`, so the place holds a value, which is this end's while it is borrowed.
        Ok(unsafe { self.at.lines.get(self.at.line, self.at.slot) })
    }

    /// Pops as many values as there are now, up to the length of the slice, and says how many.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    pub fn try_pop_slice(&mut self, values: &mut [T]) -> Result<usize, PopError>
    where
        T: Copy,
    {
        let mut count = 0;
        while count < values.len() {
            if self.at.position >= self.limit && !self.look() {
                if count != 0 {
                    break;
                }
                self.refill()?;
            }
            values[count] = self.empty();
            count += 1;
        }
        if count != 0 {
            self.release();
        }
        Ok(count)
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
    ///
    /// # Complexity
    ///
    /// Linear in the values, a seventh of a step for each of 8 bytes.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most the capacity")]
    pub fn len(&self) -> usize {
        self.at.published() as usize
    }

    /// Whether there is no value in the ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_published()
    }

    /// How many values the ring holds at most.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "it came as a usize")]
    pub fn capacity(&self) -> usize {
        self.shared.capacity as usize
    }

    /// Whether the producer is gone; values may be left.
    #[inline]
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        // SYNC: pairs with the Release store in `Producer`'s drop.
        self.shared.is_producer_gone.load(Ordering::Acquire)
    }

    /// Takes the next value and gives its place back.
    #[inline]
    fn take(&mut self) -> T {
        let value = self.empty();
        self.release();
        value
    }

    /// Takes the next value; its place is given back by `release`.
    #[inline]
    fn empty(&mut self) -> T {
        debug_assert!(self.at.position < self.limit, "the caller has seen a value");
        // SAFETY: `head < limit`, so the place holds a value and the producer leaves it alone;
        // `step` passes it.
        let value = unsafe { self.at.lines.read(self.at.line, self.at.slot) };
        self.at.step();
        value
    }

    /// Hands the places before the head to the producer.
    #[inline]
    fn release(&self) {
        // SYNC: pairs with the Acquire load in `Producer::refresh`.
        self.shared
            .head
            .0
            .store(self.at.position, Ordering::Release);
        self.shared.place.notify(1);
    }

    /// Whether the next position is published.
    #[inline]
    fn is_published(&self) -> bool {
        // SYNC: pairs with the Release store in `Producer::publish`.
        self.at.word().load(Ordering::Acquire) > self.at.position
    }

    /// Looks at what the producer has filled in the line; whether there is a value.
    #[inline]
    fn look(&mut self) -> bool {
        // SYNC: pairs with the Release store in `Producer::publish`: the values are in their
        // places before this end reads them.
        self.limit = self.at.word().load(Ordering::Acquire);
        debug_assert!(
            self.limit <= self.at.position + self.shared.capacity,
            "a ring has only its places"
        );
        self.limit > self.at.position
    }

    /// Waits for a value.
    #[cold]
    fn await_value(&mut self, deadline: Deadline) -> Result<(), PopError> {
        let streak = self.at.position - self.streak_start;
        self.streak_start = self.at.position;
        self.pace.saw(usize::try_from(streak).unwrap_or(usize::MAX));
        self.pace.slip();
        self.shared
            .value
            .wait_until(deadline, || self.is_pop_ready());
        self.refill()
    }

    /// Looks for a value.
    #[inline]
    fn refill(&mut self) -> Result<(), PopError> {
        if self.look() {
            return Ok(());
        }
        if !self.is_disconnected() {
            return Err(PopError::Empty);
        }
        // The last values may have come between the two looks.
        if self.look() {
            return Ok(());
        }
        Err(PopError::Disconnected)
    }
}

impl<T, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn is_pop_ready(&self) -> bool {
        self.is_published() || self.is_disconnected()
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
        f.debug_struct("packed::Consumer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
