//! The threads' caches, and how slots are got out of a cache that another thread owns.
//!
//! # Who touches what
//!
//! | field | owner of the cache | anybody who wants attention | anybody |
//! |---|---|---|---|
//! | a class's `attention` | loads | adds, subtracts | |
//! | a magazine's `bottom`, `out` and `slots` | stores | loads | loads |
//! | a magazine's `top` | swaps | swaps | loads |
//! | `users` | counts itself | | swaps 0 for 1, and is the owner then |
//!
//! ```text
//!            taken by others            taken and put by the owner
//!                  |                              |
//!   .. | . . . . | top | slot | slot | slot | end | . . . ..
//! ```
//!
//! The end is `bottom - out`, where `out` is 0 or 1. A take that finds 0 stores 1, and a put that
//! finds 1 stores 0, so that a thread which takes and puts in turn stores constants: the next
//! call need not wait until what the last one computed comes back out of memory, twice a round
//! some 7 cycles. Other takes and puts move `bottom`. Either way the end moves by one store.
//!
//! The owner moves the end and then looks whether somebody wants attention; a taker of others'
//! slots wants attention and then reads the end. The [`Barrier`](claude_flow_ringbuf::Barrier) between store and load on both
//! sides makes at least one of the two see the other. So either
//!
//! - the owner sees nobody: every taker of before is done, and its `top` is seen; every later
//!   one sees the new end and takes nothing from there on. No swap is needed, not even for the
//!   last slot. Or
//! - the owner sees the wish: it undoes a pop, and after a push takes its slots back as anybody
//!   would, by a swap of `top`, and gives them to the shared list. So a waiting taker gets every
//!   slot that comes back, and nobody ever waits for an owner.
//!
//! # Source
//!
//! D. Chase, Y. Lev, *Dynamic Circular Work-Stealing Deque*, SPAA 2005; N. M. Lê et al., *Correct
//! and Efficient Work-Stealing for Weak Memory Models*, `PPoPP` 2013. Deviations: the wish for
//! attention, which lets takers have many slots for one barrier and the owner its last slot
//! without a swap; positions of 64 bits, which never come round.
#![expect(
    unsafe_code,
    reason = "places tables in raw memory, and slots by address"
)]

use core::ptr::{NonNull, null_mut};

use crate::class::{Attention, Class};
use crate::core::small;
use crate::layout::{BATCH_SLOTS_MAX, SlotHeader};
use crate::region::{InRegion, Region, Table};
use crate::sync::{Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// The most slots in one thread's magazine of one class: two batches, so that a thread that goes
/// back and forth over the boundary of one does not exchange every time.
const MAGAZINE_SLOTS_MAX: usize = (2 * BATCH_SLOTS_MAX).next_power_of_two();

/// One thread's slots of one class.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Magazine {
    /// Above the slot that came last, which is out if `out` says so.
    bottom: AtomicU64,
    /// 1 if the slot below `bottom` is out, else 0.
    out: AtomicU64,
    /// The slot that came first; not above the end but for the moment of an owner's pop.
    top: AtomicU64,
    /// The headers of slots, at positions modulo their count. Addresses and not numbers, because
    /// the next take would wait for the multiplication and for the number's load.
    slots: Headers,
}

/// Addresses of headers.
#[repr(C)]
#[derive(Debug)]
struct Headers([AtomicPtr<SlotHeader>; MAGAZINE_SLOTS_MAX]);

impl Default for Headers {
    fn default() -> Self {
        Self(core::array::from_fn(|_| AtomicPtr::new(null_mut())))
    }
}

// SAFETY: `repr(C)`, atomics only; zeros are an empty stack.
unsafe impl InRegion for Magazine {}

/// How far an end is above a top; nothing while an owner looks into an empty magazine.
fn above(top: u64, end: u64) -> u64 {
    end.checked_signed_diff(top)
        .map_or(0, |it| it.max(0).unsigned_abs())
}

/// What came of the owner's push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The slot lies in the magazine.
    Done,
    /// As before, and somebody wants attention: see [`Magazine::take_oldest`].
    Wanted,
    /// There is no room; nothing was done.
    Full,
}

