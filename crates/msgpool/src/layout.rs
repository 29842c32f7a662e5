//! What lies where in the region.
//!
//! ```text
//! +----------------+-----------------+-----------------+ ..
//! | ClassHead  x n | class 0         | class 1         |
//! |                | batches   slots | batches   slots |
//! +----------------+-----------------+-----------------+ ..
//!                                 \
//!                    +--------+---------+--------+---------+ ..
//!                    | header | payload | header | payload |
//!                    +--------+---------+--------+---------+ ..
//! ```
#![expect(unsafe_code, reason = "promises what may lie in a region")]

use crate::class::Class;
use crate::region::{InRegion, PAGE_BYTES};
use crate::stack::Stack;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// The unit in which cores hand memory to each other, and of the sizes of classes.
pub(crate) const LINE_BYTES: usize = 64;

/// The most slots in one batch: with its link it fits four cache lines.
#[cfg(not(loom))]
pub(crate) const BATCH_SLOTS_MAX: usize = 60;
#[cfg(loom)]
pub(crate) const BATCH_SLOTS_MAX: usize = 2;

/// A class has at least this many batches, if it has so many slots.
const BATCHES_PER_CLASS_MIN: usize = 8;

/// How many slots a cache and the shared list exchange at once: fewer in small classes, so that
/// one thread's cache, which holds up to two batches, never holds more than a quarter of a class
/// of eight slots or more.
pub(crate) fn batch_slots(slots: usize) -> usize {
    (slots / BATCHES_PER_CLASS_MIN).clamp(1, BATCH_SLOTS_MAX)
}

/// The shared part of one class; zeros are a class whose slots are all fresh.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct ClassHead {
    /// Batches that are full.
    pub(crate) full: Stack,
    /// Batches that hold nothing.
    pub(crate) spare: Stack,
    /// Single slots: of threads that ended, of threads without a cache, reclaimed ones.
    pub(crate) loose: Stack,
    /// How many slots were ever handed out; those above are fresh, and their pages untouched.
    pub(crate) fresh_slots: AtomicU32,
    /// How many batches were ever used.
    pub(crate) fresh_batches: AtomicU32,
    /// The most slots that were ever outside of the shared list.
    pub(crate) out_max: AtomicU32,
}

// SAFETY: `repr(C)`, atomics only; zeros are empty stacks and zero counts.
unsafe impl InRegion for ClassHead {}

/// Slots that travel together between a cache and the shared list.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The link of the stack that the batch is on.
    pub(crate) next: AtomicU32,
    pub(crate) slots: Slots<BATCH_SLOTS_MAX>,
}

// SAFETY: `repr(C)`, atomics only; zeros are indices.
unsafe impl InRegion for Batch {}

/// Indices of slots.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Slots<const N: usize>(pub(crate) [AtomicU32; N]);

impl<const N: usize> Default for Slots<N> {
    fn default() -> Self {
        Self(core::array::from_fn(|_| AtomicU32::new(0)))
    }
}

/// What is known of one slot.
///
/// | field | fresh | free | [`Buffer`](crate::Buffer) | [`Message`](crate::Message) |
/// |---|---|---|---|---|
/// | `class`, `index` | 0 | set | set | set |
/// | `handles` | 0 | 0 | 0 | handles beyond the first |
/// | `len` | 0 | [`FREE`] | length | length |
/// | `link` | 0 | link, if loose | – | – |
///
/// Any holder of a handle changes `handles`, atomically; only the sole owner of the slot changes
/// the rest. Statistics read `len` at any time.
#[repr(C, align(32))]
#[derive(Debug, Default)]
pub(crate) struct SlotHeader {
    /// Null in the heap.
    pub(crate) class: AtomicPtr<Class>,
    pub(crate) index: AtomicU32,
    pub(crate) handles: AtomicU32,
    /// How many bytes of the payload are shown.
    pub(crate) len: AtomicU32,
    pub(crate) link: AtomicU32,
}

/// The length of a slot that is not in use.
///
/// It is stored whenever a slot is given back. Where another thread does that it takes the line
/// from the one that takes the slot next, and still pays: that one then finds the line in one
/// cache and need not have a copy thrown away (55 to 72 M hand-offs a second, and 27 to 46 M
/// without, by `pool/hand-off` of benches/peers on two cores of an EPYC 9004).
pub(crate) const FREE: u32 = u32::MAX;

/// Where a payload begins, behind its header; the alignment of every payload.
pub(crate) const HEADER_BYTES: usize = 32;

const _: () = assert!(size_of::<SlotHeader>() == HEADER_BYTES || cfg!(loom));

// SAFETY: `repr(C)`, atomics only; zeros are a free slot.
unsafe impl InRegion for SlotHeader {}

impl SlotHeader {
    /// Ends the use; the caller still has the slot to itself.
    #[inline]
    pub(crate) fn set_free(&self) {
        self.len.store(FREE, Ordering::Relaxed);
    }

    /// Sets what stays; the caller has the slot to itself.
    pub(crate) fn settle(&self, class: *mut Class, index: u32) {
        self.class.store(class, Ordering::Relaxed);
        self.index.store(index, Ordering::Relaxed);
        self.set_free();
    }
}

/// Where one class lies in the region, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassPlace {
    pub(crate) batches: usize,
    pub(crate) batch_count: usize,
    pub(crate) headers: usize,
    pub(crate) stride: usize,
    pub(crate) end: usize,
}

/// From this size on a slot begins on a cache line.
///
/// The rest of a line that this costs is little then. It breaks the power of two between the
/// payloads, so that their first lines do not all fall into the same few sets of a cache.
const ON_A_LINE_BYTES_MIN: usize = 1_024;

impl ClassPlace {
    /// A class of `slots` slots from `start` on; none if the end cannot be expressed.
    ///
    /// A header lies in front of its payload: where one is the other is known without a load, and
    /// in slots that begin on a line both come to another core in that line.
    pub(crate) fn new(start: usize, payload_bytes: usize, slots: usize) -> Option<Self> {
        let batch_count = slots / batch_slots(slots);
        let batches = start.checked_next_multiple_of(PAGE_BYTES)?;
        let after_batches = batches.checked_add(batch_count.checked_mul(size_of::<Batch>())?)?;
        let headers = after_batches.checked_next_multiple_of(PAGE_BYTES)?;
        let stride = payload_bytes.checked_add(HEADER_BYTES)?;
        let stride = if payload_bytes >= ON_A_LINE_BYTES_MIN {
            stride.checked_next_multiple_of(LINE_BYTES)?
        } else {
            stride
        };
        Some(Self {
            batches,
            batch_count,
            headers,
            stride,
            end: headers.checked_add(stride.checked_mul(slots)?)?,
        })
    }
}
