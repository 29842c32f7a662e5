//! Bounded lock-free rings for one or many producers and consumers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod broadcast;
mod cache_line;
mod claims;
mod ends;
mod error;
pub mod mpmc;
pub mod mpsc;
mod places;
mod seats;
mod slip;
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
