//! Coming back from the log.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{Options, Phase, Replica, State};
use crate::effects::{Effects, Record, SetTimer, Timer};
use crate::error::OptionsError;
use crate::guard::Guard;
use crate::message::{Certificate, Decision, Kind, Message, Statement};
use crate::plant::Bug;
use crate::quorum::ValidatorId;
use crate::signature::{Signature, Signer, Verifier};

impl Replica {
    /// A replica that comes back with the records of its log, and the effects of starting it.
    ///
    /// What was delivered is not delivered again: it is in the log. A promise in the log is kept,
    /// and said again in the same words. After [`Record::Forgotten`] the replica observes and
    /// promises nothing until a later stable checkpoint.
    ///
    /// # Errors
    ///
    /// [`OptionsError`]; among them a log that holds what this replica never wrote.
    pub fn recover(
        options: Options,
        signer: Arc<dyn Signer>,
        verifier: Arc<dyn Verifier>,
        records: impl IntoIterator<Item = impl Borrow<Record>>,
    ) -> Result<(Self, Effects), OptionsError> {
        options.check()?;
        let guard = Guard::new(signer, options.roster.digest());
        let origin = options.origin;
        let mut replica = Self {
            options: Arc::new(options),
            verifier,
            guard,
            state: State::new(origin),
            dropped: super::Dropped::default(),
        };
        for (index, record) in records.into_iter().enumerate() {
            replica.state.lsn.0 += 1;
            if replica.replay(record.borrow()).is_none() {
                return Err(OptionsError::Log { index });
            }
        }
        let mut effects = Effects::default();
        effects.timers.push(SetTimer {
            timer: Timer::Status,
            after: Some(replica.options.status_interval),
        });
        replica.resume(&mut effects);
        replica.hand_over(&mut effects);
        replica.seal(&mut effects);
        Ok((replica, effects))
    }

    /// `None` for a record that contradicts an earlier one.
    fn replay(&mut self, record: &Record) -> Option<()> {
        let forgets = self.has(Bug::PromisesForgotten);
        match record {
            Record::Promise(statement) => self.replay_promise(*statement),
            Record::Ballot(subject, statement) => {
                self.guard.recall_ballot(*subject, *statement).ok()
            }
            Record::Proposed(..) | Record::Prepared(_) | Record::ViewChange(_) if forgets => {
                Some(())
            }
            Record::Proposed(statement, signature, proposal) => {
                if let Some(proposal) = proposal {
                    self.state
                        .payloads
                        .insert(statement.digest, Arc::clone(proposal));
                }
                self.replay_proposed(*statement, *signature)
            }
            Record::Prepared(certificate) => {
                self.replay_prepared(certificate);
                Some(())
            }
            Record::ViewChange(message) => self.replay_view_change(message),
            Record::NewView(message) => self.replay_new_view(message),
            Record::Stable(certificate) => {
                if certificate.statement.seq > self.low_watermark() {
                    self.adopt_stable(certificate.clone());
                }
                Some(())
            }
            Record::Decided(decision) => self.replay_decided(decision),
            Record::Forgotten { .. } if self.has(Bug::LossIgnored) => Some(()),
            Record::Forgotten { view, seq } => {
                self.guard.forget(*view, *seq);
                Some(())
            }
        }
    }

    /// Our own vote goes back to where it was counted.
    fn replay_promise(&mut self, statement: Statement) -> Option<()> {
        if self.has(Bug::PromisesForgotten) {
            return Some(());
        }
        self.recall(statement)?;
        let Statement {
            kind,
            view,
            seq,
            digest,
        } = statement;
        let me = self.options.me;
        let votes = match kind {
            Kind::Commit if view == self.state.view && self.is_in_window(seq) => {
                &mut self.state.slots.at(seq).commits
            }
            Kind::Checkpoint if self.is_checkpoint(seq) => {
                self.state.checkpoints.entry(seq).or_default()
            }
            _ => return Some(()),
        };
        if votes.of(me).is_none()
            && let Some(signature) = self.sign_again(statement)
        {
            let votes = match kind {
                Kind::Commit => &mut self.state.slots.at(seq).commits,
                _ => self.state.checkpoints.entry(seq).or_default(),
            };
            votes.add(me, digest, signature);
        }
        Some(())
    }

