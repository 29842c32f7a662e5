//! One process's place in a pool: its seat, and what it has of each slot.

use std::sync::Arc;

use claude_flow_ringbuf::region::Region;
use claude_flow_ringbuf::shared::Peer;
use claude_flow_ringbuf::shared::parts::Owner;

use super::error::{AttachError, ClaimError};
use super::handle::{Handle, NOBODY};
use super::layout::{HINTS_PER_WORD, Memory};
use super::slots::{Header, Held, Refused};
use crate::sync::{AtomicU32, Ordering};

/// Set in the length of a slot once its buffer is frozen.
pub(super) const FROZEN: u64 = 1 << 63;

/// What all handles of a process share; the seat is given up with the last of them.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) memory: Memory,
    seat: u16,
    /// What the seat's owner word is as long as nobody forges it.
    owner: u64,
    /// The handles that this process has, one count a slot.
    held: Box<[Held]>,
    /// Where the search for a free slot begins, one word of hints a class.
    starts: Box<[AtomicU32]>,
}

/// A slot of which this process has a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Its class, which exists.
    pub(super) class: u8,
    /// Its number in the class, which exists.
    pub(super) index: u32,
}

impl Attachment {
    /// Takes a seat that nobody has, or one whose process is gone.
    pub(super) fn new(memory: Memory) -> Result<Self, AttachError> {
        let owner = Owner::of_this_process()
            .map_err(AttachError::Process)?
            .to_word();
        let (slots, classes) = (memory.plan.slots, memory.plan.classes.len());
        let mut it = Self {
            memory,
            seat: 0,
            owner,
            held: (0..slots).map(|_| Held::none()).collect(),
            starts: (0..classes).map(|_| AtomicU32::new(0)).collect(),
        };
        let processes = it.memory.plan.processes;
        // One that left may have references in flight: those are kept as long as others are free.
        let is_vacant = |word| word == Owner::VACANT.to_word();
        let is_left = |word| word == Owner::LEFT.to_word();
        let is_dead = |word| matches!(Owner::from_word(word).look(), Peer::Dead { .. });
        let seat = (0..processes)
            .find(|seat| it.seize(*seat, is_vacant))
            .or_else(|| (0..processes).find(|seat| it.seize(*seat, is_left)))
            .or_else(|| (0..processes).find(|seat| it.seize(*seat, is_dead)));
        // Without a seat there is none to give up: the word of this one names nobody.
        let Some(seat) = seat else {
            it.owner = Owner::VACANT.to_word();
            return Err(AttachError::Crowded {
                processes: processes.into(),
            });
        };
        it.seat = seat;
        it.sweep(seat);
        Ok(it)
    }

