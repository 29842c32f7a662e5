//! Invents prepared slots in its VIEW-CHANGE, and begins its views with what it likes.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind, NewView, Statement, ViewChange};

use super::false_witness::forged;
use super::{Actor, Liar, Parcel};

pub(crate) struct Inventor;

impl Actor for Inventor {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let Some(mut message) = parcel.message().cloned() else {
            return vec![parcel.clone()];
        };
        let view = message.statement.view;
        message.body = match &message.body {
            Body::ViewChange(change) => {
                let low = change.stable.statement.seq;
                let prepared = (low + 1..low + 4).map(|seq| {
                    let view = view.saturating_sub(1);
                    let (kind, digest) = (Kind::Prepare, Digest::NULL);
                    forged(
                        liar,
                        Statement {
                            kind,
                            view,
                            seq,
                            digest,
                        },
                    )
                });
                Body::ViewChange(Arc::new(ViewChange {
                    stable: change.stable.clone(),
                    prepared: prepared.collect(),
                }))
            }
            Body::NewView(new_view) => {
                let lows = new_view.changes.iter().map(|change| change.statement.seq);
                let low = lows.max().unwrap_or_default();
                let count = new_view.proposals.len().max(2) as u64;
                let proposals = (low + 1..=low + count).map(|seq| {
                    let (kind, digest) = (Kind::PrePrepare, Digest::NULL);
                    let said = Statement {
                        kind,
                        view,
                        seq,
                        digest,
                    };
                    (digest, liar.sign(&said.encode(&liar.group.roster.digest())))
                });
                Body::NewView(Arc::new(NewView {
                    changes: new_view.changes.clone(),
                    proposals: proposals.collect(),
                }))
            }
            _ => return vec![parcel.clone()],
        };
        message.statement.digest = message.body.digest();
        vec![liar.say(message)]
    }
}
