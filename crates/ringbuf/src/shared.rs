//! Rings in memory that several processes map.
//!
//! - [`spsc`]: elements of one plain type; one producer, one consumer.
//! - [`lines`]: elements on cache lines of their own, for the lowest latency; one producer, one
//!   consumer.
//! - [`lanes`]: elements from many producers to one consumer, a ring for each.
//! - [`broadcast`]: elements from one producer to many consumers, with or without being waited for.
//! - [`records`]: byte records of any length, written and read in place; one producer, one consumer.
//!
//! # Guarantees
//!
//! - **No trust.** Nothing that another process writes into the memory, at any moment, makes this
//!   process do anything undefined, panic, or wait beyond its deadline. Positions and lengths are
//!   read once into private memory and checked there; what cannot be is [`Corrupt`]. What is
//!   damaged within the bounds is delivered as a damaged payload.
//! - **No residue of a crash.** A push is published by its last store, and so is a release. An end
//!   that dies at any instruction leaves a ring in which the other one goes on; what was published
//!   and not released is delivered once to whoever takes the consumer's seat. What a consumer had
//!   read and not released yet when it died is delivered again.
//! - **No lost seat.** A seat names its process by pid, boot and start time. When that process is
//!   dead, the seat can be taken over; a living process is never robbed, whatever pid is reused.
//! - **No lost wake-up**, and no system call while nobody sleeps.
//! - Calls that do not wait are wait-free and allocate nothing.
//!
//! # What it does not do
//!
//! - Keep secrets, or notice a payload that a hostile process changed.
//! - Survive a file that is made shorter while it is mapped: that is `SIGBUS`. Use a
//!   [memfd](crate::region::Mapping::memfd), which is sealed against it.
//! - Work over the ends of a `fork` without `exec` or of an `exec` without `fork`: the word in the
//!   seat names a process, and neither changes that word with the program.
//! - Cross namespaces of pids ([`AttachError::Namespace`]).
//! - Implement [`Push`](crate::Push) and [`Pop`](crate::Pop): their errors have no word for a dead
//!   or lying peer.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_ringbuf::region::{Hints, Mapping};
//! use claude_flow_ringbuf::shared::spsc::Ring;
//!
//! let ours = Mapping::memfd("numbers", 16 << 10, Hints::default())?;
//! // Another process gets the descriptor; here it is a second mapping of this one.
//! let descriptor = ours.descriptor().expect("a memfd has one").try_clone_to_owned()?;
//! let theirs = Mapping::file(descriptor.into(), Hints::default())?;
//!
//! let mut producer = Ring::<u64>::create(Arc::new(ours), 1_024, 0)?.producer()?;
//! let mut consumer = Ring::<u64>::attach(Arc::new(theirs), 0)?.consumer()?;
//! producer.push(&7)?;
//! assert_eq!(consumer.pop()?, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! One fixed layout, in `docs/spec.md`; the reasons are in `docs/adr/0002-rings-in-shared-memory.md`.

mod bell;
pub mod broadcast;
mod ends;
mod error;
pub mod lanes;
mod layout;
pub mod lines;
mod memory;
mod pace;
pub mod parts;
mod process;
pub mod records;
pub mod spsc;
mod wait;

pub use self::error::{AttachError, Corrupt, CreateError, PopError, PushError, SeatError};
pub use self::memory::{View, ViewMut};
pub use self::process::Peer;
pub use self::wait::Waiting;

/// A type of which any bytes are a value, and of which every byte is part of the value.
///
/// Derive [`bytemuck::Pod`], or both [`bytemuck::AnyBitPattern`] and [`bytemuck::NoUninit`].
pub trait Plain: bytemuck::AnyBitPattern + bytemuck::NoUninit + Send {}

impl<T: bytemuck::AnyBitPattern + bytemuck::NoUninit + Send> Plain for T {}
