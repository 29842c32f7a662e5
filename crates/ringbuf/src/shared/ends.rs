//! The two ends of a ring of units: positions, publication, seats. What a unit is, the kinds know.
//!
//! A position counts units since the ring was made, wrapping. Each end keeps its own position in
//! private memory and stores it to the region; from there it reads the other's only.
//!
//! | what | producer | consumer |
//! |---|---|---|
//! | places `head..tail` | never | reads |
//! | places `tail..head + capacity` | writes | never |
//! | `Control::tail` | stores (release) | loads (acquire) when it has used up what it saw |
//! | `Control::head` | loads (acquire) when it has used up what it saw | stores (release) |
//!
//! ```text
//!            head            tail          head + capacity
//!   … free   │ published       │ free         │
//!            └ the consumer's ─┴ the producer's ┘
//! ```
//!
//! A position that was read is hostile: it counts only if no more than the capacity lies between
//! it and our own. An end that dies at any point leaves the ring as it was after its last store
//! of its position: publication is the last store of a push, release the last of a pop.
#![expect(unsafe_code, reason = "places lie at offsets from the region's base")]

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use super::error::{Corrupt, PopError, PushError, SeatError};
use super::layout::{Control, Seat, Shared};
use super::memory;
use super::pace::Pace;
use super::process::{self, Peer};
use super::wait::{self, Ended, Waiting};
use crate::Deadline;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::sync::Ordering;

/// How far ahead of the tail a producer asks for the lines that it will write, in bytes.
///
/// The consumer's core has them since the last lap. Asked for by the stores alone, only as many
/// are on their way as the core's store buffer has room for.
pub(super) const AHEAD_BYTES: usize = 16 * CACHE_LINE_BYTES;

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Producer,
    Consumer,
}

/// A seat that this process has, given up when it is dropped.
struct Held {
    shared: Arc<Shared>,
    role: Role,
    /// What the seat's owner word is as long as nobody forges it.
    owner: u64,
    /// The process whose seat was taken over.
    predecessor: Option<u32>,
}

impl Held {
    /// Takes a seat that is free or whose owner is dead.
    fn take(shared: Arc<Shared>, role: Role) -> Result<Self, SeatError> {
        let owner = process::myself().map_err(SeatError::Process)?;
        let seat = seat(shared.control(), role);
        let found = seat.owner.load(Ordering::Relaxed);
        let predecessor = match Peer::of(found) {
            Peer::Absent | Peer::Left => None,
            Peer::Dead { pid } => Some(pid),
            Peer::Alive { pid } => return Err(SeatError::Taken { pid }),
        };
        // SYNC: the Acquire half pairs with the Release store in `drop`: the positions that the
        // last owner left are seen. Of a dead owner the kernel made every store visible.
        let taken = seat
            .owner
            .compare_exchange(found, owner, Ordering::AcqRel, Ordering::Relaxed);
        if let Err(now) = taken {
            // Somebody was faster a moment ago.
            return Err(SeatError::Taken {
                pid: process::pid_of(now),
            });
        }
        seat.is_asleep.store(0, Ordering::Relaxed);
        let is_light = u32::from(wait::is_light());
        seat.is_light.store(is_light, Ordering::Relaxed);
        Ok(Self {
            shared,
            role,
            owner,
            predecessor,
        })
    }

    fn own(&self) -> &Seat {
        seat(self.shared.control(), self.role)
    }

