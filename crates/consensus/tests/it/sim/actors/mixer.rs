//! Makes certificates of genuine signatures that are for different things.

use claude_flow_consensus::{
    Certificate, Decision, Digest, Kind, Message, Packet, SignatureSet, Statement,
};

use super::{Actor, Liar, Parcel};

/// How many votes it keeps in mind.
const HEARD_MAX: usize = 32;

#[derive(Default)]
pub(crate) struct Mixer {
    heard: Vec<Message>,
}

impl Actor for Mixer {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let mut told = vec![parcel.clone()];
        if self.heard.is_empty() || !liar.rng.percent(25) {
            return told;
        }
        let about = self.heard[liar.rng.below(self.heard.len() as u64) as usize].statement;
        // Of all slots and views, of all digests, of PREPARE and COMMIT; or one signer short.
        let votes = self.heard.iter().filter(|vote| match liar.rng.below(3) {
            0 => vote.statement == about,
            1 => vote.statement.seq == about.seq,
            _ => true,
        });
        let mut votes: Vec<_> = votes.map(|vote| (vote.sender, vote.signature)).collect();
        let statement = Statement {
            kind: Kind::Commit,
            digest: Digest::NULL,
            ..about
        };
        let own = liar.sign(&statement.encode(&liar.group.roster.digest()));
        votes.push((claude_flow_consensus::ValidatorId(liar.id), own));
        let certificate = Certificate {
            statement,
            votes: SignatureSet::new(votes),
        };
        told.push(Parcel::of(&Packet::Decision(Decision {
            certificate: certificate.clone(),
            proposal: None,
        })));
        told.push(Parcel::of(&Packet::Stable(Certificate {
            statement: Statement {
                kind: Kind::Checkpoint,
                view: 0,
                ..statement
            },
            ..certificate
        })));
        told
    }

    fn observe(&mut self, parcel: &Parcel) {
        if let Some(message) = parcel.message()
            && matches!(message.statement.kind, Kind::Prepare | Kind::Commit)
        {
            if self.heard.len() >= HEARD_MAX {
                self.heard.remove(0);
            }
            self.heard.push(message.clone());
        }
    }
}
