//! What waits for a node: one bounded queue for each sender, emptied in turn.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::node::Event;

/// How many events of one sender may wait.
pub(crate) const WAITING_MAX: usize = 1024;

/// How many bytes of one sender may wait before its next packet has to.
pub(crate) const WAITING_BYTES_MAX: usize = 8 << 20;

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too much of this sender waits.
    Full,
    /// The node has stopped.
    Closed,
}

/// A queue for each sender, so that one that floods fills its own and delays nobody else's.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Something came, or the node is to stop.
    filled: Condvar,
    /// Something was taken.
    emptied: Condvar,
}

#[derive(Debug)]
struct State {
    queues: Vec<Queue>,
    /// Whose turn it is.
    next: usize,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Inbox {
    pub(crate) fn new(senders: usize) -> Self {
        let mut queues = Vec::new();
        queues.resize_with(senders, Queue::default);
        let state = State {
            queues,
            next: 0,
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    /// Puts an event into its sender's queue, if there is room now.
    pub(crate) fn try_put(&self, sender: usize, event: Event) -> Result<(), Refused> {
        self.lock().put(sender, event)?;
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for room until the deadline: whoever reads from a socket then stops reading.
    pub(crate) fn put(
        &self,
        sender: usize,
        event: Event,
        deadline: Instant,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        while !state.is_closed && !state.has_room(sender) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Refused::Full);
            }
            let waited = self.emptied.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.put(sender, event)?;
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes up to so many events, one of each sender in turn; waits for the first until the
    /// deadline. `false` once the node is to stop and nothing is left.
    pub(crate) fn take(&self, events: &mut Vec<Event>, most: usize, deadline: Instant) -> bool {
        let mut state = self.lock();
        while !state.is_closed && state.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.take(events, most);
        let is_open = !state.is_closed || !events.is_empty();
        drop(state);
        self.emptied.notify_all();
        is_open
    }

    /// Nothing is taken in any more.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.events.is_empty())
    }

    fn has_room(&self, sender: usize) -> bool {
        self.queues.get(sender).is_some_and(|queue| {
            queue.events.len() < WAITING_MAX && queue.bytes < WAITING_BYTES_MAX
        })
    }

    fn put(&mut self, sender: usize, event: Event) -> Result<(), Refused> {
        if self.is_closed {
            return Err(Refused::Closed);
        }
        if !self.has_room(sender) {
            return Err(Refused::Full);
        }
        let queue = &mut self.queues[sender];
        queue.bytes += event.bytes();
        queue.events.push_back(event);
        Ok(())
    }

    fn take(&mut self, events: &mut Vec<Event>, most: usize) {
        let mut idle = 0;
        while events.len() < most && idle < self.queues.len() {
            let turn = self.next;
            self.next = (turn + 1) % self.queues.len();
            let queue = &mut self.queues[turn];
            if let Some(event) = queue.events.pop_front() {
                queue.bytes -= event.bytes();
                events.push(event);
                idle = 0;
            } else {
                idle += 1;
            }
        }
    }
}
