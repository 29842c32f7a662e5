//! The threads' caches, and how slots are got out of a cache that another thread owns.
//!
//! # Who touches what
//!
//! | field | owner of the cache | anybody who wants attention | anybody |
//! |---|---|---|---|
//! | `attention` | loads | adds, subtracts | |
//! | a magazine's `bottom` and `slots` | stores | loads | loads |
//! | a magazine's `top` | swaps | swaps | loads |
//! | `users` | counts itself | | swaps 0 for 1, and is the owner then |
//!
//! ```text
//!            taken by others            taken and put by the owner
//!                  |                              |
//!   .. | . . . . | top | slot | slot | slot | bottom | . . . ..
//! ```
//!
//! The owner moves `bottom` and then looks whether somebody wants attention; a taker of others'
//! slots wants attention and then reads `bottom`. The [`Barrier`] between store and load on both
//! sides makes at least one of the two see the other. So either
//!
//! - the owner sees nobody: every taker of before is done, and its `top` is seen; every later
//!   one sees the new `bottom` and takes nothing from there on. No swap is needed, not even for
//!   the last slot. Or
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

use crate::barrier::Barrier;
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
    /// Above the slot that came last.
    bottom: AtomicU64,
    /// The slot that came first; `top <= bottom` but for the moment of an owner's pop.
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

/// How far a bottom is above a top; nothing while an owner looks into an empty magazine.
fn above(top: u64, bottom: u64) -> u64 {
    bottom
        .checked_signed_diff(top)
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
        let count = above(top, self.bottom.load(Ordering::Relaxed));
        usize::try_from(count).map_or(u32::MAX, small)
    }

    #[inline]
    fn place(&self, position: u64) -> &AtomicPtr<SlotHeader> {
        #[expect(clippy::cast_possible_truncation, reason = "below MAGAZINE_SLOTS_MAX")]
        let index = (position % MAGAZINE_SLOTS_MAX as u64) as usize;
        &self.slots.0[index]
    }

    /// Takes the slot that came last; none if there is none or somebody wants attention.
    ///
    /// Only the owner calls this.
    #[inline]
    pub(crate) fn pop(&self, caches: &Caches) -> Option<NonNull<SlotHeader>> {
        let bottom = self.bottom.load(Ordering::Relaxed);
        let last = bottom.wrapping_sub(1);
        // SYNC: as in push(): a taker may read this instead.
        self.bottom.store(last, Ordering::Release);
        // SYNC: pairs with the barrier in Caches::ask(): after this either no taker has read the
        // former bottom, or the wish is seen.
        if caches.is_left_alone() {
            // SYNC: who took before lowered the wish (Release) that was seen lowered (Acquire).
            let top = self.top.load(Ordering::Relaxed);
            if top < bottom {
                return NonNull::new(self.place(last).load(Ordering::Relaxed));
            }
        }
        // SYNC: as above.
        self.bottom.store(bottom, Ordering::Release);
        None
    }

    /// Puts a slot on top of at most `capacity`. Only the owner calls this.
    #[inline]
    pub(crate) fn push(&self, slot: NonNull<SlotHeader>, capacity: u32, caches: &Caches) -> Pushed {
        let bottom = self.bottom.load(Ordering::Relaxed);
        // SYNC: pairs with the Release in take_oldest(): what was read is not written to before.
        let top = self.top.load(Ordering::Acquire);
        if bottom - top >= u64::from(capacity) {
            return Pushed::Full;
        }
        self.place(bottom).store(slot.as_ptr(), Ordering::Relaxed);
        // SYNC: pairs with the Acquire in take_oldest().
        self.bottom.store(bottom + 1, Ordering::Release);
        // The slot is home. If nobody wants attention it is found by whoever does next.
        if caches.is_left_alone() {
            Pushed::Done
        } else {
            Pushed::Wanted
        }
    }

    /// Takes the slots out that came first, up to `count`; returns how many there were.
    ///
    /// The caller is the owner, or wants attention and has passed the barrier since.
    pub(crate) fn take_oldest(&self, count: u32, taken: &mut Taken) {
        // SYNC: pairs with the Release of the swap below, by whoever took before.
        let mut top = self.top.load(Ordering::Acquire);
        loop {
            // SYNC: pairs with the Release in push() and pop(): what the slots hold is seen.
            let bottom = self.bottom.load(Ordering::Acquire);
            let end = top + above(top, bottom).min(u64::from(count));
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
    /// The part for a class.
    ///
    /// # Safety
    ///
    /// The caches are of a core that has a class of this number.
    #[inline]
    pub(crate) unsafe fn part(self, class: u32) -> CachePart<'a> {
        CachePart {
            caches: self.caches,
            // SAFETY: Caches::cache() checked that as many magazines as there are classes lie
            // here, in the caches' region.
            magazine: unsafe { self.magazines.add(class as usize).as_ref() },
        }
    }
}

