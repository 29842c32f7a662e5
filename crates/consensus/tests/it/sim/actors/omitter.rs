//! Leaves ballots out of what it proposes, to make the verdict better.

use std::sync::Arc;

use claude_flow_consensus::{Body, Kind, Proposal, Vote};

use super::{Actor, Liar, Parcel};

pub(crate) struct Omitter;

impl Actor for Omitter {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        let Body::Proposal(proposal) = &message.body else {
            return vec![parcel.clone()];
        };
        let mut fewer = Proposal::clone(proposal);
        let worst = fewer
            .ballots
            .iter()
            .position(|it| it.ballot.vote == Vote::Fail);
        fewer.ballots.remove(worst.unwrap_or_default());
        message.statement.digest = fewer.digest();
        message.body = Body::Proposal(Arc::new(fewer));
        if message.statement.kind == Kind::Request {
            return vec![parcel.clone(), liar.say(message)];
        }
        vec![liar.say(message)]
    }
}
