//! One producer that never waits, many consumers: who is too slow is told how many values it missed.
//!
//! - Pushing succeeds as long as consumers are not reading every place at this moment: a value that
//!   has not been read by somebody for a lap is taken from it.
//! - No read ever races with a write, for any `T`: a place that is being read is left out, and the
//!   producer goes on with the next one. There is nothing to validate afterwards, and no torn copy.
//! - A consumer that was overtaken goes on with the oldest value that is left, and
//!   [`missed`](Consumer::missed) says exactly how many there were between.
//! - Progress: the producer is wait-free, its work bounded by consumers and capacity; a consumer is
//!   lock-free (it starts again when it is overtaken between two instructions). Both pay a fence a
//!   value.
//! - Capacity: any power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX). Each consumer reads
//!   one place at a time, so with more places than consumers a push never fails.
//!
//! ```
//! use claude_flow_ringbuf::broadcast::lossy;
//!
//! let (mut tx, mut rx) = lossy::ring::<u64>(4)?;
//! for value in 0..10 {
//!     assert!(tx.try_push(value).is_ok());
//! }
//! assert_eq!(rx.try_pop(), Ok(6));
//! assert_eq!(rx.missed(), 6);
//! assert_eq!(rx.try_pop(), Ok(7));
//! assert_eq!(rx.missed(), 0);
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! # Who touches what
//!
//! | field | producer | consumers |
//! |---|---|---|
//! | `marks[i]` | stores, after it wrote the place, and before it writes it | load |
//! | `places[i]` | writes, while nobody holds its position | read, while they hold it |
//! | `held` of a seat | load, before it writes a place | its owner stores: before a read the position, after it "nothing" |
//! | `tail` | stores | load, to find the oldest value |
//!
//! ```text
//!   consumer                              producer
//!   held = p                              mark[i] = none
//!   fence                                 fence
//!   mark[i] == p? ── yes ─▶ read          somebody holds i? ── no ─▶ write, mark[i] = p'
//!        │ no: overtaken                       │ yes: mark[i] = p' is skipped, use i + 1
//! ```
//!
//! One of the two fences comes first. If it is the consumer's, the producer sees `held` and leaves the
//! place alone; if it is the producer's, the consumer sees that the mark is gone and does not read.
//!
//! # Source
//!
//! The announcement before the look is a hazard pointer's (Michael, 2004). The Disruptor has no
//! lossy mode; seqlock rings copy while the producer may write, which is a data race for all but atomics.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

use alloc::boxed::Box;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::cache_line::CacheLine;
use crate::places::Memory;
use crate::seats::{IDLE, Seat, Seats};
use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use crate::{CapacityError, Pop, PopError, Push, PushError, Spin, Wait};

/// Of a place that was never written, or is being written.
const NONE: u64 = 0;

/// The mark of a place that holds the value of a position.
const fn live(position: u64) -> u64 {
    (position + 1) << 1
}

/// The mark of a place that was being read when the producer came to it for a position.
const fn skipped(position: u64) -> u64 {
    live(position) | 1
}

/// A ring whose blocking consumers poll: [`ring_with`] and [`Spin`].
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
pub fn ring<T>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    ring_with(capacity)
}

/// A ring whose blocking consumers wait as `W` does.
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
///
/// # Complexity
///
/// Four allocations: the values, a word a place, the first seat, one for everything else.
#[expect(
    clippy::type_complexity,
    reason = "two ends in a result are what a constructor of two ends returns"
)]
pub fn ring_with<T, W: Wait>(
    capacity: usize,
) -> Result<(Producer<T, W>, Consumer<T, W>), CapacityError> {
    let shared = Arc::new(Shared {
        places: Memory::new(capacity)?,
        marks: (0..capacity).map(|_| AtomicU64::new(NONE)).collect(),
        tail: CacheLine(AtomicU64::new(0)),
        seats: Seats::new(),
        is_over: AtomicBool::new(false),
        consumer_count: AtomicUsize::new(0),
        value: W::default(),
        place: W::default(),
    });
    let consumer = Consumer::sit_down(shared.clone(), 0, 0);
    let producer = Producer {
        shared,
        tail: 0,
        number: 0,
        markers: PhantomData,
    };
    Ok((producer, consumer))
}

/// A value and how many were pushed before it.
struct Numbered<T> {
    number: u64,
    value: T,
}

struct Shared<T, W: Wait> {
    places: Memory<Numbered<T>>,
    /// What each place holds; a place holds a value (perhaps an old one) unless it is [`NONE`].
    marks: Box<[AtomicU64]>,
    /// Positions below are published.
    tail: CacheLine<AtomicU64>,
    seats: Seats,
    is_over: AtomicBool,
    consumer_count: AtomicUsize,
    value: W,
    /// Nobody waits for a place.
    place: W,
}

impl<T, W: Wait> Shared<T, W> {
    #[inline]
    fn mark(&self, position: u64) -> &AtomicU64 {
        &self.marks[self.places.index(position)]
    }
}

