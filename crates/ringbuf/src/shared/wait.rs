//! Waiting for another process.
//!
//! # No lost wake-up
//!
//! The end that publishes stores its position, passes a barrier and loads the other end's
//! `is_asleep`. The end that sleeps stores `is_asleep`, passes a barrier and loads the position.
//! With a store-load barrier on both sides at least one sees the other's store. The barrier of
//! the side that publishes would cost 7 ns a message; Linux runs it for the sleeper, on every
//! running thread of every process that registered for it
//! (`membarrier(2)`, `MEMBARRIER_CMD_GLOBAL_EXPEDITED`). An end that registered tells so by
//! `is_light` in its seat; an end that could not passes a fence of its own each time.
//!
//! Only one end of two sleeps on a word, and no sleep is longer than [`SLICE`]: then the sleeper
//! looks whether the other process lives, and whether it was forgotten by one that died between
//! its publication and its call, or that lies.
#![expect(unsafe_code, reason = "system calls have no safe door")]

use core::time::Duration;
use std::io;
use std::sync::OnceLock;
use std::time::Instant;

use super::layout::Seat;
use super::process::{self, Peer};
use crate::Deadline;
use crate::sync::{AtomicU32, Ordering, compiler_fence, fence, spin_loop, yield_now};

/// The longest sleep, and the time between two looks whether the other process lives.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// The longest sleep where the system gives no barrier across processes.
pub(super) const SLICE_UNORDERED: Duration = Duration::from_millis(1);

/// How many polls pass between two looks at the clock.
const POLLS_PER_CLOCK: u32 = 64;

/// How an end waits for the other process.
///
/// Each end has its own; the ring works with any two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// Polls without pause: the shortest latency, for a core of its own.
    Spin,
    /// Polls so many times, then gives the rest of its time slice away between polls.
    Yield {
        /// How many polls come first.
        spins: u32,
    },
    /// Polls so many times, then sleeps in the kernel until the other process publishes.
    Sleep {
        /// How many polls come first.
        spins: u32,
    },
}

impl Default for Waiting {
    /// Sleeps after 2,048 polls.
    fn default() -> Self {
        Self::Sleep { spins: 2_048 }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The condition holds.
    Ready,
    /// The deadline passed before.
    Late,
    /// The other end left.
    Left,
    /// The other end's process is dead.
    Dead(u32),
}

/// Whether this process pays nothing for the barrier of the side that publishes.
pub(super) fn is_light() -> bool {
    static IS_LIGHT: OnceLock<bool> = OnceLock::new();
    *IS_LIGHT.get_or_init(|| membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED))
}

/// Wakes the other end if it sleeps; after a publication.
///
/// # Complexity
///
/// One load of a line that changes only when somebody sleeps; a system call if somebody does.
#[inline]
pub(super) fn notify(sleeper: &Seat, is_light: bool) {
    barrier_of_publisher(is_light);
    if sleeper.is_asleep.load(Ordering::Relaxed) != 0 {
        wake(sleeper);
    }
}

