//! Changes one field of a message by a little, and signs it.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind};

use super::{Actor, Liar, read};

pub(crate) struct Mutator;

impl Actor for Mutator {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
        };
        if !liar.rng.percent(50) {
            return vec![Arc::clone(bytes)];
        }
        let statement = &mut message.statement;
        match liar.rng.below(6) {
            0 => statement.view = statement.view.wrapping_add(1),
            1 => statement.view = statement.view.wrapping_sub(1),
            2 => statement.seq = statement.seq.wrapping_add(1),
            3 => statement.seq = statement.seq.wrapping_sub(1),
            4 if matches!(message.body, Body::Empty) => statement.digest = Digest::NULL,
            _ => {
                statement.kind = match statement.kind {
                    Kind::Prepare => Kind::Commit,
                    Kind::Commit => Kind::Prepare,
                    other => other,
                };
            }
        }
        vec![liar.say(message), Arc::clone(bytes)]
    }
}
