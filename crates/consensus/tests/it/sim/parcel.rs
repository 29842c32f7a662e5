//! Bytes on their way.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use claude_flow_consensus::{Message, Packet, Parsed};

/// Bytes, and what they mean, which is read once however many hear them.
#[derive(Clone)]
pub(crate) struct Parcel(Rc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    parsed: OnceCell<Option<Parsed>>,
}

impl Parcel {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        let parsed = OnceCell::new();
        Self(Rc::new(Inner { bytes, parsed }))
    }

    pub(crate) fn of(packet: &Packet) -> Self {
        Self::new(packet.encode().into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The tag of the packet's kind, if it is long enough to have one.
    pub(crate) fn tag(&self) -> u8 {
        self.0.bytes.get(1).copied().unwrap_or_default()
    }

    /// The view of a message.
    pub(crate) fn view(&self) -> Option<u64> {
        let view = self.0.bytes.get(6..14).filter(|_| self.tag() < 32)?;
        Some(u64::from_le_bytes(view.try_into().ok()?))
    }

    pub(crate) fn parsed(&self) -> Option<&Parsed> {
        let parsed = &self.0.parsed;
        parsed
            .get_or_init(|| Parsed::read(&self.0.bytes).ok())
            .as_ref()
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        match self.parsed()?.packet() {
            Packet::Signed(message) => Some(message),
            _ => None,
        }
    }
}
