//! One or many producers, many consumers: each consumer sees each value.
//!
//! - Nothing is lost: producers wait for the slowest consumer. A ring that rather forgets is
//!   [`lossy`].
//! - One producer pushes with plain stores; [`share`](Producer::share) makes an end that can be
//!   cloned and costs one exchange a message or batch. A read costs one store, or one a batch.
//! - Consumers join and leave while the ring runs, up to a bound given at construction; one can be
//!   made to [`follow`](Consumer::follow) others, and then sees only what those have released.
//! - Out of lock step: an end that has just caught up with the other side waits once, for less than
//!   a microsecond, before it says that there is nothing or takes the last place.
//!   It does so in a stream of values only, never when a value comes now and then.
//! - Order: every consumer sees the same order, which is the order of the claims.
//! - Values are read by reference, or cloned out. A value is dropped when it is overwritten a lap
//!   later, or with the ring; not when the last consumer has seen it.
//! - Progress: producers and consumers are lock-free against their own kind. A producer stopped
//!   between claim and publication hides what was pushed after it; a consumer that does not release
//!   stops the producers after a lap, until it goes.
//! - Capacity: any power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
//!
//! ```
//! use claude_flow_ringbuf::{PopError, broadcast};
//!
//! let (tx, mut log) = broadcast::ring::<String>(8, 4)?;
//! let mut work = log.try_clone()?;
//! let mut check = work.follow(&[])?;
//! tx.try_push("edit".to_owned()).expect("there are eight places");
//!
//! assert_eq!(log.try_peek().expect("everybody sees it"), "edit");
//! assert_eq!(check.try_pop(), Err(PopError::Empty));
//! assert_eq!(work.try_pop().as_deref(), Ok("edit"));
//! assert_eq!(check.try_pop().as_deref(), Ok("edit"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who touches what
//!
//! The producers' half is shared with the other kinds with many producers: a cursor `tail`, a stamp
//! a place that says what is published.
//!
//! | field | producers | consumers |
//! |---|---|---|
//! | `cursor` of a seat | load, when their count of free places is used up | its owner stores: the first position that it did not release; followers load it |
//! | `users` of a seat | – | exchange, when consumers come and go |
//! | `joins` | load, before and after they look at all seats | add, after a clone has taken its seat |
//!
//! ```text
//!   free seat ──join: cursor = where to start──▶ taken ──release: cursor moves on──┐
//!       ▲                                          │ ▲                             │
//!       │                                          │ └─────────────────────────────┘
//!       └──last user gone── vacant (cursor = none) ◀──leave
//!                           kept while others follow it
//! ```
//!
//! Producers go up to the lowest cursor and one capacity further. A clone starts where its original
//! stands, which holds the producers there until the clone's cursor is stored; because producers
//! read the seats one after the other, `joins` tells them if a clone came and its original moved
//! between, and they look again. A consumer that starts at the tail needs no such care: see
//! `Claims::tail_for_joining`.
//!
//! # Source
//!
//! LMAX Disruptor (Thompson et al., 2011): gating sequences, sequence barriers, batches.
//! Deviations: consumers join and leave; publication is told by stamps also with one producer, so
//! that three consumers do not wait for one line that it stores to all the time.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

pub mod lossy;

#[cfg(all(test, loom))]
mod loom_tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use crate::cache_line::CacheLine;
pub use crate::claims::Claim;
use crate::claims::{Claims, Run};
use crate::slip::{Slip, TICKS_MAX_ALL};
use crate::sync::{Arc, AtomicU32, AtomicU64, Ordering};
use crate::{CapacityError, Pop, PopError, Push, PushError, Spin, Wait};

/// The cursor of nobody: it holds no producer.
const NOBODY: u64 = u64::MAX;

/// A ring whose blocking ends poll: [`ring_with`] and [`Spin`].
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
pub fn ring<T>(
    capacity: usize,
    consumers_max: usize,
) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    ring_with(capacity, consumers_max)
}

