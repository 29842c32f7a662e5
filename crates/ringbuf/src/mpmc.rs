//! Many producers, many consumers: each value goes to one consumer.
//!
//! - Lock-free: a thread that is stopped keeps others from *its* places only. A producer stopped
//!   between claim and publication hides what was pushed after it; a consumer stopped between claim
//!   and release keeps producers from going a lap further.
//! - One atomic exchange a message and side, or a batch and side; no fence; no allocation after
//!   construction but one small one for the first consumer of each number of simultaneous ones.
//! - Out of lock step: an end that has just caught up with the other side waits once, for up to
//!   some 3 µs, before it says that there is nothing or takes the last place.
//!   It does so in a stream of values only, never when a value comes now and then.
//! - Order: each consumer sees the values of one producer in the order in which they were pushed.
//! - Capacity: any power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
//!
//! ```
//! use claude_flow_ringbuf::{PopError, mpmc};
//!
//! let (tx, rx) = mpmc::ring::<u64>(8)?;
//! let other = rx.clone();
//! tx.try_push(1).expect("there are eight places");
//! tx.try_push(2).expect("there are eight places");
//! assert_eq!(rx.try_pop(), Ok(1));
//! assert_eq!(other.try_pop(), Ok(2));
//! drop(tx);
//! assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! # Who touches what
//!
//! The producers' half is shared with the other kinds with many producers: a cursor `tail` that
//! they exchange, a stamp a place that says what is published.
//!
//! | field | producers | consumers |
//! |---|---|---|
//! | `head` | load, when their count of free places is used up | exchange: a claim |
//! | `held` of a consumer's seat | load, after `head` | its owner stores: before its claim the position, after its last read "nothing" |
//!
//! ```text
//!  positions   0 ............ released ............ head ............ tail ............ +capacity
//!              (places free)     │   being read      │  live or being   │     free         │
//!                                │   by consumers    │  filled          │                  │
//!                                └ min(head, every held)
//! ```
//!
//! Producers load `head` and then each `held`: a consumer that claimed below that `head` stored its
//! `held` before, so that store or a later one is seen. This way a consumer does not write to the
//! places that it empties, and a batch is released by one store.
//!
//! # Source
//!
//! Vyukov, "Bounded MPMC queue", 2010, for the two cursors and the stamp that only holds for one
//! lap. Deviation: release through one word a consumer (a hazard pointer's idea: Michael, 2004) instead
//! of through the stamps.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

#[cfg(all(test, loom))]
mod loom_tests;

use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::cache_line::CacheLine;
pub use crate::claims::Claim;
use crate::claims::Claims;
use crate::seats::{IDLE, Seat, Seats};
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
        head: CacheLine(AtomicU64::new(0)),
        seats: Seats::new(),
    });
    shared.claims.add_consumer();
    let consumer = Consumer::sit_down(shared.clone());
    Ok((Producer { shared }, consumer))
}

struct Shared<T, W: Wait> {
    claims: Claims<T, W>,
    /// The next position to pop.
    head: CacheLine<AtomicU64>,
    seats: Seats,
}

impl<T, W: Wait> Shared<T, W> {
    /// Positions below are free again.
    #[inline]
    fn released(&self) -> u64 {
        // SYNC: pairs with the Release exchange in `Consumer::take`. Before the seats: see the
        // module's documentation.
        let head = self.head.0.load(Ordering::Acquire);
        head.min(self.seats.lowest_held())
    }
}

impl<T, W: Wait> Drop for Shared<T, W> {
    fn drop(&mut self) {
        let head = self.head.0.load(Ordering::Relaxed);
        // SAFETY: the last end is gone, and positions from `head` on were not popped.
        unsafe { self.claims.drop_values(head) };
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
    /// unchanged. The ring may look full while consumers contend for its last place; a blocked
    /// producer is told afterwards.
    ///
    /// # Complexity
    ///
    /// Lock-free: one exchange. When the places that were known to be free are used up, a look at
    /// every consumer.
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
    /// let (tx, mut rx) = claude_flow_ringbuf::mpmc::ring::<String>(8)?;
    /// let mut claim = tx.try_claim(3).expect("the ring is empty");
    /// claim.extend(["a", "b", "c"].map(String::from));
    /// claim.commit();
    /// assert_eq!(rx.try_chunk(8).expect("three are there").as_slice(), ["a", "b", "c"]);
    /// # Ok::<(), claude_flow_ringbuf::CapacityError>(())
    /// ```
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

    /// How many values are in the ring or being pushed, at some moment.
    #[must_use]
    pub fn len(&self) -> usize {
        let shared = &*self.shared;
        // Before the tail, so that it is not above it; both may have gone on in between.
        let head = shared.head.0.load(Ordering::Acquire);
        let count = shared.claims.count(head, shared.claims.tail());
        count.min(self.capacity())
    }

    /// Whether nothing was in the ring, at some moment.
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
        f.debug_struct("mpmc::Producer").finish_non_exhaustive()
    }
}

