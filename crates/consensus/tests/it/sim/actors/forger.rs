//! Proposes ballots that nobody cast.

use std::sync::Arc;

use claude_flow_consensus::{Body, Kind, Proposal, ValidatorId, Vote};

use super::{Actor, Liar, read};

pub(crate) struct Forger;

impl Actor for Forger {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
        };
        let Body::Proposal(proposal) = &message.body else {
            return vec![Arc::clone(bytes)];
        };
        let mut forged: Proposal = Proposal::clone(proposal);
        for signed in &mut forged.ballots {
            if signed.validator != ValidatorId(liar.id) {
                signed.ballot.vote = match signed.ballot.vote {
                    Vote::Pass => Vote::Fail,
                    Vote::Partial | Vote::Fail => Vote::Pass,
                };
            }
        }
        message.statement.digest = forged.digest();
        message.body = Body::Proposal(Arc::new(forged));
        if message.statement.kind == Kind::Request {
            return vec![Arc::clone(bytes), liar.say(message)];
        }
        vec![liar.say(message)]
    }
}