/// A ring whose blocking ends wait as `W` does, for up to `consumers_max` consumers at a time, one
/// at least.
///
/// # Errors
///
/// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`](crate::CAPACITY_MAX).
///
/// # Complexity
///
/// Four allocations: the values, one byte a place, 128 bytes a consumer, one for everything else.
#[expect(
    clippy::type_complexity,
    reason = "two ends in a result are what a constructor of two ends returns"
)]
pub fn ring_with<T, W: Wait>(
    capacity: usize,
    consumers_max: usize,
) -> Result<(Producer<T, W>, Consumer<T, W>), CapacityError> {
    let shared = Arc::new(Shared {
        claims: Claims::new(capacity, true)?,
        seats: (0..consumers_max.max(1)).map(|_| Seat::new()).collect(),
        joins: AtomicU64::new(0),
    });
    // Relaxed: nobody else knows the ring yet.
    shared.seats[0].users().store(1, Ordering::Relaxed);
    shared.seats[0].cursor().store(0, Ordering::Relaxed);
    shared.claims.add_consumer();
    let consumer = Consumer {
        shared: shared.clone(),
        seat: 0,
        leaders: Box::default(),
        next: Cell::new(0),
        slip: Slip::default(),
        markers: PhantomData,
    };
    let producer = Producer {
        shared,
        markers: PhantomData,
    };
    Ok((producer, consumer))
}

/// The ring has no seat for another consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatError {
    /// How many there are, counting those that are vacant and followed.
    pub consumers_max: usize,
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all {} seats of the ring are taken", self.consumers_max)
    }
}

impl core::error::Error for SeatError {}

/// What one consumer tells the others; alone on its cache lines.
struct Seat(CacheLine<SeatWords>);

struct SeatWords {
    /// The first position that is not released, or [`NOBODY`].
    cursor: AtomicU64,
    /// The consumer that sits here and the ones that follow it; nobody takes the seat until all are gone.
    users: AtomicU32,
}

impl Seat {
    fn new() -> Self {
        Self(CacheLine(SeatWords {
            cursor: AtomicU64::new(NOBODY),
            users: AtomicU32::new(0),
        }))
    }

    #[inline]
    fn cursor(&self) -> &AtomicU64 {
        &self.0.0.cursor
    }

    #[inline]
    fn users(&self) -> &AtomicU32 {
        &self.0.0.users
    }
}

struct Shared<T, W: Wait> {
    claims: Claims<T, W>,
    seats: Box<[Seat]>,
    /// How many clones have joined.
    joins: AtomicU64,
}

impl<T, W: Wait> Shared<T, W> {
    /// Positions below are free again.
    fn released(&self) -> u64 {
        loop {
            // SYNC: pairs with the Release addition in `join_at`.
            let joins = self.joins.load(Ordering::Acquire);
            // Before the seats: see `Claims::tail_for_joining`.
            let tail = self.claims.tail();
            // SYNC: pairs with the Release stores to `cursor`: what consumers read was read before.
            let cursors = self
                .seats
                .iter()
                .map(|it| it.cursor().load(Ordering::Acquire));
            let released = cursors.fold(tail, u64::min);
            // Relaxed: not before the Acquire loads above. A clone counts before its original moves.
            if self.joins.load(Ordering::Relaxed) == joins {
                return released;
            }
        }
    }

    /// Takes a free seat.
    fn take_seat(&self) -> Result<usize, SeatError> {
        let is_taken = |seat: &Seat| {
            // SYNC: pairs with the Release decrement in `leave_seat`.
            let taken = seat
                .users()
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            taken.is_ok()
        };
        self.seats.iter().position(is_taken).ok_or(SeatError {
            consumers_max: self.seats.len(),
        })
    }

    fn leave_seat(&self, seat: usize) {
        // SYNC: pairs with the Acquire exchange in `take_seat`.
        self.seats[seat].users().fetch_sub(1, Ordering::Release);
    }
}

impl<T, W: Wait> Drop for Shared<T, W> {
    fn drop(&mut self) {
        let lap = self.claims.capacity() as u64;
        let start = self.claims.tail().saturating_sub(lap);
        // SAFETY: the last end is gone; values are never moved out but to be overwritten, so each
        // place of the last lap holds one, unless its stamp says otherwise.
        unsafe { self.claims.drop_values(start) };
    }
}

/// Of a [`Producer`]: there is no other.
#[derive(Debug)]
pub struct Alone(PhantomData<Cell<()>>);

/// Of a [`Producer`]: there may be others.
#[derive(Debug)]
pub struct Among(());

/// How many producers there may be: [`Alone`] or [`Among`] others.
pub trait Company: sealed::Sealed {
    /// Whether there is no other.
    const IS_ALONE: bool;
}

impl Company for Alone {
    const IS_ALONE: bool = true;
}

impl Company for Among {
    const IS_ALONE: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Alone {}
    impl Sealed for super::Among {}
}

