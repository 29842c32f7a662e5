//! What waits to be sent to one validator.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many packets may wait for one validator.
const WAITING_MAX: usize = 1024;

/// How many bytes may wait for one validator before no more are taken.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// Packets for one validator, the latest of which are dropped when too many wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    packets: VecDeque<Arc<[u8]>>,
    bytes: usize,
    dropped: u64,
    is_closed: bool,
    is_connected: bool,
    error: Option<String>,
}

impl Queue {
    pub(crate) fn put(&self, bytes: &Arc<[u8]>) {
        let mut state = self.lock();
        if state.packets.len() >= WAITING_MAX || state.bytes >= WAITING_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        state.bytes += bytes.len();
        state.packets.push_back(Arc::clone(bytes));
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for packets and takes all; `None` once the queue is closed.
    pub(crate) fn take(&self) -> Option<VecDeque<Arc<[u8]>>> {
        let mut state = self.lock();
        while state.packets.is_empty() && !state.is_closed {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return None;
        }
        state.bytes = 0;
        Some(std::mem::take(&mut state.packets))
    }

    /// Waits before another attempt; `false` once the queue is closed.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        let mut state = self.lock();
        while !state.is_closed {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn set_link(&self, link: Result<(), String>) {
        let mut state = self.lock();
        state.is_connected = link.is_ok();
        state.error = link.err();
    }

    /// Whether there is a connection, why not, and how many packets were dropped.
    pub(crate) fn link(&self) -> (bool, Option<String>, u64) {
        let state = self.lock();
        (state.is_connected, state.error.clone(), state.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
