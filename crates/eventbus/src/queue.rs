//! What a subscriber has not received yet: bounded, with a policy for what does not fit.
//!
//! # Who touches what
//!
//! | what | publishers | the subscriber |
//! |---|---|---|
//! | `Lane::tx` | push, when there is a place | never |
//! | `Lane::untold` | add what they dropped; take it along with what they push next | takes it, when the lane is empty |
//! | `shared_ends` (drop the oldest) | pop the oldest under the lock, if nobody else has it | pops under the lock |
//! | `value` | notify, after a push or a drop | waits |
//! | `Lane::place` (wait) | wait | notifies, after a pop |
//! | `is_closed`, `is_paused` | – | looks, when there is nothing |
//!
//! # Why every drop is told once
//!
//! A message that is dropped adds one to `untold`. What is there is taken out by exchange, either
//! by a publisher, which puts it into the entry that it pushes (and back, if there is no place), or by
//! the subscriber. An entry that is displaced gives what it carries back. So what was dropped is at
//! every moment in `untold`, in entries of the ring, or told.
//!
//! Where the gap is: an entry carries what was dropped between it and the one before, as far as
//! publishers agree on an order. Where the oldest goes, the subscriber looks at `untold` under the
//! lock under which they go, so what is missing was before what it pops next.

mod receiver;

pub(crate) use self::receiver::{Popped, Receiver};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use claude_flow_ringbuf::mpsc::{self, Consumer, Producer};
use claude_flow_ringbuf::{CapacityError, Deadline, Park, Push, PushError, Spin, Wait};

use crate::Priority;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, try_lock};

/// How often a publisher that displaces the oldest looks for it before its own message goes.
///
/// It has to look again when the subscriber is just taking something out, or another publisher
/// has a place and has not filled it yet.
const EVICTIONS_MAX: usize = if cfg!(loom) { 2 } else { 64 };

/// A publisher that finds its subscriber's queue full looks again, with so many pauses between,
/// until this part of the queue is free: as long as there is more room each time, and so often at
/// most (some 0.1 ms). If it went on with the first free place both would hand each other one
/// place at a time, and if it slept the subscriber would have to wake it.
const HOLD_OFF_LOOKS: u32 = if cfg!(any(loom, miri)) { 0 } else { 256 };
const HOLD_OFF_PAUSES: u32 = 8;
const HOLD_OFF_FRACTION: usize = 8;

/// What happens to a message for which a subscriber's queue has no place.
///
/// Whatever is lost is counted, told to the publisher ([`Receipt`](crate::Receipt)) and to the
/// subscriber ([`Item::Gap`](crate::Item::Gap)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The publisher waits up to so long for a place; then the message is dropped.
    Wait(Duration),
    /// The oldest message in the queue is dropped.
    ///
    /// If the subscriber, or another publisher, is kept from running at the very moment in which it
    /// handles the queue, the new message is dropped instead: nobody waits.
    DropOldest,
    /// The new message is dropped.
    DropNewest,
    /// The new message is dropped, and the receipt says that it was refused: the publisher may
    /// try again.
    Refuse,
}

/// What became of one message, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u32,
    pub(crate) dropped: u32,
    pub(crate) refused: u32,
}

/// The publishers' side of a subscriber's queue.
pub(crate) struct Queue<T> {
    /// One, or one for each priority.
    lanes: Box<[Lane<T>]>,
    overflow: Overflow,
    capacity: usize,
    /// The ends that values come out of, if publishers take out the oldest; gone with the
    /// receiver.
    shared_ends: Option<Mutex<Vec<Consumer<Entry<T>>>>>,
    /// "There is a value, or a drop to tell, or nothing will come any more."
    value: Park,
    /// No more than what is there will come.
    is_closed: AtomicBool,
    is_paused: AtomicBool,
    /// Since the beginning.
    dropped: AtomicU64,
    refused: AtomicU64,
}

