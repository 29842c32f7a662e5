//! Proposes two things and then agrees with everyone: each hears its own votes come back.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind, Message, Statement};

use super::{Actor, Liar, read};

/// How many votes it keeps in mind.
const HEARD_MAX: usize = 48;

#[derive(Default)]
pub(crate) struct Sycophant {
    heard: Vec<Message>,
}

impl Actor for Sycophant {
    fn twist(&mut self, liar: &mut Liar, to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
        };
        let mut told = Vec::new();
        match message.statement.kind {
            Kind::Prepare | Kind::Commit => {}
            Kind::PrePrepare if to % 2 == 1 => {
                message.statement.digest = Digest::NULL;
                message.body = Body::Empty;
                told.push(liar.say(message));
            }
            _ => told.push(Arc::clone(bytes)),
        }
        for vote in self.heard.iter().filter(|vote| vote.sender.0 == to) {
            for kind in [Kind::Prepare, Kind::Commit] {
                let mut echo = vote.clone();
                echo.statement = Statement {
                    kind,
                    ..vote.statement
                };
                told.push(liar.say(echo));
            }
        }
        told
    }

    fn observe(&mut self, bytes: &Arc<[u8]>) {
        if let Some(message) = read(bytes)
            && matches!(message.statement.kind, Kind::Prepare | Kind::Commit)
        {
            self.heard.push(message);
            if self.heard.len() > HEARD_MAX {
                self.heard.remove(0);
            }
        }
    }
}
