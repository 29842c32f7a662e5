//! Many producers, one consumer, one array.
//!
//! - Producers are lock-free, the consumer is wait-free but for places that were given up, which it
//!   passes. A producer stopped between claim and publication hides what was pushed after it.
//! - One atomic exchange a message, or a batch, on the producers' side; none on the consumer's;
//!   no fence; no allocation after construction.
//! - Out of lock step: an end that has just caught up with the other side waits once, for up to
//!   some 3 µs, before it says that there is nothing or takes the last place.
//!   It does so in a stream of values only, never when a value comes now and then.
//! - Order: the values of one producer come in the order in which they were pushed, and those of
//!   all in the order of their claims.
//! - Capacity: any power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
//!
//! ```
//! use claude_flow_ringbuf::{PopError, mpsc};
//!
//! let (tx, mut rx) = mpsc::ring::<u64>(64)?;
//! let other = tx.clone();
//! std::thread::scope(|scope| {
//!     scope.spawn(move || tx.try_push_slice(&[1, 2, 3]));
//!     scope.spawn(move || other.try_push(4));
//! });
//! let mut sum = 0;
//! while let Ok(chunk) = rx.try_chunk(64) {
//!     sum += chunk.sum::<u64>();
//! }
//! assert_eq!(sum, 10);
//! assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! # Who touches what
//!
//! The producers' half is shared with the other kinds with many producers: a cursor `tail` that
//! they exchange, a stamp a place that says what is published.
//!
//! | field | producers | consumer |
//! |---|---|---|
//! | `released` | load, when their count of free places is used up | stores, after its last read of a place |
//! | `next` in the consumer | – | its own |
//!
//! ```text
//!  positions   0 ........ released ........ next ........ tail ........ released + capacity
//!              (free)     │  moved out, not  │ live or     │    free       │
//!                         │  released yet    │ being filled│               │
//! ```
//!
//! # Source
//!
//! Vyukov, "Bounded MPMC queue", 2010, with one consumer; batches as in the LMAX Disruptor.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

#[cfg(all(test, loom))]
mod loom_tests;

use core::cell::Cell;
use core::fmt;
use core::mem::MaybeUninit;

use crate::cache_line::CacheLine;
pub use crate::claims::Claim;
use crate::claims::Claims;
use crate::slip::{Slip, TICKS_MAX_ONE};
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::{CapacityError, Pop, PopError, Push, PushError, Spin, Wait};

/// A ring whose blocking ends poll: [`ring_with`] and [`Spin`].
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
pub fn ring<T>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    ring_with(capacity)
}

/// A ring whose blocking ends wait as `W` does.
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
///
/// # Complexity
///
/// Three allocations: the values, one byte a place, one for everything else.
#[expect(
    clippy::type_complexity,
    reason = "two ends in a result are what a constructor of two ends returns"
)]
pub fn ring_with<T, W: Wait>(
    capacity: usize,
) -> Result<(Producer<T, W>, Consumer<T, W>), CapacityError> {
    let shared = Arc::new(Shared {
        claims: Claims::new(capacity, false)?,
        released: CacheLine(AtomicU64::new(0)),
    });
    shared.claims.add_consumer();
    let consumer = Consumer {
        shared: shared.clone(),
        next: Cell::new(0),
        slip: Slip::default(),
    };
    Ok((Producer { shared }, consumer))
}

struct Shared<T, W: Wait> {
    claims: Claims<T, W>,
    /// Positions below are free again.
    released: CacheLine<AtomicU64>,
}

impl<T, W: Wait> Shared<T, W> {
    #[inline]
    fn released(&self) -> u64 {
        // SYNC: pairs with the Release store in `Consumer::release`.
        self.released.0.load(Ordering::Acquire)
    }
}

impl<T, W: Wait> Drop for Shared<T, W> {
    fn drop(&mut self) {
        let released = self.released.0.load(Ordering::Relaxed);
        // SAFETY: the last end is gone, and the consumer released all that it moved out when it went.
        unsafe { self.claims.drop_values(released) };
    }
}

/// The end that values go into; clone it for more.
pub struct Producer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
}

