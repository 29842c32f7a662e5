//! Invents prepared slots in its VIEW-CHANGE, and begins its views with what it likes.

use std::sync::Arc;

use claude_flow_consensus::{Body, Digest, Kind, NewView, Signer, Statement, ViewChange};

use super::super::seals::Seal;
use super::false_witness::forged;
use super::{Actor, Liar, read};

pub(crate) struct Inventor;

impl Actor for Inventor {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let Some(mut message) = read(bytes) else {
            return vec![Arc::clone(bytes)];
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
                    (
                        digest,
                        Seal { id: liar.id }.sign(&said.encode(&liar.roster)),
                    )
                });
                Body::NewView(Arc::new(NewView {
                    changes: new_view.changes.clone(),
                    proposals: proposals.collect(),
                }))
            }
            _ => return vec![Arc::clone(bytes)],
        };
        message.statement.digest = message.body.digest();
        vec![liar.say(message)]
    }
}
