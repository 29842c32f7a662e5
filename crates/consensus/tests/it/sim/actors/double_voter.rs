//! Votes for everything that anyone votes for.

use claude_flow_consensus::{Body, Digest, Kind, Statement};

use super::{Actor, Liar, Parcel};

#[derive(Default)]
pub(crate) struct DoubleVoter {
    heard: Vec<Statement>,
}

impl Actor for DoubleVoter {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let mut told = vec![parcel.clone()];
        let Some(message) = parcel.message().cloned() else {
            return told;
        };
        if !matches!(message.statement.kind, Kind::Prepare | Kind::Commit) {
            return told;
        }
        let place = (message.statement.view, message.statement.seq);
        let mut digests: Vec<Digest> = self
            .heard
            .iter()
            .filter(|heard| (heard.view, heard.seq) == place)
            .map(|heard| heard.digest)
            .collect();
        digests.push(Digest::NULL);
        digests.sort();
        digests.dedup();
        for digest in digests {
            for kind in [Kind::Prepare, Kind::Commit] {
                let mut other = message.clone();
                other.statement = Statement {
                    kind,
                    digest,
                    ..message.statement
                };
                other.body = Body::Empty;
                told.push(liar.say(other));
            }
        }
        if liar.rng.percent(50) {
            told.reverse();
        }
        told
    }

    fn observe(&mut self, parcel: &Parcel) {
        if let Some(message) = parcel.message().cloned()
            && matches!(message.statement.kind, Kind::PrePrepare | Kind::Prepare)
        {
            self.heard.push(message.statement);
            if self.heard.len() > 64 {
                self.heard.remove(0);
            }
        }
    }
}
