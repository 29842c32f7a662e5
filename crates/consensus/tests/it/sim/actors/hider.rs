//! Leaves out of its VIEW-CHANGE what it has prepared, and how far it is.

use std::sync::Arc;

use claude_flow_consensus::{Body, Certificate, ViewChange};

use super::{Actor, Liar, Parcel};

pub(crate) struct Hider;

impl Actor for Hider {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        if !matches!(message.body, Body::ViewChange(_)) {
            return vec![parcel.clone()];
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