    fn sign_again(&mut self, statement: Statement) -> Option<Signature> {
        self.guard
            .promise(statement)
            .ok()
            .map(|promised| promised.signature)
    }

    fn recall(&mut self, statement: Statement) -> Option<()> {
        self.guard.recall(statement).ok()
    }

    fn replay_proposed(
        &mut self,
        statement: Statement,
        primary_signature: Signature,
    ) -> Option<()> {
        let Statement {
            kind,
            view,
            seq,
            digest,
        } = statement;
        if kind == Kind::PrePrepare && self.has(Bug::SlotsBegunAnew) {
            return Some(());
        }
        self.recall(statement)?;
        if view != self.state.view || !self.is_in_window(seq) {
            return Some(());
        }
        let signature = self.sign_again(statement);
        let slot = self.state.slots.at(seq);
        slot.proposed = Some((digest, primary_signature));
        self.state.in_flight.insert(digest);
        if kind == Kind::PrePrepare {
            self.state.next_seq = self.state.next_seq.max(seq.saturating_add(1));
        } else if let Some(signature) = signature
            && slot.prepares.of(self.options.me).is_none()
        {
            slot.prepares.add(self.options.me, digest, signature);
        }
        Some(())
    }

    fn replay_prepared(&mut self, certificate: &Certificate) {
        let Statement {
            view, seq, digest, ..
        } = certificate.statement;
        if !self.is_in_window(seq) {
            return;
        }
        let slot = self.state.slots.at(seq);
        slot.prepared = Some(certificate.clone());
        if view == self.state.view {
            let primary = self.options.roster.primary(view);
            let known: Vec<(ValidatorId, Signature)> = certificate
                .votes
                .iter()
                .map(|(voter, signature)| (voter, *signature))
                .collect();
            for (voter, signature) in known {
                if voter == primary {
                    slot.proposed = Some((digest, signature));
                } else if slot.prepares.of(voter).is_none() {
                    slot.prepares.add(voter, digest, signature);
                }
            }
        }
    }

    fn replay_view_change(&mut self, message: &Message) -> Option<()> {
        if self.has(Bug::ViewChangeForgotten) {
            return Some(());
        }
        self.recall(message.statement)?;
        self.leave_for(message.statement.view, message.clone());
        Some(())
    }

    fn replay_new_view(&mut self, message: &Message) -> Option<()> {
        let is_ours = message.sender == self.options.me;
        let view = message.statement.view;
        let stable = self.adopt_view(message.clone());
        if is_ours {
            self.recall(message.statement)?;
        }
        if stable.statement.seq > self.low_watermark() {
            self.adopt_stable(stable);
        }
        let (low, proposals) = self.proposals_of(message);
        let mut max_s = low;
        for (seq, digest, signature) in proposals {
            max_s = max_s.max(seq);
            let statement = Statement {
                kind: Kind::PrePrepare,
                view,
                seq,
                digest,
            };
            if is_ours {
                self.recall(statement)?;
            }
            self.state.slots.at(seq).proposed = Some((digest, signature));
            self.state.in_flight.insert(digest);
        }
        self.state.next_seq = max_s.max(self.low_watermark()).saturating_add(1);
        Some(())
    }

    fn replay_decided(&mut self, decision: &Decision) -> Option<()> {
        let Statement { seq, .. } = decision.certificate.statement;
        if seq.checked_sub(1)? != self.state.executed {
            return (self.has(Bug::GapsSkipped)).then_some(());
        }
        self.advance(decision);
        let decided = decision.certificate.statement.digest;
        self.state.pending.retain(|waiting| *waiting != decided);
        if let Some(slot) = self.state.slots.get_mut(seq) {
            slot.is_decided = true;
        }
        Some(())
    }

    /// Goes on where the log ends.
    fn resume(&mut self, effects: &mut Effects) {
        if self.state.phase == Phase::Changing {
            self.repeat_view_change(effects);
            return;
        }
        // A PREPARE or COMMIT may have been due when we stopped.
        let slots: Vec<u64> = self.state.slots.iter().map(|(seq, _)| seq).collect();
        for seq in slots {
            self.try_prepare(seq, effects);
        }
        self.watch_progress(false, effects);
    }
}
