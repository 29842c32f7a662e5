//! Topics, subscriptions, delivery guarantees and a journal, on rings and pooled messages.
#![deny(unsafe_op_in_unsafe_fn)]

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
mod router;
mod subscriber;
mod target;
mod topic;

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
pub use crate::router::{
    Matches, RouteCache, RouteKey, Router, RouterFullError, SUBSCRIPTIONS_MAX,
};
pub use crate::subscriber::{Control, Iter, RecvError, RecvFuture, Subscriber, SubscriptionStats};
pub use crate::target::{Filter, Share};
pub use crate::topic::{TOKENS_MAX, TOPIC_BYTES_MAX, Topic, TopicError};
