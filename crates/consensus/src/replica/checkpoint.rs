//! Checkpoints, watermarks (OSDI '99, §4.3), and how those who lag catch up.

use super::slot::Slot;
use super::{Phase, REPEATED_REQUESTS_MAX, RESEND_SLOTS_MAX, Replica, SERVE_MAX, send};
use crate::digest::Digest;
use crate::effects::{Action, Effects, Record, SetTimer, Timer};
use crate::message::{Body, Certificate, Decision, Kind, Message, Packet, SignatureSet, Statement};
use crate::plant::Bug;
use crate::quorum::{ValidatorId, VoterSet};

impl Replica {
    /// Whether a slot is one that a checkpoint may come for.
    pub(super) fn is_checkpoint(&self, seq: u64) -> bool {
        let low = self.low_watermark();
        seq.is_multiple_of(self.options.checkpoint_interval)
            && seq > low
            && seq - low <= 2 * self.options.window
            && !self.is_past_end(seq)
    }

    /// ⟨CHECKPOINT, n, d, i⟩ after delivering slot n.
    pub(super) fn say_checkpoint(&mut self, effects: &mut Effects) {
        let statement = self.checkpoint_statement();
        // A lagging replica delivers slots whose checkpoint is stable already.
        if statement.seq <= self.low_watermark() {
            return;
        }
        let Some(promised) = self.promise(statement) else {
            return;
        };
        if promised.is_new {
            self.record(Record::Promise(statement), effects);
        }
        let message = self.message(statement, promised.signature, Body::Empty);
        send(Packet::Signed(message.clone()), None, effects);
        self.on_checkpoint(&message, effects);
    }

    fn checkpoint_statement(&self) -> Statement {
        Statement {
            kind: Kind::Checkpoint,
            view: 0,
            seq: self.state.executed,
            digest: self.checkpoint_digest(),
        }
    }

    /// A quorum of CHECKPOINTs is the proof of a stable one.
    pub(super) fn on_checkpoint(&mut self, message: &Message, effects: &mut Effects) {
        let Statement {
            view, seq, digest, ..
        } = message.statement;
        if view != 0 || !self.is_checkpoint(seq) {
            return;
        }
        let weak = self.options.roster.weak();
        let quorum = self.quorum();
        let is_weak_enough = self.has(Bug::StableByWeakQuorum);
        let votes = self.state.checkpoints.entry(seq).or_default();
        match votes.of(message.sender) {
            Some((other, _)) if other == digest => return,
            Some((other, signature)) => {
                let first = Statement {
                    digest: other,
                    ..message.statement
                };
                let second = (message.statement, message.signature);
                self.accuse(message.sender, (first, signature), second, effects);
                return;
            }
            None => votes.add(message.sender, digest, message.signature),
        }
        let agreeing = votes.voters(&digest);
        if quorum.is_reached(agreeing) || is_weak_enough && weak.is_reached(agreeing) {
            let votes = SignatureSet::new(votes.signatures(&digest));
            let statement = message.statement;
            self.stabilise(Certificate { statement, votes }, effects);
        }
    }

    /// A later checkpoint certificate that someone hands over.
    pub(super) fn on_stable(&mut self, certificate: &Certificate, effects: &mut Effects) {
        if self.has(Bug::StableTrusted) || self.is_certified(certificate) {
            self.stabilise(certificate.clone(), effects);
        } else {
            self.dropped.unproven += 1;
        }
    }

    pub(super) fn is_certified(&self, certificate: &Certificate) -> bool {
        let (Statement { kind, seq, .. }, origin) = (certificate.statement, self.options.origin);
        if kind == Kind::Checkpoint && seq <= origin.seq {
            return *certificate == Certificate::of_origin(origin);
        }
        certificate.is_valid(&self.options.roster, self.verifier.as_ref(), self.quorum())
    }

    /// Moves the watermarks to a proven checkpoint, and forgets what it covers.
    pub(super) fn stabilise(&mut self, certificate: Certificate, effects: &mut Effects) {
        let low = certificate.statement.seq;
        if low <= self.low_watermark() {
            return;
        }
        self.record(Record::Stable(certificate.clone()), effects);
        self.adopt_stable(certificate);
        self.propose(effects);
        self.watch_progress(true, effects);
    }

    /// The part of [`stabilise`](Self::stabilise) that a restart repeats.
    pub(super) fn adopt_stable(&mut self, certificate: Certificate) {
        let low = certificate.statement.seq;
        self.state.stable = certificate;
        self.guard.settle(low);
        self.state.slots.settle(low);
        self.count_in_flight();
        self.state.checkpoints.retain(|seq, _| *seq > low);
        self.state.next_seq = self.state.next_seq.max(low.saturating_add(1));
        self.forget_payloads();
    }

    /// Notes anew what has a slot.
    pub(super) fn count_in_flight(&mut self) {
        let proposed = |(_, slot): (u64, &Slot)| slot.proposed.map(|(digest, _)| digest);
        self.state.in_flight = self.state.slots.iter().filter_map(proposed).collect();
    }

    /// Keeps the proposals that wait or are in a slot.
    fn forget_payloads(&mut self) {
        let state = &mut self.state;
        let in_slots = state.slots.iter().flat_map(|(_, slot)| {
            let prepared = slot.prepared.as_ref().map(|one| one.statement.digest);
            let proposed = slot.proposed.map(|(digest, _)| digest);
            [prepared, proposed].into_iter().flatten()
        });
        let mut kept: Vec<Digest> = in_slots.chain(state.pending.iter().copied()).collect();
        kept.sort_unstable();
        let is_kept = |digest: &Digest| kept.binary_search(digest).is_ok();
        state.payloads.retain(|digest, _| is_kept(digest));
    }

