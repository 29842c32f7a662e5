//! Tells one half of the group one thing and the other half another, and votes for both.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind, Message};

use super::{Actor, Liar, read};

#[derive(Default)]
pub(crate) struct Equivocator {
    /// Proposals that it can propose in the place of others.
    known: Vec<Message>,
}

impl Actor for Equivocator {
    fn twist(&mut self, liar: &mut Liar, to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
        };
        let is_vote = matches!(
            message.statement.kind,
            Kind::PrePrepare | Kind::Prepare | Kind::Commit | Kind::Checkpoint
        );
        let side = (u64::from(to) + message.statement.view) % 2 == 0;
        if !is_vote || side {
            return vec![Arc::clone(bytes)];
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
            return vec![Arc::clone(bytes)];
        }
        vec![liar.say(message)]
    }

    fn observe(&mut self, bytes: &Arc<[u8]>) {
        if let Some(message) = read(bytes)
            && message.statement.kind == Kind::Request
            && self.known.len() < 8
        {
            self.known.push(message);
        }
    }
}