    /// Makes a seat ours if its word is as asked for.
    fn seize(&self, seat: u16, is_wanted: impl Fn(u64) -> bool) -> bool {
        let word = &self.memory.seat(seat).owner;
        let found = word.load(Ordering::Relaxed);
        // SYNC: pairs with the Release stores in `reclaim` and `drop`: what the last owner did
        // comes before. Of a dead owner the kernel made every store visible.
        is_wanted(found)
            && word
                .compare_exchange(found, self.owner, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Takes away what processes that are gone have of the pool; how many slots that freed.
    pub(super) fn reclaim(&self) -> usize {
        let mut freed = 0;
        for seat in (0..self.memory.plan.processes).filter(|it| *it != self.seat) {
            let is_gone = |word| {
                word != Owner::VACANT.to_word()
                    && matches!(
                        Owner::from_word(word).look(),
                        Peer::Left | Peer::Dead { .. }
                    )
            };
            // Ours while it is swept, so that nobody takes it meanwhile; if this process dies
            // now, the seat is that of a dead one again.
            if self.seize(seat, is_gone) {
                freed += self.sweep(seat);
                // SYNC: pairs with the Acquire half in `seize`.
                let _ = self.memory.seat(seat).owner.compare_exchange(
                    self.owner,
                    Owner::VACANT.to_word(),
                    Ordering::Release,
                    Ordering::Relaxed,
                );
            }
        }
        freed
    }

    /// Takes away what a seat has of any slot, and frees what nobody has.
    fn sweep(&self, seat: u16) -> usize {
        let mut freed = 0;
        for (number, class) in self.memory.plan.classes.iter().enumerate() {
            let head = self.memory.class_head(number);
            let touched = head.touched.load(Ordering::Relaxed).min(class.slots);
            for index in 0..touched {
                if self.memory.header(class, index).sweep(seat) {
                    freed += 1;
                    self.is_free_again(number, index);
                }
            }
        }
        freed
    }

    /// Takes a free slot of a class for a buffer of `len` bytes.
    pub(super) fn take(&self, class: usize, len: u32) -> Option<Slot> {
        let slot = self
            .take_hinted(class)
            .or_else(|| self.take_unhinted(class))?;
        self.header(slot).len().store(len.into(), Ordering::Relaxed);
        Some(slot)
    }

    /// Looks through the hints, from where the last search ended.
    fn take_hinted(&self, class: usize) -> Option<Slot> {
        let at = &self.memory.plan.classes[class];
        let hints = self.memory.hints(at);
        let start = self.starts[class].load(Ordering::Relaxed) as usize;
        for index in (start..hints.len()).chain(0..start) {
            let word = u32::try_from(index).expect("there are fewer words than slots");
            let first = word * HINTS_PER_WORD;
            let valid = u64::MAX >> (HINTS_PER_WORD - (at.slots - first).min(HINTS_PER_WORD));
            let mut free = !hints[index].load(Ordering::Relaxed) & valid;
            while free != 0 {
                let bit = free.trailing_zeros();
                free &= free - 1;
                let mask = 1 << bit;
                // Whether the slot is free, its header says.
                if hints[index].fetch_or(mask, Ordering::Relaxed) & mask == 0
                    && self.take_one(class, first + bit)
                {
                    self.starts[class].store(word, Ordering::Relaxed);
                    return slot(class, first + bit);
                }
            }
        }
        None
    }

    /// Looks at every slot: the hint of one that a process freed last of all is lost.
    #[cold]
    fn take_unhinted(&self, class: usize) -> Option<Slot> {
        let mut slots = 0..self.memory.plan.classes[class].slots;
        let index = slots.find(|index| self.take_one(class, *index))?;
        slot(class, index)
    }

    fn take_one(&self, class: usize, index: u32) -> bool {
        let at = &self.memory.plan.classes[class];
        // Before it is taken, so that whoever sweeps sees all that were.
        let touched = &self.memory.class_head(class).touched;
        if touched.load(Ordering::Relaxed) <= index {
            touched.fetch_max(index + 1, Ordering::Relaxed);
        }
        let header = self.memory.header(at, index);
        self.held[(at.first + index) as usize].take(header, self.seat)
    }

    /// The slot that a handle names, with one handle more of it, and the length of its message.
    pub(super) fn claim(&self, handle: Handle) -> Result<(Slot, u32), ClaimError> {
        let plan = &self.memory.plan;
        if handle.pool != self.memory.identity {
            return Err(ClaimError::Foreign);
        }
        let is_sender = handle.sender == NOBODY || handle.sender < plan.processes;
        if handle.slot >= plan.slots || !is_sender {
            return Err(ClaimError::OutOfRange);
        }
        let class = plan.class_of_slot(handle.slot);
        let index = handle.slot - plan.classes[class].first;
        let slot = slot(class, index).ok_or(ClaimError::OutOfRange)?;
        let sent = handle
            .is_reference()
            .then_some((handle.sender, handle.nonce));
        self.held(slot)
            .claim(self.header(slot), self.seat, handle.generation, sent)
            .map_err(|refused| match refused {
                Refused::Stale => ClaimError::Stale,
                Refused::Crowded => ClaimError::Crowded,
            })?;
        // SYNC: pairs with the Release store in `freeze`.
        let len = self.header(slot).len().load(Ordering::Acquire);
        match u32::try_from(len & !FROZEN) {
            // A buffer is nobody's message yet.
            _ if len & FROZEN == 0 => {
                self.leave(slot);
                Err(ClaimError::Stale)
            }
            Ok(len) if len <= plan.classes[class].payload_bytes => Ok((slot, len)),
            _ => {
                self.leave(slot);
                Err(ClaimError::Corrupt { len })
            }
        }
    }

    /// What names a slot of which the caller has a handle; nothing travels with it.
    pub(super) fn handle(&self, slot: Slot) -> Handle {
        Handle {
            slot: self.number(slot),
            generation: self.header(slot).generation(),
            sender: NOBODY,
            nonce: 0,
            pool: self.memory.identity,
        }
    }

    /// As [`handle`](Self::handle), and the caller's handle is used up if there is an answer.
    pub(super) fn send(&self, slot: Slot) -> Option<Handle> {
        let handle = self.handle(slot);
        let nonce = self.held(slot).send(self.header(slot), self.seat)?;
        Some(Handle {
            sender: self.seat,
            nonce,
            ..handle
        })
    }

    /// Gives a handle of a slot up.
    pub(super) fn leave(&self, slot: Slot) {
        if self.held(slot).leave(self.header(slot), self.seat) {
            self.is_free_again(usize::from(slot.class), slot.index);
        }
    }

    /// Sets what a buffer that is frozen now holds.
    pub(super) fn freeze(&self, slot: Slot, len: u32) {
        let word = FROZEN | u64::from(len);
        // SYNC: pairs with the Acquire load in `claim`: the payload is there.
        self.header(slot).len().store(word, Ordering::Release);
    }

    #[inline]
    pub(super) fn held(&self, slot: Slot) -> &Held {
        &self.held[self.number(slot) as usize]
    }

    pub(super) fn region(&self) -> &dyn Region {
        self.memory.region()
    }

    #[inline]
    fn number(&self, slot: Slot) -> u32 {
        self.memory.plan.classes[usize::from(slot.class)].first + slot.index
    }

    #[inline]
    fn header(&self, slot: Slot) -> Header<'_> {
        let class = &self.memory.plan.classes[usize::from(slot.class)];
        self.memory.header(class, slot.index)
    }

    /// Lets it be found, and wakes who waits for it.
    fn is_free_again(&self, class: usize, index: u32) {
        let hints = self.memory.hints(&self.memory.plan.classes[class]);
        let mask = 1 << (index % HINTS_PER_WORD);
        // The header's words carry what must be seen.
        hints[(index / HINTS_PER_WORD) as usize].fetch_and(!mask, Ordering::Relaxed);
        self.memory.class_head(class).bell.ring();
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if self.owner == Owner::VACANT.to_word() {
            return;
        }
        // Only our own word: what somebody forged is not ours to repair.
        // SYNC: pairs with the Acquire half in `seize`.
        let _ = self.memory.seat(self.seat).owner.compare_exchange(
            self.owner,
            Owner::LEFT.to_word(),
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

fn slot(class: usize, index: u32) -> Option<Slot> {
    let class = u8::try_from(class).ok()?;
    Some(Slot { class, index })
}

/// A handle of a slot: what a buffer and a message are made of.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) pool: Arc<Attachment>,
    pub(super) slot: Slot,
    /// Its handle went into a reference in flight.
    pub(super) is_spent: bool,
}

impl Lent {
    /// One handle of the slot becomes this.
    pub(super) const fn new(pool: Arc<Attachment>, slot: Slot) -> Self {
        Self {
            pool,
            slot,
            is_spent: false,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_spent {
            self.pool.leave(self.slot);
        }
    }
}
