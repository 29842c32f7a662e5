//! Behaviour of log and nodes.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and has deadlines and files; the ban is for the pure crates"
)]

mod faulty;
mod log;
mod recovery;
mod service;
mod swarm;
