//! Leaves out of its VIEW-CHANGE what it has prepared, and how far it is.

use std::sync::Arc;

use claude_flow_consensus::{Body, Certificate, ViewChange};

use super::{Actor, Liar, read};

pub(crate) struct Hider;

impl Actor for Hider {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
        };
        if !matches!(message.body, Body::ViewChange(_)) {
            return vec![Arc::clone(bytes)];
        }
        message.body = Body::ViewChange(Arc::new(ViewChange {
            stable: Certificate::genesis(),
            prepared: Vec::new(),
        }));
        message.statement.seq = 0;
        message.statement.digest = message.body.digest();
        vec![liar.say(message)]
    }
}
