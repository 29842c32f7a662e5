//! A store-load barrier between a side that is hot and a side that is about to sleep.
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
#![expect(unsafe_code, reason = "a system call has no safe door")]

#[cfg(any(loom, not(target_os = "linux")))]
mod imp {
    use crate::sync::{Ordering, fence};

    pub(super) fn is_asymmetric() -> bool {
        false
    }

    pub(super) fn on_every_thread() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(not(loom), target_os = "linux"))]
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

/// The two halves of the barrier; the halves of one barrier agree on who pays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Barrier {
    is_asymmetric: bool,
}

impl Barrier {
    pub(super) fn new() -> Self {
        Self {
            is_asymmetric: imp::is_asymmetric(),
        }
    }

    /// The notifier's half: between its publication and its look at the sleepers.
    #[inline]
    pub(super) fn light(self) {
        if self.is_asymmetric {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The sleeper's half: between its entry in the list and its last look at the ring.
    pub(super) fn heavy(self) {
        if self.is_asymmetric {
            imp::on_every_thread();
        } else {
            fence(Ordering::SeqCst);
        }
    }
}
