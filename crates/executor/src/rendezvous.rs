//! A place where one thread waits for what others send it, by a [`Clock`].
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::Clock;
use crate::sync::system::thread::{self, Thread};

/// Sends at most one value; dropped without one, it is counted as lost.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// Waits for the senders. Only one thread waits at a time.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

/// Bounded by the number of senders.
#[derive(Debug)]
struct State<T> {
    values: VecDeque<T>,
    senders: usize,
    waiter: Option<Thread>,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    TimedOut,
    /// Every sender is gone.
    Lost,
}

pub(crate) fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared(Mutex::new(State {
        values: VecDeque::new(),
        senders: 1,
        waiter: None,
    })));
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    pub(crate) fn send(self, value: T) {
        self.0.lock().values.push_back(value);
        // Dropping wakes the waiter.
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        if let Some(waiter) = &state.waiter {
            waiter.unpark();
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for a value. One that is there is taken, even after the deadline.
    pub(crate) fn wait(&self, clock: &dyn Clock, deadline: Instant) -> Result<T, Missing> {
        loop {
            {
                let mut state = self.0.lock();
                if let Some(value) = state.values.pop_front() {
                    return Ok(value);
                }
                if state.senders == 0 {
                    return Err(Missing::Lost);
                }
                state.waiter = Some(thread::current());
            }
            if clock.now() >= deadline {
                return self.0.lock().values.pop_front().ok_or(Missing::TimedOut);
            }
            clock.park_until(deadline);
        }
    }
}
