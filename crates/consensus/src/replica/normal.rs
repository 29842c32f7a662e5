//! The normal case: pre-prepare, prepare, commit, in a window of slots (OSDI '99, §4.2).

use super::{Phase, REPEAT_SLOTS, Replica, send};
use crate::digest::Digest;
use crate::effects::{Action, Delivery, Effects, Record};
use crate::message::{
    Body, Certificate, Decision, Kind, Message, Packet, SignatureSet, Statement, chain,
};
use crate::plant::Bug;
use crate::signature::Signature;

impl Replica {
    /// The primary gives waiting proposals their slots.
    pub(super) fn propose(&mut self, effects: &mut Effects) {
        if !self.may_propose() {
            return;
        }
        let mut at = 0;
        while let Some(digest) = self.state.pending.get(at).copied() {
            // Alone in its group a primary decides at once, and it waits no longer.
            if self.state.in_flight.contains(&digest) {
                at += 1;
                continue;
            }
            let seq = self.state.next_seq;
            if !self.is_in_window(seq) || !self.propose_one(seq, digest, effects) {
                return;
            }
        }
    }

    pub(super) fn may_propose(&self) -> bool {
        // One that lags might propose what is decided already.
        self.is_primary()
            && self.state.phase == Phase::Normal
            && self.state.executed >= self.low_watermark()
    }

    /// ⟨PRE-PREPARE, v, n, d⟩ and the proposal, or a null request.
    pub(super) fn propose_one(&mut self, seq: u64, digest: Digest, effects: &mut Effects) -> bool {
        let statement = Statement {
            kind: Kind::PrePrepare,
            view: self.state.view,
            seq,
            digest,
        };
        if !self.holds(&digest) {
            return false;
        }
        let Some(promised) = self.promise(statement) else {
            return false;
        };
        self.state.next_seq = seq.saturating_add(1);
        let proposal = self.state.payloads.get(&digest).cloned();
        let body = proposal.clone().map_or(Body::Empty, Body::Proposal);
        if promised.is_new {
            self.record(
                Record::Proposed(statement, promised.signature, proposal),
                effects,
            );
        }
        let message = self.message(statement, promised.signature, body);
        send(Packet::Signed(message), None, effects);
        self.place(seq, digest, promised.signature, effects);
        true
    }

    /// The signature, the view and the watermarks are checked already.
    pub(super) fn on_pre_prepare(&mut self, message: &Message, effects: &mut Effects) {
        let Statement { seq, digest, .. } = message.statement;
        let known = self.state.slots.get(seq).and_then(|slot| slot.proposed);
        if let Some((other, signature)) = known
            && other != digest
        {
            // "It has not accepted a pre-prepare for view v and sequence number n with another digest."
            let first = Statement {
                digest: other,
                ..message.statement
            };
            let second = (message.statement, message.signature);
            self.accuse(message.sender, (first, signature), second, effects);
            if !self.has(Bug::SecondProposalTaken) {
                return;
            }
            let slot = self.state.slots.at(seq);
            slot.leave_view();
        } else if known.is_some() {
            self.dropped.irrelevant += 1;
            return;
        }
        // One slot a proposal: a primary that repeats itself wastes a slot of everyone.
        if digest != Digest::NULL && !self.slots_with(&digest).is_empty() {
            self.dropped.irrelevant += 1;
            return;
        }
        if let Body::Proposal(proposal) = &message.body
            && !self.state.payloads.contains_key(&digest)
        {
            if !self.is_good(proposal) {
                self.dropped.unproven += 1;
                return;
            }
            self.keep_waiting(proposal, digest);
        }
        self.place(seq, digest, message.signature, effects);
        self.watch_progress(false, effects);
    }

    /// Puts a proposal of this view's primary into its slot.
    pub(super) fn place(
        &mut self,
        seq: u64,
        digest: Digest,
        signature: Signature,
        effects: &mut Effects,
    ) {
        // Of several proposals an earlier one may have moved the watermarks.
        if !self.is_in_window(seq) {
            return;
        }
        let slot = self.state.slots.at(seq);
        slot.proposed = Some((digest, signature));
        self.state.in_flight.insert(digest);
        self.try_prepare(seq, effects);
    }

    /// Whether we hold what a digest stands for.
    pub(super) fn holds(&self, digest: &Digest) -> bool {
        *digest == Digest::NULL || self.state.payloads.contains_key(digest)
    }