impl Magazine {
    /// How many slots there are, at about this moment.
    pub(crate) fn len(&self) -> u32 {
        let top = self.top.load(Ordering::Relaxed);
        let count = above(top, self.end());
        usize::try_from(count).map_or(u32::MAX, small)
    }

    /// As the owner sees them, who alone stores them.
    #[inline]
    fn bottom_and_out(&self) -> (u64, u64) {
        let bottom = self.bottom.load(Ordering::Relaxed);
        (bottom, self.out.load(Ordering::Relaxed))
    }

    /// Above the slot that came last and is here, for anybody.
    ///
    /// Not above where the end is when this returns, if the caller is the owner or wants
    /// attention: the owner's takes undo what they do then, so its end goes up only. In between,
    /// two loads may show less, which is as if the caller had come earlier.
    fn end(&self) -> u64 {
        // SYNC: these pair with the Release in push() and pop(): what the slots hold is seen.
        let bottom = self.bottom.load(Ordering::Acquire);
        bottom.wrapping_sub(self.out.load(Ordering::Acquire))
    }

    #[inline]
    fn place(&self, position: u64) -> &AtomicPtr<SlotHeader> {
        #[expect(clippy::cast_possible_truncation, reason = "below MAGAZINE_SLOTS_MAX")]
        let index = (position % MAGAZINE_SLOTS_MAX as u64) as usize;
        &self.slots.0[index]
    }

    /// Takes the slot that came last; none if there is none or somebody wants attention.
    ///
    /// Only the owner calls this, with the class's look at who wants attention.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn pop(&self, is_left_alone: impl FnOnce() -> bool) -> Option<NonNull<SlotHeader>> {
        let (bottom, out) = self.bottom_and_out();
        let end = bottom.wrapping_sub(out);
        let move_end = |out_new, bottom_new| {
            // SYNC: as in push(): a taker may read this instead.
            if out == 0 {
                self.out.store(out_new, Ordering::Release);
            } else {
                self.bottom.store(bottom_new, Ordering::Release);
            }
        };
        move_end(1, bottom.wrapping_sub(1));
        // SYNC: pairs with the barrier in Class::heavy(): after this either no taker has read the
        // former end, or the wish is seen.
        if is_left_alone() {
            // SYNC: who took before lowered the wish (Release) that was seen lowered (Acquire).
            let top = self.top.load(Ordering::Relaxed);
            if top < end {
                let header = self.place(end.wrapping_sub(1)).load(Ordering::Relaxed);
                // SAFETY: push() put a header there: the place is from top to end.
                return Some(unsafe { NonNull::new_unchecked(header) });
            }
        }
        move_end(0, bottom);
        None
    }

    /// Puts a slot on top of at most `capacity`.
    ///
    /// Only the owner calls this, with the class's look at who wants attention.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn push(
        &self,
        slot: NonNull<SlotHeader>,
        capacity: u32,
        is_left_alone: impl FnOnce() -> bool,
    ) -> Pushed {
        let (bottom, out) = self.bottom_and_out();
        let end = bottom.wrapping_sub(out);
        // SYNC: pairs with the Release in take_oldest(): what was read is not written to before.
        let top = self.top.load(Ordering::Acquire);
        if end.wrapping_sub(top) >= u64::from(capacity) {
            return Pushed::Full;
        }
        self.place(end).store(slot.as_ptr(), Ordering::Relaxed);
        // SYNC: pairs with the Acquire in end().
        if out == 0 {
            self.bottom.store(bottom.wrapping_add(1), Ordering::Release);
        } else {
            self.out.store(0, Ordering::Release);
        }
        // The slot is home. If nobody wants attention it is found by whoever does next.
        if is_left_alone() {
            Pushed::Done
        } else {
            Pushed::Wanted
        }
    }

    /// As [`push`](Self::push), of as many slots as there is room for; returns the others.
    pub(crate) fn push_all<'a>(&self, slots: &'a [u32], class: &Class) -> (Pushed, &'a [u32]) {
        let (bottom, out) = self.bottom_and_out();
        let end = bottom.wrapping_sub(out);
        // SYNC: as in push().
        let top = self.top.load(Ordering::Acquire);
        let room = u64::from(class.magazine_slots).saturating_sub(above(top, end));
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let (some, rest) = slots.split_at(room.min(slots.len()));
        let mut count = 0;
        for header in some.iter().filter_map(|slot| class.headers.address(*slot)) {
            let place = self.place(end.wrapping_add(count));
            place.store(header.as_ptr(), Ordering::Relaxed);
            count += 1;
        }
        // SYNC: as in push().
        self.bottom
            .store(bottom.wrapping_add(count), Ordering::Release);
        if class.is_left_alone() {
            (Pushed::Done, rest)
        } else {
            (Pushed::Wanted, rest)
        }
    }

    /// Takes the slots out that came first, up to `count`; returns how many there were.
    ///
    /// The caller is the owner, or wants attention and has passed the barrier since.
    pub(crate) fn take_oldest(&self, count: u32, taken: &mut Taken) {
        // SYNC: pairs with the Release of the swap below, by whoever took before.
        let mut top = self.top.load(Ordering::Acquire);
        loop {
            let end = top + above(top, self.end()).min(u64::from(count));
            let mut headers = [null_mut(); MAGAZINE_SLOTS_MAX];
            for (header, position) in core::iter::zip(&mut headers, top..end) {
                *header = self.place(position).load(Ordering::Relaxed);
            }
            taken.clear();
            if end == top {
                return;
            }
            // SYNC: pairs with the Acquire in push() and above.
            match self
                .top
                .compare_exchange(top, end, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => {
                    // Only now, when the slots are the caller's and keep their memory.
                    for header in headers {
                        // SAFETY: null, or the header of a slot that the owner pushed, which is
                        // the caller's since the swap.
                        if let Some(header) = unsafe { header.as_ref() } {
                            taken.add(header.index.load(Ordering::Relaxed));
                        }
                    }
                    return;
                }
                Err(now) => top = now,
            }
        }
    }
}