/// The part of one thread's cache that is for one class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachePart<'a> {
    pub(crate) caches: &'a Caches,
    pub(crate) magazine: &'a Magazine,
}

/// The caches of all threads of one pool. Outlives the pool while a thread remembers it.
#[derive(Debug)]
pub(crate) struct Caches {
    /// How many want the owners to leave their caches alone, and [`FENCE`].
    attention: Line<AtomicU32>,
    /// Whether the pool is going away: set before the last wish for attention, which stays.
    closed: AtomicBool,
    /// How many caches were ever claimed; the memory of the others is untouched.
    used: AtomicU32,
    barrier: Barrier,
    pub(crate) class_count: u32,
    controls: Table<Control>,
    magazines: Table<Magazine>,
    /// Declared last, dropped last: the tables lie in it.
    region: Region,
}

/// Set in the word that owners look at where they have to pay for a fence, so that where they
/// have not they do not even ask.
const FENCE: u32 = 1 << 31;

/// A value on cache lines of its own.
#[repr(align(128))]
#[derive(Debug)]
struct Line<T>(T);

/// While it lives, owners leave their caches alone.
#[derive(Debug)]
pub(crate) struct Attention<'a> {
    caches: &'a Caches,
}

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire in Caches::is_left_alone(): the owner sees what was taken.
        self.caches.attention.0.fetch_sub(1, Ordering::Release);
    }
}

impl Attention<'_> {
    /// The magazines of a class, to be taken from.
    pub(crate) fn magazines(&self, class: u32) -> impl Iterator<Item = &Magazine> {
        self.caches.magazines(class)
    }
}

impl Caches {
    /// `count` caches for `class_count` classes; none if there is no memory.
    pub(crate) fn new(count: usize, class_count: usize) -> Option<Arc<Self>> {
        let magazine_count = count.checked_mul(class_count)?;
        let magazines_at = size_of::<Control>() * count;
        let region = Region::new(magazines_at + size_of::<Magazine>() * magazine_count)?;
        // SAFETY: the region is dropped with the tables, after them; nothing else covers it.
        let controls = unsafe { Table::new(&region, 0, size_of::<Control>(), count) };
        // SAFETY: as above; the magazines begin where the controls end.
        let magazines =
            unsafe { Table::new(&region, magazines_at, size_of::<Magazine>(), magazine_count) };
        let barrier = Barrier::new();
        Some(Arc::new(Self {
            attention: Line(AtomicU32::new(if barrier.is_asymmetric() {
                0
            } else {
                FENCE
            })),
            closed: AtomicBool::new(false),
            used: AtomicU32::new(0),
            barrier,
            class_count: u32::try_from(class_count).ok()?,
            controls,
            magazines,
            region,
        }))
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
        let first = index * self.class_count;
        self.magazines.get(first + self.class_count - 1)?;
        Some(Cache {
            caches: self,
            magazines: self.magazines.address(first)?,
        })
    }

    /// Whether nobody wants attention: the owner's look, after it moved a bottom.
    #[inline]
    pub(crate) fn is_left_alone(&self) -> bool {
        Barrier::light();
        // SYNC: pairs with the Release in Attention::drop().
        let attention = self.attention.0.load(Ordering::Acquire);
        attention == 0 || (attention & FENCE != 0 && self.is_left_alone_after_fence())
    }

    #[cold]
    #[inline(never)]
    fn is_left_alone_after_fence(&self) -> bool {
        Barrier::fence();
        // SYNC: as above.
        self.attention.0.load(Ordering::Acquire) == FENCE
    }

    /// Asks every owner to leave its cache alone, and lets the caller take what lies in them.
    pub(crate) fn ask(&self) -> Attention<'_> {
        self.attention.0.fetch_add(1, Ordering::Relaxed);
        self.barrier.heavy();
        Attention { caches: self }
    }

    /// The magazines of a class that were ever claimed.
    fn magazines(&self, class: u32) -> impl Iterator<Item = &Magazine> {
        let used = self.used.load(Ordering::Relaxed);
        (0..used).filter_map(move |index| self.magazines.get(index * self.class_count + class))
    }

    /// How many slots of a class lie in caches.
    pub(crate) fn len(&self, class: u32) -> u32 {
        self.magazines(class).map(Magazine::len).sum()
    }

    /// The pool goes away: while the wish lasts, for ever, owners leave their caches alone.
    pub(crate) fn close(&self) -> Attention<'_> {
        self.closed.store(true, Ordering::Relaxed);
        self.ask()
    }

    /// Whether the pool went away.
    #[cfg_attr(loom, expect(dead_code, reason = "asked by the registry of threads"))]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The memory of the caches that were ever claimed, in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        let used = self.used.load(Ordering::Relaxed) as usize;
        let each = size_of::<Control>() + self.class_count as usize * size_of::<Magazine>();
        (used * each).min(self.region.len())
    }
}