impl<T, W: Wait> Drop for Shared<T, W> {
    fn drop(&mut self) {
        /// Goes on after a value whose drop panics.
        struct Rest<'a, T, W: Wait>(&'a Shared<T, W>, u64);

        impl<T, W: Wait> Drop for Rest<'_, T, W> {
            fn drop(&mut self) {
                while self.1 < self.0.places.capacity() as u64 {
                    let at = self.1;
                    self.1 += 1;
                    if self.0.mark(at).load(Ordering::Relaxed) == NONE {
                        continue;
                    }
                    let rest = Rest(self.0, self.1);
                    // SAFETY: the place holds a value, the last end is gone, and each place is
                    // visited once.
                    drop(unsafe { self.0.places.read(at) });
                    core::mem::forget(rest);
                }
            }
        }

        if core::mem::needs_drop::<T>() {
            drop(Rest(self, 0));
        }
    }
}

/// The end that values go into; there is one. `Send` if `T` is `Send` and `Sync`.
pub struct Producer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// As `shared.tail`.
    tail: u64,
    /// How many values were pushed.
    number: u64,
    /// Consumers on several threads look at one value, so an end is as `Send` as an `Arc<T>`.
    markers: PhantomData<(alloc::sync::Arc<T>, Cell<()>)>,
}

impl<T, W: Wait> Producer<T, W> {
    /// Pushes without waiting, over the oldest value if the ring is full.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if every place is being read at this moment, which cannot be with more
    /// places than consumers; [`PushError::Disconnected`] while nobody listens (a later
    /// [`subscribe`](Self::subscribe) ends that). The value is in it.
    ///
    /// # Complexity
    ///
    /// Wait-free: a fence and a look at every consumer, as often as places are being read.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        let shared = &*self.shared;
        // Relaxed: nothing is read on the strength of this.
        if shared.consumer_count.load(Ordering::Relaxed) == 0 {
            return Err(PushError::Disconnected(value));
        }
        // A reader that moves on may be met in place after place, but only while values are left:
        // after a lap none is, and each reader is in the way once more at most.
        for _ in 0..2 * shared.places.capacity() {
            let position = self.tail;
            self.tail += 1;
            let mark = shared.mark(position);
            // Relaxed: only this end stores marks.
            let old = mark.load(Ordering::Relaxed);
            mark.store(NONE, Ordering::Relaxed);
            // SYNC: pairs with the fence in `Consumer::hold`.
            fence(Ordering::SeqCst);
            let index = shared.places.index(position);
            if old != NONE
                && shared
                    .seats
                    .is_any_held(|it| shared.places.index(it) == index)
            {
                // SYNC: pairs with the Acquire load of the mark in `Consumer::hold`.
                mark.store(skipped(position), Ordering::Release);
                // SYNC: pairs with the Acquire load of the tail in `Consumer::hold`.
                shared.tail.0.store(self.tail, Ordering::Release);
                continue;
            }
            let old = (old != NONE).then(|| {
                // SAFETY: the mark said that there is a value. Nobody reads it: whoever held it
                // before the fence is seen above (Acquire), whoever comes later sees `NONE`.
                unsafe { shared.places.read(position) }
            });
            let number = self.number;
            self.number += 1;
            // SAFETY: as above, nobody touches the place.
            unsafe { shared.places.write(position, Numbered { number, value }) };
            // SYNC: as above.
            mark.store(live(position), Ordering::Release);
            shared.tail.0.store(self.tail, Ordering::Release);
            shared.value.notify_all();
            drop(old);
            return Ok(());
        }
        Err(PushError::Full(value))
    }

    /// A consumer that sees what is pushed from now on.
    #[must_use]
    pub fn subscribe(&self) -> Consumer<T, W> {
        Consumer::sit_down(self.shared.clone(), self.tail, self.number)
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.places.capacity()
    }
}

impl<T, W: Wait> Push<T> for Producer<T, W> {
    type Wait = W;

    #[inline]
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        Self::try_push(self, value)
    }

    fn is_push_ready(&self) -> bool {
        true
    }

    fn place(&self) -> &W {
        &self.shared.place
    }
}

impl<T, W: Wait> Drop for Producer<T, W> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire load in `Consumer::hold`.
        self.shared.is_over.store(true, Ordering::Release);
        self.shared.value.notify_all();
    }
}

impl<T, W: Wait> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lossy::Producer").finish_non_exhaustive()
    }
}

/// One of the ends that values come out of. `Send` if `T` is `Send` and `Sync`; never `Sync`.
pub struct Consumer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    /// In `shared.seats`, and nobody else's while this lives.
    seat: NonNull<Seat>,
    /// The next position to read.
    next: Cell<u64>,
    /// The number of the next value, if none is missed.
    expected: u64,
    missed: u64,
    /// As in [`Producer`].
    markers: PhantomData<alloc::sync::Arc<T>>,
}

