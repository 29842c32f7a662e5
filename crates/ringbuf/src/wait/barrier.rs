//! A store-load barrier between a side that is hot and a side that is rare.
//!
//! The notifier stores the message and then reads whether anybody sleeps; the sleeper stores
//! that it sleeps and then reads whether there is a message. Without a store-load barrier on
//! *both* sides each can miss the other's store, and the wake-up is lost.
//! A barrier costs about 7 ns, once a message on the hot side. Linux can instead run one on
//! every running thread of the process on behalf of the sleeper (`membarrier`, about 0.1 µs),
//! so that the hot side pays nothing; elsewhere both sides pay.
//!
//! # Source
//!
//! `membarrier(2)`, `MEMBARRIER_CMD_PRIVATE_EXPEDITED`.
#![cfg_attr(
    all(not(loom), not(miri), target_os = "linux"),
    expect(unsafe_code, reason = "a system call has no safe door")
)]

#[cfg(any(loom, miri, not(target_os = "linux")))]
mod imp {
    use crate::sync::{Ordering, fence};

    pub(super) fn is_asymmetric() -> bool {
        false
    }

    pub(super) fn on_every_thread() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(not(loom), not(miri), target_os = "linux"))]
mod imp {
    use std::sync::OnceLock;

    fn membarrier(command: libc::c_int) -> libc::c_long {
        // SAFETY: the call takes two integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    /// Decided once a process, before the first ring that parks exists.
    pub(super) fn is_asymmetric() -> bool {
        static IS_ASYMMETRIC: OnceLock<bool> = OnceLock::new();
        *IS_ASYMMETRIC
            .get_or_init(|| membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
    }

    pub(super) fn on_every_thread() {
        let answer = membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        // The registration succeeded, and nothing takes it back while the process lives.
        assert_eq!(answer, 0, "membarrier works once it is registered");
    }
}

use crate::sync::{Ordering, compiler_fence, fence};

/// A store-load barrier whose hot half costs nothing where the system can run it for the other.
///
/// Each of two sides stores something and then looks for what the other stores. With
/// [`light`](Self::light) between the store and the look of the hot side and [`heavy`](Self::heavy)
/// between those of the rare side, at least one of the two sees the other's store, whatever the
/// orderings of the stores and loads.
///
/// Both sides must be threads of one process, and use copies of one barrier, or barriers of one process.
///
/// # Complexity
///
/// On Linux `light` is nothing at run time and `heavy` a system call (`membarrier`, about 0.1 µs);
/// elsewhere, and where the kernel has none, either is a fence, about 7 ns.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// let barrier = claude_flow_ringbuf::Barrier::new();
/// let (is_busy, is_wanted) = (AtomicBool::new(false), AtomicBool::new(false));
/// let hot = || {
///     is_busy.store(true, Relaxed);
///     barrier.light();
///     is_wanted.load(Relaxed)
/// };
/// let rare = || {
///     is_wanted.store(true, Relaxed);
///     barrier.heavy();
///     is_busy.load(Relaxed)
/// };
/// let seen = std::thread::scope(|scope| {
///     let hot = scope.spawn(hot);
///     (rare(), hot.join().expect("it does not panic"))
/// });
/// assert!(seen.0 || seen.1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Barrier {
    is_asymmetric: bool,
}

impl Default for Barrier {
    fn default() -> Self {
        Self::new()
    }
}

impl Barrier {
    /// Asks the system once a process whether it has an asymmetric barrier.
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_asymmetric: imp::is_asymmetric(),
        }
    }

    /// Whether [`light`](Self::light) is nothing at run time.
    #[must_use]
    pub fn is_asymmetric(self) -> bool {
        self.is_asymmetric
    }

    /// The hot side's half: between its store and its look.
    #[inline]
    pub fn light(self) {
        if self.is_asymmetric {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The rare side's half: between its store and its look.
    pub fn heavy(self) {
        if self.is_asymmetric {
            imp::on_every_thread();
        } else {
            fence(Ordering::SeqCst);
        }
    }
}
