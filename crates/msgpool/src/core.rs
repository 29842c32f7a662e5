//! The pool behind its handles: where a slot comes from and where it goes.
//!
//! ```text
//!            take                                  release
//!              |                                      |
//!     own magazine (owner only)              own magazine (owner only)
//!              | empty                                | full
//!     full batches  <------ whole batches ------ spare batches
//!     loose slots   <------ no cache, or somebody waits
//!     fresh slots
//!     other threads' magazines (reclaim)
//! ```
//!
//! # Spare batches never run out
//!
//! A class has ⌊slots / batch⌋ batches. A batch that is not spare holds a batch of slots, is being
//! emptied by the thread that has just copied them into its magazine, or is being filled with
//! slots out of the magazine of the thread that took it: each stands for slots that nothing else
//! stands for. A thread that asks for a spare one stands for a batch of slots itself, so at least
//! one is spare or fresh.
//!
//! # When the memory goes
//!
//! `holders` counts the pool's handles, buffers from the heap, and releases that use the shared
//! list. Slots in use are not counted, since that would be a contended write a message. Instead
//! the last handle's end closes the pool: it takes every slot home that it finds and counts the
//! others as holders. Owners of caches see the wish for attention, shared lists are closed, so
//! each later release finds out and gives its count back. A slot that is out keeps the memory,
//! before and after; a thread that puts its last slot home touches the core again only if it
//! gets a slot back out of its own cache. So closing waits for nobody.
#![expect(unsafe_code, reason = "frees itself when nobody holds it")]

use core::ptr::NonNull;

use claude_flow_ringbuf::{Deadline, Park, Spin, Wait, Yield};

use crate::caches::{Attention, Cache, CachePart, Caches, Magazine, Pushed, Taken};
use crate::layout::{
    Batch, ClassHead, ClassPlace, HEADER_BYTES, LENT, LINE_BYTES, SlotHeader, batch_slots,
};
use crate::options::{Options, Oversize, Waiting};
use crate::region::{Region, Table};
use crate::stack::Closed;
use crate::sync::{Arc, AtomicUsize, Ordering, fence};
use crate::{OptionsError, TakeError};

/// The pool behind its handles.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) caches: Arc<Caches>,
    classes: Box<[Class]>,
    /// The class of a length, by the number of lines that it needs.
    class_of_lines: Box<[u8]>,
    heads: Table<ClassHead>,
    /// What keeps the memory; see the module's docs.
    holders: AtomicUsize,
    /// The handles alone.
    pools: AtomicUsize,
    pub(crate) oversize: Oversize,
    pub(crate) zeroize: bool,
    /// The tables and slots lie in it.
    region: Region,
}

/// What is known of one class outside of the region.
#[derive(Debug)]
pub(crate) struct Class {
    /// The core that it is of, for whoever has only a slot; see `Core::settle_down`.
    pub(crate) core: NonNull<Core>,
    /// The core's, by which a thread recognises the pool.
    pub(crate) caches: NonNull<Caches>,
    pub(crate) number: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) slots: u32,
    pub(crate) batch_slots: u32,
    /// The most slots in one thread's magazine.
    magazine_slots: u32,
    pub(crate) headers: Table<SlotHeader>,
    #[cfg(loom)]
    payloads: NonNull<u8>,
    stride: usize,
    batches: Table<Batch>,
    released: Condition,
    /// Whether a slot is cleared when it comes back.
    pub(crate) zeroize: bool,
}

// SAFETY: `core` and `caches` are what has the class, both `Sync`.
unsafe impl Send for Class {}
// SAFETY: as above.
unsafe impl Sync for Class {}

/// "There is a slot in the shared list", and how takers wait for it.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a class, and most are the large one"
)]
enum Condition {
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

    fn notify(&self, count: usize) {
        match self {
            Self::Spin(it) => it.notify(count),
            Self::Yield(it) => it.notify(count),
            Self::Park(it) => it.notify(count),
        }
    }

