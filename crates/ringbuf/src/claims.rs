//! The producers' half of every ring with many producers: claim places, fill them, publish them.
//!
//! # Who touches what
//!
//! | field | producers | consumers |
//! |---|---|---|
//! | `tail.next` | exchange: a claim; the only contended word | load, for the length |
//! | `tail.free_end` | load, store: what the last producer that looked found released | – |
//! | `stamps[i]` | the claimant stores, once a lap | load |
//! | `places[i]` | the claimant writes, between its claim and its publication | read, between publication and release |
//!
//! ```text
//!             claim (exchange tail)           publish (store stamp)          release (kind)
//!   free ──────────────────────────▶ claimed ──────────────────────▶ live ──────────────────▶ free
//!                                       │                                                      ▲
//!                                       └──── claim dropped unfilled ────▶ skipped ────────────┘
//! ```
//!
//! A stamp is one byte: six bits of the lap, and whether the place was skipped. Six are plenty,
//! because whoever looks at position `p` has seen that everything more than a lap before the tail was
//! released: the place then holds lap `p / capacity` or one of the two before, never one further.
//! A byte a place keeps the stamps of 64 values on one cache line, so that what travels between
//! the cores is the values. What is free is not told by stamps: the kind knows what is released,
//! and producers ask only when the last answer is used up.
//!
//! # Source
//!
//! The order of claim, fill, publish: Vyukov, "Bounded MPMC queue", 2010, and the multi-producer
//! sequencer of the LMAX Disruptor (Thompson et al., 2011). Deviations: stamps are bytes beside the values
//! instead of words among them; no consumer writes to them; claims that were not filled are
//! published as skipped, so that a producer that panics stops nobody.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

use alloc::boxed::Box;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;

use crate::cache_line::CacheLine;
use crate::places::Memory;
use crate::slip;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::{CapacityError, PopError, PushError, Wait};

/// A ring is nearly full while less than this part of it is free.
const NEARLY_FULL_FRACTION: u64 = 8;

/// In a stamp: the claim of the place was given up.
const SKIPPED: u8 = 1;

/// In a stamp that is [`SKIPPED`]: the place still holds a value of an earlier lap (broadcast only).
const HOLDS_OLD: u8 = 2;

/// In a stamp: the lap, and one more, so that nothing is published in the beginning.
const LAP: u8 = !(SKIPPED | HOLDS_OLD);

/// The array, the producers' cursor, and what both sides tell each other.
pub(crate) struct Claims<T, W> {
    tail: CacheLine<Tail>,
    ends: CacheLine<Ends>,
    pub(crate) places: Memory<T>,
    stamps: Box<[AtomicU8]>,
    capacity_log2: u32,
    /// Whether each value is for every consumer: then a value stays until it is overwritten, and
    /// a publication is told to all.
    is_broadcast: bool,
    /// "There is a value."
    pub(crate) value: W,
    /// "There is a place."
    pub(crate) place: W,
}

struct Tail {
    /// The next position to claim.
    next: AtomicU64,
    /// Positions below are free or claimed; never above the truth, often below.
    free_end: AtomicU64,
}

/// How many ends there are; changes when ends come and go, read all the time.
struct Ends {
    producer_count: AtomicUsize,
    consumer_count: AtomicUsize,
}

/// Consecutive places of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many; zero if the first one is not published yet.
    pub(crate) count: usize,
    /// Whether they are without value.
    pub(crate) is_skipped: bool,
}