    fn peer(&self) -> &Seat {
        let other = match self.role {
            Role::Producer => Role::Consumer,
            Role::Consumer => Role::Producer,
        };
        seat(self.shared.control(), other)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Only our own word: what somebody forged is not ours to repair.
        // SYNC: pairs with the Acquire loads in `take` and in `wait`: who sees that we left sees
        // our last publication.
        let left = self.own().owner.compare_exchange(
            self.owner,
            process::LEFT,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if left.is_ok() {
            wait::notify(self.peer(), false);
        }
    }
}

fn seat(control: &Control, role: Role) -> &Seat {
    match role {
        Role::Producer => &control.producer,
        Role::Consumer => &control.consumer,
    }
}

/// What both ends keep in private memory.
pub(super) struct End {
    held: Held,
    /// The first place; `mask + 1` strides from here on are in the region that `held` keeps.
    data: NonNull<u8>,
    mask: u64,
    pub(super) stride_bytes: usize,
    is_light: bool,
    pub(super) waiting: Waiting,
    pub(super) pace: Pace,
}

// SAFETY: `data` belongs to the region, which is Send and Sync and kept by `held`; the rest is
// plain data.
unsafe impl Send for End {}
// SAFETY: a shared end only reads its own fields and atomics.
unsafe impl Sync for End {}

impl End {
    pub(super) fn take(shared: &Arc<Shared>, role: Role, single: u64) -> Result<Self, SeatError> {
        let held = Held::take(Arc::clone(shared), role)?;
        let shape = shared.shape();
        Ok(Self {
            held,
            data: shared.data(),
            mask: shape.capacity - 1,
            stride_bytes: shape.stride_bytes(),
            is_light: wait::is_light(),
            waiting: Waiting::default(),
            pace: Pace::new(shape.capacity, single),
        })
    }

    #[inline]
    pub(super) const fn capacity(&self) -> u64 {
        self.mask + 1
    }

    #[inline]
    pub(super) fn control(&self) -> &Control {
        self.held.shared.control()
    }

    /// The place of a position; its stride bytes are in the region.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a masked position is below a capacity that fits the memory, of a 64-bit machine"
    )]
    pub(super) fn place(&self, position: u64) -> NonNull<u8> {
        let index = (position & self.mask) as usize;
        // SAFETY: the index is below the capacity, and the region holds as many strides.
        unsafe { self.data.add(index * self.stride_bytes) }
    }

    pub(super) fn wait(&self, deadline: Deadline, is_ready: impl FnMut() -> bool) -> Ended {
        let (own, peer) = (self.held.own(), self.held.peer());
        wait::wait(own, peer, self.waiting, deadline, is_ready)
    }

    /// Wakes the other end if it sleeps; after a publication or a release.
    #[inline]
    pub(super) fn notify(&self) {
        wait::notify(self.held.peer(), self.is_light);
    }

    pub(super) fn peer(&self) -> Peer {
        Peer::of(self.held.peer().owner.load(Ordering::Acquire))
    }

    pub(super) const fn predecessor(&self) -> Option<u32> {
        self.held.predecessor
    }
}

/// The end that stores `tail`.
pub(super) struct Writer {
    end: End,
    /// The same as `Control::tail`, which only this end stores.
    tail: u64,
    /// Up to where the places are known to be free: `limit - tail <= capacity`.
    limit: u64,
    /// How far ahead of the tail lines are taken back from the consumer's core, in units.
    ahead: u64,
}

impl Writer {
    /// Takes the producer's seat; `single` is what a usual message takes, in units.
    pub(super) fn take(shared: &Arc<Shared>, single: u64) -> Result<Self, SeatError> {
        let end = End::take(shared, Role::Producer, single)?;
        let tail = end.control().tail.0.load(Ordering::Relaxed);
        let ahead = (AHEAD_BYTES / end.stride_bytes) as u64;
        let mut writer = Self {
            end,
            tail,
            limit: tail,
            ahead,
        };
        writer.refresh().map_err(SeatError::Corrupt)?;
        Ok(writer)
    }

    /// The position of the next unit.
    #[inline]
    pub(super) const fn position(&self) -> u64 {
        self.tail
    }

    /// How many units are known to be free.
    #[inline]
    pub(super) const fn free(&self) -> u64 {
        self.limit.wrapping_sub(self.tail)
    }

