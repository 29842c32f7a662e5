//! The one door to atomics, locks and threads: `std` normally, loom's under `cfg(loom)`.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicIsize, AtomicPtr, AtomicU32, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use std::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{
            AtomicBool, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        },
    },
    thread::{Builder, JoinHandle, Result as Caught, available_parallelism, current},
};

#[cfg(all(test, not(loom)))]
pub(crate) use std::thread::scope;

use std::sync::PoisonError;

/// A value alone on two cache lines: Intel's prefetcher fetches lines in pairs.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct CacheLine<T>(pub(crate) T);

/// Locks; what is locked here is whole also if somebody panicked under the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts one thread to sleep, and wakes it.
///
/// A wake-up that comes before the sleep ends that sleep at once; several are as one.
#[derive(Debug)]
pub(crate) struct Parker {
    is_woken: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            is_woken: Mutex::new(false),
            condvar: Condvar::new(),
        }
    }

    /// Sleeps until it is woken; the wake-up may be of an earlier wait, so the caller looks again.
    pub(crate) fn park(&self) {
        let mut is_woken = lock(&self.is_woken);
        while !*is_woken {
            is_woken = self
                .condvar
                .wait(is_woken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *is_woken = false;
    }

    /// Wakes the thread that sleeps here, or the next one that would.
    pub(crate) fn wake(&self) {
        *lock(&self.is_woken) = true;
        self.condvar.notify_one();
    }
}

/// What the services take: always the system's, because no model explores them.
#[cfg(not(loom))]
pub(crate) mod system {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
    pub(crate) use std::thread;
}
