//! The one door to atomics, cells and threads: `core` and `std`.

#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    thread,
};

/// The memory that stands for a file in tests.
#[cfg(all(test, not(loom)))]
pub(crate) use std::cell::UnsafeCell;