    fn wait_until(&self, deadline: Deadline, is_ready: impl FnMut() -> bool) -> bool {
        match self {
            Self::Spin(it) => it.wait_until(deadline, is_ready),
            Self::Yield(it) => it.wait_until(deadline, is_ready),
            Self::Park(it) => it.wait_until(deadline, is_ready),
        }
    }
}

impl Class {
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

    /// How far apart the slots are, in bytes.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The link of a loose slot.
    fn link_of(&self, slot: u32) -> u32 {
        let lease = self.headers.get(slot).map(|it| &it.lease);
        #[expect(clippy::cast_possible_truncation, reason = "a link is the low half")]
        lease.map_or(0, |lease| lease.load(Ordering::Relaxed) as u32)
    }

    fn set_link(&self, slot: u32, link: u32) {
        if let Some(header) = self.headers.get(slot) {
            header.lease.store(u64::from(link), Ordering::Relaxed);
        }
    }

    fn next_of(&self, batch: u32) -> u32 {
        let next = self.batches.get(batch).map(|it| &it.next);
        next.map_or(0, |next| next.load(Ordering::Relaxed))
    }

    fn set_next(&self, batch: u32, next: u32) {
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

/// A class with its shared part and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) class: &'a Class,
    pub(crate) head: &'a ClassHead,
    pub(crate) number: u32,
}

impl Core {
    pub(crate) fn new(options: &Options) -> Result<Self, OptionsError> {
        options.check()?;
        let too_much = OptionsError::OutOfMemory {
            size_bytes: usize::MAX,
        };
        let heads_bytes = size_of::<ClassHead>() * options.classes.len();
        let mut places = Vec::with_capacity(options.classes.len());
        let mut end = heads_bytes;
        for class in &options.classes {
            let place = ClassPlace::new(end, class.payload_bytes, class.slots).ok_or(too_much)?;
            end = place.end;
            places.push(place);
        }
        let out_of_memory = OptionsError::OutOfMemory { size_bytes: end };
        let region = Region::new(end).ok_or(out_of_memory)?;
        let caches =
            Caches::new(options.thread_caches, options.classes.len()).ok_or(out_of_memory)?;
        // SAFETY: the region is dropped with the table; the first class begins behind the heads.
        let heads = unsafe { Table::new(&region, 0, size_of::<ClassHead>(), places.len()) };
        let classes = core::iter::zip(&options.classes, &places)
            .zip(0..)
            .map(|((class, place), number)| {
                let slots = class.slots;
                let bytes = place.stride * (slots - 1) + HEADER_BYTES + class.payload_bytes;
                // What follows a header belongs to its slot.
                region.at(place.headers, bytes);
                Class {
                    core: NonNull::dangling(),
                    caches: NonNull::from(&*caches),
                    number,
                    payload_bytes: small(class.payload_bytes),
                    slots: small(slots),
                    batch_slots: small(batch_slots(slots)),
                    magazine_slots: small(2 * batch_slots(slots)),
                    // SAFETY: as above; the places of a class do not overlap (ClassPlace).
                    headers: unsafe { Table::new(&region, place.headers, place.stride, slots) },
                    #[cfg(loom)]
                    payloads: region.at(place.headers + HEADER_BYTES, bytes - HEADER_BYTES),
                    stride: place.stride,
                    // SAFETY: as above.
                    batches: unsafe {
                        Table::new(
                            &region,
                            place.batches,
                            size_of::<Batch>(),
                            place.batch_count,
                        )
                    },
                    released: Condition::new(options.waiting),
                    zeroize: options.zeroize,
                }
            })
            .collect();
        Ok(Self {
            caches,
            classes,
            class_of_lines: class_of_lines(options),
            heads,
            holders: AtomicUsize::new(1),
            pools: AtomicUsize::new(1),
            oversize: options.oversize,
            zeroize: options.zeroize,
            region,
        })
    }

