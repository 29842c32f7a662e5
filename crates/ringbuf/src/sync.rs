//! The one door to atomics, cells and threads: `core` and `std` normally, loom's under `cfg(loom)`.

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

#[cfg(all(loom, feature = "std"))]
pub(crate) use loom::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicU32, fence},
    },
    thread::yield_now,
};

#[cfg(not(loom))]
pub(crate) use {
    alloc::sync::Arc,
    core::{
        hint::spin_loop,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

#[cfg(all(not(loom), feature = "std"))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicU32, fence},
    },
    thread::yield_now,
};

// For words in memory that several processes map; loom does not follow those.
#[cfg(all(not(loom), feature = "shared"))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicU64};

/// Loom has none of its own; it has no compiler either that could reorder anything.
#[cfg(feature = "std")]
pub(crate) use core::sync::atomic::compiler_fence;

/// Stand for places in memory that are not atomic, so that a model sees who races for them.
///
/// Outside of models they are nothing and do nothing.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Shadows(alloc::boxed::Box<[loom::cell::UnsafeCell<()>]>);

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
}

/// Stand for places in memory that are not atomic, so that a model sees who races for them.
///
/// Outside of models they are nothing and do nothing.
#[cfg(not(loom))]
#[derive(Debug)]
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
}
