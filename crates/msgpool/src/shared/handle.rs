//! What names a message in a ring.
#![expect(unsafe_code, reason = "says that a handle is plain bytes")]

use bytemuck::{Pod, Zeroable};

/// In place of a sender's seat: nothing is in flight.
pub(super) const NOBODY: u16 = u16::MAX;

/// What names a message to another process: 16 plain bytes, for an element of a ring.
///
/// | bytes | content |
/// |---:|---|
/// | 0–3 | number of the slot |
/// | 4–7 | generation of the slot |
/// | 8–9 | seat of the sender whose reference travels with it; 65,535 if none does |
/// | 10–11 | nonce of that reference |
/// | 12–15 | identity of the pool |
///
/// Any bytes are a handle; [`Pool::claim`](super::Pool::claim) says what they are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Handle {
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) sender: u16,
    pub(super) nonce: u16,
    pub(super) pool: u32,
}

impl Handle {
    /// Whether a reference travels with it: it can be claimed once, and keeps the message until
    /// then. Otherwise it can be claimed as often as anybody likes while somebody has the message.
    #[must_use]
    pub const fn is_reference(&self) -> bool {
        self.sender != NOBODY
    }
}

// SAFETY: integers only, of which zero is one.
unsafe impl Zeroable for Handle {}
// SAFETY: `repr(C)` of integers of 4, 4, 2, 2 and 4 bytes, which leave no padding; any bytes are
// a value, and the type is Copy and 'static.
unsafe impl Pod for Handle {}

const _: () = assert!(size_of::<Handle>() == 16);