    /// Moves to where it stays, and tells the classes.
    pub(crate) fn settle_down(self) -> NonNull<Self> {
        let core = Box::leak(Box::new(self));
        let address = NonNull::from(&mut *core);
        for class in &mut core.classes {
            class.core = address;
        }
        address
    }

    /// The smallest class that holds `len` bytes.
    #[inline]
    pub(crate) fn class_of(&self, len: usize) -> Option<&Class> {
        let number = self.class_of_lines.get(len.div_ceil(LINE_BYTES))?;
        self.classes.get(usize::from(*number))
    }

    #[inline]
    pub(crate) fn at(&self, number: u32) -> Option<At<'_>> {
        Some(At {
            class: self.classes.get(number as usize)?,
            head: self.heads.get(number)?,
            number,
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = At<'_>> {
        (0..small(self.classes.len())).filter_map(|number| self.at(number))
    }

    /// What the pool keeps whether it is used or not, in bytes.
    pub(crate) fn fixed_bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.classes)
            + self.class_of_lines.len()
            + size_of::<ClassHead>() * self.classes.len()
    }

    pub(crate) fn mapped_bytes(&self) -> usize {
        self.region.len()
    }

    /// The largest class, in bytes.
    pub(crate) fn len_max(&self) -> usize {
        (self.class_of_lines.len() - 1) * LINE_BYTES
    }