/// The end that values go into.
///
/// A producer that is [`Alone`] is `Send` and not `Sync`; [`share`](Self::share) makes one that is
/// both and can be cloned. `T` must be `Sync` for either, because consumers share references.
pub struct Producer<T, W: Wait = Spin, C: Company = Alone> {
    shared: Arc<Shared<T, W>>,
    /// Consumers on several threads look at one value, so an end is as `Send` as an `Arc<T>`.
    markers: PhantomData<(alloc::sync::Arc<T>, C)>,
}

/// A producer [`Among`] others.
pub type SharedProducer<T, W = Spin> = Producer<T, W, Among>;

impl<T, W: Wait> Producer<T, W, Alone> {
    /// Makes an end that can be cloned; each push costs an exchange from now on.
    #[must_use]
    pub fn share(self) -> SharedProducer<T, W> {
        self.shared.claims.add_producer();
        Producer {
            shared: self.shared.clone(),
            markers: PhantomData,
        }
    }
}

impl<T, W: Wait, C: Company> Producer<T, W, C> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] while the slowest consumer is a lap behind, [`PushError::Disconnected`]
    /// while nobody listens (a later [`subscribe`](Self::subscribe) ends that); the value is in it.
    ///
    /// # Complexity
    ///
    /// Alone: wait-free, plain loads and stores. Else lock-free: one exchange. When the places that
    /// were known to be free are used up, a look at every consumer.
    #[inline]
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let Shared { claims, .. } = &*self.shared;
        let released = || self.shared.released();
        if C::IS_ALONE {
            claims.try_push::<true>(value, released)
        } else {
            claims.try_push::<false>(value, released)
        }
    }

    /// Pushes as many of the values as there are places for, in one batch, and says how many.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push), if there is no place at all.
    #[inline]
    pub fn try_push_slice(&self, values: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        let Shared { claims, .. } = &*self.shared;
        let released = || self.shared.released();
        if C::IS_ALONE {
            claims.try_push_slice::<true>(values, released)
        } else {
            claims.try_push_slice::<false>(values, released)
        }
    }

    /// Claims `count` places, to be filled in place and published together.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push), if there are not so many free places (always, if `count` is
    /// above the capacity).
    #[inline]
    pub fn try_claim(&mut self, count: usize) -> Result<Claim<'_, T, W>, PushError<()>> {
        let Shared { claims, .. } = &*self.shared;
        let released = || self.shared.released();
        if C::IS_ALONE {
            claims.try_claim::<true>(count, released)
        } else {
            claims.try_claim::<false>(count, released)
        }
    }

    /// A consumer that sees what is claimed from now on.
    ///
    /// # Errors
    ///
    /// Every seat is taken.
    ///
    /// # Complexity
    ///
    /// Linear in the seats.
    pub fn subscribe(&self) -> Result<Consumer<T, W>, SeatError> {
        let shared = self.shared.clone();
        let seat = shared.take_seat()?;
        let cursor = shared.seats[seat].cursor();
        // SYNC: pairs with the Acquire loads in `Shared::released`: first a position that is
        // certainly not too high, so that producers wait here, then the one to start from.
        cursor.store(shared.claims.tail(), Ordering::Release);
        let next = shared.claims.tail_for_joining();
        cursor.store(next, Ordering::Release);
        shared.claims.add_consumer();
        Ok(Consumer {
            shared,
            seat,
            leaders: Box::default(),
            next: Cell::new(next),
            slip: Slip::default(),
            markers: PhantomData,
        })
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.claims.capacity()
    }
}

impl<T, W: Wait, C: Company> Push<T> for Producer<T, W, C> {
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

impl<T, W: Wait> Clone for Producer<T, W, Among> {
    fn clone(&self) -> Self {
        // The Arc first: it refuses to be cloned more often than the count can hold.
        let shared = self.shared.clone();
        shared.claims.add_producer();
        Self {
            shared,
            markers: PhantomData,
        }
    }
}

impl<T, W: Wait, C: Company> Drop for Producer<T, W, C> {
    fn drop(&mut self) {
        self.shared.claims.remove_producer();
    }
}

impl<T, W: Wait, C: Company> fmt::Debug for Producer<T, W, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Producer")
            .finish_non_exhaustive()
    }
}

/// One of the ends that every value comes out of; `Send` and not `Sync`.
pub struct Consumer<T, W: Wait = Spin> {
    shared: Arc<Shared<T, W>>,
    seat: usize,
    /// The seats of the consumers that this one follows; it is one of their users.
    leaders: Box<[usize]>,
    /// The next position to read; at or above the cursor of the seat.
    next: Cell<u64>,
    slip: Slip,
    /// As in [`Producer`].
    markers: PhantomData<alloc::sync::Arc<T>>,
}

