//! Tool processes that are started once and asked many times. Linux only.
//!
//! [`ToolHost`] has one thread that polls the streams of all processes and one that keeps the pools;
//! [`ToolPool`] is a [`Pool`](crate::Pool) of processes of one tool, and [`Session`] is one such process.
//!
//! # Who may touch which part of a process
//!
//! | part | who |
//! |---|---|
//! | `dialogue`: input, what is unsent, who waits | any thread, for the length of one non-blocking write |
//! | `streams`: outputs, the child's handle | the polling thread; whoever kills or measures the process |
//! | `stderr`: what was kept | the polling thread writes, whoever reports a failure reads |
//!
//! No lock is held while a [`Handler`] runs. Who needs several takes them in the order of the table.

mod framing;
mod host;
mod process;
mod rpc;
mod session;
mod tool;

pub use framing::Framing;
pub use host::ToolHost;
pub use session::{Answer, Canceller, Reply, RequestError, Session};
pub use tool::{
    Handler, ServerError, SessionId, ToolError, ToolOptions, ToolPool, ToolSnapshot, Tools,
};