    /// A slot that is nobody else's, without waiting.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn take(
        &self,
        class: &Class,
        cache: Option<CachePart<'_>>,
    ) -> Option<NonNull<SlotHeader>> {
        if let Some(cache) = cache
            && let Some(slot) = cache.magazine.pop(cache.caches)
        {
            return Some(slot);
        }
        class.headers.address(self.take_slow(class.number, cache)?)
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self, number: u32, cache: Option<CachePart<'_>>) -> Option<u32> {
        let at = self.at(number)?;
        let slot = match cache {
            Some(cache) => refill(at, cache),
            None => take_shared(at),
        };
        slot.or_else(|| {
            self.reclaim(at);
            take_shared(at)
        })
    }

    /// As above, waiting up to the deadline.
    pub(crate) fn take_until(&self, number: u32, deadline: Deadline) -> Option<u32> {
        let at = self.at(number)?;
        // From here on what comes back goes into the shared list, with a notification.
        let attention = self.caches.ask();
        empty(at, &attention);
        let slot = loop {
            if let Some(slot) = take_shared(at) {
                break Some(slot);
            }
            let is_ready = || !at.is_shared_empty();
            if !at.class.released.wait_until(deadline, is_ready) {
                break take_shared(at);
            }
        };
        drop(attention);
        slot
    }

    /// Moves what lies in other threads' caches into the shared list.
    fn reclaim(&self, at: At<'_>) {
        if self.caches.len(at.number) > 0 {
            empty(at, &self.caches.ask());
        }
    }

    /// Gives a slot back.
    ///
    /// A pointer and not a reference: the pool may be freed by another thread as soon as the slot
    /// is home, while this call is still on its way out.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which keeps the core; both are gone for it afterwards. The cache
    /// is the calling thread's own and belongs to the core, and something else keeps it.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn release(
        class: NonNull<Class>,
        slot: NonNull<SlotHeader>,
        cache: Option<CachePart<'_>>,
    ) {
        let Some(cache) = cache else {
            // SAFETY: the slot is the caller's.
            unsafe { Self::release_shared(class, slot) };
            return;
        };
        // SAFETY: the slot keeps the core (the caller's contract); the reference is not used
        // after the slot is home.
        let this = unsafe { class.as_ref() };
        let magazine = cache.magazine;
        match magazine.push(slot, this.magazine_slots, cache.caches) {
            Pushed::Done => {}
            // SAFETY: the slot is home, which is all that take_back() asks for.
            Pushed::Wanted => unsafe { Self::take_back(class, magazine) },
            // SAFETY: the slot is still the caller's.
            Pushed::Full => unsafe { Self::release_into_full(class, slot, cache) },
        }
    }

    /// Gives a slot back whose place in the owner's magazine is taken.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    #[cold]
    #[inline(never)]
    unsafe fn release_into_full(
        class: NonNull<Class>,
        slot: NonNull<SlotHeader>,
        cache: CachePart<'_>,
    ) {
        // SAFETY: the slot keeps the core until it is home.
        let this = unsafe { class.as_ref() };
        let magazine = cache.magazine;
        // SAFETY: as above; settle_down() told the class.
        if let Some(at) = unsafe { this.core.as_ref() }.at(this.number) {
            // SAFETY: the slot keeps the core while this spills.
            unsafe { spill(at, magazine) };
        }
        match magazine.push(slot, this.magazine_slots, cache.caches) {
            Pushed::Done => {}
            // SAFETY: as in release().
            Pushed::Wanted => unsafe { Self::take_back(class, magazine) },
            // SAFETY: as in release().
            Pushed::Full => unsafe { Self::release_shared(class, slot) },
        }
    }

    /// Moves what lies in the owner's magazine into the shared list, because somebody wants it.
    ///
    /// # Safety
    ///
    /// The magazine is the calling thread's own, for this class. The core may be gone: if so, the
    /// magazine is empty, and stays so.
    #[cold]
    #[inline(never)]
    unsafe fn take_back(class: NonNull<Class>, magazine: &Magazine) {
        let mut taken = Taken::new();
        magazine.take_oldest(u32::MAX, &mut taken);
        if !taken.is_empty() {
            // SAFETY: the slots taken are out, and keep the core.
            unsafe { Self::give(class, taken.slots()) };
        }
    }

    /// Gives a slot back to the shared list.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    #[cold]
    #[inline(never)]
    unsafe fn release_shared(class: NonNull<Class>, slot: NonNull<SlotHeader>) {
        // SAFETY: the slot keeps its header.
        let index = unsafe { slot.as_ref() }.index.load(Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { Self::give(class, &[index]) };
    }

    /// Gives slots to the shared list.
    ///
    /// # Safety
    ///
    /// The caller owns the slots, of which there are some, and which keep the core; all are gone
    /// for it afterwards.
    unsafe fn give(class: NonNull<Class>, slots: &[u32]) {
        debug_assert!(!slots.is_empty());
        // SAFETY: the slots keep the core until they are in the list, `hold` until `unhold` below.
        let core = unsafe { class.as_ref() }.core;
        // SAFETY: as above.
        let this = unsafe { core.as_ref() };
        this.hold();
        // SAFETY: as above.
        if let Some(at) = this.at(unsafe { class.as_ref() }.number) {
            let mut chain = Chain::new(at);
            for slot in slots {
                chain.add(*slot);
            }
            if chain.give() == Err(Closed) {
                // The pool was closed, and counted the slots as holders.
                // SAFETY: they are those holders; `hold` above still keeps the core.
                unsafe { Self::unhold(core, slots.len()) };
            }
        }
        // SAFETY: given back what hold() above took; the core is not used below.
        unsafe { Self::unhold(core, 1) };
    }

    /// Moves everything out of a cache, whose owner is the calling thread and gives it up.
    ///
    /// # Safety
    ///
    /// The cache is of this core, which may be gone: if so, the cache is empty, and stays so.
    pub(crate) unsafe fn flush(core: NonNull<Self>, cache: Cache<'_>) {
        for number in 0..cache.caches.class_count {
            // SAFETY: there are so many classes.
            let magazine = unsafe { cache.part(number) }.magazine;
            let mut taken = Taken::new();
            magazine.take_oldest(u32::MAX, &mut taken);
            if !taken.is_empty() {
                // SAFETY: the slots taken are out, and keep the core.
                let class = unsafe { core.as_ref() }.classes.get(number as usize);
                if let Some(class) = class {
                    // SAFETY: as above.
                    unsafe { Self::give(NonNull::from(class), taken.slots()) };
                }
            }
        }
    }

    /// One more that keeps the memory.
    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// So many fewer that keep the memory; the last frees it.
    ///
    /// # Safety
    ///
    /// The caller gives so many holders up that were its own; the core came out of a box and is
    /// gone for the caller afterwards unless it has another holder.
    pub(crate) unsafe fn unhold(core: NonNull<Self>, count: usize) {
        // SAFETY: the caller's holders keep the core until they are given up.
        let holders = unsafe { &(*core.as_ptr()).holders };
        // SYNC: pairs with the fence below, in the last one.
        if holders.fetch_sub(count, Ordering::Release) != count {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: every handle, buffer, message and release that could reach the core is gone:
        // the count says so (module docs). It came out of a box (contract).
        drop(unsafe { Box::from_raw(core.as_ptr()) });
    }

    pub(crate) fn add_pool(&self) {
        self.hold();
        self.pools.fetch_add(1, Ordering::Relaxed);
    }

    /// One handle fewer; the last closes the pool.
    ///
    /// # Safety
    ///
    /// As for [`unhold`](Self::unhold), with one handle.
    pub(crate) unsafe fn remove_pool(core: NonNull<Self>) {
        // SAFETY: the handle keeps the core.
        let pools = unsafe { &(*core.as_ptr()).pools };
        // SYNC: pairs with itself: the last one sees what every other did with its handle.
        let is_last = pools.fetch_sub(1, Ordering::AcqRel) == 1;
        let home = if is_last {
            // SAFETY: as above: the holder that the handle is was not given up yet.
            unsafe { core.as_ref() }.close()
        } else {
            0
        };
        // SAFETY: the handle, and the slots that close() counted as holders and found at home.
        unsafe { Self::unhold(core, home + 1) };
    }

    /// Counts every slot as a holder, lets no slot come home any more, and returns how many are.
    #[cold]
    fn close(&self) -> usize {
        let total: usize = self.classes.iter().map(|class| class.slots as usize).sum();
        // Too many for now, so that nobody frees the memory while the slots are counted.
        self.holders.fetch_add(total, Ordering::Relaxed);
        let attention = self.caches.close();
        let mut home = 0;
        for at in self.all() {
            for magazine in attention.magazines(at.number) {
                let mut taken = Taken::new();
                magazine.take_oldest(u32::MAX, &mut taken);
                home += taken.slots().len();
            }
        }
        // It lasts.
        core::mem::forget(attention);
        for at in self.all() {
            let batches = at.head.full.close(|batch| at.class.next_of(batch));
            home += (batches * at.class.batch_slots) as usize;
            home += at.head.loose.close(|slot| at.class.link_of(slot)) as usize;
            let fresh = at.head.fresh_slots.load(Ordering::Relaxed);
            home += (at.class.slots - fresh) as usize;
        }
        home
    }
}

impl At<'_> {
    fn is_shared_empty(&self) -> bool {
        self.head.loose.is_empty()
            && self.head.full.is_empty()
            && self.head.fresh_slots.load(Ordering::Relaxed) >= self.class.slots
    }

    /// Takes up to `count` slots that were never used: the first, and how many.
    fn take_fresh(&self, count: u32) -> Option<(u32, u32)> {
        let slots = self.class.slots;
        let first = self
            .head
            .fresh_slots
            // A count alone: nobody has ever written to a fresh slot.
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fresh| {
                (fresh < slots).then(|| fresh.saturating_add(count).min(slots))
            })
            .ok()?;
        let count = count.min(slots - first);
        let class = NonNull::from(self.class).as_ptr();
        for slot in first..first + count {
            if let Some(header) = self.class.headers.get(slot) {
                header.settle(class, slot);
            }
        }
        Some((first, count))
    }

    fn take_spare_batch(&self) -> Option<u32> {
        let count = small(self.class.batches.len());
        let fresh = || {
            self.head
                .fresh_batches
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fresh| {
                    (fresh < count).then_some(fresh + 1)
                })
                .ok()
        };
        let spare = self.head.spare.pop(|batch| self.class.next_of(batch));
        spare.or_else(fresh)
    }

    /// Takes a full batch off the shared list, and its slots out of it.
    fn take_batch(&self, mut put: impl FnMut(u32)) -> bool {
        let Some(number) = self.head.full.pop(|batch| self.class.next_of(batch)) else {
            return false;
        };
        self.head.full_count.fetch_sub(1, Ordering::Relaxed);
        let Some(batch) = self.class.batches.get(number) else {
            return false;
        };
        for slot in batch.slots.0.iter().take(self.class.batch_slots as usize) {
            let slot = slot.load(Ordering::Relaxed);
            // Checked here, so that it need not be checked where it is used.
            if slot < self.class.slots {
                put(slot);
            }
        }
        // Never closed: only the full and loose stacks are.
        let _ = self
            .head
            .spare
            .push(number, |next| self.class.set_next(number, next));
        true
    }

    /// Takes what fills a magazine by half: a batch, or loose slots, or fresh ones.
    fn take_some(&self, some: &mut Taken) {
        let batch = self.class.batch_slots;
        if self.take_batch(|slot| some.add(slot)) {
            return;
        }
        for _ in 0..batch {
            match self.take_loose() {
                Some(slot) => some.add(slot),
                None => break,
            }
        }
        if some.is_empty()
            && let Some((first, count)) = self.take_fresh(batch)
        {
            // In descending order: they are taken from the top, so in ascending order.
            for slot in (first..first + count).rev() {
                some.add(slot);
            }
        }
    }

    fn take_loose(&self) -> Option<u32> {
        let slot = self.head.loose.pop(|slot| self.class.link_of(slot))?;
        self.head.loose_count.fetch_sub(1, Ordering::Relaxed);
        (slot < self.class.slots).then_some(slot)
    }

    /// How many slots are in the shared list, at about this moment.
    pub(crate) fn shared_count(&self) -> u32 {
        let full = self.head.full_count.load(Ordering::Relaxed);
        let loose = self.head.loose_count.load(Ordering::Relaxed);
        let fresh = self.head.fresh_slots.load(Ordering::Relaxed);
        let rest = self.class.slots.saturating_sub(fresh);
        // Each is read on its own; a count that is being changed may be off by a batch.
        full.wrapping_mul(self.class.batch_slots)
            .wrapping_add(loose)
            .wrapping_add(rest)
            .min(self.class.slots)
    }

    fn mark_out(&self) {
        let out = self.class.slots - self.shared_count();
        if out > self.head.out_max.load(Ordering::Relaxed) {
            self.head.out_max.fetch_max(out, Ordering::Relaxed);
        }
    }
}