    /// Sees to it that `count` units are known to be free.
    #[inline]
    pub(super) fn reserve(&mut self, count: u64) -> Result<(), PushError> {
        if self.free() < count && self.refresh()? < count {
            return Err(PushError::Full);
        }
        Ok(())
    }

    /// Sees to it that `count` units are known to be free if there are, and says how many are: at
    /// least one, unless none was asked for.
    #[inline]
    pub(super) fn reserve_some(&mut self, count: u64) -> Result<u64, PushError> {
        if self.free() < count && self.refresh()? == 0 {
            return Err(PushError::Full);
        }
        Ok(self.free())
    }

    /// Looks at what the consumer released; the number of free units.
    #[inline]
    fn refresh(&mut self) -> Result<u64, Corrupt> {
        // SYNC: pairs with the Release store in `Reader::release`: the units were read before
        // this end writes to their places.
        let head = self.end.control().head.0.load(Ordering::Acquire);
        let used = self.tail.wrapping_sub(head);
        if used > self.end.capacity() {
            return Err(positions(head, self.tail));
        }
        self.limit = head.wrapping_add(self.end.capacity());
        let free = self.free();
        self.end.pace.saw(free);
        Ok(free)
    }

    /// The place of a position.
    #[inline]
    pub(super) fn place(&self, position: u64) -> NonNull<u8> {
        self.end.place(position)
    }

    /// Hands the next `count` units, which were written, to the consumer.
    #[inline]
    pub(super) fn publish(&mut self, count: u64) {
        debug_assert!(count <= self.free(), "only free places are published");
        self.tail = self.tail.wrapping_add(count);
        // SYNC: pairs with the Acquire load in `Reader::refresh`.
        self.end
            .control()
            .tail
            .0
            .store(self.tail, Ordering::Release);
        wait::notify(&self.end.control().consumer, self.end.is_light);
        if self.free() > self.ahead {
            memory::prefetch_to_write(self.place(self.tail.wrapping_add(self.ahead)));
        }
    }

    /// Waits until `count` units are free.
    #[cold]
    pub(super) fn wait(&mut self, count: u64, deadline: Deadline) -> Result<(), PushError> {
        self.end.pace.slip();
        let capacity = self.end.capacity();
        let ended = self.end.wait(deadline, || {
            // SYNC: pairs with the Release store in `Reader::release`; what is corrupt is for
            // `refresh` to say.
            let head = self.end.control().head.0.load(Ordering::Acquire);
            let used = self.tail.wrapping_sub(head);
            used > capacity || capacity - used >= count
        });
        match ended {
            Ended::Ready => Ok(()),
            Ended::Late => Err(PushError::Full),
            Ended::Left => Err(PushError::Left),
            Ended::Dead(pid) => Err(PushError::Dead { pid }),
        }
    }

    /// How many units are published and not released.
    pub(super) fn used(&self) -> Result<u64, Corrupt> {
        let head = self.end.control().head.0.load(Ordering::Acquire);
        let used = self.tail.wrapping_sub(head);
        if used > self.end.capacity() {
            return Err(positions(head, self.tail));
        }
        Ok(used)
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.end.capacity()
    }

    pub(super) fn peer(&self) -> Peer {
        self.end.peer()
    }

    pub(super) const fn predecessor(&self) -> Option<u32> {
        self.end.predecessor()
    }