    /// Whether a decision of a slot is missing and near enough to be kept.
    pub(super) fn is_wanted(&self, seq: u64) -> bool {
        let executed = self.state.executed;
        seq > executed
            && seq - executed <= self.options.window
            && !self.state.decisions.contains_key(&seq)
    }

    /// A decision that someone hands over, and that is wanted.
    pub(super) fn on_decision(&mut self, decision: &Decision, effects: &mut Effects) {
        if self.has(Bug::TransferTrusted) || self.is_certified(&decision.certificate) {
            self.settle_slot(decision.clone(), effects);
        } else {
            self.dropped.unproven += 1;
        }
    }

    /// Says how far we are, and repeats what has not had its effect yet.
    pub(super) fn on_status_timer(&mut self, effects: &mut Effects) {
        self.state.answered = VoterSet::EMPTY;
        self.state.shown = VoterSet::EMPTY;
        self.state.fetches = 0;
        effects.timers.push(SetTimer {
            timer: Timer::Status,
            after: Some(self.options.status_interval),
        });
        if self.has(Bug::NothingSentAgain) {
            return;
        }
        let body = Body::Status {
            stable: self.low_watermark(),
        };
        let statement = Statement {
            kind: Kind::Status,
            view: self.state.view,
            seq: self.state.executed,
            digest: body.digest(),
        };
        self.send_remark(statement, body, None, effects);
        let waiting: Vec<Digest> = self.state.pending.iter().copied().collect();
        for digest in waiting.into_iter().take(REPEATED_REQUESTS_MAX) {
            self.send_request(digest, None, effects);
        }
        if self.state.phase == Phase::Changing {
            self.repeat_view_change(effects);
            return;
        }
        let missing: Vec<(u64, Digest)> = self
            .state
            .slots
            .iter()
            .filter_map(|(seq, slot)| slot.proposed.map(|(digest, _)| (seq, digest)))
            .filter(|(_, digest)| !self.holds(digest))
            .collect();
        for (seq, digest) in missing {
            self.fetch(seq, digest, effects);
        }
    }

    /// Gives a validator that lags what it lacks (TOCS '02, §5.2: status messages).
    pub(super) fn on_status(&mut self, message: &Message, effects: &mut Effects) {
        let Body::Status { stable } = message.body else {
            return;
        };
        let to = message.sender;
        let Statement { view, seq, .. } = message.statement;
        self.state.answered.insert(to);
        let is_silent = self.state.has_handed_over && self.has(Bug::SilentAfterHandover);
        if self.has(Bug::NothingSentAgain) || is_silent {
            return;
        }
        if view < self.state.view && self.state.phase == Phase::Normal {
            self.show_view(to, effects);
        }
        if stable < self.low_watermark() {
            send(Packet::Stable(self.state.stable.clone()), Some(to), effects);
        }
        if seq < self.state.executed {
            effects.sealed.actions.push(Action::Serve {
                to,
                first: seq + 1,
                count: (self.state.executed - seq).min(SERVE_MAX),
            });
        }
        self.repeat_checkpoints(stable, to, effects);
        if view == self.state.view && self.state.phase == Phase::Normal {
            self.repeat_votes(seq, to, effects);
        }
    }

    /// Our own CHECKPOINTs that the receiver has not seen become stable.
    fn repeat_checkpoints(&mut self, stable: u64, to: ValidatorId, effects: &mut Effects) {
        let me = self.options.me;
        let votes: Vec<(u64, Digest, crate::signature::Signature)> = self
            .state
            .checkpoints
            .range(stable.saturating_add(1)..)
            .filter_map(|(seq, votes)| {
                votes
                    .of(me)
                    .map(|(digest, signature)| (*seq, digest, signature))
            })
            .collect();
        for (seq, digest, signature) in votes {
            let statement = Statement {
                kind: Kind::Checkpoint,
                view: 0,
                seq,
                digest,
            };
            let message = self.message(statement, signature, Body::Empty);
            send(Packet::Signed(message), Some(to), effects);
        }
    }

    /// Our own PRE-PREPARE, PREPARE and COMMIT in slots that the receiver has not delivered.
    fn repeat_votes(&self, delivered: u64, to: ValidatorId, effects: &mut Effects) {
        let me = self.options.me;
        let slots = self.state.slots.after(delivered);
        for (seq, slot) in slots.take(RESEND_SLOTS_MAX) {
            let mut repeat = |kind, (digest, signature), body| {
                let statement = Statement {
                    kind,
                    view: self.state.view,
                    seq,
                    digest,
                };
                let message = self.message(statement, signature, body);
                send(Packet::Signed(message), Some(to), effects);
            };
            if let Some(proposed) = slot.proposed
                && self.is_primary()
            {
                let payload = self.state.payloads.get(&proposed.0).cloned();
                repeat(
                    Kind::PrePrepare,
                    proposed,
                    payload.map_or(Body::Empty, Body::Proposal),
                );
            }
            if let Some(prepare) = slot.prepares.of(me) {
                repeat(Kind::Prepare, prepare, Body::Empty);
            }
            if let Some(commit) = slot.commits.of(me) {
                repeat(Kind::Commit, commit, Body::Empty);
            }
        }
    }
}
