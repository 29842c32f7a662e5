//! The one door to atomics, cells and threads.

/// What the services take: always the system's, because no model explores them.
pub(crate) mod system {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
    pub(crate) use std::thread;
}
