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

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use claude_flow_ringbuf::Deadline;

use crate::caches::{Cache, Caches, Magazine, Pushed, Taken};
use crate::class::{Attention, Class, Parts};
use crate::layout::{
    Batch, ClassHead, ClassPlace, HEADER_BYTES, LINE_BYTES, SlotHeader, batch_slots,
};
use crate::options::{ClassOptions, Options, Oversize};
use crate::region::{Region, Table};
use crate::slot::Slot;
use crate::stack::Closed;
use crate::sync::{Arc, AtomicUsize, Ordering, fence};
use crate::thread::Last;
use crate::{OptionsError, TakeError};

/// The pool behind its handles.
#[derive(Debug)]
pub(crate) struct Core {
    /// The class of a length, by the number of lines that it needs.
    class_of_lines: Box<[u8]>,
    /// The first of the caches' classes, to be found without a look at the caches.
    classes: NonNull<Class>,
    pub(crate) caches: Arc<Caches>,
    heads: Table<ClassHead>,
    /// What keeps the memory; see the module's docs.
    holders: AtomicUsize,
    /// The handles alone.
    pools: AtomicUsize,
    oversize: Oversize,
    pub(crate) zeroize: bool,
    /// The tables and slots lie in it.
    region: Region,
}

// SAFETY: `classes` is the address of what is in `caches`, which is `Sync`.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

/// A class with its shared part and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) class: &'a Class,
    pub(crate) head: &'a ClassHead,
    pub(crate) number: u32,
}

/// Where the parts of a pool lie in its region.
struct Plan {
    classes: Vec<ClassPlace>,
    size_bytes: usize,
}

impl Plan {
    /// None if the end cannot be expressed.
    fn new(classes: &[ClassOptions]) -> Option<Self> {
        let mut end = size_of::<ClassHead>() * classes.len();
        let mut places = Vec::with_capacity(classes.len());
        for class in classes {
            let place = ClassPlace::new(end, class.payload_bytes, class.slots)?;
            end = place.end;
            places.push(place);
        }
        Some(Self {
            classes: places,
            size_bytes: end,
        })
    }
}

impl Core {
    /// A core in a box of its own, with one handle; see [`remove_pool`](Self::remove_pool).
    pub(crate) fn new(options: &Options) -> Result<NonNull<Self>, OptionsError> {
        options.check()?;
        let plan = Plan::new(&options.classes).ok_or(OptionsError::OutOfMemory {
            size_bytes: usize::MAX,
        })?;
        let out_of_memory = OptionsError::OutOfMemory {
            size_bytes: plan.size_bytes,
        };
        let region = Region::new(plan.size_bytes).ok_or(out_of_memory)?;
        // The classes tell where the core is.
        let address = NonNull::from(Box::leak(Box::<Self>::new_uninit())).cast::<Self>();
        let classes = core::iter::zip(&options.classes, &plan.classes)
            .zip(0..)
            .map(|((class, place), number)| {
                // SAFETY: the region is dropped with the core, and nobody uses the classes'
                // tables after that; the places do not overlap (Plan).
                let parts = unsafe { parts(&region, class, place, number) };
                Class::new(address, parts, options.waiting, options.zeroize)
            })
            .collect();
        let Some(caches) = Caches::new(options.thread_caches, classes) else {
            // SAFETY: leaked above, of this layout, and still without a core.
            drop(unsafe { Box::from_raw(address.cast::<MaybeUninit<Self>>().as_ptr()) });
            return Err(out_of_memory);
        };
        let this = Self {
            class_of_lines: class_of_lines(options),
            classes: NonNull::from(caches.classes()).cast(),
            // SAFETY: the region is dropped with the table; the first class begins behind the
            // heads (Plan).
            heads: unsafe { Table::new(&region, 0, size_of::<ClassHead>(), options.classes.len()) },
            caches,
            holders: AtomicUsize::new(1),
            pools: AtomicUsize::new(1),
            oversize: options.oversize,
            zeroize: options.zeroize,
            region,
        };
        // SAFETY: leaked above for this, and nobody has seen it yet.
        unsafe { address.write(this) };
        Ok(address)
    }

    /// The smallest class that holds `len` bytes.
    #[inline]
    pub(crate) fn class_of(&self, len: usize) -> Option<&Class> {
        let number = *self.class_of_lines.get(len.div_ceil(LINE_BYTES))?;
        // SAFETY: the table has numbers of classes only, which the caches keep in one piece.
        Some(unsafe { self.classes.add(usize::from(number)).as_ref() })
    }

