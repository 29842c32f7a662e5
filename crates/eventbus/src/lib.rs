//! Topics, subscriptions, delivery guarantees and a journal, on rings and pooled messages.
#![deny(unsafe_op_in_unsafe_fn)]

// The durable half: records in a journal, and how they are delivered.
mod sync;

#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
pub mod journal;
