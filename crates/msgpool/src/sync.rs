//! The one door to atomics and threads: `core` and `std` normally, loom's under `cfg(loom)`.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use {
    core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    },
    std::{sync::Arc, thread_local},
};

/// Only the compiler is held back: a model has no use for it, and loom has none.
pub(crate) use core::sync::atomic::{Ordering as CompilerOrdering, compiler_fence};
