//! The threads' caches, and how a slot is got out of a cache that another thread owns.
//!
//! # Who touches what
//!
//! | field | owner of the cache | reclaimer | anybody |
//! |---|---|---|---|
//! | `busy` | stores | loads | |
//! | `attention` | loads | adds, subtracts | |
//! | a magazine's slots and length | while busy and nobody wanted attention after it said so | while it holds `reclaiming`, wants attention, and has seen the owner not busy since | loads the length |
//! | `claimed` | stores false at its end | | swaps to true, and is the owner then |
//!
//! The owner says that it is busy and looks whether somebody wants attention; a reclaimer wants
//! attention and looks whether the owner is busy. The [`Barrier`] between store and load on both
//! sides makes at least one of the two see the other. While somebody wants attention, owners
//! leave their caches alone and use the shared list, so a waiting taker gets every slot that
//! comes back.
#![expect(unsafe_code, reason = "places tables in raw memory")]

use claude_flow_ringbuf::{Deadline, Wait, Yield};

use crate::barrier::Barrier;
use crate::layout::{BATCH_SLOTS_MAX, Slots};
use crate::region::{InRegion, Region, Table};
use crate::sync::{Arc, AtomicBool, AtomicU32, Ordering, spin_loop, yield_now};

/// How often a reclaimer that does not wait looks whether an owner is still busy.
const BUSY_POLLS_MAX: u32 = if cfg!(loom) { 2 } else { 1 << 14 };
/// How many looks pass between two offers of the processor to somebody else.
const POLLS_PER_YIELD: u32 = if cfg!(loom) { 1 } else { 64 };

/// One thread's slots of one class: a stack. Up to two batches, so that a thread that goes back
/// and forth over the boundary of one does not exchange every time.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub(crate) struct Magazine {
    len: AtomicU32,
    slots: Slots<{ 2 * BATCH_SLOTS_MAX }>,
}

// SAFETY: `repr(C)`, atomics only; zeros are an empty stack.
unsafe impl InRegion for Magazine {}

impl Magazine {
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    /// Takes the slot that came last.
    #[inline]
    pub(crate) fn pop(&self) -> Option<u32> {
        let len = self.len();
        let below = len.checked_sub(1)?;
        let slot = self.slots.0.get(below as usize)?.load(Ordering::Relaxed);
        self.len.store(below, Ordering::Relaxed);
        Some(slot)
    }

    /// Puts a slot on top unless there are `capacity` already.
    #[inline]
    pub(crate) fn push(&self, slot: u32, capacity: u32) -> bool {
        let len = self.len();
        if len >= capacity {
            return false;
        }
        let Some(place) = self.slots.0.get(len as usize) else {
            return false;
        };
        place.store(slot, Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Relaxed);
        true
    }

    /// Takes the `count` slots out that came first, in that order.
    pub(crate) fn take_oldest(&self, count: u32, mut put: impl FnMut(usize, u32)) {
        let len = self.len();
        debug_assert!(count <= len);
        let (count, len) = (count as usize, len as usize);
        for (index, slot) in self.slots.0.iter().take(count).enumerate() {
            put(index, slot.load(Ordering::Relaxed));
        }
        for index in count..len {
            let slot = self.slots.0[index].load(Ordering::Relaxed);
            self.slots.0[index - count].store(slot, Ordering::Relaxed);
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 2 * BATCH_SLOTS_MAX")]
        self.len.store((len - count) as u32, Ordering::Relaxed);
    }
}

/// Who has a cache, and whether it is using it.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Control {
    busy: AtomicU32,
    claimed: AtomicU32,
}

// SAFETY: `repr(C)`, atomics only; zeros are a cache that nobody has.
unsafe impl InRegion for Control {}

/// One thread's cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cache<'a> {
    pub(crate) control: &'a Control,
    /// One a class.
    pub(crate) magazines: &'a [Magazine],
}

impl<'a> Cache<'a> {
    /// The magazine of a class.
    #[inline]
    pub(crate) fn magazine(self, class: u32) -> Option<&'a Magazine> {
        self.magazines.get(class as usize)
    }

    /// Gives the cache up; the caller owns it.
    pub(crate) fn unclaim(self) {
        // SYNC: pairs with the Acquire in claim().
        self.control.claimed.store(0, Ordering::Release);
    }

    /// Looks up to [`BUSY_POLLS_MAX`] times whether the owner has left its cache.
    pub(crate) fn settle(self) -> bool {
        (0..BUSY_POLLS_MAX).any(|poll| {
            pause(poll);
            self.is_idle()
        })
    }

    /// As above, up to the deadline.
    pub(crate) fn settle_until(self, deadline: Deadline) -> bool {
        const OFFER: Yield = Yield;
        OFFER.wait_until(deadline, || self.is_idle())
    }

    fn is_idle(self) -> bool {
        // SYNC: pairs with the Release in Busy::drop().
        self.control.busy.load(Ordering::Acquire) == 0
    }
}