impl<T, W: Wait> Claims<T, W> {
    /// With one producer and no consumer.
    pub(crate) fn new(capacity: usize, is_broadcast: bool) -> Result<Self, CapacityError> {
        let places = Memory::new(capacity)?;
        Ok(Self {
            tail: CacheLine(Tail {
                next: AtomicU64::new(0),
                free_end: AtomicU64::new(capacity as u64),
            }),
            ends: CacheLine(Ends {
                producer_count: AtomicUsize::new(1),
                consumer_count: AtomicUsize::new(0),
            }),
            // The lap before the first one.
            stamps: (0..capacity).map(|_| AtomicU8::new(0)).collect(),
            capacity_log2: capacity.ilog2(),
            places,
            is_broadcast,
            value: W::default(),
            place: W::default(),
        })
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// The next position to claim.
    pub(crate) fn tail(&self) -> u64 {
        // SYNC: pairs with the Release store or exchange in `claim`, and the exchange below.
        self.tail.0.next.load(Ordering::Acquire)
    }

    /// The next position to claim, for a consumer that has just taken a seat and starts here.
    ///
    /// A producer that looks at the tail afterwards sees the seat; one that looked before has seen
    /// a tail that is not above this one. With a producer that is alone, only it calls this.
    pub(crate) fn tail_for_joining(&self) -> u64 {
        // SYNC: pairs with the Acquire load in `tail`. An exchange that changes nothing reads the
        // newest value, and is the one before whatever comes later.
        self.tail.0.next.fetch_add(0, Ordering::AcqRel)
    }

    #[inline]
    fn stamp(&self, position: u64) -> &AtomicU8 {
        // SAFETY: `index` is below the capacity, which is the length of `stamps` as well.
        unsafe { self.stamps.get_unchecked(self.places.index(position)) }
    }

    /// What the stamp of a position is once it is live.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "six bits of the lap are kept"
    )]
    fn live(&self, position: u64) -> u8 {
        ((position >> self.capacity_log2) as u8)
            .wrapping_add(1)
            .wrapping_mul(HOLDS_OLD << 1)
    }

    /// What is published at a position: up to `max` places that are all live or all skipped.
    ///
    /// A run ends at the end of the array at the latest, so that it is one slice.
    /// `position` is at most the tail, and the caller has seen (Acquire) the tail or a release that
    /// let it come so far; `max` is not zero.
    #[inline]
    pub(crate) fn run(&self, position: u64, max: usize) -> Run {
        let index = self.places.index(position);
        let max = max.min(self.capacity() - index);
        // SYNC: pairs with the Release store in `publish`.
        let first = self.stamp(position).load(Ordering::Acquire);
        if first & LAP != self.live(position) {
            return Run {
                count: 0,
                is_skipped: false,
            };
        }
        let rest = self.stamps[index..index + max].iter().skip(1);
        // SYNC: as above.
        let rest = rest.take_while(|it| it.load(Ordering::Acquire) == first);
        Run {
            count: 1 + rest.count(),
            is_skipped: first & SKIPPED != 0,
        }
    }

    /// Whether a position is published, live or skipped; for the caller of [`run`](Self::run).
    #[inline]
    pub(crate) fn is_published(&self, position: u64) -> bool {
        // SYNC: pairs with the Release store in `publish`.
        let stamp = self.stamp(position).load(Ordering::Acquire);
        stamp & LAP == self.live(position)
    }

    /// Makes claimed places visible and tells the consumers.
    ///
    /// The caller has claimed the positions from `start` up to `end`, `filled` and later ones are
    /// without value, and it calls this once.
    #[inline]
    fn publish(&self, start: u64, filled: u64, end: u64) {
        debug_assert!(start <= filled && filled <= end);
        for position in start..end {
            let skipped = match position < filled {
                true => 0,
                false if self.holds_old(position) => SKIPPED | HOLDS_OLD,
                false => SKIPPED,
            };
            // SYNC: pairs with the Acquire loads in `run` and `is_published`.
            self.stamp(position)
                .store(self.live(position) | skipped, Ordering::Release);
        }
        self.announce(start, end);
    }

    #[inline]
    fn announce(&self, start: u64, end: u64) {
        if self.is_broadcast {
            return self.value.notify_all();
        }
        self.value.notify(self.count(start, end));
        // A later claim may have been published before this one. Its consumers were told, found
        // that this one was missing, and slept again: tell them now. `notify` has the barrier
        // that lets this load see what they saw.
        if self.is_published(end) {
            self.value.notify_all();
        }
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "positions of one ring differ by at most its capacity"
    )]
    #[expect(clippy::unused_self, reason = "the positions are this ring's")]
    pub(crate) fn count(&self, start: u64, end: u64) -> usize {
        (end - start) as usize
    }

    /// Claims as many places as are free, from `min` to `max`: the first position and how many.
    ///
    /// `released` tells the position up to which places were released, and has seen (Acquire)
    /// whatever was done to them. `min` is not zero and not above `max`. `ALONE` says that there
    /// is one producer, which is here.
    #[inline]
    fn claim<const ALONE: bool>(
        &self,
        min: usize,
        max: usize,
        released: impl Fn() -> u64,
    ) -> Option<(u64, usize)> {
        let mut next = self.tail.0.next.load(Ordering::Relaxed);
        let mut has_looked = false;
        loop {
            // SYNC: pairs with the Release store in `look`.
            let mut free_end = self.tail.0.free_end.load(Ordering::Acquire);
            if free_end < next + max as u64 {
                free_end = self.look(next, free_end, &released);
                has_looked = true;
                if free_end < next + min as u64 {
                    return None;
                }
            }
            let count = self.count(next, free_end.min(next + max as u64));
            if ALONE {
                // SYNC: pairs with the exchange in `tail_for_joining`.
                self.tail
                    .0
                    .next
                    .store(next + count as u64, Ordering::Release);
                return Some((next, count));
            }
            // What consumers did to the places was seen with `free_end`.
            // SYNC: Acquire pairs with the Release exchange that gives places back in `Claim::drop`,
            // Release with the exchange in `tail_for_joining`.
            match self.tail.0.next.compare_exchange_weak(
                next,
                next + count as u64,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if has_looked {
                        self.pass_on(next + count as u64, free_end);
                    }
                    return Some((next, count));
                }
                Err(now) => next = now,
            }
        }
    }

    /// Asks what was released: what is free now, `free_end` at least.
    ///
    /// A producer at the consumers' heels would ask for each place, and take a line away from them
    /// each time. So while they make progress and the ring is nearly full, it asks again after a
    /// moment, for more places at once. A ring that stands still is called full at once.
    #[cold]
    fn look(&self, next: u64, free_end: u64, released: &impl Fn() -> u64) -> u64 {
        let capacity = self.capacity() as u64;
        let ticks_max = if self.is_broadcast {
            slip::TICKS_MAX_ALL
        } else {
            slip::TICKS_MAX_ONE
        };
        let mut seen = released() + capacity;
        let is_nearly_full = seen < next + capacity / NEARLY_FULL_FRACTION;
        if seen > free_end && is_nearly_full && slip::wait(self.capacity(), ticks_max) {
            seen = seen.max(released() + capacity);
        }
        if seen <= free_end {
            return free_end;
        }
        // Another producer may store an older answer over this one: it asks again the sooner.
        // SYNC: pairs with the Acquire load in `claim`.
        self.tail.0.free_end.store(seen, Ordering::Release);
        seen
    }

    /// Tells other producers of the free places that this one saw and did not claim.
    ///
    /// Consumers tell one producer a place, but places are released out of order: a producer may
    /// have looked before the last one was, and slept again.
    #[cold]
    fn pass_on(&self, next: u64, free_end: u64) {
        if next < free_end {
            self.place.notify(self.count(next, free_end));
        }
    }

    /// Whether a place is free.
    pub(crate) fn has_place(&self, released: u64) -> bool {
        // Relaxed: no place is touched on the strength of this.
        self.tail() < released + self.capacity() as u64
    }

    /// Pushes one value.
    #[inline]
    pub(crate) fn try_push<const ALONE: bool>(
        &self,
        value: T,
        released: impl Fn() -> u64,
    ) -> Result<(), PushError<T>> {
        if self.consumers_are_gone() {
            return Err(PushError::Disconnected(value));
        }
        let Some((position, _)) = self.claim::<ALONE>(1, 1, released) else {
            return Err(PushError::Full(value));
        };
        let old = self.put(position, value);
        self.publish(position, position + 1, position + 1);
        drop(old);
        Ok(())
    }

    /// Writes a value to a claimed place, and gives back the one that it overwrites.
    #[inline]
    fn put(&self, position: u64, value: T) -> Option<T> {
        let old = self.holds_old(position).then(|| {
            // SAFETY: the place is claimed and released by every consumer, and an earlier lap
            // left a value in it, which is overwritten below.
            unsafe { self.places.read(position) }
        });
        // SAFETY: the position was claimed and is not published: nobody else touches its place.
        unsafe { self.places.write(position, value) };
        old
    }

    /// Whether a claimed place holds a value of an earlier lap that must be dropped.
    #[inline]
    fn holds_old(&self, position: u64) -> bool {
        if !self.is_broadcast || !core::mem::needs_drop::<T>() || position < self.capacity() as u64
        {
            return false;
        }
        // Relaxed: the stamp of the lap before was seen with `free_end`.
        let stamp = self.stamp(position).load(Ordering::Relaxed);
        stamp & SKIPPED == 0 || stamp & HOLDS_OLD != 0
    }

    /// Pushes as many of the values as there are places for.
    pub(crate) fn try_push_slice<const ALONE: bool>(
        &self,
        values: &[T],
        released: impl Fn() -> u64,
    ) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        if self.consumers_are_gone() {
            return Err(PushError::Disconnected(()));
        }
        if values.is_empty() {
            return Ok(0);
        }
        let Some((start, count)) = self.claim::<ALONE>(1, values.len(), released) else {
            return Err(PushError::Full(()));
        };
        // SAFETY: the positions were claimed and are not published: nobody else touches their
        // places, of which there are as many as values. `T: Copy` has nothing to drop.
        unsafe { self.places.copy_in(start, &values[..count]) };
        let end = start + count as u64;
        self.publish(start, end, end);
        Ok(count)
    }

    /// Claims exactly `count` places.
    pub(crate) fn try_claim<const ALONE: bool>(
        &self,
        count: usize,
        released: impl Fn() -> u64,
    ) -> Result<Claim<'_, T, W>, PushError<()>> {
        if self.consumers_are_gone() {
            return Err(PushError::Disconnected(()));
        }
        let (start, end) = if count == 0 {
            (0, 0)
        } else {
            let claimed = self.claim::<ALONE>(count, count, released);
            let (start, count) = claimed.ok_or(PushError::Full(()))?;
            (start, start + count as u64)
        };
        Ok(Claim {
            claims: self,
            start,
            filled: start,
            end,
        })
    }

    #[inline]
    pub(crate) fn consumers_are_gone(&self) -> bool {
        // Relaxed: nothing is read on the strength of this.
        self.ends.0.consumer_count.load(Ordering::Relaxed) == 0
    }

    /// Why there is nothing: call it, and if nobody can push any more, look once more.
    #[inline]
    pub(crate) fn why_empty(&self) -> PopError {
        // SYNC: pairs with the Release decrement in `remove_producer`: what the producers
        // published before they went is visible to the look after this.
        if self.ends.0.producer_count.load(Ordering::Acquire) == 0 {
            PopError::Disconnected
        } else {
            PopError::Empty
        }
    }

    pub(crate) fn add_producer(&self) {
        // Relaxed: whoever clones a producer has one, so the count is not zero.
        self.ends.0.producer_count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_consumer(&self) {
        // Relaxed: as for producers.
        self.ends.0.consumer_count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_producer(&self) {
        // SYNC: pairs with the Acquire load in `why_empty`.
        if self.ends.0.producer_count.fetch_sub(1, Ordering::Release) == 1 {
            self.value.notify_all();
        }
    }

    pub(crate) fn remove_consumer(&self) {
        // Release: so that a notified producer, woken under a lock, sees it; nothing else hangs on it.
        if self.ends.0.consumer_count.fetch_sub(1, Ordering::Release) == 1 {
            self.place.notify_all();
        }
    }

    /// Drops the values from position `start` up to the tail, and goes on if one panics.
    ///
    /// # Safety
    ///
    /// Nobody uses the ring any more, and the values from `start` on were not moved out.
    pub(crate) unsafe fn drop_values(&mut self, start: u64) {
        if core::mem::needs_drop::<T>() {
            drop(DropRest {
                end: self.tail(),
                next: start,
                claims: self,
            });
        }
    }
}

impl<T, W> fmt::Debug for Claims<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("capacity", &self.places.capacity())
            .finish_non_exhaustive()
    }
}

