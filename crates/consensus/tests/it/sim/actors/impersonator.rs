//! Votes in the name of others, for its own digest.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind, Packet, ValidatorId};

use super::{Actor, Liar, read};

pub(crate) struct Impersonator;

impl Actor for Impersonator {
    fn twist(&mut self, liar: &mut Liar, to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let mut told = Vec::new();
        if let Some(mut message) = read(bytes)
            && matches!(
                message.statement.kind,
                Kind::PrePrepare | Kind::Prepare | Kind::Commit
            )
        {
            // To one half what was proposed, to the other a null request.
            if to % 2 == 0 {
                message.statement.digest = Digest::NULL;
            }
            message.body = Body::Empty;
            for kind in [Kind::Prepare, Kind::Commit] {
                for id in 0..liar.n {
                    message.statement.kind = kind;
                    message.sender = ValidatorId(id);
                    told.push(Packet::Signed(message.clone()).encode().into());
                }
            }
        }
        told.push(Arc::clone(bytes));
        told
    }
}
