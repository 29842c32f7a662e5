//! Any packets in: no panic, no packet with two encodings, and no decision that is not proven.
//!
//! The input is cut into packets by lengths of two bytes; a length of 0 is a time-out.
//! A packet whose first byte is odd is signed anew by a validator who knows no bounds, if it decodes
//! to a message, so that the search gets past the signatures.
//! The suite has the same property with other inputs, in `crates/consensus/tests/it/prop_step.rs`.
#![no_main]

use std::sync::Arc;

use claude_flow_consensus::{
    Action, Durable, Input, Lsn, Options, Packet, PublicKey, Replica, Roster, RosterOptions,
    Signature, Signer, Timer, ValidatorId, Verifier, verify_certificate,
};
use libfuzzer_sys::fuzz_target;

/// Signatures that cost nothing: the signer's number, and the sum of the bytes.
#[derive(Debug)]
struct Seal(u32);

#[derive(Debug)]
struct Seals;

fn seal(signer: u32, statement: &[u8]) -> Signature {
    let sum = statement.iter().fold(u64::from(signer), |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let mut bytes = [0; Signature::BYTES];
    bytes[..8].copy_from_slice(&sum.to_le_bytes());
    Signature(bytes)
}

impl Signer for Seal {
    fn sign(&self, statement: &[u8]) -> Signature {
        seal(self.0, statement)
    }
}

impl Verifier for Seals {
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool {
        signer.0 < 4 && seal(signer.0, statement) == *signature
    }
}

fn roster() -> Roster {
    let keys = (0..4).map(|byte| PublicKey([byte; 32])).collect();
    let options = RosterOptions {
        epoch: 1,
        keys,
        faults: 1,
        approval_votes: 3,
    };
    Roster::new(options).expect("four validators stand one liar")
}

/// The packet as the input has it, or signed.
fn packet(bytes: &[u8], roster: &Roster) -> Vec<u8> {
    let (Some((first, rest)), false) = (bytes.split_first(), bytes.is_empty()) else {
        return Vec::new();
    };
    let decoded = Packet::decode(rest);
    if let Ok(packet) = &decoded {
        assert_eq!(packet.encode(), rest, "a packet has two encodings");
    }
    match decoded {
        Ok(Packet::Signed(mut message)) if first % 2 == 1 => {
            let said = message.statement.encode(&roster.digest());
            message.signature = seal(message.sender.0, &said);
            Packet::Signed(message).encode()
        }
        _ => rest.to_vec(),
    }
}

fuzz_target!(|data: &[u8]| {
    let roster = roster();
    let options = Options {
        window: 8,
        checkpoint_interval: 4,
        ..Options::new(roster.clone(), ValidatorId(2))
    };
    let (mut replica, _) = Replica::new(options, Arc::new(Seal(2)), Arc::new(Seals))
        .expect("these are options of the roster");
    let mut rest = data;
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*len)).min(after.len());
        let (bytes, next) = after.split_at(len);
        rest = next;
        let effects = if len == 0 {
            replica.step(Input::Timer(Timer::Progress))
        } else {
            replica.step(Input::Packet(&packet(bytes, &roster)))
        };
        let actions = effects.sealed.open(Durable::up_to(Lsn(u64::MAX)));
        for action in actions.expect("everything is durable") {
            if let Action::Deliver(delivery) = action {
                let certificate = delivery.decision.certificate.encode(&roster.digest());
                verify_certificate(&roster, &Seals, &certificate).expect("a decision is proven");
            }
        }
        assert!(replica.status().held < 8 * 8 + 4 + 256, "a limit is exceeded");
    }
});
