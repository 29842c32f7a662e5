//! Proposes two things and then agrees with everyone: each hears its own votes come back.

use claude_flow_consensus::{Body, Digest, Kind, Message, Statement};

use super::{Actor, Liar, Parcel};

/// How many votes it keeps in mind.
const HEARD_MAX: usize = 48;

#[derive(Default)]
pub(crate) struct Sycophant {
    heard: Vec<Message>,
}

impl Actor for Sycophant {
    fn twist(&mut self, liar: &mut Liar, to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        let mut told = Vec::new();
        match message.statement.kind {
            Kind::Prepare | Kind::Commit => {}
            Kind::PrePrepare if to % 2 == 1 => {
                message.statement.digest = Digest::NULL;
                message.body = Body::Empty;
                told.push(liar.say(message));
            }
            _ => told.push(parcel.clone()),
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
        // Each vote comes back once; it may be lost.
        self.heard.retain(|vote| vote.sender.0 != to);
        told
    }

    fn observe(&mut self, parcel: &Parcel) {
        if let Some(message) = parcel.message().cloned()
            && matches!(message.statement.kind, Kind::Prepare | Kind::Commit)
        {
            self.heard.push(message);
            if self.heard.len() > HEARD_MAX {
                self.heard.remove(0);
            }
        }
    }
}
