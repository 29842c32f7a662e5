//! Schedules work on pinned threads, with priorities, deadlines, fairness and limits.
//!
//! # Guarantees
//!
//! - **Accounted for**: every task that was taken in runs once, or is told why not
//!   ([`TaskError`]); the metrics add up. `tests/it/faults.rs` checks it for a million tasks with
//!   panics, time-outs, cancellations and resizing at once (`STRESS=1000`).
//! - **Bounded**: what waits, overall and for one [`Key`]; what runs, for one key; how long a worker
//!   polls; how long who submits waits for room ([`Overflow`]). Rejections say why ([`AdmissionError`]).
//! - **Priorities and fairness** of tasks that go through the queue, as the rules in `src/queue.rs`
//!   say: the most urgent first, keys in turn, and an aged task within a bounded number of picks.
//! - **Panics** are a task's result and cost no worker.
//! - **No lost wake-up**: the deque, the protocol of sleeping and the latch of joins are
//!   model-checked in `src/loom_tests.rs`; the ring that tasks come through in `ringbuf`.
//! - **Sleep**: workers without work sleep after [`Options::spin`], and use no processor time.
//! - **No allocation** for a plain task from outside of up to 48 bytes, and for a join.
//!
//! # What it does not do
//!
//! It does not stop a task that runs: cancelling and deadlines are a token that the task looks at.
//! So an urgent task waits for a worker, or runs on a reserved one ([`Options::reserved_workers`]),
//! for which the system has to take a core from somebody else.
//! Plain tasks ([`Executor::submit`], [`Executor::spawn`]) have no priority of their own; they are
//! normal work that takes turns with the normal tasks of the queue.
//! A task that waits for another holds its worker. It is no executor of futures: a [`Handle`] is
//! one, which others poll.
//! Tasks that were cancelled keep their place until it is their turn.
//!
//! # Example
//!
//! ```
//! use claude_flow_executor::{Executor, Options};
//!
//! let executor = Executor::start(&Options::default())?;
//! let answer = executor.spawn(|| 6 * 7)?;
//! let (left, right) = executor.fork_join(|scope| scope.join(|_| 20, |_| 22));
//! assert_eq!(answer.wait()?, left + right);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! Tasks that ask for nothing take a lock-free ring, in whose places their closures lie; tasks with
//! a priority, key or deadline take one policy under a lock, which is a pure data structure.
//! Priorities live there alone, so that plain tasks pay nothing for them but one load. Each worker has a
//! deque for what its own tasks spawn and for the halves of joins that somebody asked for.
//! The options and the reasons: `docs/adr/0001-lanes-and-one-policy.md`.
#![deny(unsafe_op_in_unsafe_fn)]
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines are measured and the system is asked here; the bans are for the pure crates"
)]
#![cfg_attr(loom, expect(dead_code, reason = "models take the protocols alone"))]

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

// The services.
#[cfg(not(loom))]
mod breaker;
#[cfg(not(loom))]
mod clock;
#[cfg(not(loom))]
mod coalesce;
#[cfg(not(loom))]
mod connections;
#[cfg(not(loom))]
mod hedge;
#[cfg(not(loom))]
mod random;
#[cfg(all(not(loom), target_os = "linux"))]
mod reactor;
#[cfg(not(loom))]
mod rendezvous;
#[cfg(not(loom))]
mod retry;
#[cfg(all(not(loom), target_os = "linux"))]
mod supervisor;
#[cfg(not(loom))]
mod timeout;
#[cfg(all(not(loom), target_os = "linux"))]
mod warm;

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
#[cfg(not(loom))]
pub use breaker::{
    Breaker, BreakerError, BreakerOpen, BreakerOptions, BreakerPermit, BreakerSnapshot,
    BreakerState,
};
pub use claude_flow_ringbuf::Deadline;
#[cfg(not(loom))]
pub use clock::{Clock, SystemClock, VirtualClock};
#[cfg(not(loom))]
pub use coalesce::{CoalesceError, CoalesceSnapshot, Coalescer, Turn};
#[cfg(not(loom))]
pub use connections::{AcquireError, Connection, Manager, Pool, PoolOptions, PoolSnapshot};
#[cfg(not(loom))]
pub use hedge::{Hedge, HedgeError, HedgeSnapshot};
#[cfg(not(loom))]
pub use retry::{Backoff, Failure, Retry, RetryError, RetrySnapshot};
#[cfg(all(not(loom), target_os = "linux"))]
pub use supervisor::{
    Agent, AgentCause, AgentEnd, AgentError, AgentId, AgentOptions, AgentSnapshot, AgentState,
    AgentSupervisor, Restart, ShutdownReport, SupervisorOptions, SupervisorSnapshot,
};
#[cfg(not(loom))]
pub use timeout::{Interest, Task, TimeoutError, timeout};
#[cfg(all(not(loom), target_os = "linux"))]
pub use warm::{
    Answer, Canceller, Framing, Handler, Reply, RequestError, ServerError, Session, SessionId,
    ToolError, ToolHost, ToolOptions, ToolPool, ToolSnapshot, Tools,
};
