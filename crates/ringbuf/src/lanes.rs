//! Many producers, one consumer, and no word that two producers write: a ring a producer.
//!
//! ```
//! use claude_flow_ringbuf::lanes::{self, Options};
//!
//! let (door, mut consumer) = lanes::lanes(Options { lanes_max: 4, capacity: 64 })?;
//! std::thread::scope(|scope| {
//!     for number in 0..4_u64 {
//!         let mut producer = door.open().expect("four lanes for four producers");
//!         scope.spawn(move || producer.push(number));
//!     }
//! });
//! drop(door);
//! assert_eq!(consumer.iter().sum::<u64>(), 6);
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! The values of one producer come out in their order; there is no order between producers.
//! The consumer goes round: it takes from a lane what it saw there when it came, at most the
//! lane's capacity, then looks at the next.
//!
//! # Who touches what
//!
//! | what | a producer | the door | the consumer |
//! |---|---|---|---|
//! | a lane's ring | as the producer of [`spsc`] | never | as its consumer |
//! | `Lane::is_taken` | stores false (release) in its drop | false → true (acquire) | never |
//! | `Lane::idle` | puts its end there before that | takes the end from there after that | never |
//! | `Hub::open_count` | subtracts in its drop | adds for each producer and door, subtracts | loads |
//!
//! ```text
//!   lane:  free ──door.open()──▶ taken ──drop of the producer──▶ free
//! ```

#![expect(
    unsafe_code,
    reason = "a lane's end is handed on by a flag, see the table above"
)]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};

use crate::spsc::{self, Chunk, Pace};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Hidden, Ordering};
use crate::{CapacityError, Deadline, Iter, Pop, PopError, Push, PushError, Spin, Wait};

/// How large the lanes are, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many producers there can be at the same time, at least one.
    pub lanes_max: usize,
    /// How many values each of them can have under way, a power of two.
    pub capacity: usize,
}

/// What [`lanes`] returns: where producers come from, and the consumer.
pub type Ends<T, W = Spin> = (Door<T, W>, Consumer<T, W>);

/// Lanes whose ends poll while they wait; see [`Spin`].
///
/// All memory is allocated here: `lanes_max` rings of `capacity` values.
///
/// # Errors
///
/// The capacity is not a power of two up to [`CAPACITY_MAX`](crate::CAPACITY_MAX), or there is
/// no lane, or no memory can be that large.
pub fn lanes<T>(options: Options) -> Result<Ends<T>, CapacityError> {
    lanes_with(options)
}

/// Lanes whose ends wait as `W` says.
///
/// # Errors
///
/// As for [`lanes`].
pub fn lanes_with<T, W: Wait>(options: Options) -> Result<Ends<T, W>, CapacityError> {
    let Options {
        lanes_max,
        capacity,
    } = options;
    if lanes_max == 0 {
        return Err(CapacityError { capacity: 0 });
    }
    let mut idle = Vec::new();
    let mut consumers = Vec::new();
    for _ in 0..lanes_max {
        let (producer, consumer) = spsc::ring_with(capacity)?;
        idle.push(Lane {
            is_taken: AtomicBool::new(false),
            idle: Hidden::new(Some(producer)),
        });
        consumers.push(consumer);
    }
    let hub = Arc::new(Hub {
        open_count: AtomicUsize::new(1),
        lanes: idle.into_boxed_slice(),
        value: W::default(),
    });
    let consumer = Consumer {
        hub: Arc::clone(&hub),
        lanes: consumers.into_boxed_slice(),
        turn: 0,
        pace: Pace::of_consumer(capacity),
    };
    Ok((Door { hub }, consumer))
}

/// What all ends see.
struct Hub<T, W: Wait> {
    /// How many doors and producers there are; at zero there is nobody who could bring it back.
    open_count: AtomicUsize,
    lanes: Box<[Lane<T, W>]>,
    /// "There is a value in some lane": the consumer waits for it.
    value: W,
}

impl<T, W: Wait> Hub<T, W> {
    fn open(&self) {
        // Whoever calls this is counted already: the count is not zero and nothing follows from it.
        self.open_count.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&self) {
        // SYNC: pairs with the Acquire load in `Consumer::is_disconnected`: who sees zero sees the
        // last values as well.
        if self.open_count.fetch_sub(1, Ordering::Release) == 1 {
            self.value.notify_all();
        }
    }
}

struct Lane<T, W: Wait> {
    is_taken: AtomicBool,
    /// The end for the next producer; there while the lane is free.
    idle: Hidden<Option<spsc::Producer<T, W>>>,
}

/// Where producers come from; clones open the same lanes.
pub struct Door<T, W: Wait = Spin> {
    hub: Arc<Hub<T, W>>,
}

