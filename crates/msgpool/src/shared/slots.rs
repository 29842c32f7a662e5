//! Who has a slot: the words of its header, and who may change them when.
//!
//! ```text
//!  word 0  state      generation (32) │ version (30) │ status (2)
//!  word 1  length     bytes of the payload, written by the buffer
//!  word 2… lanes      four processes a word, 16 bits each:
//!                     held (1) │ references in flight (9) │ nonce (6)
//! ```
//!
//! | word | who changes it |
//! |---|---|
//! | status `FREE` → `LIVE` | who set its own `held` before; compare-and-swap |
//! | status `LIVE` → `FREE`, generation + 1 | who found all lanes empty since its own step of the version; compare-and-swap |
//! | version + 1 | who has just marked or unmarked a lane |
//! | a lane's `held` | its process, and who sweeps up after that one's death |
//! | a lane's count and nonce, upwards | its process, which has the slot |
//! | a lane's count, downwards | who claims a reference, having marked its own lane before |
//!
//! ```text
//!            take: mark, LIVE                     last unmark, version, lanes empty
//!   FREE(g) ─────────────────▶ LIVE(g) ───────────────────────────▶ FREE(g + 1)
//! ```
//!
//! **The lanes are the truth**, and each change of one is a single store. A process that dies
//! between two steps leaves lanes that name it, or a slot that is `LIVE` and in no lane: both are
//! seen and put right by [`Header::sweep`], as often as anybody likes.
//!
//! **Why nobody frees what somebody has.** Lanes lie in several words, which nobody can read at
//! once. So whoever marks or unmarks a lane then steps the version, and these steps are in one
//! order. Who looks at the lanes after its own step sees everything that came before it in that
//! order; if somebody made a step after it, its compare-and-swap to `FREE` fails, and the later
//! one looks. Who claims a reference marks its own lane, makes its step, and only then takes the
//! reference out of the sender's lane: at no point in that order is the slot in no lane.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// What a header has in front of its lanes, in words.
const FIXED_WORDS: usize = 2;

const LANES_PER_WORD: usize = 4;
const LANE_BITS: usize = 16;

const HELD: u64 = 1 << 15;
const COUNT_ONE: u64 = 1 << 6;
const COUNT_MAX: u64 = (1 << 9) - 1;
const NONCE_MASK: u64 = COUNT_ONE - 1;
const LANE_MASK: u64 = 0xffff;

/// Every bit of a word of lanes that is a reference.
const REFERENCES: u64 = 0xffc0_ffc0_ffc0_ffc0;

const STATUS_MASK: u64 = 0b11;
const FREE: u64 = 0;
const LIVE: u64 = 1;
const VERSION_ONE: u64 = 1 << 2;
const VERSION_MASK: u64 = 0xffff_fffc;
const GENERATION_SHIFT: u32 = 32;

/// How many words the header of a slot has if so many processes can attach.
pub(super) const fn header_words(processes: usize) -> usize {
    FIXED_WORDS + processes.div_ceil(LANES_PER_WORD)
}

/// Why a reference cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The slot was given back, or the reference was claimed, since.
    Stale,
    /// This process has all handles that it can count.
    Crowded,
}

/// A slot that was read once: what its state word said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Free,
    Live,
    /// Somebody wrote what cannot be.
    Garbage,
}