/// Moves the slots of a class that lie in caches into the shared list.
fn empty(at: At<'_>, attention: &Attention<'_>) {
    for magazine in attention.magazines(at.number) {
        let mut taken = Taken::new();
        magazine.take_oldest(u32::MAX, &mut taken);
        let mut chain = Chain::new(at);
        for slot in taken.slots() {
            chain.add(*slot);
        }
        // The caller has a handle of the pool, so it is open.
        let _ = chain.give();
    }
}

/// Fills the owner's empty magazine from the shared list, but for one slot, which it returns.
fn refill(at: At<'_>, cache: CachePart<'_>) -> Option<u32> {
    let CachePart { caches, magazine } = cache;
    if !caches.is_left_alone() {
        return take_shared(at);
    }
    let mut some = Taken::new();
    at.take_some(&mut some);
    at.mark_out();
    let (one, rest) = some.slots().split_last()?;
    let mut chain = Chain::new(at);
    let mut is_wanted = false;
    for slot in rest {
        let header = at.class.headers.address(*slot);
        match header.map(|it| magazine.push(it, at.class.magazine_slots, caches)) {
            Some(Pushed::Done) => {}
            Some(Pushed::Wanted) => is_wanted = true,
            Some(Pushed::Full) | None => chain.add(*slot),
        }
    }
    if is_wanted {
        let mut taken = Taken::new();
        magazine.take_oldest(u32::MAX, &mut taken);
        for slot in taken.slots() {
            chain.add(*slot);
        }
    }
    // The caller has a handle of the pool, so it is open.
    let _ = chain.give();
    Some(*one)
}

