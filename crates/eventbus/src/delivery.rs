//! At least once: what is delivered again, to whom, when, and when to give up. Reads no clock, draws no
//! random number that its seed does not give, and does nothing itself.
//!
//! # Guarantees
//!
//! - A message that was offered is delivered until somebody acknowledges it or its tries are used up;
//!   then it is a [`Dead`] letter with its history, and never dropped.
//! - Each delivery is a lease: until its deadline nobody else gets the message, and afterwards its
//!   holder's answers are refused.
//! - Messages with the same key are delivered one after the other in the order in which they were
//!   offered; a later one waits while an earlier one is held or waits for its next try.
//! - A consumer that is gone gives back what it held, at once.
//! - Same calls, same seed, same answers.
//! - Bounded: messages by [`Options::backlog_max`], leases by [`Options::held_max`] and
//!   [`Options::held_by_one_max`], tries by [`TRIES_LIMIT`], reasons by [`REASON_BYTES_MAX`].
//!
//! # Design
//!
//! One ordered map of messages, one of what is ready, one of deadlines: everything is found by order,
//! nothing by hash. `docs/adr` of the crate says why.

mod dedup;
mod machine;
mod options;

#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
mod durable;
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
mod letter;
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
mod once;

pub use self::dedup::{Dedup, MessageId};
pub use self::machine::{
    Answer, Attempt, ConsumerId, Dead, Delivery, Handed, Key, Lease, OfferError, Reason, Stale,
};
pub use self::options::{Options, OptionsError, REASON_BYTES_MAX, TRIES_LIMIT};
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
pub use self::{
    durable::{Counts, Delivered, Durable, DurableError},
    letter::{LETTER_BYTES_MAX, Letter, LetterError, resend},
    once::{EffectivelyOnce, OnceError},
};