/// The words of one slot; any content is valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Header<'a> {
    /// The words are [`header_words`] of some number of processes.
    pub(super) const fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    #[cfg(not(loom))]
    pub(super) fn len(&self) -> &'a AtomicU64 {
        &self.words[1]
    }

    fn state(&self) -> &'a AtomicU64 {
        &self.words[0]
    }

    fn lanes(&self) -> &'a [AtomicU64] {
        &self.words[FIXED_WORDS..]
    }

    fn lane(&self, seat: u16) -> (&'a AtomicU64, usize) {
        let seat = usize::from(seat);
        let shift = seat % LANES_PER_WORD * LANE_BITS;
        (&self.lanes()[seat / LANES_PER_WORD], shift)
    }

    pub(super) fn status(&self) -> Status {
        match self.state().load(Ordering::Relaxed) & STATUS_MASK {
            FREE => Status::Free,
            LIVE => Status::Live,
            _ => Status::Garbage,
        }
    }

    pub(super) fn generation(&self) -> u32 {
        generation(self.state().load(Ordering::Relaxed))
    }

    /// Makes a free slot the seat's alone.
    pub(super) fn take(&self, seat: u16) -> bool {
        let found = self.state().load(Ordering::Relaxed);
        if found & STATUS_MASK != FREE {
            return false;
        }
        self.mark(seat);
        // SYNC: the Acquire half pairs with the Release half in `free_if_unreferenced`: what the
        // last owners read is read before this one writes. The Release half shows the mark.
        let taken = self.state().compare_exchange(
            found,
            found & !STATUS_MASK | LIVE,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if taken.is_err() {
            // Our mark may have kept somebody else from freeing it.
            self.let_go(seat);
        }
        taken.is_ok()
    }

    /// Marks the seat's lane as holding a slot of this generation, which may be going.
    pub(super) fn hold(&self, seat: u16, generation: u32) -> Result<(), Refused> {
        self.mark(seat);
        let mut found = self.state().load(Ordering::Relaxed);
        loop {
            if found & STATUS_MASK != LIVE || self::generation(found) != generation {
                self.let_go(seat);
                return Err(Refused::Stale);
            }
            // SYNC: pairs with itself and with `step`: whoever steps after this sees the mark.
            match self.state().compare_exchange_weak(
                found,
                stepped(found),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => found = now,
            }
        }
    }

    /// The seat no longer holds the slot; true if that made it free.
    pub(super) fn let_go(&self, seat: u16) -> bool {
        let (lane, shift) = self.lane(seat);
        // SYNC: pairs with the Acquire load in `is_referenced`: what was read of the slot was
        // read before it is free.
        lane.fetch_and(!(HELD << shift), Ordering::Release);
        self.free_if_unreferenced()
    }

    /// Puts one more reference of a holder in flight; its nonce, or none if there are too many.
    pub(super) fn send(&self, seat: u16, is_last: bool) -> Option<u16> {
        let (lane, shift) = self.lane(seat);
        let mut found = lane.load(Ordering::Relaxed);
        loop {
            let ours = found >> shift & LANE_MASK;
            let count = ours / COUNT_ONE % (COUNT_MAX + 1);
            let nonce = if count == 0 { ours + 1 } else { ours } & NONCE_MASK;
            if count == COUNT_MAX {
                return None;
            }
            let held = if is_last { 0 } else { ours & HELD };
            let new = held | ((count + 1) * COUNT_ONE) | nonce;
            let word = found & !(LANE_MASK << shift) | new << shift;
            // SYNC: pairs with the Acquire half in `receive`: the payload and its length are
            // there before a claimer reads them.
            match lane.compare_exchange_weak(found, word, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return u16::try_from(nonce).ok(),
                Err(now) => found = now,
            }
        }
    }

    /// Takes a reference in flight out of the sender's lane; the caller holds the slot.
    pub(super) fn receive(&self, sender: u16, nonce: u16) -> Result<(), Refused> {
        let (lane, shift) = self.lane(sender);
        let mut found = lane.load(Ordering::Relaxed);
        loop {
            let theirs = found >> shift & LANE_MASK;
            let count = theirs / COUNT_ONE % (COUNT_MAX + 1);
            if count == 0 || theirs & NONCE_MASK != u64::from(nonce) {
                return Err(Refused::Stale);
            }
            let word = found - (COUNT_ONE << shift);
            // SYNC: pairs with the Release half in `send`.
            match lane.compare_exchange_weak(found, word, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => found = now,
            }
        }
    }

    /// Takes away all references of a seat whose process is gone, and frees a slot that is in no
    /// lane; true if it became free.
    pub(super) fn sweep(&self, seat: u16) -> bool {
        let (lane, shift) = self.lane(seat);
        if lane.load(Ordering::Relaxed) & (REFERENCES & LANE_MASK) << shift != 0 {
            lane.fetch_and(!((REFERENCES & LANE_MASK) << shift), Ordering::Relaxed);
            return self.free_if_unreferenced();
        }
        // Its last owner may have died between two steps.
        self.status() == Status::Live && !self.is_referenced() && self.free_if_unreferenced()
    }

    fn mark(&self, seat: u16) {
        let (lane, shift) = self.lane(seat);
        // The step behind it publishes.
        lane.fetch_or(HELD << shift, Ordering::Relaxed);
    }

    fn is_referenced(&self) -> bool {
        let mut lanes = self.lanes().iter();
        // SYNC: pairs with the Release halves of what takes references out of lanes.
        lanes.any(|lane| lane.load(Ordering::Acquire) & REFERENCES != 0)
    }

    /// After an unmarking: frees the slot if it is in no lane; true if this did.
    fn free_if_unreferenced(&self) -> bool {
        let Some(stepped) = self.step() else {
            return false;
        };
        if self.is_referenced() {
            return false;
        }
        let freed = (stepped & !STATUS_MASK | FREE).wrapping_add(1 << GENERATION_SHIFT);
        // SYNC: pairs with the Acquire half in `take`.
        self.state()
            .compare_exchange(stepped, freed, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Steps the version of a live slot; none if it is not live.
    fn step(&self) -> Option<u64> {
        let mut found = self.state().load(Ordering::Relaxed);
        while found & STATUS_MASK == LIVE {
            let next = stepped(found);
            // SYNC: pairs with itself and with the one in `hold`: what was unmarked before an
            // earlier step is seen after this one.
            match self.state().compare_exchange_weak(
                found,
                next,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(next),
                Err(now) => found = now,
            }
        }
        None
    }
}

const fn generation(state: u64) -> u32 {
    (state >> GENERATION_SHIFT) as u32
}

const fn stepped(state: u64) -> u64 {
    state & !VERSION_MASK | state.wrapping_add(VERSION_ONE) & VERSION_MASK
}

/// How many handles this process has of a slot, in private memory; the first one marks the lane
/// and the last one unmarks it.
///
/// | value | meaning | who changes it |
/// |---|---|---|
/// | 0 | none | anybody, to `BUSY` |
/// | `BUSY` | a thread is marking or unmarking the lane | that thread |
/// | else | so many handles | anybody who adds one, or has one |
#[derive(Debug)]
pub(super) struct Held(AtomicU32);

const BUSY: u32 = u32::MAX;

/// How a thread came to have one handle more.
#[derive(Debug, PartialEq, Eq)]
enum Entered {
    /// It is the first: the word is `BUSY` and this thread's.
    First,
    /// This process has the slot already.
    Another,
}

impl Held {
    pub(super) fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Takes a free slot; the only handle of it.
    pub(super) fn take(&self, header: Header<'_>, seat: u16) -> bool {
        // Another thread of this process may be on its way out of it; a slot is taken rarely
        // enough while that happens to leave it to the next.
        if self.compare_exchange(0, BUSY).is_err() {
            return false;
        }
        let is_taken = header.take(seat);
        self.settle(u32::from(is_taken));
        is_taken
    }

    /// One handle more of a slot of this generation, for a reference in flight or for none.
    pub(super) fn claim(
        &self,
        header: Header<'_>,
        seat: u16,
        generation: u32,
        reference: Option<(u16, u16)>,
    ) -> Result<(), Refused> {
        match self.enter()? {
            Entered::First => {
                let held = header.hold(seat, generation);
                if held.is_err() {
                    self.settle(0);
                    return held;
                }
                self.settle(1);
            }
            Entered::Another => {
                if header.generation() != generation {
                    self.leave(header, seat);
                    return Err(Refused::Stale);
                }
            }
        }
        let received = reference.map_or(Ok(()), |(sender, nonce)| header.receive(sender, nonce));
        if received.is_err() {
            self.leave(header, seat);
        }
        received
    }

    /// One handle more; the caller has one.
    pub(super) fn add(&self) -> Result<(), Refused> {
        match self.enter()? {
            Entered::Another => Ok(()),
            Entered::First => unreachable!("the caller has a handle"),
        }
    }

    /// Gives a handle up; true if that made the slot free.
    pub(super) fn leave(&self, header: Header<'_>, seat: u16) -> bool {
        let Some(()) = self.leave_or_close() else {
            return false;
        };
        let is_free = header.let_go(seat);
        self.settle(0);
        is_free
    }

    /// Puts the caller's handle in flight; its nonce, or none if too many are, and then the
    /// caller still has it.
    pub(super) fn send(&self, header: Header<'_>, seat: u16) -> Option<u16> {
        if self.compare_exchange(1, BUSY).is_ok() {
            let nonce = header.send(seat, true);
            self.settle(u32::from(nonce.is_none()));
            return nonce;
        }
        let nonce = header.send(seat, false)?;
        self.leave(header, seat);
        Some(nonce)
    }

    fn enter(&self) -> Result<Entered, Refused> {
        loop {
            // What is decided by it is decided by a compare-and-swap.
            let found = self.0.load(Ordering::Relaxed);
            match found {
                BUSY => pause(),
                0 => {
                    if self.compare_exchange(0, BUSY).is_ok() {
                        return Ok(Entered::First);
                    }
                }
                _ if found == BUSY - 1 => return Err(Refused::Crowded),
                _ => {
                    if self.compare_exchange(found, found + 1).is_ok() {
                        return Ok(Entered::Another);
                    }
                }
            }
        }
    }

    /// Gives a handle up; something if it was the last, and then the word is `BUSY`.
    fn leave_or_close(&self) -> Option<()> {
        loop {
            let found = self.0.load(Ordering::Relaxed);
            debug_assert!(found != 0 && found != BUSY, "the caller has a handle");
            let next = if found == 1 { BUSY } else { found - 1 };
            if self.compare_exchange(found, next).is_ok() {
                return (found == 1).then_some(());
            }
        }
    }

    fn compare_exchange(&self, found: u32, next: u32) -> Result<u32, u32> {
        // SYNC: pairs with itself and with the store in `settle`: what a handle was used for is
        // done before its slot is let go, and a lane is marked before another handle counts on it.
        self.0
            .compare_exchange(found, next, Ordering::AcqRel, Ordering::Relaxed)
    }

    /// Ends the time of `BUSY`.
    fn settle(&self, count: u32) {
        // SYNC: pairs with the Acquire half in `compare_exchange`.
        self.0.store(count, Ordering::Release);
    }
}

/// Another thread of this process is marking or unmarking the lane: some ten instructions.
fn pause() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    core::hint::spin_loop();
}