impl<T, W: Wait> Door<T, W> {
    /// A producer with a lane of its own; none while every lane has one.
    ///
    /// A lane is free again when its producer is dropped; what is left in it is delivered.
    ///
    /// # Complexity
    ///
    /// Lock-free, one exchange for each lane looked at; allocates nothing.
    #[must_use]
    pub fn open(&self) -> Option<Producer<T, W>> {
        let free = |lane: &Lane<T, W>| {
            // SYNC: pairs with the Release store in the producer's drop.
            let taking =
                lane.is_taken
                    .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
            taking.is_ok()
        };
        let index = self.hub.lanes.iter().position(free)?;
        let idle = &self.hub.lanes[index].idle;
        // SAFETY: the flag was taken just now, so nobody else touches the end until it is cleared.
        let ring = unsafe { idle.with_mut(Option::take) };
        debug_assert!(ring.is_some(), "a free lane has its end");
        let ring = ManuallyDrop::new(ring?);
        self.hub.open();
        Some(Producer {
            hub: Arc::clone(&self.hub),
            index,
            ring,
        })
    }
}

impl<T, W: Wait> Clone for Door<T, W> {
    fn clone(&self) -> Self {
        self.hub.open();
        Self {
            hub: Arc::clone(&self.hub),
        }
    }
}

impl<T, W: Wait> Drop for Door<T, W> {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl<T, W: Wait> fmt::Debug for Door<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("lanes_max", &self.hub.lanes.len())
            .finish_non_exhaustive()
    }
}

/// The end of one lane that values go into.
///
/// # Complexity
///
/// Every call that does not wait is wait-free and allocates nothing.
pub struct Producer<T, W: Wait = Spin> {
    hub: Arc<Hub<T, W>>,
    index: usize,
    /// Moved back to the lane in the drop, and only there.
    ring: ManuallyDrop<spsc::Producer<T, W>>,
}

impl<T, W: Wait> Producer<T, W> {
    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if this lane is, or [`PushError::Disconnected`], with the value in it.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.ring.try_push(value)?;
        self.hub.value.notify(1);
        Ok(())
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
        self.ring.push_until(value, deadline)?;
        self.hub.value.notify(1);
        Ok(())
    }

    /// Lends up to `count` empty places of this lane; see [`spsc::Producer::try_claim`].
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] or [`PushError::Disconnected`].
    #[inline]
    pub fn try_claim(&mut self, count: usize) -> Result<Claim<'_, T, W>, PushError<()>> {
        let claim = self.ring.try_claim(count)?;
        Ok(Claim {
            claim,
            value: &self.hub.value,
        })
    }

    /// Lends up to `count` empty places of this lane, waiting up to the deadline for the first.
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
        let claim = self.ring.claim_until(count, deadline)?;
        Ok(Claim {
            claim,
            value: &self.hub.value,
        })
    }

    /// Pushes as many values as this lane has places for now, and says how many.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no place at all, [`PushError::Disconnected`].
    #[inline]
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        let count = self.ring.try_push_slice(values)?;
        self.hub.value.notify(1);
        Ok(count)
    }

    /// How many values are in this lane.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether there is no value in this lane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// How many values this lane holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Whether the consumer is gone.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.ring.is_disconnected()
    }
}

impl<T, W: Wait> Push<T> for Producer<T, W> {
    type Wait = W;

    #[inline]
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.try_push(value)
    }

    fn is_push_ready(&self) -> bool {
        self.ring.is_push_ready()
    }

    fn place(&self) -> &W {
        self.ring.place()
    }

    #[inline]
    fn push_until(&mut self, value: T, deadline: impl Into<Deadline>) -> Result<(), PushError<T>> {
        self.push_until(value, deadline)
    }
}

impl<T, W: Wait> Drop for Producer<T, W> {
    fn drop(&mut self) {
        // SAFETY: the ring is taken here only, and not looked at again.
        let ring = unsafe { ManuallyDrop::take(&mut self.ring) };
        let lane = &self.hub.lanes[self.index];
        // SAFETY: the lane is this producer's until the flag is cleared below.
        unsafe { lane.idle.with_mut(|idle| *idle = Some(ring)) };
        // SYNC: pairs with the Acquire exchange in `Door::open`.
        lane.is_taken.store(false, Ordering::Release);
        self.hub.close();
    }
}

impl<T, W: Wait> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("lane", &self.index)
            .field("ring", &*self.ring)
            .finish_non_exhaustive()
    }
}

/// Empty places of a lane; see [`spsc::Claim`].
#[must_use = "a claim publishes nothing until it is filled or committed"]
#[derive(Debug)]
pub struct Claim<'a, T, W: Wait> {
    claim: spsc::Claim<'a, T, W>,
    value: &'a W,
}

