//! The subscriber's side of its queue.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use claude_flow_ringbuf::mpsc::Consumer;
use claude_flow_ringbuf::{Deadline, Enrol, Pop, Ticket, Wait};

use super::{Entry, Lane, Overflow, Queue};
use crate::RecvError;
use crate::sync::{Ordering, lock};

/// How many messages of each priority are received before the next lower one has its turn: a
/// message of the lowest waits for at most 14 others each time.
const CREDITS: [u8; 4] = [8, 4, 2, 1];

/// So many values without a pause between are a stream, and so many after each hold-off keep it one.
const STREAM_BEGINS: u32 = 64;
const STREAM_GOES_ON: u32 = 4;

/// How long the end of a stream stays away when it has caught up: some 2 µs.
const HOLD_OFF_PAUSES: u32 = if cfg!(any(loom, miri)) { 0 } else { 32 };

/// What comes out of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Popped<T> {
    Value(T),
    /// So many were dropped here.
    Gap(u64),
}

/// The one end that values come out of.
pub(crate) struct Receiver<T> {
    queue: Arc<Queue<T>>,
    /// One for each lane; empty if publishers have them too, or after the end.
    ends: Vec<Consumer<Entry<T>>>,
    /// It was popped, and the gap before it was told.
    held: Option<T>,
    credits: [u8; 4],
    pace: Pace,
    /// Of a future that waits.
    ticket: Ticket,
}

impl<T> Receiver<T> {
    pub(super) fn new(queue: Arc<Queue<T>>, ends: Vec<Consumer<Entry<T>>>) -> Self {
        Self {
            queue,
            ends,
            held: None,
            credits: CREDITS,
            pace: Pace::default(),
            ticket: Ticket::default(),
        }
    }

    pub(crate) fn queue(&self) -> &Arc<Queue<T>> {
        &self.queue
    }

    #[inline]
    pub(crate) fn try_recv(&mut self) -> Result<Popped<T>, RecvError> {
        if self.is_paused() {
            return Err(RecvError::Empty);
        }
        if let Some(popped) = self.pop() {
            self.pace.found();
            return Ok(popped);
        }
        if self.pace.holds_off()
            && let Some(popped) = self.pop()
        {
            return Ok(popped);
        }
        // SYNC: pairs with the Release store in `Queue::close`.
        if !self.queue.is_closed.load(Ordering::Acquire) {
            return Err(RecvError::Empty);
        }
        // The last ones may have come between the look and the flag.
        self.pop().ok_or(RecvError::Closed)
    }

    pub(crate) fn recv_until(&mut self, deadline: Deadline) -> Result<Popped<T>, RecvError> {
        loop {
            match self.try_recv() {
                Err(RecvError::Empty) => {}
                done => return done,
            }
            let value = &self.queue.value;
            if !value.wait_until(deadline, || self.is_ready()) {
                return self.try_recv();
            }
        }
    }

    pub(crate) fn poll_recv(
        &mut self,
        ctx: &mut Context<'_>,
    ) -> Poll<Result<Popped<T>, RecvError>> {
        // Twice: between the first look and the entry in the list something may have come.
        for is_enrolled in [false, true] {
            match self.try_recv() {
                Err(RecvError::Empty) => {}
                done => {
                    self.leave();
                    return Poll::Ready(done);
                }
            }
            if !is_enrolled {
                self.queue.value.enrol(&mut self.ticket, ctx.waker());
            }
        }
        Poll::Pending
    }

    /// Does not wait any more.
    pub(crate) fn leave(&mut self) {
        self.queue.value.leave(&mut self.ticket);
    }

    pub(crate) fn condition(&self) -> &dyn Enrol {
        &self.queue.value
    }

    /// Whether [`try_recv`](Self::try_recv) would not say that it is empty.
    pub(crate) fn is_ready(&self) -> bool {
        if self.is_paused() {
            return false;
        }
        let has_value = match &self.queue.shared_ends {
            Some(ends) => lock(ends).iter().any(Pop::is_pop_ready),
            None => self.ends.iter().any(Pop::is_pop_ready),
        };
        let has_gap = |lane: &Lane<T>| lane.untold.load(Ordering::Relaxed) != 0;
        has_value
            || self.held.is_some()
            || self.queue.lanes.iter().any(has_gap)
            || self.queue.is_closed.load(Ordering::Acquire)
    }