impl<T, W: Wait> Producer<T, W> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] or [`PushError::Disconnected`] with the value in it; the ring is
    /// unchanged.
    ///
    /// # Complexity
    ///
    /// Lock-free: one exchange.
    #[inline]
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let shared = &*self.shared;
        shared.claims.try_push::<false>(value, || shared.released())
    }

    /// Pushes as many of the values as there are places for, in one batch, and says how many.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no place at all, [`PushError::Disconnected`].
    ///
    /// # Complexity
    ///
    /// Lock-free: one exchange, one or two copies, one byte written a value.
    #[inline]
    pub fn try_push_slice(&self, values: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        let shared = &*self.shared;
        shared
            .claims
            .try_push_slice::<false>(values, || shared.released())
    }

    /// Claims `count` places, to be filled in place and published together.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there are not so many free places (always, if `count` is above the
    /// capacity), [`PushError::Disconnected`].
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = claude_flow_ringbuf::mpsc::ring::<String>(8)?;
    /// let mut claim = tx.try_claim(3).expect("the ring is empty");
    /// claim.extend(["a", "b", "c"].map(String::from));
    /// claim.commit();
    /// assert_eq!(rx.try_chunk(8).expect("three are there").as_slice(), ["a", "b", "c"]);
    /// # Ok::<(), claude_flow_ringbuf::CapacityError>(())
    /// ```
    #[inline]
    pub fn try_claim(&self, count: usize) -> Result<Claim<'_, T, W>, PushError<()>> {
        let shared = &*self.shared;
        shared
            .claims
            .try_claim::<false>(count, || shared.released())
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.claims.capacity()
    }

    /// How many values are in the ring, those that are just being pushed among them.
    #[must_use]
    pub fn len(&self) -> usize {
        let released = self.shared.released();
        self.shared
            .claims
            .count(released, self.shared.claims.tail())
    }

    /// Whether there is no value in the ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, W: Wait> Push<T> for Producer<T, W> {
    type Wait = W;

    #[inline]
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        Self::try_push(self, value)
    }

    fn is_push_ready(&self) -> bool {
        let shared = &*self.shared;
        shared.claims.consumers_are_gone() || shared.claims.has_place(shared.released())
    }

    fn place(&self) -> &W {
        &self.shared.claims.place
    }
}

impl<T, W: Wait> Clone for Producer<T, W> {
    fn clone(&self) -> Self {
        // The Arc first: it refuses to be cloned more often than the count can hold.
        let shared = self.shared.clone();
        shared.claims.add_producer();
        Self { shared }
    }
}

impl<T, W: Wait> Drop for Producer<T, W> {
    fn drop(&mut self) {
        self.shared.claims.remove_producer();
    }
}

impl<T, W: Wait> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpsc::Producer").finish_non_exhaustive()
    }
}

/// The one end that values come out of.
///
/// It is `Send` and not `Sync`: its position is its own.
pub struct Consumer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// The next position to pop; at or above `shared.released`.
    next: Cell<u64>,
    slip: Slip,
}