/// Moves the older half of the owner's full magazine into the shared list as one batch.
///
/// # Safety
///
/// The caller has a slot, which keeps the core meanwhile.
unsafe fn spill(at: At<'_>, magazine: &Magazine) {
    let mut taken = Taken::new();
    magazine.take_oldest(at.class.batch_slots, &mut taken);
    let count = taken.slots().len();
    if count == 0 {
        // Somebody took them all, so there is room.
        return;
    }
    let spare = (count == at.class.batch_slots as usize)
        .then(|| at.take_spare_batch())
        .flatten();
    let batch = spare.and_then(|it| Some((it, at.class.batches.get(it)?)));
    let given = if let Some((number, batch)) = batch {
        for (place, slot) in core::iter::zip(&batch.slots.0, taken.slots()) {
            place.store(*slot, Ordering::Relaxed);
        }
        at.head.full_count.fetch_add(1, Ordering::Relaxed);
        let link = |next| at.class.set_next(number, next);
        at.head
            .full
            .push(number, link)
            .map(|()| at.class.released.notify(count))
    } else {
        let mut chain = Chain::new(at);
        for slot in taken.slots() {
            chain.add(*slot);
        }
        chain.give()
    };
    if given == Err(Closed) {
        // SAFETY: the pool was closed, and counted the slots as holders; the caller's keeps the
        // core.
        unsafe { Core::unhold(at.class.core, count) };
    }
}

