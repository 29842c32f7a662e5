//! What is there only so many times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Places for connections.
#[derive(Debug)]
pub(in crate::daemon) struct Slots {
    count: usize,
    taken: Mutex<usize>,
    freed: Condvar,
}

/// One place; it is free again when this is dropped.
#[derive(Debug)]
pub(in crate::daemon) struct Slot(Arc<Slots>);

impl Slots {
    pub(in crate::daemon) fn new(count: usize) -> Self {
        Self {
            count,
            taken: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    /// A place, if one is free.
    pub(in crate::daemon) fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken == self.count {
            return None;
        }
        *taken += 1;
        Some(Slot(Arc::clone(self)))
    }

    /// How many are taken.
    pub(in crate::daemon) fn taken(&self) -> usize {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all are free, but not longer than this; gives how many are not.
    pub(in crate::daemon) fn drain(&self, time_max: Duration) -> usize {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .freed
            .wait_timeout_while(taken, time_max, |taken| *taken > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= 1;
        self.0.freed.notify_all();
    }
}

/// Bytes that may be held.
#[derive(Debug)]
pub(in crate::daemon) struct Budget {
    left: Arc<AtomicUsize>,
}

/// Bytes that are held; they are free again when this is dropped.
#[derive(Debug)]
pub(in crate::daemon) struct Room {
    left: Arc<AtomicUsize>,
    bytes: usize,
}

impl Budget {
    pub(in crate::daemon) fn new(bytes: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    /// Room for so many bytes, if it is there.
    pub(in crate::daemon) fn take(&self, bytes: usize) -> Option<Room> {
        // The count publishes nothing else, so it needs no ordering.
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            });
        taken.ok().map(|_| Room {
            left: Arc::clone(&self.left),
            bytes,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
