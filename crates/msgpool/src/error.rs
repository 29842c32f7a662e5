//! What a pool answers when it cannot do what was asked.

use core::fmt;

/// Why there is no buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// Every slot of the class is in use, or was up to the deadline.
    Exhausted {
        /// The size of the class, in bytes.
        class_bytes: usize,
        /// How many slots the class has.
        slots: usize,
    },
    /// The length is beyond the largest class, and the policy is to refuse it.
    TooLarge {
        /// What was asked for, in bytes.
        len: usize,
        /// The most there is, in bytes.
        len_max: usize,
    },
    /// The policy is to take oversize buffers from the heap, and the heap has none.
    OutOfMemory {
        /// What was asked for, in bytes.
        len: usize,
    },
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { class_bytes, slots } => write!(
                f,
                "all {slots} slots of {class_bytes} bytes are in use; give the class more slots \
                 or wait with take_until"
            ),
            Self::TooLarge { len, len_max } => write!(
                f,
                "{len} bytes are more than the largest class has ({len_max}); add a class or \
                 allow Oversize::Heap"
            ),
            Self::OutOfMemory { len } => write!(f, "the heap has no {len} bytes"),
        }
    }
}

impl core::error::Error for TakeError {}

/// Why there is no pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsError {
    /// There are no classes, or more than [`CLASSES_MAX`](crate::CLASSES_MAX).
    ClassCount(usize),
    /// A class's size is not a multiple of 64 from 64 to
    /// [`CLASS_BYTES_MAX`](crate::CLASS_BYTES_MAX), or not above the class before it.
    ClassBytes(usize),
    /// A class has no slots, or more than [`SLOTS_MAX`](crate::SLOTS_MAX).
    SlotCount(usize),
    /// There are more thread caches than [`THREAD_CACHES_MAX`](crate::THREAD_CACHES_MAX).
    ThreadCaches(usize),
    /// The memory of all slots is more than the allocator can give.
    OutOfMemory {
        /// What was asked for; `usize::MAX` if it cannot be expressed.
        size_bytes: usize,
    },
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClassCount(count) => write!(
                f,
                "{count} classes are not from 1 to {}",
                crate::CLASSES_MAX
            ),
            Self::ClassBytes(bytes) => write!(
                f,
                "the class of {bytes} bytes is not a multiple of 64 from 64 to {} above the \
                 class before it",
                crate::CLASS_BYTES_MAX
            ),
            Self::SlotCount(count) => write!(
                f,
                "{count} slots in a class are not from 1 to {}",
                crate::SLOTS_MAX
            ),
            Self::ThreadCaches(count) => write!(
                f,
                "{count} thread caches are more than {}",
                crate::THREAD_CACHES_MAX
            ),
            Self::OutOfMemory { size_bytes } => {
                write!(f, "there are no {size_bytes} bytes for the slots")
            }
        }
    }
}

impl core::error::Error for OptionsError {}

/// Bytes that do not fit behind those that are in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullError {
    /// How many bytes were to go in.
    pub len: usize,
    /// How many there is room for.
    pub rest: usize,
}

impl fmt::Display for FullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes do not fit into {}", self.len, self.rest)
    }
}

impl core::error::Error for FullError {}
