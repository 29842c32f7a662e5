//! The one door to atomics, cells and threads: `core` and `std` normally, loom's under `cfg(loom)`.
#![expect(
    unsafe_code,
    reason = "a cell that is shared is opened by its owner's rule"
)]

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        },
    },
};

#[cfg(all(loom, feature = "std"))]
pub(crate) use loom::{
    sync::{Condvar, Mutex, MutexGuard},
    thread::yield_now,
};

#[cfg(not(loom))]
pub(crate) use {
    alloc::sync::Arc,
    core::{
        hint::spin_loop,
        sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        },
    },
};

#[cfg(all(not(loom), feature = "std"))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread::yield_now,
};

/// What a model counts with, and does not explore.
#[cfg(all(test, loom, feature = "std"))]
pub(crate) use std::sync::atomic::{AtomicUsize as Count, Ordering as CountOrdering};

/// Loom has none of its own; it has no compiler either that could reorder anything.
#[cfg(feature = "std")]
pub(crate) use core::sync::atomic::compiler_fence;

/// Stand for places in memory that are not atomic, so that a model sees who races for them.
///
/// Outside of models they are nothing and do nothing.
#[cfg(loom)]
#[derive(Debug, Clone)]
pub(crate) struct Shadows(alloc::sync::Arc<[loom::cell::UnsafeCell<()>]>);

#[cfg(loom)]
impl Shadows {
    pub(crate) fn new(count: usize) -> Self {
        Self(
            (0..count)
                .map(|_| loom::cell::UnsafeCell::new(()))
                .collect(),
        )
    }

    /// The place is written, or its value moved out, here.
    pub(crate) fn write(&self, index: usize) {
        self.0[index].with_mut(|_| ());
    }

    /// The value of the place is looked at here.
    pub(crate) fn read(&self, index: usize) {
        self.0[index].with(|_| ());
    }
}

/// Stand for places in memory that are not atomic, so that a model sees who races for them.
///
/// Outside of models they are nothing and do nothing.
#[cfg(not(loom))]
#[derive(Debug, Clone)]
pub(crate) struct Shadows;

#[cfg(not(loom))]
#[expect(
    clippy::unused_self,
    clippy::missing_const_for_fn,
    reason = "loom's twin uses it"
)]
impl Shadows {
    pub(crate) fn new(_count: usize) -> Self {
        Self
    }

    /// The place is written, or its value moved out, here.
    #[inline]
    pub(crate) fn write(&self, _index: usize) {}

    /// The value of the place is looked at here.
    #[inline]
    pub(crate) fn read(&self, _index: usize) {}
}

/// Something that one thread at a time may touch, by a rule that its owner keeps.
#[cfg(loom)]
pub(crate) struct Hidden<T>(loom::cell::UnsafeCell<T>);

#[cfg(loom)]
impl<T> Hidden<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// # Safety
    ///
    /// Nobody else touches it meanwhile.
    pub(crate) unsafe fn with_mut<R>(&self, touch: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller has it alone; loom checks that.
        self.0.with_mut(|it| touch(unsafe { &mut *it }))
    }
}

/// Something that one thread at a time may touch, by a rule that its owner keeps.
#[cfg(not(loom))]
pub(crate) struct Hidden<T>(core::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> Hidden<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// # Safety
    ///
    /// Nobody else touches it meanwhile.
    pub(crate) unsafe fn with_mut<R>(&self, touch: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller has it alone.
        touch(unsafe { &mut *self.0.get() })
    }
}

// SAFETY: it is touched through an unsafe function only, by one thread at a time; the value goes
// from thread to thread, which `T: Send` permits.
unsafe impl<T: Send> Sync for Hidden<T> {}