    /// ⟨PREPARE, v, n, d, i⟩ by a backup that has the PRE-PREPARE and the proposal.
    pub(super) fn try_prepare(&mut self, seq: u64, effects: &mut Effects) {
        let me = self.options.me;
        let Some(slot) = self.state.slots.get(seq) else {
            return;
        };
        let Some((digest, primary_signature)) = slot.proposed else {
            return;
        };
        if !self.holds(&digest) {
            self.fetch(seq, digest, effects);
            return;
        }
        if !self.is_primary() && slot.prepares.of(me).is_none() {
            let statement = Statement {
                kind: Kind::Prepare,
                view: self.state.view,
                seq,
                digest,
            };
            let Some(promised) = self.promise(statement) else {
                return;
            };
            if promised.is_new {
                let proposal = self.state.payloads.get(&digest).cloned();
                self.record(
                    Record::Proposed(statement, primary_signature, proposal),
                    effects,
                );
            }
            let slot = self.state.slots.at(seq);
            slot.prepares.add(me, digest, promised.signature);
            let message = self.message(statement, promised.signature, Body::Empty);
            send(Packet::Signed(message), None, effects);
        }
        self.try_commit(seq, effects);
    }

    pub(super) fn fetch(&self, seq: u64, digest: Digest, effects: &mut Effects) {
        let statement = Statement {
            kind: Kind::Fetch,
            view: self.state.view,
            seq,
            digest,
        };
        self.send_remark(statement, Body::Empty, None, effects);
    }

    /// PREPARE and COMMIT; the signature, the view and the watermarks are checked already.
    pub(super) fn on_vote(&mut self, message: &Message, effects: &mut Effects) {
        let Statement {
            kind, seq, digest, ..
        } = message.statement;
        // The primary's PRE-PREPARE is its vote.
        let primary = self.options.roster.primary(message.statement.view);
        if kind == Kind::Prepare && message.sender == primary {
            self.dropped.irrelevant += 1;
            return;
        }
        let slot = self.state.slots.at(seq);
        let votes = match kind {
            Kind::Prepare => &mut slot.prepares,
            _ => &mut slot.commits,
        };
        match votes.of(message.sender) {
            Some((other, signature)) if other != digest => {
                let first = Statement {
                    digest: other,
                    ..message.statement
                };
                let second = (message.statement, message.signature);
                self.accuse(message.sender, (first, signature), second, effects);
                return;
            }
            _ => votes.add(message.sender, digest, message.signature),
        }
        if kind == Kind::Prepare {
            self.try_commit(seq, effects);
        } else {
            self.try_decide(seq, effects);
        }
    }

    /// prepared(m, v, n, i): the PRE-PREPARE and enough PREPAREs to make a quorum with it; then
    /// ⟨COMMIT, v, n, D(m), i⟩.
    pub(super) fn try_commit(&mut self, seq: u64, effects: &mut Effects) {
        let (me, view) = (self.options.me, self.state.view);
        let primary = self.options.roster.primary(view);
        let Some(slot) = self.state.slots.get(seq) else {
            return;
        };
        let Some((digest, primary_signature)) = slot.proposed else {
            return;
        };
        let mut voters = slot.prepares.voters(&digest);
        voters.insert(primary);
        let mut is_prepared = self.quorum().is_reached(voters);
        if self.has(Bug::PreparedOneShort) {
            is_prepared = voters.count() + 1 >= self.quorum().votes();
        } else if self.has(Bug::PreparesOfAnyDigest) {
            is_prepared = slot.prepares.all().count() + 1 >= self.quorum().votes() as usize;
        } else if self.has(Bug::RepeatedVotesCount) {
            is_prepared = slot.prepares.count(&digest) + 1 >= self.quorum().votes() as usize;
        }
        is_prepared |= self.has(Bug::CommitWithoutPrepared);
        if !is_prepared || slot.commits.of(me).is_some() || !self.holds(&digest) {
            return;
        }
        let statement = Statement {
            kind: Kind::Commit,
            view,
            seq,
            digest,
        };
        let certificate = Certificate {
            statement: Statement {
                kind: Kind::Prepare,
                ..statement
            },
            votes: SignatureSet::new(
                slot.prepares
                    .signatures(&digest)
                    .chain([(primary, primary_signature)]),
            ),
        };
        let Some(promised) = self.promise(statement) else {
            return;
        };
        if promised.is_new {
            self.record(Record::Prepared(certificate.clone()), effects);
            self.record(Record::Promise(statement), effects);
        }
        let slot = self.state.slots.at(seq);
        slot.prepared = Some(certificate);
        slot.commits.add(me, digest, promised.signature);
        let message = self.message(statement, promised.signature, Body::Empty);
        send(Packet::Signed(message), None, effects);
        self.try_decide(seq, effects);
    }

