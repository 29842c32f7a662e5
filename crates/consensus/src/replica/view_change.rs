//! Leaving a view whose primary fails, and entering the next (OSDI '99, §4.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Phase, Replica, send};
use crate::digest::Digest;
use crate::effects::{Effects, Record};
use crate::message::{Body, Certificate, Kind, Message, NewView, Packet, Statement, ViewChange};
use crate::plant::Bug;
use crate::quorum::{ValidatorId, VoterSet};

/// What a set V of VIEW-CHANGEs asks a new view to begin with.
struct Plan {
    /// The latest stable checkpoint in V; min-s is its slot.
    stable: Certificate,
    /// The digests of O, for min-s + 1 to max-s.
    digests: Vec<Digest>,
}

impl Plan {
    /// OSDI '99, §4.4: min-s is the latest stable checkpoint in V, max-s the highest prepared slot
    /// in V. For each slot between: (1) the proposal that was prepared in the latest view, or
    /// (2) a null request where none was.
    fn of(changes: &[Message], earliest_wins: bool, gaps_stay: bool) -> Self {
        let bodies = || changes.iter().filter_map(change_body);
        let stable = bodies()
            .map(|body| &body.stable)
            .max_by_key(|stable| stable.statement.seq)
            .cloned()
            .unwrap_or_else(Certificate::genesis);
        let min_s = stable.statement.seq;
        let mut chosen: BTreeMap<u64, Statement> = BTreeMap::new();
        for prepared in bodies().flat_map(|body| &body.prepared) {
            let next = prepared.statement;
            if next.seq <= min_s {
                continue;
            }
            let best = chosen.entry(next.seq).or_insert(next);
            if (next.view > best.view) != earliest_wins && next.view != best.view {
                *best = next;
            }
        }
        let max_s = chosen.last_key_value().map_or(min_s, |(seq, _)| *seq);
        let digests = (min_s + 1..=max_s)
            .filter(|seq| !gaps_stay || chosen.contains_key(seq))
            .map(|seq| chosen.get(&seq).map_or(Digest::NULL, |it| it.digest))
            .collect();
        Self { stable, digests }
    }
}

fn change_body(message: &Message) -> Option<&ViewChange> {
    match &message.body {
        Body::ViewChange(body) => Some(body),
        _ => None,
    }
}

impl Replica {
    /// ⟨VIEW-CHANGE, v + 1, n, C, P, i⟩; from now on nothing is said in earlier views.
    pub(super) fn start_view_change(&mut self, view: u64, effects: &mut Effects) {
        let mut prepared = Vec::new();
        if !self.has(Bug::NoPreparedCertificates) {
            let slots = self.state.slots.iter();
            prepared.extend(slots.filter_map(|(_, slot)| slot.prepared.clone()));
        }
        let body = Body::ViewChange(Arc::new(ViewChange {
            stable: self.state.stable.clone(),
            prepared,
        }));
        let statement = Statement {
            kind: Kind::ViewChange,
            view,
            seq: self.low_watermark(),
            digest: body.digest(),
        };
        let Some(promised) = self.promise(statement) else {
            return;
        };
        let message = self.message(statement, promised.signature, body);
        if promised.is_new {
            self.record(Record::ViewChange(message.clone()), effects);
        }
        self.leave_for(view, message);
        self.set_progress_timer(None, effects);
        self.repeat_view_change(effects);
        self.after_view_change(effects);
    }

    /// The part of [`start_view_change`](Self::start_view_change) that a restart repeats.
    pub(super) fn leave_for(&mut self, view: u64, message: Message) {
        self.state.view = view;
        self.state.phase = Phase::Changing;
        self.state.new_view = None;
        // What waits in a slot of the old view must not be voted on in the new one.
        for slot in self.state.slots.values_mut() {
            slot.leave_view();
        }
        self.state.changes.insert(self.options.me, message);
        self.state
            .changes
            .retain(|_, change| change.statement.view >= view);
    }

    pub(super) fn repeat_view_change(&self, effects: &mut Effects) {
        if let Some(message) = self.state.changes.get(&self.options.me) {
            send(Packet::Signed(message.clone()), None, effects);
        }
    }

    /// Shows the NEW-VIEW of our view to someone who has not heard of it.
    pub(super) fn show_view(&self, to: ValidatorId, effects: &mut Effects) {
        if let Some(message) = &self.state.new_view
            && !self.has(Bug::NothingSentAgain)
        {
            send(Packet::Signed(message.clone()), Some(to), effects);
        }
    }

