//! Hands over false checkpoints and false decisions.

use claude_flow_consensus::{
    Certificate, Decision, Digest, Domain, Kind, Packet, Signature, SignatureSet, Statement,
    ValidatorId,
};

use super::{Actor, Liar, Parcel};

pub(crate) struct FalseWitness;

impl Actor for FalseWitness {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let mut told = vec![parcel.clone()];
        let Some(mut message) = parcel.message().cloned() else {
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
            told.push(Parcel::of(&decision));
            told.push(Parcel::of(&Packet::Stable(checkpoint)));
        }
        told
    }
}

/// A certificate in everyone's name, with the liar's signature only, or with everyone's places
/// filled by it.
pub(super) fn forged(liar: &mut Liar, statement: Statement) -> Certificate {
    let own: Signature = liar.sign(&statement.encode(&liar.group.roster.digest()));
    let signers = if liar.rng.percent(50) {
        liar.group.roster.committee().n()
    } else {
        0
    };
    let votes = (0..signers).map(|id| (ValidatorId(id), own));
    Certificate {
        statement,
        votes: SignatureSet::new(votes.chain([(ValidatorId(liar.id), own)])),
    }
}