/// Drops live values from `next` to `end`; its own unwinding drops the rest.
struct DropRest<'a, T, W: Wait> {
    claims: &'a Claims<T, W>,
    next: u64,
    end: u64,
}

impl<T, W: Wait> Drop for DropRest<'_, T, W> {
    fn drop(&mut self) {
        while self.next < self.end {
            let position = self.next;
            self.next += 1;
            let stamp = self.claims.stamp(position).load(Ordering::Relaxed);
            // What a leaked claim holds is not known.
            let is_published = stamp & LAP == self.claims.live(position);
            if !is_published || (stamp & SKIPPED != 0 && stamp & HOLDS_OLD == 0) {
                continue;
            }
            let rest = DropRest {
                claims: self.claims,
                next: self.next,
                end: self.end,
            };
            // SAFETY: the place is live, and only `drop_values` makes this type: nobody else uses
            // the ring, and each position is visited once.
            drop(unsafe { self.claims.places.read(position) });
            core::mem::forget(rest);
        }
    }
}

/// Places that one producer has claimed: fill them, and drop this to publish them.
///
/// Places that are not filled when this is dropped (because the producer changed its mind, or
/// panicked) are given back, or published as skipped if another producer has claimed the ones
/// behind them (in a broadcast ring always): nothing is lost, and nobody waits for them.
/// Whoever *leaks* a claim stops the ring: consumers do not pass the places, and producers find it
/// full after a lap. That is safe, and final.
#[must_use = "a claim that is dropped unfilled pushes nothing"]
pub struct Claim<'a, T, W: Wait> {
    claims: &'a Claims<T, W>,
    /// The first claimed position.
    start: u64,
    /// The first position without a value; from `start` to `end`.
    filled: u64,
    /// The first position that is not claimed.
    end: u64,
}

