//! What must hold, checked after every step from what is seen outside of the replicas.
//!
//! It shares no predicate with the code under test: quorums, tallies, chains and places are its own.

use std::collections::{BTreeMap, BTreeSet};

use claude_flow_consensus::{
    Body, Decision, Delivery, Digest, Domain, FaultProof, Kind, Message, Packet, Record, Roster,
    Statement, Status, ValidatorId, Vote, verify_certificate, verify_decision,
};

use super::seals::Seals;

pub(crate) type Check = Result<(), String>;

/// What all nodes together have been seen to do.
pub(crate) struct Oracle {
    roster: Roster,
    seals: Seals,
    window: u64,
    liars: Vec<u32>,
    /// Proposals that someone submitted.
    pub(crate) submitted: BTreeSet<Digest>,
    /// What was decided, from slot 1 on, and the chain's digest after it.
    pub(crate) decided: Vec<(Digest, Digest)>,
    /// Everything that an honest validator ever promised, over all of its lives.
    promises: BTreeMap<(u32, Kind, u64, u64), Statement>,
    /// What was committed to by honest validators, by view and slot.
    commits: BTreeMap<(u64, u64), Digest>,
}

/// What one node has been seen to do; it outlives crashes.
#[derive(Default)]
pub(crate) struct Seen {
    /// What the node delivered.
    pub(crate) delivered: Vec<Digest>,
    /// Promises in the durable part of its log.
    durable: BTreeSet<Statement>,
    /// Decisions in the durable part of its log.
    durable_decisions: u64,
    durable_view: u64,
    read: usize,
}

impl Seen {
    /// Reads the log as far as it is durable.
    pub(crate) fn sync(&mut self, log: &[Record]) {
        for record in &log[self.read..] {
            match record {
                Record::Promise(statement) | Record::Proposed(statement, ..) => {
                    self.durable.insert(*statement);
                }
                Record::ViewChange(message) => {
                    self.durable_view = self.durable_view.max(message.statement.view);
                    self.durable.insert(message.statement);
                }
                Record::NewView(message) => self.sync_new_view(message),
                Record::Decided(_) => self.durable_decisions += 1,
                Record::Ballot(..)
                | Record::Prepared(_)
                | Record::Stable(_)
                | Record::Forgotten { .. } => {}
            }
        }
        self.read = log.len();
    }

    fn sync_new_view(&mut self, message: &Message) {
        self.durable_view = self.durable_view.max(message.statement.view);
        self.durable.insert(message.statement);
        let Body::NewView(body) = &message.body else {
            return;
        };
        let low = body.changes.iter().map(|change| change.statement.seq).max();
        for (seq, (digest, _)) in (low.unwrap_or_default() + 1..).zip(&body.proposals) {
            self.durable.insert(Statement {
                kind: Kind::PrePrepare,
                view: message.statement.view,
                seq,
                digest: *digest,
            });
        }
    }
}

impl Oracle {
    pub(crate) fn new(roster: Roster, window: u64, liars: Vec<u32>) -> Self {
        Self {
            seals: Seals {
                n: roster.committee().n(),
            },
            roster,
            window,
            liars,
            submitted: BTreeSet::new(),
            decided: Vec::new(),
            promises: BTreeMap::new(),
            commits: BTreeMap::new(),
        }
    }

    fn chain_at(&self, seq: u64) -> Option<Digest> {
        match seq.checked_sub(1) {
            None => Some(Digest::of(Domain::Chain, &[])),
            Some(index) => self
                .decided
                .get(usize::try_from(index).ok()?)
                .map(|it| it.1),
        }
    }

    /// An honest node sends a packet.
    pub(crate) fn on_send(&mut self, node: u32, seen: &Seen, stable: u64, bytes: &[u8]) -> Check {
        // The kind decides whether there is anything to look at.
        if !matches!(bytes.get(1), Some(1..=6)) {
            return Ok(());
        }
        let packet = Packet::decode(bytes);
        let Ok(Packet::Signed(message)) = packet else {
            return Err(format!("node {node} sent what nobody can read: {packet:?}"));
        };
        let Statement {
            kind, view, seq, ..
        } = message.statement;
        let statement = message.statement;
        if message.sender.0 != node || !seen.durable.contains(&statement) {
            // Showing another's NEW-VIEW is no promise.
            if kind == Kind::NewView && message.sender.0 != node {
                return Ok(());
            }
            return Err(format!(
                "node {node} sent {statement:?} before it was durable"
            ));
        }
        let slot = if matches!(kind, Kind::ViewChange | Kind::NewView) {
            0
        } else {
            seq
        };
        let given = self
            .promises
            .entry((node, kind, view, slot))
            .or_insert(statement);
        if *given != statement {
            return Err(format!("node {node} promised {given:?} and {statement:?}"));
        }
        if kind == Kind::Commit {
            let given = self.commits.entry((view, seq)).or_insert(statement.digest);
            if *given != statement.digest {
                return Err(format!(
                    "slot {seq} is prepared with two digests in view {view}"
                ));
            }
        }
        let is_vote = matches!(kind, Kind::PrePrepare | Kind::Prepare | Kind::Commit);
        if is_vote && seq > stable + self.window {
            return Err(format!("node {node} votes on slot {seq} above its window"));
        }
        if is_vote && let Some(later) = self.left_for(node, view) {
            return Err(format!(
                "node {node} said {statement:?} after leaving for view {later}"
            ));
        }
        if kind == Kind::Checkpoint && self.chain_at(seq).is_none_or(|it| it != statement.digest) {
            return Err(format!("node {node} has a false checkpoint of slot {seq}"));
        }
        Ok(())
    }

