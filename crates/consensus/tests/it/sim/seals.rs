//! Signatures that cost nothing: a keyed mixing function that nobody in the simulation can compute
//! without the key, because nobody in it tries to.

use claude_flow_consensus::{Signature, Signer, ValidatorId, Verifier};

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
            && signature.0[8..].iter().all(|byte| *byte == 0)
    }
}

fn tag(id: u32, statement: &[u8]) -> u64 {
    let mut state = mix(u64::from(id) + 0x1234_5678_9abc);
    let mut words = statement.chunks_exact(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        state = (state ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
    }
    for byte in words.remainder() {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    mix(state)
}