impl<T, W: Wait> Claim<'_, T, W> {
    /// How many places are still to be filled.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.claims.count(self.filled, self.end)
    }

    /// Fills the next place.
    ///
    /// # Errors
    ///
    /// The value, if every place is filled.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.filled == self.end {
            return Err(value);
        }
        let old = self.claims.put(self.filled, value);
        self.filled += 1;
        drop(old);
        Ok(())
    }

    /// Fills places from an iterator, until either is used up; how many were filled.
    ///
    /// If the iterator panics, what it gave before is pushed, and the rest is skipped.
    pub fn extend(&mut self, values: impl IntoIterator<Item = T>) -> usize {
        let before = self.filled;
        for value in values.into_iter().take(self.remaining()) {
            if self.push(value).is_err() {
                break;
            }
        }
        self.claims.count(before, self.filled)
    }

    /// The places still to be filled, as two slices of raw memory; the second one continues the
    /// first and is empty unless the claim goes over the end of the array.
    ///
    /// What is in them is not initialised, or is a copy that must not be used.
    /// Only for types without drop glue in a broadcast ring, which keeps old values in place.
    ///
    /// # Panics
    ///
    /// In a broadcast ring of a type that needs dropping.
    #[cfg(not(loom))]
    pub fn places(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        assert!(
            !(self.claims.is_broadcast && core::mem::needs_drop::<T>()),
            "places of a broadcast ring hold values that must be dropped"
        );
        let [first, second] = self.claims.places.runs(self.filled, self.remaining());
        // SAFETY: the run lies in the array, its places are claimed and not published, so that
        // this exclusively borrowed claim is the only one to touch them.
        let first = unsafe { core::slice::from_raw_parts_mut(first.0, first.1) };
        // SAFETY: as above; the two runs do not overlap, because together they are not longer
        // than the array.
        let second = unsafe { core::slice::from_raw_parts_mut(second.0, second.1) };
        (first, second)
    }

    /// Says that the next `count` of [`places`](Self::places) hold values.
    ///
    /// # Safety
    ///
    /// They do.
    ///
    /// # Panics
    ///
    /// If `count` is above [`remaining`](Self::remaining).
    #[cfg(not(loom))]
    pub unsafe fn advance(&mut self, count: usize) {
        assert!(
            count <= self.remaining(),
            "more places are filled than were claimed"
        );
        self.filled += count as u64;
    }

    /// Publishes what is filled; the same as dropping.
    pub fn commit(self) {}
}

impl<T, W: Wait> Drop for Claim<'_, T, W> {
    fn drop(&mut self) {
        if self.filled < self.end && !self.claims.is_broadcast {
            // While nobody claimed the places behind, the rest can still be given back.
            // SYNC: pairs with the Acquire exchange in `Claims::claim`: the next claimant may write
            // where the owner of this one wrote through `places`.
            let tail = &self.claims.tail.0.next;
            let given_back =
                tail.compare_exchange(self.end, self.filled, Ordering::Release, Ordering::Relaxed);
            if given_back.is_ok() {
                self.end = self.filled;
                self.claims.place.notify_all();
            }
        }
        if self.start < self.end {
            self.claims.publish(self.start, self.filled, self.end);
        }
    }
}

impl<T, W: Wait> fmt::Debug for Claim<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