/// Slots out of one magazine.
#[derive(Debug)]
pub(crate) struct Taken {
    slots: [u32; MAGAZINE_SLOTS_MAX],
    count: usize,
}

impl Taken {
    pub(crate) const fn new() -> Self {
        Self {
            slots: [0; MAGAZINE_SLOTS_MAX],
            count: 0,
        }
    }

    fn clear(&mut self) {
        self.count = 0;
    }

    pub(crate) fn add(&mut self, slot: u32) {
        if let Some(place) = self.slots.get_mut(self.count) {
            *place = slot;
            self.count += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots[..self.count]
    }
}

/// Who has a cache.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// What of the owner's thread keeps it: the registry, and its handles.
    users: AtomicU32,
}

// SAFETY: `repr(C)`, atomics only; zeros are a cache that nobody has.
unsafe impl InRegion for Control {}

/// One thread's cache: what a thread needs to use it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cache<'a> {
    pub(crate) caches: &'a Caches,
    /// The first of the magazines, one a class.
    pub(crate) magazines: NonNull<Magazine>,
}

impl<'a> Cache<'a> {
    /// The magazine for a class.
    ///
    /// # Safety
    ///
    /// The caches have a class of this number.
    pub(crate) unsafe fn magazine(self, class: u32) -> &'a Magazine {
        // SAFETY: Caches::cache() checked that as many magazines as there are classes lie here,
        // in the caches' region.
        unsafe { self.magazines.add(class as usize).as_ref() }
    }
}

/// The caches of all threads of one pool. Outlives the pool while a thread remembers it.
#[derive(Debug)]
pub(crate) struct Caches {
    /// In ascending order of size.
    classes: Box<[Class]>,
    /// Whether the pool is going away: set before the last wish for attention, which stays.
    closed: AtomicBool,
    /// How many caches were ever claimed; the memory of the others is untouched.
    used: AtomicU32,
    controls: Table<Control>,
    magazines: Table<Magazine>,
    /// Declared last, dropped last: the tables lie in it.
    region: Region,
}

