//! The encoding, against golden bytes, and signatures by the standard's own implementation.

use std::path::Path;

use claude_flow_consensus::{
    DecodeError, Digest, Domain, Ed25519Verifier, Packet, Signature, Verifier,
};

use crate::make::Group;

pub(crate) fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/consensus/v1")
        .join(format!("{name}.hex"));
    #[expect(clippy::disallowed_methods, reason = "a test reads its fixture")]
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(40) {
        text.extend(line.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
    }
    text
}

/// Would be broken by any change of layout, of a domain tag or of what is signed.
/// Would be broken by a digest that depends on how its bytes are taken, in one piece or in several.
#[test]
fn digests_of_all_lengths_are_blake3_of_tag_and_bytes() {
    let mut whole = b"cf/subject     \x01".to_vec();
    for len in 0..1_200_u32 {
        let digest = Digest::of(Domain::Subject, &whole[16..]);
        assert_eq!(digest.as_bytes(), blake3::hash(&whole).as_bytes(), "{len}");
        whole.push(len.to_le_bytes()[0] ^ 0x5a);
    }
}

#[test]
fn packets_are_the_golden_bytes() {
    for (name, packet) in Group::new(5, 1, 3).packets() {
        let bytes = packet.encode();
        assert!(
            bytes == golden(name),
            "{name} is not as in fixtures/consensus/v1/{name}.hex; it is now\n{}",
            hex(&bytes)
        );
        assert_eq!(Packet::decode(&bytes).unwrap(), packet, "{name}");
    }
}

/// Would be broken by a decoder that forgives a rest, a gap or a repeated signer.
#[test]
fn cut_and_padded_packets_are_refused() {
    for (name, packet) in Group::new(5, 1, 3).packets() {
        let mut bytes = packet.encode();
        for len in 0..bytes.len() {
            // A PRE-PREPARE may come without its proposal.
            let is_bare = name == "pre_prepare" && len == 118;
            assert_eq!(
                Packet::decode(&bytes[..len]).is_err(),
                !is_bare,
                "{name} cut to {len}"
            );
        }
        bytes.push(0);
        assert!(Packet::decode(&bytes).is_err(), "{name} padded");
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let mut bytes = Group::new(5, 1, 3).packets()[0].1.encode();
    bytes[0] = 2;
    assert_eq!(Packet::decode(&bytes), Err(DecodeError::Version(2)));
}

#[test]
fn signatures_verify_for_their_signer_and_roster_only() {
    let (group, other) = (Group::new(5, 1, 3), Group::new(4, 1, 3));
    let verifier = Ed25519Verifier::new(group.roster.keys()).unwrap();
    for (name, packet) in group.packets() {
        let Packet::Signed(message) = packet else {
            continue;
        };
        let bytes = message.statement.encode(&group.roster.digest());
        assert!(
            verifier.is_signed(message.sender, &bytes, &message.signature),
            "{name}"
        );
        for stranger in group.roster.validators().filter(|id| *id != message.sender) {
            assert!(
                !verifier.is_signed(stranger, &bytes, &message.signature),
                "{name}"
            );
        }
        let elsewhere = message.statement.encode(&other.roster.digest());
        assert!(
            !verifier.is_signed(message.sender, &elsewhere, &message.signature),
            "{name}"
        );
        let mut forged = message.signature.0;
        forged[5] ^= 1;
        assert!(
            !verifier.is_signed(message.sender, &bytes, &Signature(forged)),
            "{name}"
        );
    }
}