    #[inline]
    fn is_paused(&self) -> bool {
        // Who closes wants the rest to be received. Relaxed: nothing is read in consequence.
        self.queue.is_paused.load(Ordering::Relaxed)
            && !self.queue.is_closed.load(Ordering::Relaxed)
    }

    #[inline]
    fn pop(&mut self) -> Option<Popped<T>> {
        if let Some(value) = self.held.take() {
            return Some(Popped::Value(value));
        }
        let popped = if self.queue.lanes.len() == 1 {
            self.pop_lane(0)
        } else {
            self.pop_in_turn()
        };
        popped.or_else(|| self.last_gap())
    }

    /// From the highest lane that has something and has not had its share.
    fn pop_in_turn(&mut self) -> Option<Popped<T>> {
        for _ in 0..2 {
            for lane in 0..self.queue.lanes.len() {
                if self.credits[lane] == 0 {
                    continue;
                }
                if let Some(popped) = self.pop_lane(lane) {
                    self.credits[lane] -= 1;
                    return Some(popped);
                }
            }
            self.credits = CREDITS;
        }
        None
    }

    #[inline]
    fn pop_lane(&mut self, index: usize) -> Option<Popped<T>> {
        let lane = &self.queue.lanes[index];
        let entry = match &self.queue.shared_ends {
            None => take(self.ends.get(index)?)?,
            Some(ends) => {
                let ends = lock(ends);
                // What publishers displaced was before what is oldest now.
                let gap = lane.take_untold();
                if gap > 0 {
                    return Some(Popped::Gap(gap));
                }
                take(ends.get(index)?)?
            }
        };
        if matches!(self.queue.overflow, Overflow::Wait(_)) {
            lane.place.notify(1);
        }
        if entry.gap == 0 {
            return Some(Popped::Value(entry.value));
        }
        self.held = Some(entry.value);
        Some(Popped::Gap(entry.gap))
    }

    /// What was dropped after everything that came.
    ///
    /// What is told is what was there before the lane was seen to be empty: a drop needs a full
    /// lane, so all that was pushed before it has been received.
    fn last_gap(&self) -> Option<Popped<T>> {
        let told = |(index, lane): (usize, &Lane<T>)| {
            // SYNC: pairs with the Release addition in `Queue::leave_gap`.
            let gap = lane.untold.load(Ordering::Acquire);
            if gap == 0 || self.ends.get(index).is_some_and(Pop::is_pop_ready) {
                return None;
            }
            let untold = &lane.untold;
            let taking = untold.compare_exchange(gap, 0, Ordering::Relaxed, Ordering::Relaxed);
            taking.ok().map(Popped::Gap)
        };
        self.queue.lanes.iter().enumerate().find_map(told)
    }
}

/// Keeps the end of a stream from moving in lock step with its publishers.
///
/// An end at their heels takes the lines that they write away for each value. One that stays away for
/// a moment gets many at once. What comes one at a time, as answers do, never makes a stream.
#[derive(Debug, Default)]
struct Pace {
    /// Values since there was nothing.
    streak: u32,
    is_stream: bool,
}

impl Pace {
    #[inline]
    fn found(&mut self) {
        self.streak = self.streak.saturating_add(1);
    }

    /// There was nothing: whether this waited, so that another look is due.
    #[inline]
    fn holds_off(&mut self) -> bool {
        let wanted = if self.is_stream {
            STREAM_GOES_ON
        } else {
            STREAM_BEGINS
        };
        self.is_stream = std::mem::take(&mut self.streak) >= wanted;
        if self.is_stream {
            for _ in 0..HOLD_OFF_PAUSES {
                std::hint::spin_loop();
            }
        }
        self.is_stream
    }
}

/// What is next in a ring.
///
/// A ring that is asked too soon after the last value lets its caller wait for some microseconds, also
/// for an answer that comes a quarter of a microsecond after the question. [`Pace`] decides here.
#[inline]
fn take<T>(end: &Consumer<Entry<T>>) -> Option<Entry<T>> {
    if !end.is_pop_ready() {
        return None;
    }
    end.try_pop().ok()
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.leave();
        self.queue.close();
        // What is there would otherwise stay as long as publishers remember the queue.
        // What comes while this runs stays; it is not worth a wait for publishers to notice.
        for _ in 0..2 * self.queue.capacity() {
            if self.pop().is_none() {
                break;
            }
        }
        self.ends.clear();
        if let Some(ends) = &self.queue.shared_ends {
            lock(ends).clear();
        }
        for lane in &self.queue.lanes {
            lane.place.notify_all();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
