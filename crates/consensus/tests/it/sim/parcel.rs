//! Bytes on their way.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use claude_flow_consensus::{Message, Packet, Parsed};

/// The tags of what is no message.
const DECISION_TAG: u8 = 32;
const STABLE_TAG: u8 = 33;

/// Bytes, and what they mean; each is made from the other once, when it is asked for, however many
/// hear them. One of the two is there from the beginning.
#[derive(Clone)]
pub(crate) struct Parcel(Rc<Inner>);

struct Inner {
    bytes: OnceCell<Arc<[u8]>>,
    parsed: OnceCell<Option<Parsed>>,
}

impl Parcel {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        let (bytes, parsed) = (OnceCell::from(bytes), OnceCell::new());
        Self(Rc::new(Inner { bytes, parsed }))
    }

    /// What a replica says.
    pub(crate) fn said(parsed: Parsed) -> Self {
        let (bytes, parsed) = (OnceCell::new(), OnceCell::from(Some(parsed)));
        Self(Rc::new(Inner { bytes, parsed }))
    }

    /// What a liar says, which may well be unreadable.
    pub(crate) fn of(packet: &Packet) -> Self {
        Self::new(packet.encode().into())
    }

    /// The packet, if it is known already.
    fn known(&self) -> Option<&Packet> {
        self.0.parsed.get()?.as_ref().map(Parsed::packet)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes.get_or_init(|| {
            let packet = self.known().map(Packet::encode);
            packet.unwrap_or_default().into()
        })
    }

    pub(crate) fn len(&self) -> usize {
        match self.0.bytes.get() {
            Some(bytes) => bytes.len(),
            None => self.known().map_or(0, Packet::encoded_len),
        }
    }

    /// The tag of the packet's kind, if it is long enough to have one.
    pub(crate) fn tag(&self) -> u8 {
        match self.known() {
            Some(Packet::Signed(message)) => message.statement.kind.tag(),
            Some(Packet::Decision(_)) => DECISION_TAG,
            Some(Packet::Stable(_)) => STABLE_TAG,
            None => self.bytes().get(1).copied().unwrap_or_default(),
        }
    }

    /// The view of a message.
    pub(crate) fn view(&self) -> Option<u64> {
        if let Some(Packet::Signed(message)) = self.known() {
            return Some(message.statement.view);
        }
        let is_message = self.tag() < DECISION_TAG;
        let view = is_message.then(|| self.bytes().get(6..14)).flatten()?;
        Some(u64::from_le_bytes(view.try_into().ok()?))
    }

    pub(crate) fn parsed(&self) -> Option<&Parsed> {
        let parsed = &self.0.parsed;
        parsed
            .get_or_init(|| Parsed::read(self.bytes()).ok())
            .as_ref()
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        match self.parsed()?.packet() {
            Packet::Signed(message) => Some(message),
            _ => None,
        }
    }
}

/// Would be broken by a length or tag that is counted otherwise than it is written.
#[test]
fn what_is_said_looks_like_its_bytes() {
    for (_, packet) in crate::make::Group::new(5, 1, 3).packets() {
        let read = Parcel::of(&packet);
        let said = Parcel::said(Parsed::read(read.bytes()).unwrap());
        let look = |parcel: &Parcel| (parcel.len(), parcel.tag(), parcel.view());
        assert_eq!(look(&read), look(&said));
        assert_eq!(read.bytes(), said.bytes());
    }
}
