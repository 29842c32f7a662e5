//! The verifier with tables and the one without accept the same signatures.

use claude_flow_consensus::{
    Ed25519Signer, Ed25519Verifier, PublicKey, Said, Signature, Signer, Statement, ValidatorId,
    Verifier,
};
use proptest::prelude::*;

fn verifiers() -> (Vec<Ed25519Signer>, [Ed25519Verifier; 2]) {
    let signers: Vec<_> = (1..=4)
        .map(|byte| Ed25519Signer::from_secret(&[byte; 32]))
        .collect();
    let keys: Vec<PublicKey> = signers.iter().map(Ed25519Signer::public_key).collect();
    let verifiers = [
        Ed25519Verifier::new(&keys).unwrap(),
        Ed25519Verifier::with_tables(&keys).unwrap(),
    ];
    (signers, verifiers)
}

/// Both say the same; gives what.
fn check(verifiers: &[Ed25519Verifier; 2], signer: u32, said: &[u8], signature: [u8; 64]) -> bool {
    let [one, two] = verifiers
        .each_ref()
        .map(|it| it.is_signed(ValidatorId(signer), said, &Signature(signature)));
    assert_eq!(one, two, "{signature:02x?}");
    one
}

/// The order of the group, little-endian.
const ORDER: [u8; 32] = {
    let mut order = [0; 32];
    let low = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes();
    let mut at = 0;
    while at < 16 {
        order[at] = low[at];
        at += 1;
    }
    order[31] = 0x10;
    order
};

/// Would be broken by a table check that takes `s` as it comes, though the equation holds.
#[test]
fn an_s_that_is_not_reduced_is_refused() {
    let (signers, verifiers) = verifiers();
    let mut signature = signers[1].sign(b"said").0;
    assert!(check(&verifiers, 1, b"said", signature));
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!check(&verifiers, 1, b"said", signature));
}

/// Would be broken by a table check that lets `R` be of small order, or encoded in another way: with
/// `R` the identity and s = k·a, which whoever has the key can make, the equation holds.
#[test]
fn points_of_small_order_are_refused() {
    use curve25519_dalek::Scalar;
    use sha2::{Digest as _, Sha512};

    let (_, verifiers) = verifiers();
    let key = ed25519_dalek::SigningKey::from_bytes(&[2; 32]);
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut other_identity = [0xff; 32];
    other_identity[0] = 0xee;
    other_identity[31] = 0x7f;
    for r in [identity, other_identity] {
        let challenge = Sha512::new()
            .chain_update(r)
            .chain_update(key.verifying_key().as_bytes())
            .chain_update(b"said");
        let s = Scalar::from_hash(challenge) * key.to_scalar();
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(s.as_bytes());
        assert!(!check(&verifiers, 1, b"said", signature));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Would be broken by a batch in which one signature makes up for another.
    #[test]
    fn several_are_signed_where_each_is(bits in proptest::collection::vec(0..2_048_usize, 4), others in proptest::collection::vec(0..6_u32, 4)) {
        let (signers, verifiers) = verifiers();
        let said = std::iter::zip(&bits, &others).enumerate().map(|(number, (bit, other))| {
            let statement = [u8::try_from(number).unwrap(); Statement::BYTES];
            let mut signature = signers[number].sign(&statement);
            // Three in four stay as they are.
            if let Some(byte) = signature.0.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            let signer = if *other < 5 { number } else { *other as usize };
            (ValidatorId(u32::try_from(signer).unwrap()), statement, signature)
        });
        let said: Vec<Said> = said.collect();
        for count in 0..=said.len() {
            let some = &said[..count];
            for verifier in &verifiers {
                let each = some.iter().all(|(signer, statement, signature)| verifier.is_signed(*signer, statement, signature));
                prop_assert_eq!(verifier.are_signed(&mut some.iter().copied()), each);
            }
        }
    }

    #[test]
    fn changed_signatures_are_refused_by_both(bit in 0..512_usize, signer in 0..4_u32, other in 0..5_u32) {
        let (signers, verifiers) = verifiers();
        let mut signature = signers[signer as usize].sign(b"said").0;
        prop_assert_eq!(check(&verifiers, other, b"said", signature), signer == other);
        prop_assert!(!check(&verifiers, signer, b"sand", signature));
        signature[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!check(&verifiers, signer, b"said", signature));
    }
}
