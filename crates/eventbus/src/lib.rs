//! Topics, subscriptions, delivery guarantees and a journal, on rings and pooled messages.
#![deny(unsafe_op_in_unsafe_fn)]
#![expect(
    clippy::disallowed_methods,
    reason = "files and clocks are what the journal is for; the ban is for the pure crates"
)]

// The durable half: records in a journal, and how they are delivered.
mod sync;
mod time;

pub mod delivery;
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
pub mod journal;

#[cfg(doc)]
pub mod docs {
    //! The journal's files and the decisions.
    #![doc = include_str!("../docs/journal.md")]
    #![doc = include_str!("../docs/adr/0010-journal-on-mapped-segments.md")]
    #![doc = include_str!("../docs/adr/0011-delivery-without-clock.md")]
}