impl<T, W: Wait> Consumer<T, W> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], also while the next place is claimed and not filled yet;
    /// [`PopError::Disconnected`], once everything that was pushed is popped.
    ///
    /// # Complexity
    ///
    /// No exchange: two loads and a store. Constant, but for places that were given up.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        self.look(1)?;
        let value = self.take();
        self.release();
        Ok(value)
    }

    /// Copies values out, as many as there are and as fit, and says how many.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    ///
    /// # Complexity
    ///
    /// One copy and one store; two of each over the end of the array.
    pub fn try_pop_slice(&self, values: &mut [T]) -> Result<usize, PopError>
    where
        T: Copy,
    {
        let mut popped = 0;
        while popped < values.len() {
            let count = match self.look(values.len() - popped) {
                Ok(count) => count,
                Err(_) if popped > 0 => break,
                Err(why) => return Err(why),
            };
            let to: *mut [T] = &raw mut values[popped..popped + count];
            // SAFETY: `MaybeUninit<T>` is laid out as `T`, and `copy_out` only writes values.
            let to = unsafe { &mut *(to as *mut [MaybeUninit<T>]) };
            // SAFETY: the positions are live, and producers do not pass what is not released.
            unsafe { self.shared.claims.places.copy_out(self.next.get(), to) };
            self.next.set(self.next.get() + count as u64);
            self.release();
            popped += count;
        }
        Ok(popped)
    }

    /// Looks at the next value and leaves it there.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_peek(&mut self) -> Result<&T, PopError> {
        self.look(1)?;
        // SAFETY: the position is live, producers do not pass what is not released, and nothing is
        // released while this end is borrowed.
        Ok(unsafe { self.shared.claims.places.get(self.next.get()) })
    }

    /// Up to `max` values at once, to be read in place or moved out one by one.
    ///
    /// Fewer come at the end of the array, and when fewer are there. What is not moved out when the
    /// chunk is dropped stays in the ring.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    ///
    /// # Complexity
    ///
    /// One load a value, one store a chunk.
    #[inline]
    pub fn try_chunk(&mut self, max: usize) -> Result<Chunk<'_, T, W>, PopError> {
        let count = if max == 0 { 0 } else { self.look(max)? };
        Ok(Chunk {
            consumer: self,
            len: count,
        })
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.claims.capacity()
    }

    /// How many values there are at `next`, up to `max`, which is not zero; passes skipped places.
    #[inline]
    fn look(&self, max: usize) -> Result<usize, PopError> {
        let claims = &self.shared.claims;
        let mut is_last_look = false;
        loop {
            let run = claims.run(self.next.get(), max);
            if run.count == 0 {
                match claims.why_empty() {
                    PopError::Disconnected if !is_last_look => is_last_look = true,
                    PopError::Empty if self.slip.missed(claims.capacity(), TICKS_MAX_ONE) => {}
                    why => return Err(why),
                }
            } else if run.is_skipped {
                self.next.set(self.next.get() + run.count as u64);
                self.release();
            } else {
                self.slip.found();
                return Ok(run.count);
            }
        }
    }

    /// Moves the value at `next` out; the caller has just looked at it.
    #[inline]
    fn take(&self) -> T {
        let position = self.next.get();
        self.next.set(position + 1);
        // SAFETY: the position is live, as every caller has seen; producers do not pass what is not
        // released, and `next` was moved on, so that nobody reads it twice.
        unsafe { self.shared.claims.places.read(position) }
    }

    /// Gives everything before `next` back to the producers.
    #[inline]
    fn release(&self) {
        let next = self.next.get();
        let released = &self.shared.released.0;
        // Relaxed: only this end stores it.
        let before = released.load(Ordering::Relaxed);
        // SYNC: pairs with the Acquire load in `Shared::released`.
        released.store(next, Ordering::Release);
        let claims = &self.shared.claims;
        claims.place.notify(claims.count(before, next));
    }
}

impl<T, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        Self::try_pop(self)
    }

    fn is_pop_ready(&self) -> bool {
        let claims = &self.shared.claims;
        claims.is_published(self.next.get()) || claims.why_empty() == PopError::Disconnected
    }

    fn value(&self) -> &W {
        &self.shared.claims.value
    }
}

impl<T, W: Wait> Drop for Consumer<T, W> {
    fn drop(&mut self) {
        // A chunk that was leaked has released nothing.
        self.release();
        self.shared.claims.remove_consumer();
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpsc::Consumer").finish_non_exhaustive()
    }
}

/// Values that are there: an iterator that moves them out.
///
/// Dropping it gives the places of what was moved out back; the other values stay in the ring.
pub struct Chunk<'a, T, W: Wait> {
    consumer: &'a mut Consumer<T, W>,
    /// How many values from the consumer's `next` on are live.
    len: usize,
}

impl<T, W: Wait> Chunk<'_, T, W> {
    /// The values that were not moved out yet.
    #[cfg(not(loom))]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        let places = &self.consumer.shared.claims.places;
        let [(start, count), _] = places.runs(self.consumer.next.get(), self.len);
        // SAFETY: a chunk ends at the end of the array at the latest, so this is all of it; its
        // values are live, and nothing is moved out or released while this is borrowed.
        unsafe { core::slice::from_raw_parts(start.cast::<T>(), count) }
    }
}

impl<T, W: Wait> Iterator for Chunk<'_, T, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        Some(self.consumer.take())
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<T, W: Wait> ExactSizeIterator for Chunk<'_, T, W> {}

impl<T, W: Wait> Drop for Chunk<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.release();
    }
}

impl<T, W: Wait> fmt::Debug for Chunk<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
