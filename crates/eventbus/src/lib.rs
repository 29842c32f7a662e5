//! Topics, subscriptions, delivery guarantees and a journal, on rings and pooled messages, in one
//! process and between processes.
//!
//! # Guarantees
//!
//! - **At most once**, in the order of each publisher (with priorities: of each publisher and
//!   priority). What does not fit is dropped by the subscriber's policy.
//! - **Every drop is told twice**, exactly: to the publisher in its [`Receipt`], to the subscriber as an
//!   [`Item::Gap`]. `tests/it/prop_policies.rs` and `threads.rs` compare the sums.
//! - **One buffer**: a message lies once in its pool, with its envelope, and is never copied after
//!   it was written ([`Draft`] has it written in place).
//! - **At least once** for records in a [`journal`], through [`delivery::Durable`]: acknowledged, delivered
//!   again, dead letters; effectively once for who commits its cursor with its result.
//!   `docs/journal.md` says what survives what.
//! - **Bounded**: topics, keys, headers, queues, groups and routes have limits with names.
//! - **No allocation** on the way of a message: `tests/it/allocation.rs` counts.
//! - **Progress**: who subscribes or leaves never stops a publisher. Publishing takes no lock, except that
//!   [`Overflow::DropOldest`] tries one, without waiting for it, when the queue is full. A publisher
//!   waits only for a subscriber with [`Overflow::Wait`], up to its deadline. Receiving is wait-free but
//!   for the lock of [`Overflow::DropOldest`], and for a stay of some 2 µs at the end of a stream.
//! - **Ends**: what was published before [`Bus::close`] or [`Control::drain`] began is received;
//!   then the subscriber is told, also if it sleeps. `src/loom_tests.rs` has the models.
//!
//! # What it does not do
//!
//! [`Bus`] does not cross processes ([`shared::Bus`] does, with fewer policies), and neither writes to
//! a journal by itself: [`journal`] keeps records and [`delivery`] hands them out at least once, and
//! whoever wants both calls both. A message that came into a queue is lost if its subscriber goes
//! before it reads it. A publisher that does not publish any more keeps the queues of those that
//! have left since, empty, until it is dropped. Questions and answers ([`Requester`]) are messages
//! like all others, and as easily lost. Nothing starts a thread: handlers are loops of their
//! owners over [`Subscriber::iter`], and there are no retained values.
//!
//! # Example
//!
//! ```
//! use claude_flow_eventbus::{Bus, Item, Overflow, SubscribeOptions};
//! use claude_flow_msgpool::{Options, Pool};
//!
//! let bus = Bus::new(Pool::new(&Options::default())?);
//! let options = SubscribeOptions {
//!     capacity: 2,
//!     overflow: Overflow::DropOldest,
//!     ..SubscribeOptions::default()
//! };
//! let mut latest = bus.subscribe(&"edits.*.saved".parse()?, options)?;
//! let mut saved = bus.publisher_to(&"edits.rust.saved".parse()?);
//! for path in ["a.rs", "b.rs", "c.rs"] {
//!     let receipt = saved.publish(path.as_bytes())?;
//!     assert_eq!(receipt.dropped, u32::from(path == "c.rs"));
//! }
//! bus.close();
//! let items: Vec<Item> = latest.iter().collect();
//! assert_eq!(items[0], Item::Gap(1));
//! assert_eq!(items.len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! A publication is a buffer from the pool, an envelope written in front of the payload, and a
//! handle of one word pushed into a ring for each subscriber. Publishers find subscribers in an
//! immutable table; they look at one number to know that theirs is the newest. Why so, and
//! what else there was: `docs/adr/0001-in-one-process.md`; the bytes in front of a payload:
//! `docs/adr/0002-envelope.md`.

#![deny(unsafe_op_in_unsafe_fn)]
#![expect(
    clippy::disallowed_methods,
    reason = "files and clocks are what the journal is for; the ban is for the pure crates"
)]

mod sync;

mod bus;
mod clock;
mod envelope;
mod event;
mod id;
#[cfg(all(test, loom))]
mod loom_tests;
mod pattern;
mod publisher;
mod queue;
mod request;
mod router;
mod subscriber;
mod target;
mod topic;

// The durable half: records in a journal, and how they are delivered.
#[cfg(not(loom))]
mod time;

#[cfg(not(loom))]
pub mod delivery;
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
pub mod journal;

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
pub mod shared;

#[cfg(doc)]
pub mod docs {
    //! The files and the decisions.
    #![doc = include_str!("../docs/journal.md")]
    #![doc = include_str!("../docs/adr/0003-journal-on-mapped-segments.md")]
    #![doc = include_str!("../docs/adr/0004-delivery-without-clock.md")]
    #![doc = include_str!("../docs/shared.md")]
    #![doc = include_str!("../docs/adr/0005-between-processes.md")]
}

pub use crate::bus::{Bus, CAPACITY_MAX, MEMBERS_MAX, SubscribeError, SubscribeOptions};
pub use crate::clock::{Clock, CoarseClock, PreciseClock};
pub use crate::envelope::{
    Envelope, EnvelopeError, Fields, HEADER_BYTES_MAX, HEADER_NAME_BYTES_MAX, HEADERS_MAX, Headers,
    KEY_BYTES_MAX, LAYOUT_VERSION, PAYLOAD_BYTES_MAX, Priority, TraceContext,
};
pub use crate::event::{Event, Item};
pub use crate::id::MessageId;
pub use crate::pattern::Pattern;
pub use crate::publisher::{
    BatchError, BatchReceipt, Draft, PublishError, Publisher, Receipt, TopicPublisher,
};
pub use crate::queue::Overflow;
pub use crate::request::{ANSWERS_MAX, REPLY_TO, RequestError, Requester};
pub use crate::router::{
    Matches, RouteCache, RouteKey, Router, RouterFullError, SUBSCRIPTIONS_MAX,
};
pub use crate::subscriber::{Control, Iter, RecvError, RecvFuture, Subscriber, SubscriptionStats};
pub use crate::target::{Filter, Share};
pub use crate::topic::{TOKENS_MAX, TOPIC_BYTES_MAX, Topic, TopicError};
pub use claude_flow_ringbuf::Deadline;
