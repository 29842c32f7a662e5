//! What a pool is made of: classes, slots, policies.

use crate::OptionsError;
use crate::layout::LINE_BYTES;

/// The most classes that a pool can have.
pub const CLASSES_MAX: usize = 64;
/// The largest class, in bytes.
pub const CLASS_BYTES_MAX: usize = 1 << 20;
/// The most slots that a class can have.
pub const SLOTS_MAX: usize = 1 << 22;
/// The most threads that can have a cache of their own.
pub const THREAD_CACHES_MAX: usize = 1 << 12;

/// Slots of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassOptions {
    /// What a slot can hold; a multiple of 64, from 64 to [`CLASS_BYTES_MAX`].
    pub payload_bytes: usize,
    /// How many there are, from 1 to [`SLOTS_MAX`].
    pub slots: usize,
}

/// What happens to a length beyond the largest class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Oversize {
    /// [`TakeError::TooLarge`](crate::TakeError::TooLarge).
    #[default]
    Refuse,
    /// A buffer from the heap, which says so: [`Buffer::is_heap`](crate::Buffer::is_heap).
    Heap,
}

/// How [`Pool::take_until`](crate::Pool::take_until) waits for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Waiting {
    /// Polls without pause; see [`Spin`](claude_flow_ringbuf::Spin).
    Spin,
    /// Polls and gives time slices away; see [`Yield`](claude_flow_ringbuf::Yield).
    Yield,
    /// Polls, then sleeps; see [`Park`](claude_flow_ringbuf::Park).
    #[default]
    Park,
}

/// What a pool is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// In ascending order of size.
    pub classes: Vec<ClassOptions>,
    /// What happens to a length beyond the largest class.
    pub oversize: Oversize,
    /// How a taker waits.
    pub waiting: Waiting,
    /// Whether a slot's whole capacity is overwritten with zeros when it comes back.
    pub zeroize: bool,
    /// How many threads can have a cache at once; further threads use the shared list directly.
    pub thread_caches: usize,
}

impl Options {
    /// Classes in powers of two from 64 B to 64 KiB.
    ///
    /// 1,024 slots up to 4 KiB, above as many as make 4 MiB. Together 24 MiB of address space;
    /// a page becomes resident when the first slot on it is handed out.
    #[must_use]
    pub fn powers_of_two() -> Self {
        Self::with_sizes((6..=16).map(|log| 1_usize << log))
    }

    /// Four classes a doubling from 64 B to 64 KiB: at most a fifth of a slot is wasted, where
    /// powers of two waste up to a half.
    ///
    /// Below 256 B there is no room for four: sizes are multiples of 64.
    /// 1,024 slots up to 4 KiB, above as many as make 4 MiB. Together 89 MiB of address space;
    /// a page becomes resident when the first slot on it is handed out.
    #[must_use]
    pub fn quarter_steps() -> Self {
        let small = [64, 128, 192].into_iter();
        let steps = (8..16).flat_map(|log| (4..8).map(move |quarter| quarter << (log - 2)));
        Self::with_sizes(small.chain(steps).chain([1 << 16]))
    }

    fn with_sizes(sizes: impl Iterator<Item = usize>) -> Self {
        let classes = sizes
            .map(|payload_bytes| ClassOptions {
                payload_bytes,
                slots: ((4 << 20) / payload_bytes).min(1_024),
            })
            .collect();
        Self {
            classes,
            oversize: Oversize::default(),
            waiting: Waiting::default(),
            zeroize: false,
            thread_caches: 64,
        }
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let count = self.classes.len();
        if !(1..=CLASSES_MAX).contains(&count) {
            return Err(OptionsError::ClassCount(count));
        }
        let mut before = 0;
        for class in &self.classes {
            let bytes = class.payload_bytes;
            if bytes % LINE_BYTES != 0 || bytes <= before || bytes > CLASS_BYTES_MAX {
                return Err(OptionsError::ClassBytes(bytes));
            }
            if !(1..=SLOTS_MAX).contains(&class.slots) {
                return Err(OptionsError::SlotCount(class.slots));
            }
            before = bytes;
        }
        if self.thread_caches > THREAD_CACHES_MAX {
            return Err(OptionsError::ThreadCaches(self.thread_caches));
        }
        Ok(())
    }
}

impl Default for Options {
    /// [`Options::quarter_steps`]: over mixed sizes, four fifths of what is resident is payload.
    fn default() -> Self {
        Self::quarter_steps()
    }
}