    /// committed-local(m, v, n, i): a quorum of COMMITs, with which the slot is decided.
    ///
    /// Deviation: the paper also wants the slot to be prepared here. A quorum of COMMITs proves that
    /// it is prepared at honest replicas, and it is the certificate that is kept.
    fn try_decide(&mut self, seq: u64, effects: &mut Effects) {
        let Some(slot) = self.state.slots.get(seq) else {
            return;
        };
        let Some((digest, _)) = slot.proposed else {
            return;
        };
        let mut is_committed = self.quorum().is_reached(slot.commits.voters(&digest));
        let mut is_mixed = false;
        if self.has(Bug::CommitsOfAnyDigest) || self.has(Bug::CertificateOfAnyVotes) {
            is_mixed = self.has(Bug::CertificateOfAnyVotes);
            is_committed |= slot.commits.all().count() >= self.quorum().votes() as usize
                && self.has(Bug::CommitsOfAnyDigest);
        } else if self.has(Bug::RepeatedVotesCount) {
            is_committed = slot.commits.count(&digest) >= self.quorum().votes() as usize;
        } else if self.has(Bug::DecidedWhenPrepared) {
            is_committed |= slot.prepared.is_some();
        }
        if slot.is_decided || !is_committed || !self.holds(&digest) {
            return;
        }
        let votes = if is_mixed {
            SignatureSet::new(slot.commits.all().chain(slot.prepares.all()))
        } else {
            SignatureSet::new(slot.commits.signatures(&digest))
        };
        let certificate = Certificate {
            statement: Statement {
                kind: Kind::Commit,
                view: self.state.view,
                seq,
                digest,
            },
            votes,
        };
        let proposal = self.state.payloads.get(&digest).cloned();
        self.settle_slot(
            Decision {
                certificate,
                proposal,
            },
            effects,
        );
    }

    /// Takes a proven decision and delivers all that are in order now.
    pub(super) fn settle_slot(&mut self, decision: Decision, effects: &mut Effects) {
        let seq = decision.certificate.statement.seq;
        if let Some(slot) = self.state.slots.get_mut(seq) {
            slot.is_decided = true;
        }
        if seq <= self.state.executed {
            return;
        }
        // What is in order, as mostly, need not be kept.
        let is_next = Some(seq) == self.state.executed.checked_add(1);
        let mut next = None;
        if is_next && !self.has(Bug::GapsSkipped) {
            next = Some(decision);
        } else {
            self.state.decisions.entry(seq).or_insert(decision);
        }
        let mut has_executed = false;
        while let Some(decision) = next.take().or_else(|| self.next_decision()) {
            self.deliver(decision, effects);
            has_executed = true;
        }
        if has_executed {
            self.propose(effects);
            self.watch_progress(true, effects);
        }
    }

    fn next_decision(&mut self) -> Option<Decision> {
        if self.has(Bug::GapsSkipped) {
            return self
                .state
                .decisions
                .pop_first()
                .map(|(_, decision)| decision);
        }
        let next = self.state.executed.checked_add(1)?;
        self.state.decisions.remove(&next)
    }

    fn deliver(&mut self, decision: Decision, effects: &mut Effects) {
        let Statement {
            view, seq, digest, ..
        } = decision.certificate.statement;
        self.record(Record::Decided(decision.clone()), effects);
        if view == self.state.view {
            self.state.failed_views = 0;
        }
        let repeats = self.advance(&decision);
        self.state.pending.retain(|waiting| *waiting != digest);
        effects
            .sealed
            .actions
            .push(Action::Deliver(Delivery { decision, repeats }));
        if seq.is_multiple_of(self.options.checkpoint_interval) {
            self.say_checkpoint(effects);
        }
    }

    /// Moves on by one decided slot; says where the same was decided before.
    pub(super) fn advance(&mut self, decision: &Decision) -> Option<u64> {
        let Statement { seq, digest, .. } = decision.certificate.statement;
        let chained = if self.has(Bug::ChainIgnoresDecision) {
            Digest::NULL
        } else {
            digest
        };
        let state = &mut self.state;
        state.executed = seq;
        state.chain = chain(&state.chain, seq, &chained);
        while let Some((old, forgotten)) = state.recent_order.front().copied()
            && old.saturating_add(REPEAT_SLOTS) <= seq
        {
            state.recent_order.pop_front();
            state.recent.remove(&forgotten);
        }
        let proposal = decision.proposal.as_ref()?;
        let earlier = state.recent.get(&digest).copied();
        if earlier.is_none() {
            state.recent.insert(digest, seq);
            state.recent_order.push_back((seq, digest));
        }
        self.guard.close_ballot(&proposal.subject);
        self.end_epoch(seq, proposal);
        earlier
    }
}
