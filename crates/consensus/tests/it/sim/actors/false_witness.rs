//! Hands over false checkpoints and false decisions.

use std::sync::Arc;

use claude_flow_consensus::{
    Certificate, Decision, Digest, Domain, Kind, Packet, Signature, SignatureSet, Signer,
    Statement, ValidatorId,
};

use super::super::seals::Seal;
use super::{Actor, Liar, read};

pub(crate) struct FalseWitness;

impl Actor for FalseWitness {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let mut told = vec![Arc::clone(bytes)];
        let Some(mut message) = read(bytes) else {
            return told;
        };
        let place = message.statement;
        if place.kind == Kind::Checkpoint {
            message.statement.digest = Digest::of(Domain::Chain, b"false");
            told = vec![liar.say(message)];
        }
        if liar.rng.percent(20) {
            let seq = place.seq + liar.rng.between(1, 8);
            let digest = Digest::NULL;
            let [commit, checkpoint] = [Kind::Commit, Kind::Checkpoint].map(|kind| {
                let view = if kind == Kind::Commit { place.view } else { 0 };
                forged(
                    liar,
                    Statement {
                        kind,
                        view,
                        seq,
                        digest,
                    },
                )
            });
            let decision = Packet::Decision(Decision {
                certificate: commit,
                proposal: None,
            });
            told.push(decision.encode().into());
            told.push(Packet::Stable(checkpoint).encode().into());
        }
        told
    }
}

/// A certificate in everyone's name, with the liar's signature only, or with everyone's places
/// filled by it.
pub(super) fn forged(liar: &mut Liar, statement: Statement) -> Certificate {
    let own: Signature = Seal { id: liar.id }.sign(&statement.encode(&liar.roster));
    let signers = if liar.rng.percent(50) { liar.n } else { 0 };
    let votes = (0..signers).map(|id| (ValidatorId(id), own));
    Certificate {
        statement,
        votes: SignatureSet::new(votes.chain([(ValidatorId(liar.id), own)])),
    }
}