/// The end that values come out of; clone it for more, one for each thread.
///
/// It is `Send` and not `Sync`: it owns the word that says what it is reading.
pub struct Consumer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// In `shared.seats`, and nobody else's while this lives.
    seat: NonNull<Seat>,
    slip: Slip,
}

// SAFETY: `shared` may be shared by threads, and the seat, which lives as long as it, has atomic
// fields only; that one thread at a time uses it follows from `Consumer` not being `Sync`.
unsafe impl<T: Send, W: Wait> Send for Consumer<T, W> {}

impl<T, W: Wait> Consumer<T, W> {
    fn sit_down(shared: Arc<Shared<T, W>>) -> Self {
        let seat = shared.seats.take();
        Self {
            shared,
            seat,
            slip: Slip::default(),
        }
    }

    #[inline]
    fn seat(&self) -> &Seat {
        // SAFETY: the seat lives as long as `shared`.
        unsafe { self.seat.as_ref() }
    }

    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], also while the next place is claimed and not filled yet;
    /// [`PopError::Disconnected`], once everything that was pushed is popped.
    ///
    /// # Complexity
    ///
    /// Lock-free: one exchange.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        let (position, _) = self.take(1)?;
        // SAFETY: the position is live and was claimed by this consumer alone; producers do not
        // pass it while the seat holds it.
        let value = unsafe { self.shared.claims.places.read(position) };
        self.release(1);
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
    /// Lock-free: one exchange and one copy; two of each over the end of the array.
    pub fn try_pop_slice(&self, values: &mut [T]) -> Result<usize, PopError>
    where
        T: Copy,
    {
        let mut popped = 0;
        while popped < values.len() {
            let (position, count) = match self.take(values.len() - popped) {
                Ok(taken) => taken,
                Err(_) if popped > 0 => break,
                Err(why) => return Err(why),
            };
            let to = &mut values[popped..popped + count];
            let to: *mut [T] = to;
            // SAFETY: `MaybeUninit<T>` is laid out as `T`, and `copy_out` only writes values.
            let to = unsafe { &mut *(to as *mut [MaybeUninit<T>]) };
            // SAFETY: the positions are live and were claimed by this consumer alone; producers
            // do not pass them while the seat holds the first one.
            unsafe { self.shared.claims.places.copy_out(position, to) };
            self.release(count);
            popped += count;
        }
        Ok(popped)
    }

    /// Takes up to `max` values at once, to be read in place or moved out one by one.
    ///
    /// Fewer come at the end of the array, and when fewer are there. Dropping the chunk drops what
    /// was not moved out.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    ///
    /// # Complexity
    ///
    /// Lock-free: one exchange.
    pub fn try_chunk(&mut self, max: usize) -> Result<Chunk<'_, T, W>, PopError> {
        let (next, count) = if max == 0 { (0, 0) } else { self.take(max)? };
        Ok(Chunk {
            consumer: self,
            next,
            end: next + count as u64,
            count,
        })
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.claims.capacity()
    }

    /// Claims up to `max` live values for this consumer: the first position and how many.
    ///
    /// They are held until [`release`](Self::release). `max` is not zero.
    #[inline]
    fn take(&self, max: usize) -> Result<(u64, usize), PopError> {
        let Shared { claims, head, .. } = &*self.shared;
        let held = &self.seat().held;
        let mut is_held = false;
        let mut is_last_look = false;
        // SYNC: pairs with the Release exchange below: whoever moved `head` here saw the stamps of
        // the laps before, so that `run` reads no older ones.
        let mut next = head.0.load(Ordering::Acquire);
        loop {
            let run = claims.run(next, max);
            if run.count == 0 {
                let now = head.0.load(Ordering::Acquire);
                if now != next {
                    next = now;
                    continue;
                }
                if is_held {
                    self.retract();
                    is_held = false;
                }
                match claims.why_empty() {
                    PopError::Disconnected if !is_last_look => is_last_look = true,
                    PopError::Empty if self.slip.missed(claims.capacity(), TICKS_MAX_ONE) => {}
                    why => return Err(why),
                }
                continue;
            }
            // SYNC: pairs with the Acquire load in `Seats::lowest_held`, which comes after an
            // Acquire load of `head`, which pairs with the exchange below.
            held.store(next, Ordering::Release);
            is_held = true;
            match head.0.compare_exchange_weak(
                next,
                next + run.count as u64,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) if run.is_skipped => {
                    self.release(run.count);
                    is_held = false;
                    next = head.0.load(Ordering::Acquire);
                }
                Ok(_) => {
                    self.slip.found();
                    return Ok((next, run.count));
                }
                Err(now) => next = now,
            }
        }
    }

    /// Gives the places of what was taken back to the producers.
    #[inline]
    fn release(&self, count: usize) {
        // SYNC: pairs with the Acquire load in `Seats::lowest_held`: what was read was read before.
        self.seat().held.store(IDLE, Ordering::Release);
        self.shared.claims.place.notify(count);
    }

    /// Lets go of a position that another consumer took.
    #[cold]
    fn retract(&self) {
        // SYNC: as in `release`; nothing was read.
        self.seat().held.store(IDLE, Ordering::Release);
        // A producer may have found the ring full because of it, and sleeps.
        self.shared.claims.place.notify_all();
    }
}

