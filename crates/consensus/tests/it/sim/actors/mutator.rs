//! Changes one field of a message, mostly by a little, and signs it (Winter et al., "Randomized
//! Testing of Byzantine Fault Tolerant Algorithms", OOPSLA '23: small-scope mutation).

use std::sync::Arc;

use claude_flow_consensus::{Body, Certificate, Digest, Kind, NewView, SignatureSet, ViewChange};

use super::{Actor, Liar, Parcel};
use crate::sim::rng::Rng;

pub(crate) struct Mutator;

impl Actor for Mutator {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        if !liar.rng.percent(50) {
            return vec![parcel.clone()];
        }
        if liar.rng.percent(50)
            && let Some(body) = changed_body(&message.body, &mut liar.rng)
        {
            message.body = body;
            message.statement.digest = message.body.digest();
            return vec![liar.say(message)];
        }
        let statement = &mut message.statement;
        match liar.rng.below(5) {
            0 => statement.view = near(statement.view, &mut liar.rng),
            1 => statement.seq = near(statement.seq, &mut liar.rng),
            2 if matches!(message.body, Body::Empty) => statement.digest = Digest::NULL,
            _ => {
                statement.kind = match statement.kind {
                    Kind::Prepare => Kind::Commit,
                    Kind::Commit => Kind::Prepare,
                    other => other,
                };
            }
        }
        vec![liar.say(message), parcel.clone()]
    }
}

/// One more or less, and now and then anything.
fn near(number: u64, rng: &mut Rng) -> u64 {
    match rng.below(9) {
        0 => rng.next() >> rng.below(64),
        1..=4 => number.wrapping_sub(1),
        _ => number.wrapping_add(1),
    }
}

fn changed_body(body: &Body, rng: &mut Rng) -> Option<Body> {
    match body {
        Body::Status { stable } => Some(Body::Status {
            stable: near(*stable, rng),
        }),
        Body::ViewChange(change) => {
            let mut change = ViewChange::clone(change);
            if change.prepared.is_empty() || rng.percent(30) {
                mutate(&mut change.stable, rng);
            } else {
                let at = rng.below(change.prepared.len() as u64) as usize;
                if rng.percent(30) {
                    change.prepared.remove(at);
                } else {
                    mutate(&mut change.prepared[at], rng);
                }
            }
            Some(Body::ViewChange(Arc::new(change)))
        }
        Body::NewView(new_view) => {
            let mut new_view = NewView::clone(new_view);
            let changes = new_view.changes.len() as u64;
            match rng.below(4) {
                0 => drop(new_view.proposals.pop()),
                1 => new_view.proposals.reverse(),
                2 if changes > 0 => drop(new_view.changes.remove(rng.below(changes) as usize)),
                _ => new_view
                    .proposals
                    .iter_mut()
                    .for_each(|it| it.0 = Digest::NULL),
            }
            Some(Body::NewView(Arc::new(new_view)))
        }
        Body::Empty | Body::Proposal(_) => None,
    }
}

fn mutate(certificate: &mut Certificate, rng: &mut Rng) {
    let statement = &mut certificate.statement;
    match rng.below(4) {
        0 => statement.view = near(statement.view, rng),
        1 => statement.seq = near(statement.seq, rng),
        2 => statement.digest = Digest::NULL,
        _ => {
            let votes = certificate.votes.iter().skip(1);
            let votes: Vec<_> = votes
                .map(|(signer, signature)| (signer, *signature))
                .collect();
            certificate.votes = SignatureSet::new(votes);
        }
    }
}