impl<T, W: Wait> Consumer<T, W> {
    /// Another consumer, which starts where this one stands and follows nobody.
    ///
    /// # Errors
    ///
    /// Every seat is taken.
    ///
    /// # Complexity
    ///
    /// Linear in the seats.
    pub fn try_clone(&self) -> Result<Self, SeatError> {
        let next = self.cursor().load(Ordering::Relaxed);
        self.join_at(next, Box::default())
    }

    /// A consumer that sees a value only after this one and `others` have released it.
    ///
    /// It starts with the first value that one of them did not release. A leader that goes lets
    /// its followers pass.
    ///
    /// # Errors
    ///
    /// Every seat is taken.
    ///
    /// # Panics
    ///
    /// If `others` are of another ring.
    ///
    /// # Complexity
    ///
    /// Linear in the seats and the others.
    pub fn follow(&self, others: &[&Self]) -> Result<Self, SeatError> {
        let leaders = || core::iter::once(self).chain(others.iter().copied());
        assert!(
            leaders().all(|it| core::ptr::eq(&raw const *it.shared, &raw const *self.shared)),
            "followers are of the ring of their leaders"
        );
        let first = leaders()
            .map(|it| it.cursor().load(Ordering::Relaxed))
            .min();
        let next = first.expect("this one is one of them");
        let seats: Vec<usize> = leaders().map(|it| it.seat).collect();
        let follower = self.join_at(next, seats.into_boxed_slice())?;
        for leader in &*follower.leaders {
            // Relaxed: the leader is borrowed, so it sees this before it goes on.
            self.shared.seats[*leader]
                .users()
                .fetch_add(1, Ordering::Relaxed);
        }
        Ok(follower)
    }

    /// Takes a seat at a position that this end, or one that is borrowed as well, has not released.
    fn join_at(&self, next: u64, leaders: Box<[usize]>) -> Result<Self, SeatError> {
        let shared = self.shared.clone();
        let seat = shared.take_seat()?;
        // SYNC: pairs with the Acquire loads in `Shared::released`, if they come to see it.
        shared.seats[seat].cursor().store(next, Ordering::Release);
        // SYNC: pairs with the loads of `joins` in `Shared::released`: whoever sees the original's
        // cursor move on after this sees that somebody has joined.
        shared.joins.fetch_add(1, Ordering::Release);
        shared.claims.add_consumer();
        Ok(Self {
            shared,
            seat,
            leaders,
            next: Cell::new(next),
            slip: Slip::default(),
            markers: PhantomData,
        })
    }

    #[inline]
    fn cursor(&self) -> &AtomicU64 {
        self.shared.seats[self.seat].cursor()
    }

    /// Clones the next value out.
    ///
    /// If `clone` panics, the value is still the next one.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], also while a leader has not released it or a producer is filling it;
    /// [`PopError::Disconnected`] after the last one.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError>
    where
        T: Clone,
    {
        self.look(1)?;
        let value = self.get(0).clone();
        self.advance(1);
        Ok(value)
    }

