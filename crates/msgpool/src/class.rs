//! What is known of the slots of one size, and how their owners are asked for them.
#![expect(unsafe_code, reason = "knows its core by its address")]

use core::ptr::NonNull;

use claude_flow_ringbuf::{Barrier, Deadline, Park, Spin, Wait, Yield};

use crate::TakeError;
use crate::core::Core;
use crate::layout::{Batch, SlotHeader};
use crate::options::Waiting;
use crate::region::Table;
use crate::sync::{AtomicU32, CompilerOrdering, Ordering, compiler_fence};

/// What is known of one class outside of the region.
///
/// It lies with the caches and not in the core: a thread recognises the class of a slot by this
/// address, and keeps the caches while it remembers it, so no other class can come to lie here.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Class {
    /// How many want the owners to leave their magazines of this class alone, and [`FENCE`].
    attention: AtomicU32,
    /// The most slots in one thread's magazine.
    pub(crate) magazine_slots: u32,
    pub(crate) number: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) slots: u32,
    pub(crate) batch_slots: u32,
    /// Whether a slot is cleared when it comes back.
    pub(crate) zeroize: bool,
    barrier: Barrier,
    /// The core that it is of, for whoever has only a slot; gone when no slot is out.
    pub(crate) core: NonNull<Core>,
    /// In the core's region.
    pub(crate) headers: Table<SlotHeader>,
    /// In the core's region.
    pub(crate) batches: Table<Batch>,
    /// How far apart the slots are, in bytes.
    pub(crate) stride: usize,
    #[cfg(loom)]
    pub(crate) payloads: NonNull<u8>,
    pub(crate) released: Condition,
}

// SAFETY: `core` is an address, of something `Sync`; `payloads` is one that only models use.
unsafe impl Send for Class {}
// SAFETY: as above.
unsafe impl Sync for Class {}

/// Set in the word that owners look at where they have to pay for a fence, so that where they
/// have not they do not even ask.
const FENCE: u32 = 1 << 31;

/// While it lives, owners leave their magazines of the class alone.
#[derive(Debug)]
pub(crate) struct Attention<'a>(&'a Class);

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire in Class::is_left_alone(): the owner sees what was taken.
        self.0.attention.fetch_sub(1, Ordering::Release);
    }
}

/// What makes a class.
pub(crate) struct Parts {
    pub(crate) number: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) slots: u32,
    pub(crate) batch_slots: u32,
    pub(crate) stride: usize,
    pub(crate) headers: Table<SlotHeader>,
    pub(crate) batches: Table<Batch>,
    #[cfg(loom)]
    pub(crate) payloads: NonNull<u8>,
}

impl Class {
    pub(crate) fn new(core: NonNull<Core>, parts: Parts, waiting: Waiting, zeroize: bool) -> Self {
        let barrier = Barrier::new();
        let attention = if barrier.is_asymmetric() { 0 } else { FENCE };
        Self {
            attention: AtomicU32::new(attention),
            magazine_slots: 2 * parts.batch_slots,
            number: parts.number,
            payload_bytes: parts.payload_bytes,
            slots: parts.slots,
            batch_slots: parts.batch_slots,
            zeroize,
            barrier,
            core,
            headers: parts.headers,
            batches: parts.batches,
            stride: parts.stride,
            #[cfg(loom)]
            payloads: parts.payloads,
            released: Condition::new(waiting),
        }
    }

    /// Whether a thread may remember the class for its short way: that neither clears slots nor
    /// pays for a fence.
    pub(crate) fn has_short_way(&self) -> bool {
        self.barrier.is_asymmetric() && !self.zeroize
    }

    /// Whether nobody wants attention: the owner's look, after it moved a bottom.
    ///
    /// On the [short way](Self::has_short_way) only.
    #[inline]
    pub(crate) fn is_left_alone_at_once(&self) -> bool {
        // The light half of the barrier, which is asymmetric.
        compiler_fence(CompilerOrdering::SeqCst);
        // SYNC: pairs with the Release in Attention::drop().
        self.attention.load(Ordering::Acquire) == 0
    }

    /// As above, on every way.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.barrier.light();
        // SYNC: as above.
        self.attention.load(Ordering::Acquire) & !FENCE == 0
    }

    /// Asks every owner to leave its magazine of the class alone; the caller may take from them
    /// after [`heavy`](Self::heavy).
    pub(crate) fn ask_before_barrier(&self) -> Attention<'_> {
        self.attention.fetch_add(1, Ordering::Relaxed);
        Attention(self)
    }

    /// Between the wish for attention, of this and other classes, and the look at the owners.
    pub(crate) fn heavy(&self) {
        self.barrier.heavy();
    }

    /// Asks every owner to leave its magazine of the class alone, and lets the caller take what
    /// lies in them.
    pub(crate) fn ask(&self) -> Attention<'_> {
        let attention = self.ask_before_barrier();
        self.heavy();
        attention
    }

    /// The first byte of a payload, if there is such a slot: where a model looks for it.
    #[cfg(loom)]
    pub(crate) fn payload(&self, slot: u32) -> Option<NonNull<u8>> {
        if slot >= self.slots {
            return None;
        }
        // SAFETY: slot < slots, and the region holds `slots` payloads this far apart from
        // `payloads` on: Core::new() asked it for that range.
        Some(unsafe { self.payloads.add(slot as usize * self.stride) })
    }

    /// The link of a loose slot.
    pub(crate) fn link_of(&self, slot: u32) -> u32 {
        let link = self.headers.get(slot).map(|it| &it.link);
        link.map_or(0, |link| link.load(Ordering::Relaxed))
    }

    pub(crate) fn set_link(&self, slot: u32, link: u32) {
        if let Some(header) = self.headers.get(slot) {
            header.link.store(link, Ordering::Relaxed);
        }
    }

    pub(crate) fn next_of(&self, batch: u32) -> u32 {
        let next = self.batches.get(batch).map(|it| &it.next);
        next.map_or(0, |next| next.load(Ordering::Relaxed))
    }

    pub(crate) fn set_next(&self, batch: u32, next: u32) {
        if let Some(batch) = self.batches.get(batch) {
            batch.next.store(next, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_exhausted(&self) -> TakeError {
        TakeError::Exhausted {
            class_bytes: self.payload_bytes as usize,
            slots: self.slots as usize,
        }
    }
}

/// "There is a slot in the shared list", and how takers wait for it.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a class, and most are the large one"
)]
pub(crate) enum Condition {
    Spin(Spin),
    Yield(Yield),
    Park(Park),
}

impl Condition {
    fn new(waiting: Waiting) -> Self {
        match waiting {
            Waiting::Spin => Self::Spin(Spin),
            Waiting::Yield => Self::Yield(Yield),
            Waiting::Park => Self::Park(Park::default()),
        }
    }

    pub(crate) fn notify(&self, count: usize) {
        match self {
            Self::Spin(it) => it.notify(count),
            Self::Yield(it) => it.notify(count),
            Self::Park(it) => it.notify(count),
        }
    }

    pub(crate) fn wait_until(&self, deadline: Deadline, is_ready: impl FnMut() -> bool) -> bool {
        match self {
            Self::Spin(it) => it.wait_until(deadline, is_ready),
            Self::Yield(it) => it.wait_until(deadline, is_ready),
            Self::Park(it) => it.wait_until(deadline, is_ready),
        }
    }
}