    #[inline]
    pub(crate) fn at(&self, number: u32) -> Option<At<'_>> {
        Some(At {
            class: self.caches.classes().get(number as usize)?,
            head: self.heads.get(number)?,
            number,
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = At<'_>> {
        (0..small(self.heads.len())).filter_map(|number| self.at(number))
    }

    /// What the pool keeps whether it is used or not, in bytes.
    pub(crate) fn fixed_bytes(&self) -> usize {
        size_of::<Self>() + self.class_of_lines.len() + size_of::<ClassHead>() * self.heads.len()
    }

    pub(crate) fn mapped_bytes(&self) -> usize {
        self.region.len()
    }

    /// The largest class, in bytes.
    pub(crate) fn len_max(&self) -> usize {
        (self.class_of_lines.len() - 1) * LINE_BYTES
    }

    /// A slot for `len` bytes that is nobody else's, by the short way: out of the magazine that
    /// was remembered; none if that is not the one, or empty, or asked for.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn take_at_once(&self, len: usize, last: &Last) -> Option<NonNull<SlotHeader>> {
        let class = self.class_of(len)?;
        // SAFETY: whoever remembers keeps the caches.
        let magazine = unsafe { last.magazine(class) }?;
        magazine.pop(|| class.is_left_alone_at_once())
    }

