//! Tells one half of the group one thing and the other half another, and votes for both.

use claude_flow_consensus::{Body, Digest, Kind, Message};

use super::{Actor, Liar, Parcel};

#[derive(Default)]
pub(crate) struct Equivocator {
    /// Proposals that it can propose in the place of others.
    known: Vec<Message>,
}

impl Actor for Equivocator {
    fn twist(&mut self, liar: &mut Liar, to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        let is_vote = matches!(
            message.statement.kind,
            Kind::PrePrepare | Kind::Prepare | Kind::Commit | Kind::Checkpoint
        );
        let side = (u64::from(to) + message.statement.view) % 2 == 0;
        if !is_vote || side {
            return vec![parcel.clone()];
        }
        let seq = message.statement.seq as usize;
        let other = self.known.get(seq % (self.known.len() + 1));
        let digest = other.map_or(Digest::NULL, |other| other.statement.digest);
        let own = message.statement.digest;
        message.statement.digest = digest;
        message.body = match other {
            Some(other) if message.statement.kind == Kind::PrePrepare => other.body.clone(),
            _ => Body::Empty,
        };
        if own == digest {
            return vec![parcel.clone()];
        }
        vec![liar.say(message)]
    }

    fn observe(&mut self, parcel: &Parcel) {
        if let Some(message) = parcel.message().cloned()
            && message.statement.kind == Kind::Request
            && self.known.len() < 8
        {
            self.known.push(message);
        }
    }
}
