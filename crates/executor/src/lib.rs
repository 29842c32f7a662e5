//! Schedules work on pinned threads, and keeps pools of warm connections and processes.
#![deny(unsafe_op_in_unsafe_fn)]

mod breaker;
mod clock;
mod coalesce;
mod connections;
mod hedge;
mod random;
#[cfg(target_os = "linux")]
mod reactor;
mod rendezvous;
mod retry;
#[cfg(target_os = "linux")]
mod supervisor;
mod sync;
mod timeout;
#[cfg(target_os = "linux")]
mod warm;

pub use breaker::{
    Breaker, BreakerError, BreakerOpen, BreakerOptions, BreakerPermit, BreakerSnapshot,
    BreakerState,
};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use coalesce::{CoalesceError, CoalesceSnapshot, Coalescer, Turn};
pub use connections::{AcquireError, Connection, Manager, Pool, PoolOptions, PoolSnapshot};
pub use hedge::{Hedge, HedgeError, HedgeSnapshot};
pub use retry::{Backoff, Failure, Retry, RetryError, RetrySnapshot};
#[cfg(target_os = "linux")]
pub use supervisor::{
    Agent, AgentCause, AgentEnd, AgentError, AgentId, AgentOptions, AgentSnapshot, AgentState,
    AgentSupervisor, Restart, ShutdownReport, SupervisorOptions, SupervisorSnapshot,
};
pub use timeout::{Interest, Task, TimeoutError, timeout};
#[cfg(target_os = "linux")]
pub use warm::{
    Answer, Canceller, Framing, Handler, Reply, RequestError, ServerError, Session, SessionId,
    ToolError, ToolHost, ToolOptions, ToolPool, ToolSnapshot, Tools,
};
