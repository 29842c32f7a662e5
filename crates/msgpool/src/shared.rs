//! A pool of message slots in memory that several processes map.
//!
//! A message crosses from process to process as a [`Handle`] of 16 plain bytes, through any ring;
//! its payload stays where it was written.
//!
//! # Guarantees
//!
//! - **No trust.** Nothing that another process writes into the memory, at any moment, makes this
//!   process do anything undefined, panic, or reach outside of the region. The description is read
//!   once and checked; slots, lengths, generations and seats are checked before each use. What is
//!   damaged within the bounds is a damaged payload, a slot that two have, or one that is lost.
//! - **No residue of a crash.** Each process has a seat, named by pid, boot and start time. Every
//!   reference, held or in flight, is written down in the slot under the seat of its owner, by one
//!   store. When the process is dead, [`Pool::reclaim`], whoever waits for a slot, and whoever
//!   takes the seat over give all of them back. A living process is never robbed.
//! - **Handles are checked**: a stale, foreign, forged or spoilt one is a [`ClaimError`] by name. A
//!   slot's generation counts its uses; a handle of exactly 2³² uses ago is taken for a new one.
//! - **No allocation** after [`Pool::attach`], and no system call while nobody sleeps.
//! - **Bounded**: exhaustion is an error or a wait with a deadline.
//!
//! # Who owns a reference in flight
//!
//! [`Message::into_handle`] puts a reference in flight. Until somebody claims it, it belongs to the
//! process that sent it, and keeps the message. It is claimed once: a second claim of the same
//! handle is [`ClaimError::Stale`], so a ring may deliver a handle again after its consumer died.
//! The exception: while a process has several references to one message in flight, their handles
//! are equal, so one that is claimed twice takes the place of another.
//! If the sender dies or leaves, its references in flight can still be claimed until somebody
//! reclaims or takes over its seat; then they are stale. A sender whose ring is full claims back.
//! A receiver claims before it releases the handle's place in the ring: if it dies between, its
//! successor reads a stale handle. The other way round nobody would ever read the handle again,
//! and the message would be in flight as long as its sender lives.
//!
//! [`Message::handle`] names the message and carries nothing: for a broadcast, whose sender keeps
//! the message as long as its handle can be read. Each reader claims for itself.
//!
//! # Bytes that others can write
//!
//! There is no `&[u8]` into the memory: it promises that nothing changes, and nobody can promise
//! that for another process. [`View`](claude_flow_ringbuf::shared::View) and
//! [`ViewMut`](claude_flow_ringbuf::shared::ViewMut) copy with atomic accesses in and out: whoever
//! checks something copies it out first and checks the copy. Whoever trusts all processes that
//! have mapped the pool has `View::as_slice`, which is unsafe for that reason. Processes that use
//! this crate never write to a message, and not to a buffer of another.
//!
//! # What it does not do
//!
//! - Keep secrets: every process reads every message, and can spoil every slot.
//! - Grow, move slots between classes, or clear memory.
//! - Keep per-thread magazines: what an idle process hoards would be lost to the others. A take
//!   costs some compare-and-swaps where [`Pool`](crate::Pool) in one process costs a few loads.
//! - Work across namespaces of pids, or over the ends of a `fork` without `exec`.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use claude_flow_msgpool::ClassOptions;
//! use claude_flow_msgpool::shared::{ClaimError, Options, Pool};
//! use claude_flow_ringbuf::region::{Hints, Mapping};
//!
//! let options = Options {
//!     classes: vec![ClassOptions { payload_bytes: 1 << 10, slots: 16 }],
//!     ..Options::default()
//! };
//! let memory = Mapping::memfd("messages", Pool::size_bytes(&options)?, Hints::default())?;
//! let descriptor = memory.descriptor().expect("a memfd has one").try_clone_to_owned()?;
//! let ours = Pool::create(Arc::new(memory), &options)?;
//! // Another process gets the descriptor; here it is a second mapping of this one.
//! let theirs = Mapping::file(descriptor.into(), Hints::default())?;
//! let theirs = Pool::attach(Arc::new(theirs), 0)?;
//!
//! let mut buffer = ours.take_empty(100)?;
//! buffer.extend_from_slice(b"in place")?;
//! let handle = buffer.freeze().into_handle()?;
//!
//! let message = theirs.claim(handle)?;
//! assert_eq!(message.to_vec(), b"in place");
//! assert_eq!(theirs.claim(handle).err(), Some(ClaimError::Stale), "it was claimed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! The layout is `docs/spec.md`; the reasons are in `docs/adr/0002-pool-in-shared-memory.md`; the
//! protocol of a slot is modelled in `src/shared/loom_tests.rs`.

#[cfg(not(loom))]
mod attachment;
#[cfg(not(loom))]
mod buffer;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod layout;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(not(loom))]
mod message;
#[cfg(not(loom))]
mod pool;
mod slots;
#[cfg(not(loom))]
mod stats;

#[cfg(not(loom))]
pub use self::buffer::Buffer;
#[cfg(not(loom))]
pub use self::error::{AttachError, ClaimError, CreateError, InFlightError};
#[cfg(not(loom))]
pub use self::handle::Handle;
#[cfg(not(loom))]
pub use self::message::Message;
#[cfg(not(loom))]
pub use self::pool::Pool;
#[cfg(not(loom))]
pub use self::stats::{SharedClassStats, SharedStats};

#[cfg(not(loom))]
use crate::ClassOptions;

/// The largest payload of a class, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// The most slots of all classes together.
pub const SLOTS_MAX: usize = 1 << 24;

/// The most processes that a pool can have at once.
pub const PROCESSES_MAX: usize = 1_024;

/// What a pool in shared memory is made of.
#[cfg(not(loom))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// In ascending order of size, each a multiple of 64 up to [`PAYLOAD_BYTES_MAX`]; together
    /// up to [`SLOTS_MAX`] slots.
    pub classes: Vec<ClassOptions>,
    /// How many processes can attach at once, up to [`PROCESSES_MAX`]. A slot has 16 bytes of its
    /// own and two for each, rounded up to 64: 24 processes fit the first line.
    pub processes: usize,
    /// A number that says what the messages mean; who attaches must name the same.
    pub schema: u64,
}

#[cfg(not(loom))]
impl Default for Options {
    /// The classes of [`crate::Options`], 24 processes, schema 0.
    fn default() -> Self {
        Self {
            classes: crate::Options::default().classes,
            processes: 24,
            schema: 0,
        }
    }
}