struct Lane<T> {
    tx: Producer<Entry<T>>,
    /// How many were dropped and are in no entry.
    untold: AtomicU64,
    /// "There is a place."
    place: Park,
}

struct Entry<T> {
    /// How many were dropped before this one.
    gap: u64,
    value: T,
}

/// How large a queue is, and what it does when it is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    pub(crate) has_priorities: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(shape: Shape) -> Result<(Arc<Self>, Receiver<T>), CapacityError> {
        let lane_count = if shape.has_priorities {
            Priority::ALL.len()
        } else {
            1
        };
        let mut lanes = Vec::with_capacity(lane_count);
        let mut ends = Vec::with_capacity(lane_count);
        for _ in 0..lane_count {
            let (tx, rx) = mpsc::ring_with::<_, Spin>(shape.capacity)?;
            lanes.push(Lane {
                tx,
                untold: AtomicU64::new(0),
                place: Park::default(),
            });
            ends.push(rx);
        }
        let (shared_ends, own_ends) = match shape.overflow {
            Overflow::DropOldest => (Some(Mutex::new(ends)), Vec::new()),
            _ => (None, ends),
        };
        let queue = Arc::new(Self {
            lanes: lanes.into_boxed_slice(),
            overflow: shape.overflow,
            capacity: shape.capacity,
            shared_ends,
            value: Park::default(),
            is_closed: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let receiver = Receiver::new(Arc::clone(&queue), own_ends);
        Ok((queue, receiver))
    }

    /// Gives it a value, or does with it what the policy says.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone; nothing is counted.
    #[inline]
    pub(crate) fn offer(&self, priority: Priority, value: T, tally: &mut Tally) -> Result<(), T> {
        let lane = self.lane_of(priority);
        let gap = match self.overflow {
            Overflow::DropOldest => 0,
            _ => lane.take_untold(),
        };
        match lane.tx.try_push(Entry { gap, value }) {
            Ok(()) => {
                self.value.notify(1);
                tally.delivered += 1;
                Ok(())
            }
            Err(PushError::Full(entry)) => self.overflow(lane, entry, tally),
            Err(refused) => Err(refused.into_inner().value),
        }
    }

    /// Gives it many values of one priority; the same as one after the other.
    ///
    /// # Errors
    ///
    /// How many were left when the receiver was found to be gone.
    pub(crate) fn offer_all(
        &self,
        priority: Priority,
        values: &mut impl ExactSizeIterator<Item = T>,
        tally: &mut Tally,
    ) -> Result<(), usize> {
        let lane = self.lane_of(priority);
        let count = values.len();
        if count == 0 {
            return Ok(());
        }
        if self.overflow != Overflow::DropOldest
            && let Ok(mut places) = lane.tx.try_claim(count)
        {
            let mut gap = lane.take_untold();
            places.extend(values.map(|value| Entry {
                gap: std::mem::take(&mut gap),
                value,
            }));
            drop(places);
            self.value.notify(1);
            #[expect(clippy::cast_possible_truncation, reason = "a batch is small")]
            let count = count as u32;
            tally.delivered += count;
            return Ok(());
        }
        while let Some(value) = values.next() {
            self.offer(priority, value, tally)
                .map_err(|_| values.len() + 1)?;
        }
        Ok(())
    }

    #[inline]
    fn lane_of(&self, priority: Priority) -> &Lane<T> {
        // One lane is for all of them.
        &self.lanes[(priority as usize).min(self.lanes.len() - 1)]
    }

    #[cold]
    #[inline(never)]
    fn overflow(&self, lane: &Lane<T>, entry: Entry<T>, tally: &mut Tally) -> Result<(), T> {
        match self.overflow {
            Overflow::DropNewest => self.lose(lane, &entry, tally),
            Overflow::Refuse => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tally.refused += 1;
                self.leave_gap(lane, &entry);
            }
            Overflow::Wait(patience) => return self.wait(lane, entry, patience, tally),
            Overflow::DropOldest => return self.displace(lane, entry, tally),
        }
        Ok(())
    }

    fn wait(
        &self,
        lane: &Lane<T>,
        mut entry: Entry<T>,
        patience: Duration,
        tally: &mut Tally,
    ) -> Result<(), T> {
        self.hold_off(lane);
        let deadline = Deadline::after(patience);
        loop {
            let is_in_time = lane.place.wait_until(deadline, || lane.tx.is_push_ready());
            match lane.tx.try_push(entry) {
                Ok(()) => {
                    self.value.notify(1);
                    tally.delivered += 1;
                    return Ok(());
                }
                Err(PushError::Full(back)) => entry = back,
                Err(refused) => return Err(refused.into_inner().value),
            }
            if !is_in_time {
                self.lose(lane, &entry, tally);
                return Ok(());
            }
        }
    }

    /// Gives a subscriber that is just receiving some microseconds to make room for many.
    fn hold_off(&self, lane: &Lane<T>) {
        let len_wanted = self.capacity - self.capacity / HOLD_OFF_FRACTION;
        let mut len_before = usize::MAX;
        for _ in 0..HOLD_OFF_LOOKS {
            for _ in 0..HOLD_OFF_PAUSES {
                std::hint::spin_loop();
            }
            let len = lane.tx.len();
            if len <= len_wanted || len >= len_before {
                return;
            }
            len_before = len;
        }
    }

    fn displace(&self, lane: &Lane<T>, mut entry: Entry<T>, tally: &mut Tally) -> Result<(), T> {
        for _ in 0..EVICTIONS_MAX {
            // The victim is dropped behind the lock.
            let _victim = self.evict(lane, tally);
            match lane.tx.try_push(entry) {
                Ok(()) => {
                    self.value.notify(1);
                    tally.delivered += 1;
                    return Ok(());
                }
                Err(PushError::Full(back)) => entry = back,
                Err(refused) => return Err(refused.into_inner().value),
            }
            std::hint::spin_loop();
        }
        self.lose(lane, &entry, tally);
        Ok(())
    }

    /// Takes the oldest out, if nobody else is at it.
    fn evict(&self, lane: &Lane<T>, tally: &mut Tally) -> Option<T> {
        let ends = try_lock(self.shared_ends.as_ref()?)?;
        let index = self.lanes.iter().position(|it| std::ptr::eq(it, lane))?;
        let victim = ends.get(index)?.try_pop().ok()?;
        // Under the lock: the subscriber finds it before what is now the oldest.
        lane.untold.fetch_add(victim.gap + 1, Ordering::Relaxed);
        drop(ends);
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tally.dropped += 1;
        Some(victim.value)
    }

    /// The entry's value does not come in.
    fn lose(&self, lane: &Lane<T>, entry: &Entry<T>, tally: &mut Tally) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tally.dropped += 1;
        self.leave_gap(lane, entry);
    }

    fn leave_gap(&self, lane: &Lane<T>, entry: &Entry<T>) {
        // SYNC: pairs with the Acquire load in `Receiver::last_gap`: what was pushed before the drop is
        // found by the look after it.
        lane.untold.fetch_add(entry.gap + 1, Ordering::Release);
        self.value.notify(1);
    }

    /// Says that nothing will come any more; what is there is still received.
    pub(crate) fn close(&self) {
        // SYNC: pairs with the Acquire load in `Receiver::try_recv`: what was pushed before this is
        // found by the look after it.
        self.is_closed.store(true, Ordering::Release);
        self.value.notify_all();
    }

    /// Gives the subscriber nothing until this is taken back; the queue fills.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        // Relaxed: nothing is read in consequence.
        self.is_paused.store(is_paused, Ordering::Relaxed);
        self.value.notify_all();
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.tx.len()).sum()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity * self.lanes.len()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<T> Lane<T> {
    #[inline]
    fn take_untold(&self) -> u64 {
        // Relaxed: a count that is added to and taken by exchanges, which miss nothing.
        if self.untold.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.untold.swap(0, Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("overflow", &self.overflow)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
