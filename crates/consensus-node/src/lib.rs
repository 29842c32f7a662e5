//! Runs the replicas of `claude-flow-consensus`: write-ahead log, threads, sockets.
//!
//! # Guarantees
//!
//! - Nothing that a replica says leaves before its [`Log`] is durable that far; one sync a turn
//!   covers everything that came in since the last one.
//! - After a crash a node keeps every promise and every decision that it answered for. If its log
//!   lost some it knows, and observes until it can do no harm; see [`Log`].
//! - Bounded: what waits for a node has a limit for each sender, so that one that floods delays
//!   nobody else; callers, decisions in memory and the log have theirs. What is over a limit is
//!   refused by name or said again by the replica.
//! - Every wait has a time-out.
//!
//! # What it does not do
//!
//! It removes no old decisions: the log grows up to its limit.
//! At the end of an epoch a node keeps the proof, [`Report::handover`], and serves those who lag; it
//! does not start the next roster's node. Whoever runs it does, with a journal of its own and
//! `Options::origin` from the proof. [`Service`] begins with a group's first epoch only.
//! It does not run on other systems than Unix; the crate is empty there.
//!
//! # Example
//!
//! [`Swarm`] is a group in one process, for those who want one call.
//!
//! # Design
//!
//! A node is one thread that owns a replica and its journal; [`NodeHandle`] is the way to it, for
//! peers and users, and [`Outbox`] the way out. `docs/adr` says why the log is our own.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "files and clocks are what this crate is for; the ban is for the pure crates"
)]

mod control;
mod disk;
mod home;
mod inbox;
mod journal;
mod log;
mod net;
mod node;
mod service;
mod swarm;

pub use control::{Client, ClientError, DroppedCounts, LinkStatus, NodeStatus};
pub use disk::{Disk, FileDisk};
pub use home::{Home, HomeError, RosterFile};
pub use journal::{Journal, MEMORY_DECISIONS_MAX, Memory};
pub use log::{Identity, Log, LogError, LogOptions, Opened, Records, SEGMENT_BYTES_MIN};
pub use net::{Address, AddressError};
pub use node::{Node, NodeError, NodeHandle, NodeOptions, Outbox, Report, RunError};
pub use service::{Durability, Service, ServiceError, ServiceOptions};
pub use swarm::{Decided, Group, Opinion, Swarm, SwarmError};

#[cfg(doc)]
pub mod docs {
    //! The log's files and the decisions.
    #![doc = include_str!("../docs/spec.md")]
    #![doc = include_str!("../docs/adr/0001-crate-and-log.md")]
    #![doc = include_str!("../docs/adr/0002-sockets.md")]
}