/// The caches of all threads of one pool. Outlives the pool while a thread remembers it.
#[derive(Debug)]
pub(crate) struct Caches {
    /// How many want the owners to leave their caches alone.
    attention: Line<AtomicU32>,
    /// Whether the pool is going away: set before the last wish for attention, which stays.
    closed: AtomicBool,
    /// Held by the one who takes slots out of others' caches.
    reclaiming: AtomicBool,
    /// How many caches were ever claimed; the memory of the others is untouched.
    used: AtomicU32,
    barrier: Barrier,
    class_count: u32,
    controls: Table<Control>,
    magazines: Table<Magazine>,
    /// Declared last, dropped last: the tables lie in it.
    region: Region,
}

/// A value on cache lines of its own.
#[repr(align(128))]
#[derive(Debug)]
struct Line<T>(T);

/// While it lives, the cache is its owner's alone.
#[derive(Debug)]
pub(crate) struct Busy<'a> {
    control: &'a Control,
}

impl Drop for Busy<'_> {
    #[inline]
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire in Cache::is_idle().
        self.control.busy.store(0, Ordering::Release);
    }
}

/// While it lives, owners leave their caches alone.
#[derive(Debug)]
pub(crate) struct Attention<'a> {
    caches: &'a Caches,
}

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire in Caches::enter(): the owner sees what was taken out.
        self.caches.attention.0.fetch_sub(1, Ordering::Release);
    }
}

/// While it lives, nobody else takes slots out of others' caches.
#[derive(Debug)]
pub(crate) struct Reclaiming<'a> {
    caches: &'a Caches,
}

impl Drop for Reclaiming<'_> {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire in Caches::try_reclaiming().
        self.caches.reclaiming.store(false, Ordering::Release);
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
        Some(Arc::new(Self {
            attention: Line(AtomicU32::new(0)),
            closed: AtomicBool::new(false),
            reclaiming: AtomicBool::new(false),
            used: AtomicU32::new(0),
            barrier: Barrier::new(),
            class_count: u32::try_from(class_count).ok()?,
            controls,
            magazines,
            region,
        }))
    }

    /// Makes the calling thread the owner of a cache that nobody has.
    ///
    /// It may still hold slots of an owner that ended while somebody wanted attention.
    pub(crate) fn claim(&self) -> Option<u32> {
        let count = u32::try_from(self.controls.len()).ok()?;
        (0..count).find(|index| {
            let is_claimed = self.controls.get(*index).is_some_and(|control| {
                control.claimed.load(Ordering::Relaxed) == 0
                    // SYNC: pairs with the Release in unclaim().
                    && control.claimed.swap(1, Ordering::Acquire) == 0
            });
            if is_claimed {
                self.used.fetch_max(index + 1, Ordering::Relaxed);
            }
            is_claimed
        })
    }

    pub(crate) fn cache(&self, index: u32) -> Option<Cache<'_>> {
        Some(Cache {
            control: self.controls.get(index)?,
            magazines: self
                .magazines
                .range(index * self.class_count, self.class_count)?,
        })
    }

    /// Begins to use a cache that the calling thread owns; none if somebody wants attention.
    #[inline]
    pub(crate) fn enter<'a>(&self, cache: Cache<'a>) -> Option<Busy<'a>> {
        cache.control.busy.store(1, Ordering::Relaxed);
        let busy = Busy {
            control: cache.control,
        };
        self.barrier.light();
        // SYNC: pairs with the Release in Attention::drop().
        (self.attention.0.load(Ordering::Acquire) == 0).then_some(busy)
    }

    /// Asks every owner to leave its cache alone. They may be using it still: see `settle()`.
    pub(crate) fn ask(&self) -> Attention<'_> {
        self.attention.0.fetch_add(1, Ordering::Relaxed);
        self.barrier.heavy();
        Attention { caches: self }
    }

    /// Becomes the one who takes slots out of others' caches.
    pub(crate) fn try_reclaiming(&self) -> Option<Reclaiming<'_>> {
        // SYNC: pairs with the Release in Reclaiming::drop().
        let swapped =
            self.reclaiming
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        swapped.is_ok().then(|| Reclaiming { caches: self })
    }

    /// As above, trying up to [`BUSY_POLLS_MAX`] times.
    pub(crate) fn reclaiming_soon(&self) -> Option<Reclaiming<'_>> {
        (0..BUSY_POLLS_MAX).find_map(|poll| {
            pause(poll);
            self.try_reclaiming()
        })
    }

    /// As above, waiting up to the deadline.
    pub(crate) fn reclaiming_until(&self, deadline: Deadline) -> Option<Reclaiming<'_>> {
        const OFFER: Yield = Yield;
        let mut held = None;
        OFFER.wait_until(deadline, || {
            held = self.try_reclaiming();
            held.is_some()
        });
        held
    }

    /// The caches that were ever claimed.
    pub(crate) fn used(&self) -> impl Iterator<Item = Cache<'_>> {
        (0..self.used.load(Ordering::Relaxed)).filter_map(|index| self.cache(index))
    }

    /// How many slots of a class lie in caches.
    pub(crate) fn len(&self, class: u32) -> u32 {
        let lens = self.used().filter_map(|cache| cache.magazine(class));
        lens.map(Magazine::len).sum()
    }

    /// The pool goes away: owners never touch their caches, nor the pool's lists, again.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        core::mem::forget(self.ask());
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

/// Lets others run before the next look; not before the first.
fn pause(poll: u32) {
    match poll {
        0 => {}
        poll if poll % POLLS_PER_YIELD == 0 => yield_now(),
        _ => spin_loop(),
    }
}
