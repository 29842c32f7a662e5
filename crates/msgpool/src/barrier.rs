//! A store-load barrier between the owner of a cache, who is hot, and a reclaimer, who is rare.
//!
//! The owner moves its bottom and then reads whether somebody wants attention; the reclaimer
//! asks for attention and then reads the bottom. Without a store-load barrier on
//! *both* sides each can miss the other's store, and both would take one slot.
//! Linux can run the owner's barrier on its behalf (`membarrier`), so that the owner pays
//! nothing; elsewhere both sides pay a fence.
//!
//! # Source
//!
//! `membarrier(2)`, `MEMBARRIER_CMD_PRIVATE_EXPEDITED`.
#![cfg_attr(
    all(not(loom), not(miri), target_os = "linux"),
    expect(unsafe_code, reason = "a system call has no safe door")
)]

use crate::sync::{CompilerOrdering, Ordering, compiler_fence, fence};

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
        // SAFETY: the call takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    /// Decided once a process, before the first pool exists.
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

/// The two halves of the barrier; the halves of one barrier agree on who pays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Barrier {
    is_asymmetric: bool,
}

impl Barrier {
    pub(crate) fn new() -> Self {
        Self {
            is_asymmetric: imp::is_asymmetric(),
        }
    }

    /// Whether the owner pays nothing; otherwise it has to call [`fence`](Self::fence).
    pub(crate) fn is_asymmetric(self) -> bool {
        self.is_asymmetric
    }

    /// The owner's half where the barrier is asymmetric: only the compiler is held back.
    #[inline]
    pub(crate) fn light() {
        compiler_fence(CompilerOrdering::SeqCst);
    }

    /// The owner's half elsewhere.
    pub(crate) fn fence() {
        fence(Ordering::SeqCst);
    }

    /// The reclaimer's half: between its wish for attention and its look at the owners.
    pub(crate) fn heavy(self) {
        if self.is_asymmetric {
            imp::on_every_thread();
        } else {
            fence(Ordering::SeqCst);
        }
    }
}
