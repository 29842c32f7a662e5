//! Bounded lock-free rings for one or many producers and consumers.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    feature = "std",
    expect(
        clippy::disallowed_methods,
        reason = "deadlines are measured here; the ban is for the pure crates"
    )
)]

extern crate alloc;

mod cache_line;
mod ends;
mod error;
#[cfg(all(
    feature = "shared",
    target_os = "linux",
    target_pointer_width = "64",
    not(loom)
))]
pub mod region;
#[cfg(all(
    feature = "shared",
    target_os = "linux",
    target_pointer_width = "64",
    not(loom)
))]
pub mod shared;
mod slots;
pub mod spsc;
mod sync;
mod wait;

pub use ends::{Drain, Iter, Pop, Push};
#[cfg(feature = "std")]
pub use ends::{PopFuture, PushFuture};
pub use error::{CapacityError, PopError, PushError};
pub use wait::{Deadline, Spin, Wait};
#[cfg(feature = "std")]
pub use wait::{Enrol, Park, Ticket, Yield};

/// The largest capacity of a ring, in elements.
pub const CAPACITY_MAX: usize = 1 << 31;
