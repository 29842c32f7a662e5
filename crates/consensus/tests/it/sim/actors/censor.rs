//! Is deaf to some proposals, so that as primary it never gives them a slot.

use claude_flow_consensus::Kind;

use super::{Actor, Liar, Parcel};

pub(crate) struct Censor;

impl Actor for Censor {
    fn twist(&mut self, _liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        vec![parcel.clone()]
    }

    fn hears(&self, parcel: &Parcel) -> bool {
        let statement = parcel.message().map(|message| message.statement);
        statement.is_none_or(|it| it.kind != Kind::Request || it.digest.as_bytes()[0] % 2 == 0)
    }
}
