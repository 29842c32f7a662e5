//! Signatures that cost nothing: a keyed mixing function that nobody in the simulation can compute
//! without the key, because nobody in it tries to.

use claude_flow_consensus::{PublicKey, Signature, Signer, ValidatorId, Verifier};

use super::rng::mix;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Seal {
    pub(crate) id: u32,
}

impl Signer for Seal {
    fn sign(&self, statement: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&tag(self.id, statement).to_le_bytes());
        Signature(bytes)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Seals {
    pub(crate) n: u32,
}

impl Verifier for Seals {
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool {
        signer.0 < self.n
            && signature.0[..8] == tag(signer.0, statement).to_le_bytes()
            && signature.0[8..] == [0; 56]
    }

    /// Seals need none.
    fn are_keys(&self, _: &[PublicKey]) -> bool {
        true
    }
}

/// Every word of the statement in two sums of products, so that they need not wait for each other.
fn tag(id: u32, statement: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0xd1b5_4a32_d192_ed03;
    let (mut one, mut two) = (u64::from(id) + 0x1234_5678_9abc, statement.len() as u64);
    let (pairs, rest) = statement.as_chunks::<16>();
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    for pair in pairs.iter().chain([&last]) {
        let (words, _) = pair.as_chunks::<8>();
        one = (one ^ u64::from_le_bytes(words[0])).wrapping_mul(ODD);
        two = (two ^ u64::from_le_bytes(words[1])).wrapping_mul(FACTOR);
        one ^= one >> 32;
        two ^= two >> 32;
    }
    mix(one ^ mix(two))
}

#[test]
fn a_seal_names_its_signer_and_every_bit_of_the_statement() {
    let seals = Seals { n: 4 };
    let mut statement = [7; 98];
    let signature = Seal { id: 1 }.sign(&statement);
    assert!(seals.is_signed(ValidatorId(1), &statement, &signature));
    assert!(!seals.is_signed(ValidatorId(2), &statement, &signature));
    assert!(!Seals { n: 1 }.is_signed(ValidatorId(1), &statement, &signature));
    for bit in 0..98 * 8 {
        statement[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !seals.is_signed(ValidatorId(1), &statement, &signature),
            "bit {bit}"
        );
        statement[bit / 8] ^= 1 << (bit % 8);
    }
}