/// The publisher's barrier, between its publication and its look whether somebody sleeps.
#[inline]
pub(super) fn barrier_of_publisher(is_light: bool) {
    if is_light {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The sleeper's barrier, for any number of publishers: false if one may still miss that we sleep.
///
/// A publisher that is not light has a fence of its own, so that only a system that refuses the
/// call to this process leaves anything open.
pub(super) fn barrier_of_sleeper() -> bool {
    // A SeqCst fence and not AcqRel: a store must be seen before a load of another place.
    fence(Ordering::SeqCst);
    membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED)
}

/// How long it is to the deadline.
pub(super) fn rest(deadline: Deadline, now: Instant) -> Duration {
    match deadline {
        Deadline::Never => Duration::MAX,
        Deadline::At(moment) => moment.saturating_duration_since(now),
    }
}

#[cold]
fn wake(sleeper: &Seat) {
    // Taken back first, so that later publications do not call as well. The sleeper reads what
    // was published with Acquire of its own.
    if sleeper.is_asleep.swap(0, Ordering::Relaxed) != 0 {
        futex_wake(&sleeper.is_asleep);
    }
}

/// Waits until `is_ready`, the deadline, or the end of the other process.
///
/// What was published before the other end went is ready and comes first.
pub(super) fn wait(
    own: &Seat,
    peer: &Seat,
    waiting: Waiting,
    deadline: Deadline,
    mut is_ready: impl FnMut() -> bool,
) -> Ended {
    let spins = match waiting {
        Waiting::Spin => POLLS_PER_CLOCK,
        Waiting::Yield { spins } | Waiting::Sleep { spins } => spins,
    };
    for _ in 0..spins {
        if is_ready() {
            return Ended::Ready;
        }
        spin_loop();
    }
    let watch = Watch {
        peer,
        deadline,
        last_look: None,
    };
    match waiting {
        Waiting::Spin => poll(watch, is_ready, spin_loop),
        Waiting::Yield { .. } => poll(watch, is_ready, yield_now),
        Waiting::Sleep { .. } => sleep(own, watch, &mut is_ready),
    }
}

/// Polls with a pause between.
fn poll(mut watch: Watch<'_>, mut is_ready: impl FnMut() -> bool, pause: fn()) -> Ended {
    loop {
        for _ in 0..POLLS_PER_CLOCK {
            if is_ready() {
                return Ended::Ready;
            }
            pause();
        }
        if let Some(ended) = watch.look(Instant::now(), &mut is_ready) {
            return ended;
        }
    }
}

#[cold]
fn sleep(own: &Seat, mut watch: Watch<'_>, is_ready: &mut dyn FnMut() -> bool) -> Ended {
    loop {
        own.is_asleep.store(1, Ordering::Relaxed);
        let is_ordered = heavy(watch.peer);
        let now = Instant::now();
        let ended = if is_ready() {
            Some(Ended::Ready)
        } else {
            watch.look(now, is_ready)
        };
        if ended.is_none() {
            let slice = if is_ordered { SLICE } else { SLICE_UNORDERED };
            futex_wait(&own.is_asleep, rest(watch.deadline, now).min(slice));
        }
        own.is_asleep.store(0, Ordering::Relaxed);
        if let Some(ended) = ended {
            return ended;
        }
        if is_ready() {
            return Ended::Ready;
        }
    }
}

/// Looks now and then at the clock and at the other process.
struct Watch<'a> {
    peer: &'a Seat,
    deadline: Deadline,
    /// When the other process was last looked at, or the first look at the clock.
    last_look: Option<Instant>,
}

impl Watch<'_> {
    fn look(&mut self, now: Instant, is_ready: &mut dyn FnMut() -> bool) -> Option<Ended> {
        let ended = if rest(self.deadline, now).is_zero() {
            Some(Ended::Late)
        } else {
            self.look_at_peer(now)
        };
        // Who left or died may have published just before.
        if ended.is_some() && is_ready() {
            return Some(Ended::Ready);
        }
        ended
    }

    fn look_at_peer(&mut self, now: Instant) -> Option<Ended> {
        // SYNC: pairs with the Release store in `Held`'s drop: who sees that the other left sees
        // what it published.
        let owner = self.peer.owner.load(Ordering::Acquire);
        if owner == process::LEFT {
            return Some(Ended::Left);
        }
        // To see whether it lives costs some microseconds: not before it has had a slice's time.
        let last_look = *self.last_look.get_or_insert(now);
        if now.saturating_duration_since(last_look) < SLICE {
            return None;
        }
        self.last_look = Some(now);
        match Peer::of(owner) {
            Peer::Dead { pid } => {
                // SYNC: the kernel ended the process before it told us; its last stores to this
                // memory are visible, this fence keeps our next load behind the answer.
                fence(Ordering::SeqCst);
                Some(Ended::Dead(pid))
            }
            Peer::Left => Some(Ended::Left),
            Peer::Absent | Peer::Alive { .. } => None,
        }
    }
}

/// The sleeper's barrier: false if the other end may still miss that we sleep.
fn heavy(peer: &Seat) -> bool {
    // Its fence is the other end's half, if that has one of its own.
    let is_over_all = barrier_of_sleeper();
    let has_own = {
        let owner = peer.owner.load(Ordering::Relaxed);
        owner > process::LEFT && peer.is_light.load(Ordering::Relaxed) == 0
    };
    is_over_all || has_own
}

fn membarrier(command: libc::c_int) -> bool {
    // Miri knows no barrier across processes: everybody has a fence of its own there.
    if cfg!(miri) {
        return false;
    }
    // SAFETY: the call takes integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Sleeps while the word is 1, up to `slice`; wakes up for no reason as well.
pub(super) fn futex_wait(word: &AtomicU32, slice: Duration) {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(slice.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: slice.subsec_nanos().into(),
    };
    // SAFETY: the word and the time live over the call, which reads them; without FUTEX_PRIVATE
    // the word is known by the page behind it, so that every mapping of it is the same.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            1_u32,
            &raw const time,
        )
    };
    debug_assert!(
        answer == 0
            || matches!(
                io::Error::last_os_error().raw_os_error(),
                Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT)
            ),
        "a futex in mapped memory can be waited for"
    );
}

pub(super) fn futex_wake(word: &AtomicU32) {
    // SAFETY: the call reads no memory of ours, it takes the word's address as a name.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE,
            libc::c_int::MAX,
        )
    };
    debug_assert!(answer >= 0, "a futex in mapped memory can be woken");
}
