//! A slot that is in use: what a buffer and a message have in common.
#![expect(unsafe_code, reason = "reads and writes payloads in the region")]

use core::mem::offset_of;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::class::Class;
use crate::core::Core;
use crate::layout::{HEADER_BYTES, SlotHeader};
use crate::sync::{Ordering, fence};
use crate::thread;

/// More handles than this are a leak in a loop; the count must not come round.
const HANDLES_MAX: u32 = 1 << 31;

/// A slot in use.
///
/// Whoever has it decides whether it is the only one who has. It keeps the core, and with it the
/// class, header and payload. One word: a handle of two is written to memory in pieces, and read
/// in one by whoever moves it, which stalls for some 20 cycles.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Good for the payload as well: derived from the region, or from the block in the heap.
    header: NonNull<SlotHeader>,
}

/// What lies in front of a payload from the heap.
#[repr(C, align(64))]
#[derive(Debug)]
struct HeapSlot {
    core: NonNull<Core>,
    capacity: u32,
    /// At the end, right in front of the payload.
    header: SlotHeader,
}

const _: () =
    assert!(size_of::<HeapSlot>() == offset_of!(HeapSlot, header) + HEADER_BYTES || cfg!(loom));

impl Slot {
    /// The slot that a taker was given.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn lend(header: NonNull<SlotHeader>, len: u32) -> Self {
        let slot = Self { header };
        slot.set_len(len);
        slot
    }

    /// A slot from the heap that nobody else has; none if the heap has none.
    ///
    /// # Safety
    ///
    /// The core is there, and the address good for [`Core::unhold`].
    pub(crate) unsafe fn from_heap(core: NonNull<Core>, len: u32) -> Option<NonNull<SlotHeader>> {
        let layout = heap_layout(len)?;
        // SAFETY: the size is at least that of HeapSlot, not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let slot = HeapSlot {
            header: SlotHeader::default(),
            core,
            capacity: len,
        };
        // SAFETY: aligned and big enough by heap_layout(), and nobody else's.
        unsafe { block.cast::<HeapSlot>().write(slot) };
        // SAFETY: the core is there (contract).
        unsafe { core.as_ref() }.hold();
        // SAFETY: within the block.
        Some(unsafe { block.add(offset_of!(HeapSlot, header)) }.cast())
    }

    #[cfg(loom)]
    pub(crate) fn index(&self) -> u32 {
        self.header().index.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_heap(&self) -> bool {
        self.class().is_none()
    }

    #[inline]
    fn class(&self) -> Option<&Class> {
        let class = self.header().class.load(Ordering::Relaxed);
        // SAFETY: null in the heap; else written by SlotHeader::settle() before the slot was
        // first lent, with the address of a class of the core, which the slot keeps.
        unsafe { class.as_ref() }
    }

    #[inline]
    fn header(&self) -> &SlotHeader {
        // SAFETY: the address of a header in the region or in a block of the heap; the slot
        // keeps both.
        unsafe { self.header.as_ref() }
    }

    /// The block of a slot from the heap.
    ///
    /// # Safety
    ///
    /// The slot is from the heap.
    unsafe fn heap(&self) -> NonNull<HeapSlot> {
        debug_assert!(self.is_heap());
        // SAFETY: the header of a slot from the heap lies there in its HeapSlot.
        unsafe { self.header.byte_sub(offset_of!(HeapSlot, header)) }.cast()
    }

    #[inline]
    pub(crate) fn capacity(&self) -> u32 {
        match self.class() {
            Some(class) => class.payload_bytes,
            // SAFETY: no class, so from the heap; written in from_heap(), never changed.
            None => unsafe { (*self.heap().as_ptr()).capacity },
        }
    }

    /// The payload's first byte.
    #[inline]
    fn payload(&self) -> NonNull<u8> {
        // A model keeps its atomics elsewhere, and they are larger.
        #[cfg(loom)]
        return match self.class() {
            Some(class) => class.payload(self.index()).expect("a class lent it"),
            // SAFETY: from the heap; the payload is behind the HeapSlot in the block.
            None => unsafe { self.heap().add(1) }.cast(),
        };
        #[cfg(not(loom))]
        // SAFETY: the payload is right behind its header in the same allocation: ClassPlace::new()
        // and HeapSlot.
        unsafe {
            self.header.cast::<u8>().add(HEADER_BYTES)
        }
    }

    /// How many bytes of the payload are shown, from its front.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.header().len.load(Ordering::Relaxed)
    }

    /// Shows so many bytes; the caller has the only handle, and there are so many.
    #[inline]
    pub(crate) fn set_len(&self, len: u32) {
        self.header().len.store(len, Ordering::Relaxed);
    }

    /// The bytes shown.
    ///
    /// # Safety
    ///
    /// Nobody writes to them, nor changes the length, while the slice lives.
    #[inline]
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        let len = self.len() as usize;
        // SAFETY: within the payload (set_len) and not written to (contract); the region and
        // heap slots began as zeros, so every byte is initialised; the slot keeps the memory.
        unsafe { core::slice::from_raw_parts(self.payload().as_ptr(), len) }
    }

    /// The bytes shown, to be written to.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot.
    #[inline]
    pub(crate) unsafe fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.len() as usize;
        // SAFETY: as in bytes(), and nobody else has the slot (contract).
        unsafe { core::slice::from_raw_parts_mut(self.payload().as_ptr(), len) }
    }

    /// Another handle of the same slot.
    #[inline]
    pub(crate) fn share(&self) -> Self {
        // A handle is there already: nothing must be seen that it does not see.
        let handles = self.header().handles.fetch_add(1, Ordering::Relaxed);
        if handles >= HANDLES_MAX {
            // As `Arc`: the only other way would be a handle to memory that is given back.
            std::process::abort();
        }
        Self {
            header: self.header,
        }
    }

    /// Whether this is the only handle; if so it stays so, since handles come from handles.
    #[inline]
    pub(crate) fn is_sole(&self) -> bool {
        // SYNC: pairs with the Release in give_up().
        self.header().handles.load(Ordering::Acquire) == 0
    }

    /// Gives one handle up; true if it was the last, and the caller owns the slot.
    #[inline]
    pub(crate) fn give_up(&self) -> bool {
        if self.is_sole() {
            return true;
        }
        // SYNC: pairs with the Acquire in is_sole() and with the fence below, in the last one.
        if self.header().handles.fetch_sub(1, Ordering::Release) != 0 {
            return false;
        }
        fence(Ordering::Acquire);
        // Nobody else is left: the count went below zero.
        self.header().handles.store(0, Ordering::Relaxed);
        true
    }

    /// Gives the slot back.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot; none of its bytes is used afterwards, nor the handle.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn release(&mut self) {
        let class = self.header().class.load(Ordering::Relaxed);
        let is_done = thread::with_last(|last| {
            // SAFETY: the caller owns the slot.
            unsafe { Core::release_at_once(class, self.header, last) }
        });
        if !is_done {
            // SAFETY: the caller's contract; nothing was done.
            unsafe { Self::release_slow(self.header) };
        }
    }

    /// As above, by the long way: of a slot of any class of any pool, or from the heap.
    ///
    /// # Safety
    ///
    /// The caller has the only handle, and does not use it afterwards.
    #[inline(never)]
    unsafe fn release_slow(header: NonNull<SlotHeader>) {
        let mut this = Self { header };
        let Some(class) = this.class() else {
            // SAFETY: the caller's contract; no class, so from the heap.
            unsafe { this.release_to_heap() };
            return;
        };
        let class = NonNull::from(class);
        // SAFETY: the slot keeps the core, and that the caches that the class is in.
        let known = unsafe { class.as_ref() };
        if known.zeroize {
            this.zeroize();
        }
        this.header().set_free();
        // SAFETY: the slot keeps the core.
        let magazine = unsafe { thread::magazine(known) };
        // SAFETY: the caller owns the slot; the registry keeps the magazine, which is the
        // thread's own for this class.
        unsafe { Core::release(class, header, magazine) };
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
