//! A slot that is in use: what a buffer and a message have in common.
#![expect(unsafe_code, reason = "reads and writes payloads in the region")]

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::core::{Class, Core, lease};
use crate::layout::{LINE_BYTES, SlotHeader};
use crate::local;
use crate::sync::{Ordering, fence};

/// The part of a slot's state that counts handles beyond the first.
const HANDLES: u64 = 0xFFFF_FFFF;
/// One more generation.
const GENERATION: u64 = 1 << 32;
/// More handles than this are a leak in a loop; the count must not reach the generation.
const HANDLES_MAX: u64 = 1 << 31;

/// A slot in use, and the part of its payload that a handle shows.
///
/// Whoever has it decides whether it is the only one who has. It keeps the core, and with it the
/// class, header and payload. Four words at most, so that it stays in registers.
#[derive(Debug)]
pub(crate) struct Slot {
    /// None if the slot is from the heap: then a [`HeapSlot`] lies in front of the payload.
    class: Option<NonNull<Class>>,
    /// The first byte shown.
    first: NonNull<u8>,
    /// How many bytes are shown. `first` and as many behind it are within the payload.
    len: u32,
    /// The slot's number in its class; in the heap, how far `first` is behind the payload's
    /// first byte.
    index: u32,
}

/// What lies one line in front of a payload from the heap.
#[repr(C, align(64))]
#[derive(Debug)]
struct HeapSlot {
    header: SlotHeader,
    core: NonNull<Core>,
    capacity: u32,
}

const _: () = assert!(size_of::<HeapSlot>() == LINE_BYTES || cfg!(loom));