    /// Looks at the next value and leaves it there.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_peek(&mut self) -> Result<&T, PopError> {
        self.look(1)?;
        Ok(self.get(0))
    }

    /// Up to `max` values at once, to be looked at in place; fewer at the end of the array, and
    /// when fewer are there. Dropping the chunk releases them.
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
        let len = if max == 0 { 0 } else { self.look(max)? };
        Ok(Chunk {
            consumer: self,
            len,
        })
    }

    /// Shows `see` every value that is there now, and says how many; releases them together.
    ///
    /// For a stream this is the call to use: one look and one release for all that came meanwhile.
    ///
    /// If `see` panics, the values up to that one are released.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop), if there is none.
    pub fn for_each(&mut self, mut see: impl FnMut(&T)) -> Result<usize, PopError> {
        let mut chunk = self.try_chunk(self.shared.claims.capacity())?;
        let len = core::mem::take(&mut chunk.len);
        for at in 0..len {
            chunk.len = at + 1;
            see(chunk.consumer.get(at));
        }
        Ok(len)
    }

    /// How many values the ring can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.claims.capacity()
    }

    /// The value `offset` after the next one; the caller has looked so far.
    #[inline]
    fn get(&self, offset: usize) -> &T {
        let position = self.next.get() + offset as u64;
        // SAFETY: every caller has seen that the position is live, and producers do not pass what
        // this end has not released; what releases borrows this end exclusively, so that not even
        // the `clone` of a value can come back here and release it.
        unsafe { self.shared.claims.places.get(position) }
    }

    /// How many values there are, up to `max`, which is not zero; passes skipped places.
    #[inline]
    fn look(&mut self, max: usize) -> Result<usize, PopError> {
        loop {
            match self.run(max) {
                Ok(run) if run.is_skipped => self.advance(run.count),
                Ok(run) => {
                    self.slip.found();
                    return Ok(run.count);
                }
                Err(PopError::Empty)
                    if self
                        .slip
                        .missed(self.shared.claims.capacity(), TICKS_MAX_ALL) => {}
                Err(why) => return Err(why),
            }
        }
    }

    /// What is next: never an empty run.
    #[inline]
    fn run(&self, max: usize) -> Result<Run, PopError> {
        let claims = &self.shared.claims;
        let next = self.next.get();
        let mut is_last_look = false;
        loop {
            let max = if self.leaders.is_empty() {
                max
            } else {
                max.min(self.led(max))
            };
            if max > 0 {
                let run = claims.run(next, max);
                if run.count > 0 {
                    return Ok(run);
                }
            }
            match claims.why_empty() {
                PopError::Disconnected if !is_last_look => is_last_look = true,
                // A leader has not released what is there.
                PopError::Disconnected if max == 0 && next < claims.tail() => {
                    return Err(PopError::Empty);
                }
                why => return Err(why),
            }
        }
    }

    /// How many positions the leaders have released, up to `max`.
    fn led(&self, max: usize) -> usize {
        let seats = &self.shared.seats;
        // SYNC: pairs with the Release store in `advance` of the leader: what it did with a value
        // happened before.
        let cursors = self
            .leaders
            .iter()
            .map(|it| seats[*it].cursor().load(Ordering::Acquire));
        let next = self.next.get();
        let end = cursors.fold(next + max as u64, u64::min);
        self.shared.claims.count(next.min(end), end)
    }

    /// Releases the next `count` positions.
    #[inline]
    fn advance(&mut self, count: usize) {
        let next = self.next.get() + count as u64;
        self.next.set(next);
        let Shared { claims, .. } = &*self.shared;
        let seat = &self.shared.seats[self.seat];
        // SYNC: pairs with the Acquire loads in `Shared::released` and `led`.
        seat.cursor().store(next, Ordering::Release);
        claims.place.notify(count);
        // Relaxed: followers come while this end is borrowed.
        if seat.users().load(Ordering::Relaxed) > 1 {
            claims.value.notify_all();
        }
    }
}

impl<T: Clone, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        Self::try_pop(self)
    }

    fn is_pop_ready(&self) -> bool {
        self.run(1) != Err(PopError::Empty)
    }

    fn value(&self) -> &W {
        &self.shared.claims.value
    }
}

impl<T, W: Wait> Drop for Consumer<T, W> {
    fn drop(&mut self) {
        let claims = &self.shared.claims;
        // SYNC: as in `advance`.
        self.cursor().store(NOBODY, Ordering::Release);
        for leader in &*self.leaders {
            self.shared.leave_seat(*leader);
        }
        self.shared.leave_seat(self.seat);
        claims.remove_consumer();
        // The slowest may be gone, and followers need not wait any more.
        claims.place.notify_all();
        claims.value.notify_all();
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Consumer")
            .finish_non_exhaustive()
    }
}

/// Values that one consumer looks at; dropping it releases them.
///
/// Leaking it releases nothing: the consumer sees the values again.
pub struct Chunk<'a, T, W: Wait> {
    consumer: &'a mut Consumer<T, W>,
    /// How many values from the consumer's `next` on are live, and will be released.
    len: usize,
}

impl<T, W: Wait> Chunk<'_, T, W> {
    /// The values.
    #[cfg(not(loom))]
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        let places = &self.consumer.shared.claims.places;
        let [(start, count), _] = places.runs(self.consumer.next.get(), self.len);
        // SAFETY: a chunk ends at the end of the array at the latest, so this is all of it; its
        // values are live, and nothing is released while this is borrowed.
        unsafe { core::slice::from_raw_parts(start.cast::<T>(), count) }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none, which is so only if none were asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of the values.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        (at < self.len).then(|| self.consumer.get(at))
    }

    /// Keeps the first `len` values only; the others stay in the ring for this consumer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl<T, W: Wait> Drop for Chunk<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        // A model checks that what was lent was not overwritten up to here.
        #[cfg(loom)]
        for at in 0..self.len {
            self.consumer.get(at);
        }
        if self.len > 0 {
            self.consumer.advance(self.len);
        }
    }
}

impl<T, W: Wait> fmt::Debug for Chunk<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