/// One slot from the shared list.
fn take_shared(at: At<'_>) -> Option<u32> {
    let loose = at.take_loose();
    let slot = loose.or_else(|| {
        let mut one = None;
        let mut chain = Chain::new(at);
        at.take_batch(|slot| match one {
            None => one = Some(slot),
            Some(_) => chain.add(slot),
        });
        // Whoever saw neither the batch nor the loose slots sleeps. It is open: the caller has
        // a handle of the pool.
        let _ = chain.give();
        one
    });
    let slot = slot.or_else(|| at.take_fresh(1).map(|(first, _)| first));
    at.mark_out();
    slot
}

/// Slots linked to one another, to be pushed at once.
struct Chain<'a> {
    at: At<'a>,
    first_and_last: Option<(u32, u32)>,
    count: u32,
}

impl<'a> Chain<'a> {
    fn new(at: At<'a>) -> Self {
        Self {
            at,
            first_and_last: None,
            count: 0,
        }
    }

    fn add(&mut self, slot: u32) {
        self.count += 1;
        self.first_and_last = Some(match self.first_and_last {
            None => (slot, slot),
            Some((first, last)) => {
                self.at.class.set_link(slot, first + 1);
                (slot, last)
            }
        });
    }

    /// Puts them into the shared list, and tells who waits.
    fn give(self) -> Result<(), Closed> {
        let Some((first, last)) = self.first_and_last else {
            return Ok(());
        };
        let head = self.at.head;
        head.loose_count.fetch_add(self.count, Ordering::Relaxed);
        head.loose
            .push(first, |next| self.at.class.set_link(last, next))?;
        self.at.class.released.notify(self.count as usize);
        Ok(())
    }
}

/// For each number of lines the class that holds them.
fn class_of_lines(options: &Options) -> Box<[u8]> {
    let mut table = vec![0];
    for (number, class) in options.classes.iter().enumerate() {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        table.resize(class.payload_bytes / LINE_BYTES + 1, number);
    }
    table.into_boxed_slice()
}

/// A number that `Options::check` has bounded.
pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The lease of a slot in use with this many payload bytes.
#[inline]
pub(crate) fn lease(len: u32) -> u64 {
    LENT | u64::from(len)
}
