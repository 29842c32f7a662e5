//! Reusable message buffers: taken, written, frozen, shared, and back in the pool at the last drop.
//!
//! # Guarantees
//!
//! - **No allocation** after [`Pool::new`]: `tests/it/allocation.rs` counts. The exceptions say
//!   so: buffers beyond the largest class, if the options allow them
//!   ([`Buffer::is_heap`]); a thread that sleeps in [`Pool::take_until`]; what the system's
//!   thread-local storage needs at a thread's first use of any pool.
//! - **Bounded**: slots and their sizes are fixed. Exhaustion is an error ([`Pool::take`]) or a
//!   wait with a deadline ([`Pool::take_until`]), never growth.
//! - **Progress**: taking and giving back are wait-free while the thread's own magazine has a slot
//!   or a place, and lock-free when it exchanges a batch with the shared list or reclaims from
//!   other threads' magazines. Closing a pool waits for nobody.
//! - **Nothing is stranded**: a taker that finds nothing takes what lies in the magazines of other
//!   threads, idle ones too; a thread that ends flushes its own; while a taker waits, everything
//!   that is given back goes to the shared list. A magazine holds at most a quarter of a class
//!   of eight slots or more.
//! - **Alignment**: payloads begin on 32 bytes, and from 1 KiB on 32 bytes into a cache line,
//!   behind what the pool knows of them.
//! - **Any thread** may drop any buffer or message, before or after the pool's last handle.
//!
//! # What it does not do
//!
//! It does not grow, move slots between classes, or clear memory unless
//! [`Options::zeroize`] asks for it: a fresh buffer shows what its slot last held.
//! It does not cross processes: the pool of the feature `shared` does.
//!
//! # Example
//!
//! ```
//! use claude_flow_msgpool::{Message, Options, Pool};
//!
//! let pool = Pool::new(&Options::default())?;
//! let mut buffer = pool.take_empty(1_000)?;
//! buffer.extend_from_slice(b"edit: src/main.rs")?;
//! let message: Message = buffer.freeze();
//! let path = message.slice(6..);
//! std::thread::spawn(move || drop(message)).join().expect("it only drops");
//! assert_eq!(&*path, b"src/main.rs");
//! drop(path);
//! assert_eq!(pool.stats().in_use(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! Each thread has a magazine a class; batches of up to 60 slots go between magazines and a
//! lock-free list. Slots in use are not counted: a closing pool counts those at home instead.
//! See `docs/adr/0001-magazines-over-one-region.md` for the options and the reasons.
//!
//! # Features
//!
//! - `bytes`: a [`Message`] becomes a `bytes::Bytes` without a copy of its payload.
//! - `postcard`: `Buffer::encode` and `Message::decode` through serde.
//! - `shared`: the module `shared`, a pool in memory that several processes map; 64-bit Linux.

mod sync;

mod buffer;
mod caches;
mod class;
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
#[cfg(any(
    all(test, loom),
    all(
        feature = "shared",
        target_os = "linux",
        target_pointer_width = "64",
        not(loom)
    )
))]
pub mod shared;
mod slot;
mod stack;
mod stats;
mod thread;

#[cfg(all(test, loom))]
mod loom_tests;

pub use crate::buffer::Buffer;
#[cfg(feature = "postcard")]
pub use crate::encode::CodecError;
pub use crate::error::{FullError, OptionsError, TakeError};
pub use crate::local::Local;
pub use crate::message::{Message, Part};
pub use crate::options::{
    CLASS_BYTES_MAX, CLASSES_MAX, ClassOptions, Options, Oversize, SLOTS_MAX, THREAD_CACHES_MAX,
    Waiting,
};
pub use crate::pool::Pool;
pub use crate::stats::{ClassStats, Stats};
pub use claude_flow_ringbuf::Deadline;