    /// A later view that a node has left for. Repeated votes of the view that it is in are not late.
    fn left_for(&self, node: u32, view: u64) -> Option<u64> {
        let later = (node, Kind::ViewChange, view + 1, 0)..=(node, Kind::ViewChange, u64::MAX, 0);
        self.promises
            .range(later)
            .next()
            .map(|((_, _, view, _), _)| *view)
    }

    /// An honest node delivers a decision.
    pub(crate) fn on_deliver(&mut self, node: u32, seen: &mut Seen, delivery: &Delivery) -> Check {
        let digest = delivery.decision.certificate.statement.digest;
        let earlier = seen
            .delivered
            .iter()
            .position(|it| *it == digest && *it != Digest::NULL);
        if earlier.map(|index| index as u64 + 1) != delivery.repeats {
            return Err(format!(
                "node {node} does not know that {digest:?} repeats {earlier:?}"
            ));
        }
        self.on_decision(node, seen, &delivery.decision)
    }

    /// An honest node delivers a decision, or its application finds it in the log.
    pub(crate) fn on_decision(&mut self, node: u32, seen: &mut Seen, decision: &Decision) -> Check {
        let statement = decision.certificate.statement;
        let (seq, digest) = (statement.seq, statement.digest);
        let expected = seen.delivered.len() as u64 + 1;
        if seq != expected {
            return Err(format!("node {node} delivered slot {seq}, not {expected}"));
        }
        if seen.durable_decisions < seq {
            return Err(format!(
                "node {node} delivered slot {seq} before it was durable"
            ));
        }
        let index = seen.delivered.len();
        match self.decided.get(index) {
            Some((other, _)) if *other != digest => {
                return Err(format!(
                    "slot {seq} is decided as {other:?} and as {digest:?}"
                ));
            }
            Some(_) => {}
            None => {
                let before = self.chain_at(seq - 1).ok_or("a slot is missing")?;
                let link = [
                    before.as_bytes().as_slice(),
                    &seq.to_le_bytes(),
                    digest.as_bytes(),
                ];
                self.decided
                    .push((digest, Digest::of(Domain::Chain, &link.concat())));
            }
        }
        seen.delivered.push(digest);
        self.check_certificate(decision)
    }

    /// Every decision is proven, was submitted, and its ballots add up.
    fn check_certificate(&self, decision: &Decision) -> Check {
        let bytes = decision.certificate.encode(&self.roster.digest());
        let digest = decision.certificate.statement.digest;
        let Some(proposal) = &decision.proposal else {
            if digest != Digest::NULL {
                return Err("a decision lacks its proposal".to_owned());
            }
            return verify_certificate(&self.roster, &self.seals, &bytes)
                .map(|_| ())
                .map_err(|error| format!("a certificate does not verify: {error}"));
        };
        if !self.submitted.contains(&digest) {
            return Err(format!("{digest:?} is decided and was never submitted"));
        }
        let (certified, tally) =
            verify_decision(&self.roster, &self.seals, &bytes, &proposal.encode())
                .map_err(|error| format!("a decision does not verify: {error}"))?;
        let quarters: u32 = proposal
            .ballots
            .iter()
            .map(|signed| match signed.ballot.vote {
                Vote::Pass => 4,
                Vote::Partial => 1,
                Vote::Fail => 0,
            })
            .sum();
        if certified.digest != digest || tally.score.quarters() != quarters {
            return Err(format!("slot {} does not add up", certified.seq));
        }
        Ok(())
    }

    /// An honest node accuses someone.
    pub(crate) fn on_accuse(&self, proof: &FaultProof) -> Check {
        let ValidatorId(accused) = proof.accused;
        if !self.liars.contains(&accused) {
            return Err(format!("honest validator {accused} is accused"));
        }
        if !proof.is_valid(&self.roster, &self.seals) {
            return Err(format!("validator {accused} is accused without proof"));
        }
        Ok(())
    }

    /// An honest node has come back from its log.
    pub(crate) fn on_restart(node: u32, seen: &Seen, status: &Status) -> Check {
        if status.executed != seen.durable_decisions {
            return Err(format!(
                "node {node} came back at slot {} with {} in its log",
                status.executed, seen.durable_decisions
            ));
        }
        if status.view < seen.durable_view {
            return Err(format!("node {node} came back in view {}", status.view));
        }
        Ok(())
    }

    /// An honest node has nothing in hand that is not yet done.
    pub(crate) fn on_rest(&self, node: u32, seen: &Seen, status: &Status) -> Check {
        if status.executed != seen.delivered.len() as u64 {
            return Err(format!(
                "node {node} is at slot {} and delivered otherwise",
                status.executed
            ));
        }
        if self.chain_at(status.executed) != Some(status.chain) {
            return Err(format!(
                "node {node} has a false chain at slot {}",
                status.executed
            ));
        }
        let n = u64::from(self.roster.committee().n());
        // Slots, decisions and payloads of up to three windows, and what waits.
        let most = 8 * self.window + n + claude_flow_consensus::PENDING_MAX as u64;
        if status.held as u64 > most {
            return Err(format!("node {node} holds {} things", status.held));
        }
        Ok(())
    }
}
