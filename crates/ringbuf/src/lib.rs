//! Bounded lock-free rings for one or many producers and consumers.
//!
//! # Guarantees
//!
//! - A call that does not wait is wait-free on [`spsc`], [`packed`] and [`lanes`]; opening a lane is lock-free.
//! - Memory is allocated when a ring is made; pushing and popping allocate nothing. A thread or
//!   future that goes to sleep enters a list, which may grow.
//! - The values of one producer come out in their order; between lanes there is no order.
//! - A ring holds exactly its capacity; a value that does not fit comes back.
//! - What was pushed before the last producer went is delivered; then the consumer is told. Every
//!   value is dropped once, also if another's drop panics.
//! - A wake-up is never lost: the sleeping protocol, selection and every pair of operations are
//!   model-checked in `src/loom_tests.rs`, up to the preemption bound that is written there.
//! - Nobody who publishes enters the kernel while nobody sleeps.
//!
//! # What it does not do
//!
//! Nothing is unbounded, ordered by priority, or persistent. A ring that [`Spin`]s burns a core
//! for each waiting end. A selection does not take the value: it says which end to ask.
//!
//! # Example
//!
//! ```
//! use claude_flow_ringbuf::{Park, spsc};
//!
//! let (mut producer, mut consumer) = spsc::ring_with::<_, Park>(64)?;
//! let sender = std::thread::spawn(move || {
//!     for number in 0..1_000_u64 {
//!         producer.push(number).expect("the consumer listens");
//!     }
//! });
//! assert_eq!(consumer.iter().sum::<u64>(), 499_500);
//! # sender.join().expect("the sender does not panic");
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! # Design
//!
//! Each kind of ring implements [`Push`] and [`Pop`] without waiting; waiting, deadlines, futures
//! and iterators are the same for all and chosen by the [`Wait`] parameter. Why the rings are
//! unsafe code, and why laid out as they are: `docs/adr/0001-unsafe-rings.md`.
//!
//! # Features
//!
//! - `std` (default): [`Yield`], [`Park`], deadlines, futures and [`select`]. Without it the rings
//!   are `no_std` + `alloc`.
//! - `shared`: the modules `region` and `shared`, rings in memory that several processes map;
//!   64-bit Linux. Their layout: `docs/spec.md`.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    feature = "std",
    expect(
        clippy::disallowed_methods,
        reason = "deadlines are measured here; the ban is for the pure crates"
    )
)]

extern crate alloc;

pub mod broadcast;
mod cache_line;
mod claims;
mod ends;
mod error;
pub mod lanes;
#[cfg(all(test, loom, feature = "std"))]
mod loom_tests;
pub mod mpmc;
pub mod mpsc;
pub mod packed;
mod places;
#[cfg(all(
    feature = "shared",
    target_os = "linux",
    target_pointer_width = "64",
    not(loom)
))]
pub mod region;
mod seats;
#[cfg(feature = "std")]
pub mod select;
#[cfg(all(
    feature = "shared",
    target_os = "linux",
    target_pointer_width = "64",
    not(loom)
))]
pub mod shared;
mod slip;
pub mod spsc;
mod sync;
mod wait;

pub use ends::{Drain, Iter, Pop, Push};
#[cfg(feature = "std")]
pub use ends::{PopFuture, PushFuture};
pub use error::{CapacityError, PopError, PushError};
#[cfg(feature = "std")]
pub use wait::{Barrier, Enrol, Park, Ticket, Yield};
pub use wait::{Deadline, Spin, Wait};

/// The largest capacity of a ring, in elements.
pub const CAPACITY_MAX: usize = 1 << 31;
