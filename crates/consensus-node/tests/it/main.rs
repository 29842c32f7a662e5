//! Behaviour of log and nodes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faulty;
mod log;
mod swarm;