    /// The signature and the use are checked already.
    pub(super) fn on_view_change(&mut self, message: &Message, effects: &mut Effects) {
        if !self.is_proven_change(message) {
            self.dropped.unproven += 1;
            return;
        }
        self.state.changes.insert(message.sender, message.clone());
        // §4.5.2: f + 1 VIEW-CHANGEs for later views are followed to the earliest of them.
        let later = |change: &&Message| change.statement.view > self.state.view;
        let voters: VoterSet = self.changes(later).map(|change| change.sender).collect();
        let earliest = self
            .changes(later)
            .map(|change| change.statement.view)
            .min();
        if self.options.roster.weak().is_reached(voters)
            && let Some(view) = earliest
        {
            self.start_view_change(view, effects);
        } else {
            self.after_view_change(effects);
        }
    }

    fn changes(&self, which: impl Fn(&&Message) -> bool) -> impl Iterator<Item = &Message> {
        self.state.changes.values().filter(which)
    }

    /// Whether C and P hold.
    fn is_proven_change(&self, message: &Message) -> bool {
        let Some(body) = change_body(message) else {
            return false;
        };
        let low = body.stable.statement.seq;
        message.statement.seq == low
            && (self.has(Bug::ViewChangeTrusted)
                || self.is_certified(&body.stable)
                    && body.prepared.iter().all(|prepared| {
                        let Statement { view, seq, .. } = prepared.statement;
                        view < message.statement.view
                            && seq > low
                            && seq - low <= self.options.window
                            && self.is_certified(prepared)
                    }))
    }

    /// Starts the timer, or the view, once enough others want it.
    fn after_view_change(&mut self, effects: &mut Effects) {
        if self.state.phase != Phase::Changing {
            return;
        }
        let view = self.state.view;
        let waiting: VoterSet = self
            .changes(|change| change.statement.view >= view)
            .map(|change| change.sender)
            .collect();
        // §4.5.2: the timer starts with a quorum of VIEW-CHANGEs and doubles with every view.
        if self.quorum().is_reached(waiting) && !self.state.is_timer_running {
            self.set_progress_timer(Some(self.progress_timeout()), effects);
        }
        if !self.is_primary() {
            return;
        }
        let mut changes: Vec<Message> = self
            .changes(|change| change.statement.view == view)
            .cloned()
            .collect();
        let enough = if self.has(Bug::NewViewOfWeakQuorum) {
            self.options.roster.weak().votes()
        } else {
            self.quorum().votes()
        };
        if changes.len() >= enough as usize {
            changes.truncate(enough as usize);
            self.start_view(changes, effects);
        }
    }

    fn plan(&self, changes: &[Message]) -> Plan {
        let (earliest, gaps) = (Bug::EarliestViewWins, Bug::GapsNotFilled);
        Plan::of(changes, self.has(earliest), self.has(gaps))
    }

    /// ⟨NEW-VIEW, v + 1, V, O⟩ by the view's primary.
    fn start_view(&mut self, changes: Vec<Message>, effects: &mut Effects) {
        let view = self.state.view;
        let plan = self.plan(&changes);
        let low = plan.stable.statement.seq;
        let mut proposals = Vec::with_capacity(plan.digests.len());
        for (seq, digest) in (low + 1..).zip(plan.digests) {
            let statement = Statement {
                kind: Kind::PrePrepare,
                view,
                seq,
                digest,
            };
            // Slots that our own checkpoint covers are decided; the signature is for the others.
            let Some(signature) = self.sign_proposal(statement) else {
                return;
            };
            proposals.push((digest, signature));
        }
        let body = Body::NewView(Arc::new(NewView { changes, proposals }));
        let statement = Statement {
            kind: Kind::NewView,
            view,
            seq: 0,
            digest: body.digest(),
        };
        let Some(promised) = self.promise(statement) else {
            return;
        };
        let message = self.message(statement, promised.signature, body);
        send(Packet::Signed(message.clone()), None, effects);
        self.enter_view(&message, effects);
    }

    fn sign_proposal(&mut self, statement: Statement) -> Option<crate::signature::Signature> {
        self.promise(statement).map(|promised| promised.signature)
    }

