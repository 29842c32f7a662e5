//! Who is idle, and whom to wake: no wake-up is lost, and nobody is woken without need.
//!
//! A worker that finds nothing polls for a while, if not too many do already, and then sleeps.
//!
//! ```text
//!            finds nothing, a seat is free          has polled long enough
//!   busy ─────────────────────────────▶ spinning ─────────────────────────▶ asleep
//!    ▲  │                                  │ ▲                                ▲ │
//!    │  └── finds nothing, no seat is free ┼─┼────────────────────────────────┘ │
//!    └────────── finds work ───────────────┘ └──── is woken, or sees work ──────┘
//! ```
//!
//! Somebody who is woken counts as spinning from the moment in which the waker decides, so that the
//! next submissions do not wake others while it is on its way. So does who sees work while it falls
//! asleep, for the same reason: whoever relied on its polling must not have relied in vain.
//!
//! # Who touches what
//!
//! | field | rule |
//! |---|---|
//! | `state` | spinning and sleeping counts in one word; changed by one addition a transition |
//! | `sleepers` | under its lock; who is in it is counted in `state` before the lock is released |
//! | `parkers[i]` | worker `i` sleeps there, who took `i` out of `sleepers` wakes it |
//!
//! # No lost wake-up
//!
//! A submitter publishes work, runs a `SeqCst` fence, and reads `state`. A worker that stops
//! polling changes `state`, runs a `SeqCst` fence, and looks for work once more: to sleep on only if
//! there is none, or, if it leaves because it has found some, to wake another for the rest. The fences are
//! in one order: either the submitter sees that nobody polls any more, and wakes a sleeper, or the worker
//! sees the work.

use crate::sync::{AtomicU32, CacheLine, Mutex, Ordering, Parker, fence, lock};

/// One worker that sleeps, in `state`.
const SLEEPER: u32 = 1;

/// One worker that polls, in `state`.
const SPINNER: u32 = 1 << 16;

/// Most workers: each count fits its half of `state`.
pub(crate) const WORKERS_MAX: usize = 1 << 10;

/// What a call to wake somebody found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Somebody polls, or was woken: the work will be seen.
    Seen,
    /// All are busy.
    AllBusy,
}

/// The idle ones of some workers.
#[derive(Debug)]
pub(crate) struct Idle {
    state: CacheLine<AtomicU32>,
    /// The one that fell asleep last is woken first: its caches are warmest.
    sleepers: Mutex<Vec<usize>>,
    parkers: Box<[Parker]>,
    spinners_max: u32,
}

impl Idle {
    pub(crate) fn new(workers_max: usize, spinners_max: u32) -> Self {
        assert!(workers_max <= WORKERS_MAX, "the counts share a word");
        Self {
            state: CacheLine(AtomicU32::new(0)),
            sleepers: Mutex::new(Vec::with_capacity(workers_max)),
            parkers: (0..workers_max).map(|_| Parker::new()).collect(),
            spinners_max,
        }
    }

    /// Says that work was published; wakes somebody if nobody polls and somebody sleeps.
    ///
    /// One fence and one load, unless somebody is woken.
    #[inline]
    pub(crate) fn notify(&self) -> Notice {
        // SYNC: with the fences in `stop_spinning` and `sleep`; see the module's documentation.
        fence(Ordering::SeqCst);
        let state = self.state.0.load(Ordering::Relaxed);
        if spinning(state) > 0 {
            Notice::Seen
        } else if sleeping(state) > 0 {
            self.wake_one()
        } else {
            Notice::AllBusy
        }
    }

    /// Takes a seat among those that poll, if one is free.
    pub(crate) fn try_spin(&self) -> bool {
        let mut state = self.state.0.load(Ordering::Relaxed);
        while spinning(state) < self.spinners_max {
            // Relaxed: nothing is published by starting to look.
            let taken = self.state.0.compare_exchange_weak(
                state,
                state + SPINNER,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match taken {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Leaves the seat because of work that was found; if there is more, wakes somebody for it.
    pub(crate) fn stop_spinning(&self, has_work: impl FnOnce() -> bool) -> Notice {
        let state = self.state.0.fetch_sub(SPINNER, Ordering::Relaxed) - SPINNER;
        // SYNC: with the fence in `notify`; see the module's documentation.
        fence(Ordering::SeqCst);
        if spinning(state) > 0 || !has_work() {
            Notice::Seen
        } else {
            self.wake_one()
        }
    }

    /// Leaves the seat, if it `is_spinning`, and sleeps until it is woken, unless there is work.
    ///
    /// Afterwards the worker counts as spinning.
    pub(crate) fn sleep(&self, worker: usize, is_spinning: bool, has_work: impl FnOnce() -> bool) {
        let mut sleepers = lock(&self.sleepers);
        sleepers.push(worker);
        let leaving = if is_spinning { SPINNER } else { 0 };
        self.state
            .0
            .fetch_add(SLEEPER.wrapping_sub(leaving), Ordering::Relaxed);
        drop(sleepers);
        // SYNC: with the fence in `notify`; see the module's documentation.
        fence(Ordering::SeqCst);
        if has_work() {
            let mut sleepers = lock(&self.sleepers);
            if let Some(place) = sleepers.iter().position(|it| *it == worker) {
                sleepers.remove(place);
                self.state.0.fetch_add(SPINNER - SLEEPER, Ordering::Relaxed);
                return;
            }
            // Somebody has taken it out, and wakes it: that is waited for, so that the next sleep
            // is not ended by it.
        }
        self.parkers[worker].park();
    }

    /// Wakes everybody that sleeps.
    pub(crate) fn wake_all(&self) {
        while self.wake(|_| true) == Notice::Seen {}
    }

    /// How many poll and how many sleep, at some moment.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let state = self.state.0.load(Ordering::Relaxed);
        (spinning(state), sleeping(state))
    }

    /// Wakes a sleeper if nobody polls.
    #[cold]
    fn wake_one(&self) -> Notice {
        // SYNC: as in `notify`, for work of somebody else that the caller has seen.
        fence(Ordering::SeqCst);
        self.wake(|state| spinning(state) == 0)
    }

    fn wake(&self, is_wanted: impl FnOnce(u32) -> bool) -> Notice {
        let mut sleepers = lock(&self.sleepers);
        if !is_wanted(self.state.0.load(Ordering::Relaxed)) {
            return Notice::Seen;
        }
        let Some(worker) = sleepers.pop() else {
            return Notice::AllBusy;
        };
        self.state.0.fetch_add(SPINNER - SLEEPER, Ordering::Relaxed);
        drop(sleepers);
        self.parkers[worker].wake();
        Notice::Seen
    }
}

const fn spinning(state: u32) -> u32 {
    state / SPINNER
}

const fn sleeping(state: u32) -> u32 {
    state % SPINNER
}