// SAFETY: as `Producer` (which is so by its fields), but for the seat, whose fields are atomics and
// which lives as long as `shared`; that one thread at a time uses it follows from `!Sync`.
unsafe impl<T: Send + Sync, W: Wait> Send for Consumer<T, W> {}

impl<T, W: Wait> Consumer<T, W> {
    fn sit_down(shared: Arc<Shared<T, W>>, next: u64, expected: u64) -> Self {
        let seat = shared.seats.take();
        // Relaxed: nothing hangs on it.
        shared.consumer_count.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            seat,
            next: Cell::new(next),
            expected,
            missed: 0,
            markers: PhantomData,
        }
    }

    /// Clones the next value out; see [`missed`](Self::missed).
    ///
    /// If `clone` panics, the value is still the next one.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`]; [`PopError::Disconnected`] after the last value.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError>
    where
        T: Clone,
    {
        self.try_see(T::clone)
    }

    /// Shows `see` the next value in place, and passes on what it returns.
    ///
    /// The producer leaves the place out as long as `see` runs. If it panics, the value is still
    /// the next one.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    ///
    /// # Complexity
    ///
    /// Lock-free: a fence a value.
    pub fn try_see<R>(&mut self, see: impl FnOnce(&T) -> R) -> Result<R, PopError> {
        let held = self.hold()?;
        let position = held.position;
        // SAFETY: the position is held and its mark was live afterwards: the producer does not
        // write to the place until `held` is dropped.
        let numbered = unsafe { self.shared.places.get(position) };
        let number = numbered.number;
        let seen = see(&numbered.value);
        // A model checks that the place was not written meanwhile.
        #[cfg(loom)]
        // SAFETY: as above.
        let _ = unsafe { self.shared.places.get(position) };
        drop(held);
        self.missed = number - self.expected;
        self.expected = number + 1;
        self.next.set(position + 1);
        Ok(seen)
    }

    /// How many values there were between the last one and the one before it, which this consumer
    /// was too slow to see.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.places.capacity()
    }

    /// Holds the oldest value that is left and was not read.
    #[inline]
    fn hold(&self) -> Result<Held<'_>, PopError> {
        let shared = &*self.shared;
        let mut next = self.next.get();
        loop {
            let mark = shared.mark(next);
            // SYNC: pairs with the Release stores in `try_push`.
            let found = mark.load(Ordering::Acquire);
            if found == live(next) {
                let held = Held {
                    // SAFETY: the seat lives as long as `shared`.
                    seat: unsafe { self.seat.as_ref() },
                    position: next,
                };
                held.seat.held.store(next, Ordering::Release);
                // SYNC: pairs with the fence in `Producer::try_push`.
                fence(Ordering::SeqCst);
                if mark.load(Ordering::Acquire) == found {
                    return Ok(held);
                }
            } else if found == skipped(next) {
                next += 1;
                continue;
            }
            // SYNC: pairs with the Release store in `Producer::drop`; before the tail, so that
            // nothing is pushed between the two.
            let is_over = shared.is_over.load(Ordering::Acquire);
            // SYNC: pairs with the Release store in `try_push`.
            let tail = shared.tail.0.load(Ordering::Acquire);
            if next >= tail {
                self.next.set(next);
                return Err(if is_over {
                    PopError::Disconnected
                } else {
                    PopError::Empty
                });
            }
            let now = mark.load(Ordering::Acquire);
            if now == live(next) || now == skipped(next) {
                // It was published between the two loads.
                continue;
            }
            // It was published and is not there any more: overtaken. At the tail the producer may
            // be overwriting the oldest, so at least one further.
            next = (next + 1).max(tail.saturating_sub(shared.places.capacity() as u64));
        }
    }
}

/// A position that the producer leaves alone while this lives.
struct Held<'a> {
    seat: &'a Seat,
    position: u64,
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire loads in `Seats::is_any_held`: what was read was read before.
        self.seat.held.store(IDLE, Ordering::Release);
    }
}

impl<T: Clone, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        Self::try_pop(self)
    }

    fn is_pop_ready(&self) -> bool {
        // SYNC: as in `hold`. The tail, not the mark: overtaken is ready as well.
        let is_over = self.shared.is_over.load(Ordering::Acquire);
        is_over || self.next.get() < self.shared.tail.0.load(Ordering::Acquire)
    }

    fn value(&self) -> &W {
        &self.shared.value
    }
}

impl<T, W: Wait> Clone for Consumer<T, W> {
    /// Another consumer, which stands where this one stands.
    fn clone(&self) -> Self {
        Self::sit_down(self.shared.clone(), self.next.get(), self.expected)
    }
}

impl<T, W: Wait> Drop for Consumer<T, W> {
    fn drop(&mut self) {
        // SAFETY: the seat lives as long as `shared`.
        unsafe { self.seat.as_ref() }.give_back();
        self.shared.consumer_count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lossy::Consumer").finish_non_exhaustive()
    }
}
