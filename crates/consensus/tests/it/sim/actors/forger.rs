//! Proposes ballots that nobody cast.

use std::sync::Arc;

use claude_flow_consensus::{Body, Kind, Proposal, ValidatorId, Vote};

use super::{Actor, Liar, Parcel};

pub(crate) struct Forger;

impl Actor for Forger {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        let Body::Proposal(proposal) = &message.body else {
            return vec![parcel.clone()];
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
            return vec![parcel.clone(), liar.say(message)];
        }
        vec![liar.say(message)]
    }
}