    /// The signature and the use are checked already.
    pub(super) fn on_new_view(&mut self, message: &Message, effects: &mut Effects) {
        if self.has(Bug::NewViewTrusted) || self.is_proven_view(message) {
            self.enter_view(message, effects);
        } else {
            self.dropped.unproven += 1;
        }
    }

    /// "It contains a valid NEW-VIEW: V is valid for view v + 1 and O is correct", which is seen by
    /// computing it again.
    fn is_proven_view(&self, message: &Message) -> bool {
        let Body::NewView(body) = &message.body else {
            return false;
        };
        let view = message.statement.view;
        let voters: VoterSet = body.changes.iter().map(|change| change.sender).collect();
        let enough = self.quorum().is_reached(voters)
            || self.has(Bug::NewViewOfWeakQuorum) && self.options.roster.weak().is_reached(voters);
        let are_changes_good = body.changes.iter().all(|change| {
            // What came on its own and is verified need not be verified again.
            self.state.changes.get(&change.sender) == Some(change)
                || self.options.roster.contains(change.sender)
                    && change.statement.view == view
                    && self.has_said(change.sender, change.statement, &change.signature)
                    && self.is_proven_change(change)
        });
        let is_for_view = body
            .changes
            .iter()
            .all(|change| change.statement.view == view);
        if !enough || !is_for_view || !are_changes_good {
            return false;
        }
        let plan = self.plan(&body.changes);
        let low = plan.stable.statement.seq;
        plan.digests.len() == body.proposals.len()
            && (low + 1..)
                .zip(plan.digests.iter().zip(&body.proposals))
                .all(|(seq, (wanted, (digest, signature)))| {
                    let statement = Statement {
                        kind: Kind::PrePrepare,
                        view,
                        seq,
                        digest: *digest,
                    };
                    wanted == digest && self.has_said(message.sender, statement, signature)
                })
    }

    /// Enters a proven view: O takes its slots as if it came in PRE-PREPAREs.
    fn enter_view(&mut self, message: &Message, effects: &mut Effects) {
        self.record(Record::NewView(message.clone()), effects);
        let stable = self.adopt_view(message.clone());
        self.stabilise(stable, effects);
        self.set_progress_timer(None, effects);
        let low = self.place_proposals(message, effects);
        let max_s = low.saturating_add(proposal_count(message));
        self.state.next_seq = max_s.max(self.low_watermark()).saturating_add(1);
        self.propose(effects);
        self.watch_progress(false, effects);
    }

    /// The part of [`enter_view`](Self::enter_view) that a restart repeats; gives min-s's proof.
    pub(super) fn adopt_view(&mut self, message: Message) -> Certificate {
        let view = message.statement.view;
        let stable = match &message.body {
            Body::NewView(body) => self.plan(&body.changes).stable,
            _ => Certificate::genesis(),
        };
        self.guard.enter(view);
        self.state.view = view;
        self.state.phase = Phase::Normal;
        self.state.new_view = Some(message);
        self.state
            .changes
            .retain(|_, change| change.statement.view > view);
        self.state.in_flight.clear();
        let forgets = self.has(Bug::PreparedForgottenOnEntry);
        for slot in self.state.slots.values_mut() {
            slot.leave_view();
            if forgets {
                slot.prepared = None;
            }
        }
        stable
    }

    /// Gives min-s.
    fn place_proposals(&mut self, message: &Message, effects: &mut Effects) -> u64 {
        let proposals = self.proposals_of(message);
        for (seq, digest, signature) in &proposals.1 {
            self.place(*seq, *digest, *signature, effects);
        }
        proposals.0
    }

    /// min-s, and the PRE-PREPAREs of a NEW-VIEW that lie between our watermarks.
    pub(super) fn proposals_of(
        &self,
        message: &Message,
    ) -> (u64, Vec<(u64, Digest, crate::signature::Signature)>) {
        let Body::NewView(body) = &message.body else {
            return (0, Vec::new());
        };
        let low = self.plan(&body.changes).stable.statement.seq;
        let all = (low.saturating_add(1)..).zip(&body.proposals);
        let inside = all
            .filter(|(seq, _)| self.is_in_window(*seq))
            .map(|(seq, (digest, signature))| (seq, *digest, *signature));
        (low, inside.collect())
    }
}

fn proposal_count(message: &Message) -> u64 {
    match &message.body {
        Body::NewView(body) => body.proposals.len() as u64,
        _ => 0,
    }
}