    /// A slot from the heap for a length beyond the largest class, if the policy allows it.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_oversize(&self, len: usize) -> Option<NonNull<SlotHeader>> {
        match self.oversize {
            Oversize::Refuse => None,
            Oversize::Heap => {
                // The address that the box gave: a reference's would not do to free the core.
                let core = self.caches.classes().first()?.core;
                // SAFETY: the core is this one.
                unsafe { Slot::from_heap(core, u32::try_from(len).ok()?) }
            }
        }
    }

    /// Why there was no slot for a length.
    pub(crate) fn refusal(&self, len: usize) -> TakeError {
        let len_max = match self.oversize {
            Oversize::Refuse => self.len_max(),
            Oversize::Heap => u32::MAX as usize,
        };
        match self.class_of(len) {
            Some(class) => class.is_exhausted(),
            None if len > len_max => TakeError::TooLarge { len, len_max },
            None => TakeError::OutOfMemory { len },
        }
    }

    /// A slot of a class that is nobody else's, without waiting.
    ///
    /// The magazine is the thread's own for this class; none if it has no cache.
    pub(crate) fn take(
        &self,
        class: &Class,
        magazine: Option<&Magazine>,
    ) -> Option<NonNull<SlotHeader>> {
        if let Some(magazine) = magazine
            && let Some(slot) = magazine.pop(|| class.is_left_alone())
        {
            return Some(slot);
        }
        class
            .headers
            .address(self.take_slow(class.number, magazine)?)
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self, number: u32, magazine: Option<&Magazine>) -> Option<u32> {
        let at = self.at(number)?;
        let slot = match magazine {
            Some(magazine) => refill(at, magazine),
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
        let attention = at.class.ask();
        self.empty(at, &attention);
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
            self.empty(at, &at.class.ask());
        }
    }

    /// Moves the slots of a class that lie in caches into the shared list.
    fn empty(&self, at: At<'_>, _: &Attention<'_>) {
        for magazine in self.caches.magazines(at.number) {
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

    /// Gives a slot back by the short way: into the magazine that was remembered; false if that
    /// is not the one, or full, and nothing was done.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, of a class or null for the heap, which keeps the core; if this
    /// returns true both are gone for it afterwards. Whoever remembers keeps the caches.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn release_at_once(
        class: *const Class,
        slot: NonNull<SlotHeader>,
        last: &Last,
    ) -> bool {
        // SAFETY: the caller's contract.
        let Some(magazine) = (unsafe { last.magazine(class) }) else {
            return false;
        };
        // SAFETY: it is remembered, so it is not null, and it lies with the caches, which whoever
        // remembers keeps: good after the slot is home too.
        let class = unsafe { &*class };
        // SAFETY: the slot keeps its header, and is not home yet.
        unsafe { slot.as_ref() }.set_free();
        match magazine.push(slot, class.magazine_slots, || class.is_left_alone_at_once()) {
            Pushed::Done => true,
            Pushed::Wanted => {
                // SAFETY: the magazine is the calling thread's own, for this class.
                unsafe { Self::take_back(NonNull::from(class), magazine) };
                true
            }
            Pushed::Full => false,
        }
    }

    /// Gives a slot back.
    ///
    /// A pointer and not a reference: the pool may be freed by another thread as soon as the slot
    /// is home, while this call is still on its way out.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which keeps the core; both are gone for it afterwards. The
    /// magazine is the calling thread's own for this class, and something else keeps the caches
    /// that it and the class are in; with no magazine the slot keeps them.
    pub(crate) unsafe fn release(
        class: NonNull<Class>,
        slot: NonNull<SlotHeader>,
        magazine: Option<&Magazine>,
    ) {
        let Some(magazine) = magazine else {
            // SAFETY: the slot is the caller's.
            unsafe { Self::release_shared(class, slot) };
            return;
        };
        // SAFETY: the caller keeps the caches (contract).
        let this = unsafe { class.as_ref() };
        let mut pushed = magazine.push(slot, this.magazine_slots, || this.is_left_alone());
        if pushed == Pushed::Full {
            // SAFETY: the slot keeps the core while this spills.
            unsafe { Self::spill(this, magazine) };
            pushed = magazine.push(slot, this.magazine_slots, || this.is_left_alone());
        }
        match pushed {
            Pushed::Done => {}
            // SAFETY: the magazine is the calling thread's own, for this class.
            Pushed::Wanted => unsafe { Self::take_back(class, magazine) },
            // SAFETY: the slot is still the caller's.
            Pushed::Full => unsafe { Self::release_shared(class, slot) },
        }
    }

    /// Makes room in the owner's magazine.
    ///
    /// # Safety
    ///
    /// The caller has a slot of the class, which keeps the core.
    #[cold]
    #[inline(never)]
    unsafe fn spill(class: &Class, magazine: &Magazine) {
        // SAFETY: the slot keeps the core.
        if let Some(at) = unsafe { class.core.as_ref() }.at(class.number) {
            // SAFETY: as above.
            unsafe { spill(at, magazine) };
        }
    }

    /// Moves what lies in the owner's magazine into the shared list, because somebody wants it.
    ///
    /// # Safety
    ///
    /// The magazine is the calling thread's own, for this class, and something keeps the caches
    /// that both are in. The core may be gone: if so, the magazine is empty, and stays so.
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
    /// The caller keeps the caches; their core may be gone.
    pub(crate) unsafe fn flush(cache: Cache<'_>) {
        for class in cache.caches.classes() {
            // SAFETY: the class is of these caches, which the caller keeps.
            unsafe { Self::take_back(NonNull::from(class), cache.magazine(class.number)) };
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
        let classes = self.caches.classes();
        let total: usize = classes.iter().map(|class| class.slots as usize).sum();
        // Too many for now, so that nobody frees the memory while the slots are counted.
        self.holders.fetch_add(total, Ordering::Relaxed);
        self.caches.close();
        let mut home = 0;
        for at in self.all() {
            for magazine in self.caches.magazines(at.number) {
                let mut taken = Taken::new();
                magazine.take_oldest(u32::MAX, &mut taken);
                home += taken.slots().len();
            }
        }
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
            .push(number, 1, |next| self.class.set_next(number, next));
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
        (slot < self.class.slots).then_some(slot)
    }

    /// How many slots are in the shared list, at about this moment.
    pub(crate) fn shared_count(&self) -> u32 {
        let full = self.head.full.count();
        let loose = self.head.loose.count();
        let fresh = self.head.fresh_slots.load(Ordering::Relaxed);
        let rest = self.class.slots.saturating_sub(fresh);
        // Each is read on its own; a count that is being changed may be too high by a batch.
        full.saturating_mul(self.class.batch_slots)
            .saturating_add(loose)
            .saturating_add(rest)
            .min(self.class.slots)
    }

    fn mark_out(&self) {
        let out = self.class.slots - self.shared_count();
        if out > self.head.out_max.load(Ordering::Relaxed) {
            self.head.out_max.fetch_max(out, Ordering::Relaxed);
        }
    }
}

/// Fills the owner's empty magazine from the shared list, but for one slot, which it returns.
fn refill(at: At<'_>, magazine: &Magazine) -> Option<u32> {
    if !at.class.is_left_alone() {
        return take_shared(at);
    }
    let mut some = Taken::new();
    at.take_some(&mut some);
    at.mark_out();
    let (one, rest) = some.slots().split_last()?;
    let (pushed, rest) = magazine.push_all(rest, at.class);
    let mut chain = Chain::new(at);
    for slot in rest {
        chain.add(*slot);
    }
    if pushed == Pushed::Wanted {
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
        let link = |next| at.class.set_next(number, next);
        at.head
            .full
            .push(number, 1, link)
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
        head.loose.push(first, self.count, |next| {
            self.at.class.set_link(last, next);
        })?;
        self.at.class.released.notify(self.count as usize);
        Ok(())
    }
}

/// What a class is made of.
///
/// # Safety
///
/// The parts are not used after the region is gone, and nothing else covers the class's place.
unsafe fn parts(region: &Region, class: &ClassOptions, place: &ClassPlace, number: u32) -> Parts {
    let slots = class.slots;
    let bytes = place.stride * (slots - 1) + HEADER_BYTES + class.payload_bytes;
    // What follows a header belongs to its slot.
    region.at(place.headers, bytes);
    let batch_bytes = size_of::<Batch>();
    Parts {
        number,
        payload_bytes: small(class.payload_bytes),
        slots: small(slots),
        batch_slots: small(batch_slots(slots)),
        stride: place.stride,
        // SAFETY: the caller's contract.
        headers: unsafe { Table::new(region, place.headers, place.stride, slots) },
        // SAFETY: as above; the batches are before the headers (ClassPlace).
        batches: unsafe { Table::new(region, place.batches, batch_bytes, place.batch_count) },
        #[cfg(loom)]
        payloads: region.at(place.headers + HEADER_BYTES, bytes - HEADER_BYTES),
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