impl<T, W: Wait> Claim<'_, T, W> {
    /// How many places there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.claim.len()
    }

    /// Whether there is no place; only if none was asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.claim.is_empty()
    }

    /// The places in order; the second part is empty unless they go round the end of the ring.
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        self.claim.as_mut_slices()
    }

    /// Publishes the first `count` places together.
    ///
    /// # Safety
    ///
    /// Each of them holds a value.
    ///
    /// # Panics
    ///
    /// `count` is more than [`len`](Self::len).
    #[inline]
    pub unsafe fn commit(self, count: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.claim.commit(count) };
        self.value.notify(1);
    }

    /// Fills the places from the iterator and publishes those that it had values for; how many.
    ///
    /// If the iterator panics, what it gave before is published.
    #[inline]
    pub fn fill(self, values: impl IntoIterator<Item = T>) -> usize {
        let _told = Told(self.value);
        self.claim.fill(values)
    }
}

/// Tells the consumer when it is dropped, also when the source of the values panics.
struct Told<'a, W: Wait>(&'a W);

impl<W: Wait> Drop for Told<'_, W> {
    #[inline]
    fn drop(&mut self) {
        self.0.notify(1);
    }
}

/// The end that the values of all lanes come out of.
///
/// # Complexity
///
/// Every call that does not wait is wait-free and allocates nothing; one that finds its lane
/// empty looks at each lane once.
pub struct Consumer<T, W: Wait = Spin> {
    hub: Arc<Hub<T, W>>,
    /// At least one.
    lanes: Box<[spsc::Consumer<T, W>]>,
    /// The lane that is being emptied: below the number of lanes.
    turn: usize,
    pace: Pace,
}

impl<T, W: Wait> Consumer<T, W> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`]: no value, no producer and no door are left.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        if !self.lanes[self.turn].has_seen_values() {
            self.refill()?;
        }
        Ok(self.lanes[self.turn].take())
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
        if !self.lanes[self.turn].has_seen_values() {
            self.await_values(deadline.into())?;
        }
        Ok(self.lanes[self.turn].take())
    }

    /// Lends up to `count` values of one lane in place: what was seen of the lane whose turn it is.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`].
    #[inline]
    pub fn try_chunk(&mut self, count: usize) -> Result<Chunk<'_, T, W>, PopError> {
        if !self.lanes[self.turn].has_seen_values() {
            self.refill()?;
        }
        Ok(self.lanes[self.turn].lend(count))
    }

    /// Lends up to `count` values of one lane in place, waiting up to the deadline for the first.
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
        if !self.lanes[self.turn].has_seen_values() {
            self.await_values(deadline.into())?;
        }
        Ok(self.lanes[self.turn].lend(count))
    }

    /// Pops what is there now, without waiting; each value frees its place when it is taken.
    pub fn drain(&mut self) -> crate::Drain<'_, Self, T> {
        Pop::drain(self)
    }

    /// Pops what comes, waiting between, until no producer and no door are left.
    pub fn iter(&mut self) -> Iter<'_, Self, T> {
        Pop::iter(self)
    }

    /// How many values are in all lanes; producers may add some meanwhile.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.iter().map(spsc::Consumer::len).sum()
    }

    /// Whether there is no value in any lane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(spsc::Consumer::is_empty)
    }

    /// Whether no producer and no door are left; values may be.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        // SYNC: pairs with the Release subtraction in `Hub::close`.
        self.hub.open_count.load(Ordering::Acquire) == 0
    }

    /// Goes to the next lane with values; once round, ending with the lane of this turn.
    fn go_on(&mut self) -> bool {
        let count = self.lanes.len();
        for step in 1..=count {
            let turn = (self.turn + step) % count;
            let there = self.lanes[turn].look();
            if there != 0 {
                self.turn = turn;
                self.pace.saw(there);
                return true;
            }
        }
        false
    }

    fn refill(&mut self) -> Result<(), PopError> {
        if self.go_on() {
            return Ok(());
        }
        if !self.is_disconnected() {
            return Err(PopError::Empty);
        }
        // The last values may have come between the two looks.
        if self.go_on() {
            return Ok(());
        }
        Err(PopError::Disconnected)
    }

    /// Waits for at least one value in any lane.
    #[cold]
    fn await_values(&mut self, deadline: Deadline) -> Result<(), PopError> {
        match self.refill() {
            Err(PopError::Empty) => {}
            done => return done,
        }
        self.pace.slip();
        self.hub.value.wait_until(deadline, || self.is_pop_ready());
        self.refill()
    }
}

impl<T, W: Wait> Pop<T> for Consumer<T, W> {
    type Wait = W;

    #[inline]
    fn try_pop(&mut self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn is_pop_ready(&self) -> bool {
        !self.is_empty() || self.is_disconnected()
    }

    fn value(&self) -> &W {
        &self.hub.value
    }

    #[inline]
    fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        self.pop_until(deadline)
    }
}

impl<T, W: Wait> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("len", &self.len())
            .field("lanes", &self.lanes.len())
            .finish_non_exhaustive()
    }
}
