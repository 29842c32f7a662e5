//! The decoder on any bytes, and on packets with a few bytes changed.

use claude_flow_consensus::{Packet, Proposal, Record};
use proptest::prelude::*;

use crate::make::Group;

/// What decodes must encode to the same bytes, or two encodings mean the same.
fn check(bytes: &[u8]) {
    if let Ok(packet) = Packet::decode(bytes) {
        assert!(packet.encode() == bytes, "{packet:?}");
    }
    if let Ok(proposal) = Proposal::decode(bytes) {
        assert!(proposal.encode() == bytes, "{proposal:?}");
    }
    if let Ok(record) = Record::decode(bytes) {
        let mut again = Vec::new();
        record.encode(&mut again);
        assert!(again == bytes, "{record:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_to_one_meaning_or_none(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        tag in 0..40_u8,
    ) {
        check(&bytes);
        if bytes.len() > 2 {
            bytes[..2].copy_from_slice(&[1, tag]);
            check(&bytes);
        }
    }

    #[test]
    fn changed_packets_decode_to_one_meaning_or_none(
        which in 0..12_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (_, packet) = Group::new(5, 1, 3).packets().swap_remove(which);
        let mut bytes = packet.encode();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        check(&bytes);
    }
}
