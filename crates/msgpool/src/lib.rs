//! Reusable message buffers: taken, written, frozen, shared, and back in the pool at the last drop.

mod sync;

mod barrier;
mod buffer;
mod caches;
mod core;
#[cfg(feature = "postcard")]
mod encode;
mod error;
mod layout;
mod local;
mod message;
mod options;
mod pool;
mod region;
mod slot;
mod stack;
mod stats;

#[cfg(all(test, loom))]
mod loom_tests;

pub use crate::buffer::Buffer;
#[cfg(feature = "postcard")]
pub use crate::encode::CodecError;
pub use crate::error::{FullError, OptionsError, TakeError};
pub use crate::message::Message;
pub use crate::options::{
    CLASS_BYTES_MAX, CLASSES_MAX, ClassOptions, Options, Oversize, SLOTS_MAX, THREAD_CACHES_MAX,
    Waiting,
};
pub use crate::pool::Pool;
pub use crate::stats::{ClassStats, Stats};
pub use claude_flow_ringbuf::Deadline;