    pub(super) const fn set_waiting(&mut self, waiting: Waiting) {
        self.end.waiting = waiting;
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("tail", &self.tail)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// The end that stores `head`.
pub(super) struct Reader {
    end: End,
    /// The same as `Control::head`, which only this end stores.
    head: u64,
    /// Up to where units are known to be published: `limit - head <= capacity`.
    limit: u64,
}

impl Reader {
    /// Takes the consumer's seat; `single` is what a usual message takes, in units.
    pub(super) fn take(shared: &Arc<Shared>, single: u64) -> Result<Self, SeatError> {
        let end = End::take(shared, Role::Consumer, single)?;
        let head = end.control().head.0.load(Ordering::Relaxed);
        let mut reader = Self {
            end,
            head,
            limit: head,
        };
        reader.refresh().map_err(SeatError::Corrupt)?;
        Ok(reader)
    }

    /// The position of the next unit.
    #[inline]
    pub(super) const fn position(&self) -> u64 {
        self.head
    }

    /// How many units are known to be published.
    #[inline]
    pub(super) const fn there(&self) -> u64 {
        self.limit.wrapping_sub(self.head)
    }

    /// Sees to it that at least one unit is known to be published, and `count` if there are.
    #[inline]
    pub(super) fn refill(&mut self, count: u64) -> Result<(), PopError> {
        if self.there() < count && self.refresh()? == 0 {
            self.touch();
            return Err(PopError::Empty);
        }
        Ok(())
    }

    /// Looks at what the producer published; the number of units.
    #[inline]
    fn refresh(&mut self) -> Result<u64, Corrupt> {
        // SYNC: pairs with the Release store in `Writer::publish`: the units are in their places
        // before this end reads them.
        let tail = self.end.control().tail.0.load(Ordering::Acquire);
        let there = tail.wrapping_sub(self.head);
        if there > self.end.capacity() {
            return Err(positions(self.head, tail));
        }
        self.limit = tail;
        self.end.pace.saw(there);
        Ok(there)
    }

    /// The place of a position.
    #[inline]
    pub(super) fn place(&self, position: u64) -> NonNull<u8> {
        self.end.place(position)
    }

    /// Gives the next `count` units, which were read, back to the producer.
    #[inline]
    pub(super) fn release(&mut self, count: u64) {
        debug_assert!(count <= self.there(), "only published units are released");
        self.head = self.head.wrapping_add(count);
        // SYNC: pairs with the Acquire load in `Writer::refresh`.
        self.end
            .control()
            .head
            .0
            .store(self.head, Ordering::Release);
        wait::notify(&self.end.control().producer, self.end.is_light);
    }

    /// Waits until a unit is published.
    #[cold]
    pub(super) fn wait(&mut self, deadline: Deadline) -> Result<(), PopError> {
        self.end.pace.slip();
        let ended = self.end.wait(deadline, || {
            // SYNC: pairs with the Release store in `Writer::publish`; what is corrupt is for
            // `refresh` to say.
            let tail = self.end.control().tail.0.load(Ordering::Acquire);
            self.touch();
            tail != self.head
        });
        match ended {
            Ended::Ready => Ok(()),
            Ended::Late => Err(PopError::Empty),
            Ended::Left => Err(PopError::Left),
            Ended::Dead(pid) => Err(PopError::Dead { pid }),
        }
    }

    /// What the last message took: the next may take as much.
    #[inline]
    pub(super) const fn set_single(&mut self, units: u64) {
        self.end.pace.set_single(units);
    }

    /// Asks for the lines of the next message while the line of the tail is on its way.
    ///
    /// The producer takes them from this core for a message and writes them before this core sees
    /// the message. Asked for one after the other they cost two crossings, together one. Of a
    /// long message the first line and the last are asked for. In a stream the lines would be
    /// taken from a producer that is writing them.
    #[inline]
    fn touch(&self) {
        if self.end.pace.is_single() {
            memory::prefetch_to_read(self.place(self.head));
            let last = self.head.wrapping_add(self.end.pace.single() - 1);
            memory::prefetch_to_read(self.place(last));
        }
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.end.capacity()
    }

    pub(super) fn peer(&self) -> Peer {
        self.end.peer()
    }

    pub(super) const fn predecessor(&self) -> Option<u32> {
        self.end.predecessor()
    }

    pub(super) const fn set_waiting(&mut self, waiting: Waiting) {
        self.end.waiting = waiting;
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("head", &self.head)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

pub(super) const fn positions(head: u64, tail: u64) -> Corrupt {
    Corrupt::Positions { head, tail }
}
