//! A slot that is in use: what a buffer and a message have in common.
#![expect(unsafe_code, reason = "reads and writes payloads in the region")]

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::core::{At, Core, lease};
use crate::layout::{LINE_BYTES, SlotHeader};
use crate::local;
use crate::sync::{Ordering, fence};

/// The class of a slot that was taken from the heap.
const HEAP: u32 = u32::MAX;

/// The part of a slot's state that counts handles beyond the first.
const HANDLES: u64 = 0xFFFF_FFFF;
/// One more generation.
const GENERATION: u64 = 1 << 32;
/// More handles than this are a leak in a loop; the count must not reach the generation.
const HANDLES_MAX: u64 = 1 << 31;

/// A slot in use. Whoever has it decides whether it is the only one who has.
#[derive(Debug)]
pub(crate) struct Slot {
    core: NonNull<Core>,
    header: NonNull<SlotHeader>,
    payload: NonNull<u8>,
    pub(crate) capacity: u32,
    index: u32,
    class: u32,
}

impl Slot {
    /// The slot that a taker was given.
    #[inline]
    pub(crate) fn lend(core: &Core, at: At<'_>, index: u32, len: u32) -> Option<Self> {
        let header = at.class.headers.get(index)?;
        let payload = at.class.payload(index)?;
        header.lease.store(lease(len), Ordering::Relaxed);
        Some(Self {
            core: NonNull::from(core),
            header: NonNull::from(header),
            payload,
            capacity: at.class.payload_bytes,
            index,
            class: at.number,
        })
    }

    /// A slot from the heap, with its header in front; none if the heap has none.
    pub(crate) fn from_heap(core: &Core, len: u32) -> Option<Self> {
        let layout = heap_layout(len)?;
        // SAFETY: the size is at least LINE_BYTES, not zero.
        let header = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        // SAFETY: the allocation has LINE_BYTES in front of the payload.
        let payload = unsafe { header.add(LINE_BYTES) };
        let header = header.cast::<SlotHeader>();
        // SAFETY: aligned and big enough by heap_layout(), and nobody else's.
        unsafe { header.write(SlotHeader::default()) };
        core.hold();
        Some(Self {
            core: NonNull::from(core),
            header,
            payload,
            capacity: len,
            index: 0,
            class: HEAP,
        })
    }

    #[cfg(all(test, loom))]
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn is_heap(&self) -> bool {
        self.class == HEAP
    }

    #[inline]
    fn header(&self) -> &SlotHeader {
        // SAFETY: headers live as long as the core, which the slot keeps; those of heap slots as
        // long as the slot.
        unsafe { self.header.as_ref() }
    }

    /// The payload's bytes.
    ///
    /// # Safety
    ///
    /// start + len <= capacity, and nobody writes to them while the slice lives.
    #[inline]
    pub(crate) unsafe fn bytes(&self, start: u32, len: u32) -> &[u8] {
        debug_assert!(start as usize + len as usize <= self.capacity as usize);
        // SAFETY: within the slot (contract).
        let first = unsafe { self.payload.add(start as usize) };
        // SAFETY: within the slot and not written to (contract); the region and heap slots began
        // as zeros, so every byte is initialised; the slot keeps the memory.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), len as usize) }
    }

    /// The first bytes of the payload.
    ///
    /// # Safety
    ///
    /// len <= capacity, and this is the only handle of the slot.
    #[inline]
    pub(crate) unsafe fn bytes_mut(&mut self, len: u32) -> &mut [u8] {
        debug_assert!(len <= self.capacity);
        // SAFETY: as in bytes(), and nobody else has the slot (contract).
        unsafe { core::slice::from_raw_parts_mut(self.payload.as_ptr(), len as usize) }
    }

    /// Tells the statistics how many bytes of payload there are.
    #[inline]
    pub(crate) fn set_len(&self, len: u32) {
        self.header().lease.store(lease(len), Ordering::Relaxed);
    }

    /// Another handle of the same slot.
    #[inline]
    pub(crate) fn share(&self) -> Self {
        // A handle is there already: nothing must be seen that it does not see.
        let state = self.header().state.fetch_add(1, Ordering::Relaxed);
        if state & HANDLES >= HANDLES_MAX {
            // As `Arc`: the only other way would be a handle to memory that is given back.
            std::process::abort();
        }
        Self { ..*self }
    }

    /// Whether this is the only handle; if so it stays so, since handles come from handles.
    #[inline]
    pub(crate) fn is_sole(&self) -> bool {
        // SYNC: pairs with the Release in give_up().
        self.header().state.load(Ordering::Acquire) & HANDLES == 0
    }

    /// Gives one handle up; true if it was the last, and the caller owns the slot.
    #[inline]
    pub(crate) fn give_up(&self) -> bool {
        if self.is_sole() {
            return true;
        }
        // SYNC: pairs with the Acquire in is_sole() and with the fence below, in the last one.
        let before = self.header().state.fetch_sub(1, Ordering::Release);
        if before & HANDLES != 0 {
            return false;
        }
        fence(Ordering::Acquire);
        // Nobody else is left: undo the borrow from the generation.
        self.header().state.store(before, Ordering::Relaxed);
        true
    }

    /// Makes every reference by number to the slot stale; the caller owns the slot.
    #[inline]
    pub(crate) fn renew(&self) {
        let state = self.header().state.load(Ordering::Relaxed);
        let next = (state & !HANDLES).wrapping_add(GENERATION);
        self.header().state.store(next, Ordering::Relaxed);
    }

    /// Gives the slot back.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot; none of its bytes is used afterwards, nor the handle.
    #[inline]
    pub(crate) unsafe fn release(&mut self) {
        // SAFETY: the slot keeps the core.
        let core = unsafe { self.core.as_ref() };
        if core.zeroize {
            self.zeroize();
        }
        if self.is_heap() {
            // SAFETY: the caller's contract.
            unsafe { self.release_to_heap() };
            return;
        }
        self.header().lease.store(0, Ordering::Relaxed);
        let (core, class, index) = (self.core, self.class, self.index);
        local::with(core, |cache| {
            // SAFETY: the caller owns the slot; `local` gives the thread's own cache in the core.
            unsafe { Core::release(core, class, index, cache) };
        });
    }

    #[cold]
    fn zeroize(&mut self) {
        // Other threads read the slot later through addresses that this thread publishes, so the
        // compiler cannot drop the store as it could before a deallocation; the heap's is opaque.
        // SAFETY: the payload has this many bytes, and only release() calls this.
        unsafe { self.payload.write_bytes(0, self.capacity as usize) };
        std::hint::black_box(self.payload);
    }

    /// # Safety
    ///
    /// As for [`release`](Self::release), of a slot from the heap.
    #[cold]
    unsafe fn release_to_heap(&mut self) {
        if let Some(layout) = heap_layout(self.capacity) {
            // SAFETY: allocated in from_heap() with this layout; the last handle is gone.
            unsafe { dealloc(self.header.as_ptr().cast(), layout) };
        }
        // SAFETY: gives back the holder that from_heap() took.
        unsafe { Core::unhold(self.core, 1) };
    }
}

fn heap_layout(len: u32) -> Option<Layout> {
    let size = (len as usize).checked_add(LINE_BYTES)?;
    Layout::from_size_align(size, LINE_BYTES).ok()
}
