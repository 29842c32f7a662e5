//! The one door to atomics, locks and threads: `core` and `std` normally, loom's under `cfg(loom)`.

use std::fmt;
use std::sync::{Arc, PoisonError, TryLockError};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// The memory that stands for a file in tests of the journal.
#[cfg(all(test, not(loom)))]
pub(crate) use std::cell::UnsafeCell;

/// Locks; what a panic left half-way is not a thing here, since nothing under our locks panics
/// between two states.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], without waiting; none if somebody has it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Something immutable that is replaced as a whole: whoever loads never waits for whoever stores.
///
/// Loom cannot see into `arc_swap`; in models a lock around an `Arc` stands for it. What a model
/// does not cover is therefore `arc_swap` itself: that a load returns a whole, live value that is
/// the newest or one of those stored meanwhile.
#[cfg(not(loom))]
pub(crate) struct Snapshot<T>(arc_swap::ArcSwap<T>);

#[cfg(not(loom))]
impl<T> Snapshot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// As its twin, with a lock that loom sees.
#[cfg(loom)]
pub(crate) struct Snapshot<T>(Mutex<Arc<T>>);

#[cfg(loom)]
impl<T> Snapshot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        lock(&self.0).clone()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        *lock(&self.0) = value;
    }
}

impl<T> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}