impl Slot {
    /// The slot that a taker was given.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn lend(class: &Class, index: u32, len: u32) -> Option<Self> {
        let header = class.headers.get(index)?;
        let first = class.payload(index)?;
        debug_assert!(len <= class.payload_bytes);
        header.lease.store(lease(len), Ordering::Relaxed);
        Some(Self {
            class: Some(NonNull::from(class)),
            first,
            len,
            index,
        })
    }
    /// A slot from the heap; none if the heap has none.
    pub(crate) fn from_heap(core: &Core, len: u32) -> Option<Self> {
        let layout = heap_layout(len)?;
        // SAFETY: the size is at least that of HeapSlot, not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let slot = HeapSlot {
            header: SlotHeader::default(),
            core: NonNull::from(core),
            capacity: len,
        };
        // SAFETY: aligned and big enough by heap_layout(), and nobody else's.
        unsafe { block.cast::<HeapSlot>().write(slot) };
        core.hold();
        Some(Self {
            class: None,
            // SAFETY: the block has `len` bytes behind the HeapSlot.
            first: unsafe { block.add(size_of::<HeapSlot>()) },
            len,
            index: 0,
        })
    }

    #[cfg(all(test, loom))]
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn is_heap(&self) -> bool {
        self.class.is_none()
    }

    #[inline]
    fn class(&self) -> Option<&Class> {
        // SAFETY: the slot keeps the core, which has the class.
        self.class.map(|class| unsafe { class.as_ref() })
    }

    /// The block of a slot from the heap.
    ///
    /// # Safety
    ///
    /// The slot is from the heap.
    unsafe fn heap(&self) -> NonNull<HeapSlot> {
        debug_assert!(self.is_heap());
        // SAFETY: `first` is `index` bytes behind the payload, which is that far behind the block.
        let block = unsafe { self.first.sub(size_of::<HeapSlot>() + self.index as usize) };
        block.cast()
    }

    pub(crate) fn capacity(&self) -> u32 {
        match self.class() {
            Some(class) => class.payload_bytes,
            // SAFETY: no class, so from the heap; written in from_heap(), never changed.
            None => unsafe { (*self.heap().as_ptr()).capacity },
        }
    }

    #[inline]
    fn header(&self) -> &SlotHeader {
        match self.class().and_then(|class| class.headers.get(self.index)) {
            Some(header) => header,
            // A number in its class has a header: so there is no class.
            // SAFETY: from the heap; the block lives as long as the slot.
            None => unsafe { &(*self.heap().as_ptr()).header },
        }
    }

    /// The payload's first byte.
    fn payload(&self) -> NonNull<u8> {
        let payload = self.class().and_then(|class| class.payload(self.index));
        // SAFETY: as in header().
        payload.unwrap_or_else(|| unsafe { self.heap().add(1) }.cast())
    }

    /// The bytes shown.
    ///
    /// # Safety
    ///
    /// Nobody writes to them while the slice lives.
    #[inline]
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: within the payload (fields) and not written to (contract); the region and heap
        // slots began as zeros, so every byte is initialised; the slot keeps the memory.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.len as usize) }
    }

    /// The bytes shown, to be written to.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot.
    #[inline]
    pub(crate) unsafe fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in bytes(), and nobody else has the slot (contract).
        unsafe { core::slice::from_raw_parts_mut(self.first.as_ptr(), self.len as usize) }
    }

    /// Moves the bytes shown to the payload's front.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot.
    pub(crate) unsafe fn move_to_front(&mut self) {
        let payload = self.payload();
        if self.first != payload {
            // SAFETY: both are within the payload, and nobody else has it (contract).
            unsafe { self.first.copy_to(payload, self.len as usize) };
            self.first = payload;
            if self.is_heap() {
                self.index = 0;
            }
        }
    }

    /// Shows `len` bytes from the first on; the slot shows its payload from the front.
    pub(crate) fn resize(&mut self, len: u32) -> bool {
        let fits = self.first == self.payload() && len <= self.capacity();
        if fits {
            self.len = len;
        }
        fits
    }

    /// Shows fewer bytes.
    pub(crate) fn truncate(&mut self, len: u32) {
        self.len = self.len.min(len);
    }

    /// Another handle, which shows a part of what this one shows; none if there is no such part.
    pub(crate) fn part(&self, start: u32, len: u32) -> Option<Self> {
        if start.checked_add(len)? > self.len {
            return None;
        }
        let mut part = self.share();
        // SAFETY: start <= len, checked above.
        part.first = unsafe { part.first.add(start as usize) };
        part.len = len;
        if part.is_heap() {
            part.index += start;
        }
        Some(part)
    }

    /// Tells the statistics how many bytes of payload there are.
    #[inline]
    pub(crate) fn note_len(&self) {
        let lease = lease(self.len);
        self.header().lease.store(lease, Ordering::Relaxed);
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
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn release(&mut self) {
        let Some(class) = self.class else {
            // SAFETY: the caller's contract; no class, so from the heap.
            unsafe { self.release_to_heap() };
            return;
        };
        // SAFETY: the slot keeps the core, which has the class.
        let core = unsafe { class.as_ref() }.core;
        // SAFETY: as above.
        if unsafe { core.as_ref() }.zeroize {
            self.zeroize();
        }
        self.header().lease.store(0, Ordering::Relaxed);
        let index = self.index;
        local::with(core, |cache| {
            // SAFETY: the caller owns the slot; `local` gives the thread's own cache in the core.
            unsafe { Core::release(core, class, index, cache) };
        });
    }

    #[cold]
    #[inline(never)]
    fn zeroize(&mut self) {
        let (payload, capacity) = (self.payload(), self.capacity() as usize);
        // SAFETY: the payload has this many bytes, and only release() calls this.
        unsafe { payload.write_bytes(0, capacity) };
        // The address leaves the compiler's sight, so the zeros must be there.
        std::hint::black_box(payload);
    }

    /// # Safety
    ///
    /// As for [`release`](Self::release), of a slot from the heap.
    #[cold]
    #[inline(never)]
    unsafe fn release_to_heap(&mut self) {
        // SAFETY: from the heap (contract).
        let block = unsafe { self.heap() };
        // SAFETY: written in from_heap(); the block is still there.
        let core = unsafe { (*block.as_ptr()).core };
        // SAFETY: the slot is a holder of the core.
        if unsafe { core.as_ref() }.zeroize {
            self.zeroize();
        }
        if let Some(layout) = heap_layout(self.capacity()) {
            // SAFETY: allocated in from_heap() with this layout; the last handle is gone.
            unsafe { dealloc(block.as_ptr().cast(), layout) };
        }
        // SAFETY: gives back the holder that from_heap() took.
        unsafe { Core::unhold(core, 1) };
    }
}

fn heap_layout(len: u32) -> Option<Layout> {
    let size = size_of::<HeapSlot>().checked_add(len as usize)?;
    Layout::from_size_align(size, align_of::<HeapSlot>()).ok()
}
