//! Votes in the name of others, for its own digest.

use claude_flow_consensus::{Body, Digest, Kind, Packet};

use super::{Actor, Liar, Parcel};

pub(crate) struct Impersonator;

impl Actor for Impersonator {
    fn twist(&mut self, liar: &mut Liar, to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let mut told = Vec::new();
        if let Some(mut message) = parcel.message().cloned()
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
            message.statement.kind = if liar.rng.percent(50) {
                Kind::Prepare
            } else {
                Kind::Commit
            };
            for id in liar.group.roster.validators() {
                message.sender = id;
                told.push(Parcel::of(&Packet::Signed(message.clone())));
            }
        }
        told.push(parcel.clone());
        told
    }
}