impl<T, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        Self::try_pop(self)
    }

    fn is_pop_ready(&self) -> bool {
        let shared = &*self.shared;
        // SYNC: pairs with the Release exchange in `take`.
        let head = shared.head.0.load(Ordering::Acquire);
        shared.claims.is_published(head) || shared.claims.why_empty() == PopError::Disconnected
    }

    fn value(&self) -> &W {
        &self.shared.claims.value
    }
}

impl<T, W: Wait> Clone for Consumer<T, W> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.claims.add_consumer();
        Self::sit_down(shared)
    }
}

impl<T, W: Wait> Drop for Consumer<T, W> {
    fn drop(&mut self) {
        self.seat().give_back();
        self.shared.claims.remove_consumer();
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpmc::Consumer").finish_non_exhaustive()
    }
}

/// Values that one consumer has taken: an iterator that moves them out.
///
/// Dropping it drops the others and gives the places back. Leaking it leaks the values and keeps
/// producers from going further than a lap.
pub struct Chunk<'a, T, W: Wait> {
    consumer: &'a mut Consumer<T, W>,
    /// The first position that was not moved out.
    next: u64,
    /// The first position that was not taken.
    end: u64,
    /// How many were taken.
    count: usize,
}

impl<T, W: Wait> Chunk<'_, T, W> {
    /// The values that were not moved out yet.
    #[cfg(not(loom))]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        let [(start, count), _] = self
            .consumer
            .shared
            .claims
            .places
            .runs(self.next, self.len());
        // SAFETY: a chunk ends at the end of the array at the latest, so this is all of it; its
        // values are live, taken by this consumer, and held until this is dropped.
        unsafe { core::slice::from_raw_parts(start.cast::<T>(), count) }
    }
}

impl<T, W: Wait> Iterator for Chunk<'_, T, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next == self.end {
            return None;
        }
        let position = self.next;
        self.next += 1;
        // SAFETY: the position is live, taken by this consumer, held until this is dropped, and
        // not given out before.
        Some(unsafe { self.consumer.shared.claims.places.read(position) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.consumer.shared.claims.count(self.next, self.end);
        (count, Some(count))
    }
}

impl<T, W: Wait> ExactSizeIterator for Chunk<'_, T, W> {}

impl<T, W: Wait> Drop for Chunk<'_, T, W> {
    fn drop(&mut self) {
        /// Goes on after a value whose drop panics.
        struct Rest<'a, 'b, T, W: Wait>(&'a mut Chunk<'b, T, W>);

        impl<T, W: Wait> Drop for Rest<'_, '_, T, W> {
            fn drop(&mut self) {
                while let Some(value) = self.0.next() {
                    let rest = Rest(self.0);
                    drop(value);
                    core::mem::forget(rest);
                }
                if self.0.count > 0 {
                    self.0.consumer.release(self.0.count);
                    self.0.count = 0;
                }
            }
        }

        drop(Rest(self));
    }
}

impl<T, W: Wait> fmt::Debug for Chunk<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").finish_non_exhaustive()
    }
}