impl Caches {
    /// `count` caches for some classes; none if there is no memory.
    pub(crate) fn new(count: usize, classes: Box<[Class]>) -> Option<Arc<Self>> {
        let magazine_count = count.checked_mul(classes.len())?;
        let magazines_at = size_of::<Control>() * count;
        let region = Region::new(magazines_at + size_of::<Magazine>() * magazine_count)?;
        // SAFETY: the region is dropped with the tables, after them; nothing else covers it.
        let controls = unsafe { Table::new(&region, 0, size_of::<Control>(), count) };
        // SAFETY: as above; the magazines begin where the controls end.
        let magazines =
            unsafe { Table::new(&region, magazines_at, size_of::<Magazine>(), magazine_count) };
        Some(Arc::new(Self {
            classes,
            closed: AtomicBool::new(false),
            used: AtomicU32::new(0),
            controls,
            magazines,
            region,
        }))
    }

    pub(crate) fn classes(&self) -> &[Class] {
        &self.classes
    }

    fn class_count(&self) -> u32 {
        small(self.classes.len())
    }

    /// Makes the calling thread the owner of a cache that nobody has.
    pub(crate) fn claim(&self) -> Option<u32> {
        let count = u32::try_from(self.controls.len()).ok()?;
        (0..count).find(|index| {
            let is_claimed = self.controls.get(*index).is_some_and(|control| {
                control.users.load(Ordering::Relaxed) == 0
                    // SYNC: pairs with the Release in unclaim().
                    && control
                        .users
                        .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
            });
            if is_claimed {
                self.used.fetch_max(index + 1, Ordering::Relaxed);
            }
            is_claimed
        })
    }

    /// One more in the owner's thread that keeps the cache.
    pub(crate) fn claim_again(&self, index: u32) {
        if let Some(control) = self.controls.get(index) {
            control.users.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether only one in the owner's thread keeps the cache.
    pub(crate) fn is_last_user(&self, index: u32) -> bool {
        let control = self.controls.get(index);
        control.is_some_and(|it| it.users.load(Ordering::Relaxed) == 1)
    }

    /// One fewer in the owner's thread that keeps the cache; the last gives it up.
    pub(crate) fn unclaim(&self, index: u32) {
        if let Some(control) = self.controls.get(index) {
            // SYNC: pairs with the Acquire in claim().
            control.users.fetch_sub(1, Ordering::Release);
        }
    }

    pub(crate) fn cache(&self, index: u32) -> Option<Cache<'_>> {
        let first = index * self.class_count();
        self.magazines.get(first + self.class_count() - 1)?;
        Some(Cache {
            caches: self,
            magazines: self.magazines.address(first)?,
        })
    }

    /// The magazines of a class that were ever claimed; those who want attention may take.
    pub(crate) fn magazines(&self, class: u32) -> impl Iterator<Item = &Magazine> {
        let used = self.used.load(Ordering::Relaxed);
        (0..used).filter_map(move |index| self.magazines.get(index * self.class_count() + class))
    }

    /// How many slots of a class lie in caches.
    pub(crate) fn len(&self, class: u32) -> u32 {
        self.magazines(class).map(Magazine::len).sum()
    }

    /// The pool goes away: from here on, for ever, owners leave their caches alone.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        for class in &self.classes {
            // It lasts.
            core::mem::forget::<Attention<'_>>(class.ask_before_barrier());
        }
        if let Some(class) = self.classes.first() {
            class.heavy();
        }
    }

    /// Whether the pool went away.
    #[cfg_attr(loom, expect(dead_code, reason = "asked by the registry of threads"))]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The memory of the classes and of the caches that were ever claimed, in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        let used = self.used.load(Ordering::Relaxed) as usize;
        let each = size_of::<Control>() + self.classes.len() * size_of::<Magazine>();
        (used * each).min(self.region.len()) + size_of_val(&*self.classes)
    }
}
