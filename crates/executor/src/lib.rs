//! Schedules work on pinned threads, and keeps pools of warm connections and processes.
#![deny(unsafe_op_in_unsafe_fn)]

mod breaker;
mod clock;
mod connections;
mod hedge;
mod random;
mod rendezvous;
mod retry;
mod sync;
mod timeout;

pub use breaker::{
    Breaker, BreakerError, BreakerOpen, BreakerOptions, BreakerPermit, BreakerSnapshot,
    BreakerState,
};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use connections::{AcquireError, Connection, Manager, Pool, PoolOptions, PoolSnapshot};
pub use hedge::{Hedge, HedgeError, HedgeSnapshot};
pub use retry::{Backoff, Failure, Retry, RetryError, RetrySnapshot};
pub use timeout::{Interest, Task, TimeoutError, timeout};
