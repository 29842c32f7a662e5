//! Schedules work on pinned threads.
#![deny(unsafe_op_in_unsafe_fn)]
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines are measured and the system is asked here; the bans are for the pure crates"
)]

mod sync;

// The scheduler.
#[cfg(not(loom))]
mod cancel;
#[cfg(not(loom))]
mod cores;
mod deque;
#[cfg(not(loom))]
mod executor;
#[cfg(not(loom))]
mod fork;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod histogram;
mod idle;
#[cfg(not(loom))]
mod job;
mod latch;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(not(loom))]
mod metrics;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod piece;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod priority;
#[cfg(not(loom))]
mod queue;
#[cfg(not(loom))]
mod root;
#[cfg(not(loom))]
mod worker;

#[cfg(not(loom))]
pub use crate::{
    cancel::CancelToken,
    cores::{Core, Cores, PinError, Quota, pin_this_thread},
    executor::{BulkError, Executor, Placement},
    fork::Scope,
    handle::{Handle, TaskError},
    histogram::Histogram,
    metrics::Metrics,
    options::{AdmissionError, Options, Overflow, StartError, TaskOptions},
    priority::{Key, Priority},
};
pub use claude_flow_ringbuf::Deadline;
