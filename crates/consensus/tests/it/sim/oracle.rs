//! What must hold, checked after every step from what is seen outside of the replicas.
//!
//! It shares no predicate with the code under test: quorums, tallies, chains and places are its own.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use claude_flow_consensus::{
    Body, Decision, Delivery, Digest, Domain, FaultProof, Handover, Kind, Message, Origin,
    PENDING_MAX, Proposal, Record, Roster, SignedBallot, Statement, Status, ValidatorId, Vote,
    tally, verify_certificate, verify_decision, verify_handover,
};

use super::group::Group;
use super::parcel::Parcel;

pub(crate) type Check = Result<(), String>;

/// Places are looked up at every step, and nobody in the simulation chooses them to collide.
type Places<K, V> = HashMap<K, V, BuildHasherDefault<Mixed>>;

#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Where an honest validator says one thing only: kind, view and slot.
type Place = (Kind, u64, u64);

/// What all nodes together have been seen to do.
pub(crate) struct Oracle {
    group: Rc<Group>,
    window: u64,
    liars: u64,
    /// How many of the schedule's proposals are submitted.
    submitted: u64,
    /// How many of those are not decided.
    pub(crate) undecided: usize,
    /// What was decided, from slot 1 on, and the chain's digest after it.
    pub(crate) decided: Vec<(Digest, Digest)>,
    /// What was committed to by honest validators, by view and slot.
    commits: Places<(u64, u64), Digest>,
    /// Proposals whose ballots were found to be genuine and to add up.
    proven: Vec<(Digest, Arc<Proposal>)>,
    /// Where the epoch begins.
    origin: Origin,
    interval: u64,
    /// The slot that ended the epoch, the last slot, and who goes on.
    end: Option<(u64, u64, Arc<Roster>)>,
}

/// What one node has been seen to do; it outlives crashes.
pub(crate) struct Seen {
    /// What the node delivered.
    pub(crate) delivered: Vec<Digest>,
    /// What it promised, over all of its lives: in the durable part of its log, and to others.
    promises: Places<Place, Promise>,
    /// Decisions in the durable part of its log.
    durable_decisions: u64,
    durable_view: u64,
    /// The latest view that it told others it leaves for.
    left_for: u64,
    read: usize,
    has_forgotten: bool,
}

struct Promise {
    durable: Vec<Statement>,
    sent: Option<Statement>,
}

fn place(statement: &Statement) -> Place {
    let Statement {
        kind, view, seq, ..
    } = *statement;
    match kind {
        Kind::ViewChange | Kind::NewView => (kind, view, 0),
        _ => (kind, view, seq),
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            delivered: Vec::with_capacity(16),
            promises: Places::with_capacity_and_hasher(100, BuildHasherDefault::default()),
            durable_decisions: 0,
            durable_view: 0,
            left_for: 0,
            read: 0,
            has_forgotten: false,
        }
    }
}

impl Seen {
    /// Reads the log as far as it is durable.
    pub(crate) fn sync(&mut self, log: &[Record]) {
        for record in log.get(self.read..).unwrap_or_default() {
            match record {
                Record::Promise(statement) | Record::Proposed(statement, ..) => {
                    self.promise(*statement);
                }
                Record::ViewChange(message) => {
                    self.durable_view = self.durable_view.max(message.statement.view);
                    self.promise(message.statement);
                }
                Record::NewView(message) => self.sync_new_view(message),
                Record::Decided(_) => self.durable_decisions += 1,
                Record::Ballot(..)
                | Record::Prepared(_)
                | Record::Stable(_)
                | Record::Forgotten { .. } => {}
            }
        }
        self.read = self.read.max(log.len());
    }

    /// The log of a driver that lost some of it is read as that driver reads it.
    pub(crate) fn lose(&mut self, log: &[Record]) {
        self.read = self.read.min(log.len());
    }

    /// The log ends earlier than it did. What was promised stays promised; the application begins
    /// anew where the log ends.
    pub(crate) fn forget(&mut self, log: &[Record]) {
        let decided = log.iter().filter(|it| matches!(it, Record::Decided(_)));
        let decided = decided.count();
        self.durable_decisions = decided as u64;
        self.delivered.truncate(decided);
        self.durable_view = 0;
        self.has_forgotten = true;
    }

    fn promise(&mut self, statement: Statement) {
        let promise = self
            .promises
            .entry(place(&statement))
            .or_insert_with(|| Promise {
                durable: Vec::new(),
                sent: None,
            });
        if !promise.durable.contains(&statement) {
            promise.durable.push(statement);
        }
    }

    fn sync_new_view(&mut self, message: &Message) {
        self.durable_view = self.durable_view.max(message.statement.view);
        self.promise(message.statement);
        let Body::NewView(body) = &message.body else {
            return;
        };
        let low = body.changes.iter().map(|change| change.statement.seq).max();
        for (seq, (digest, _)) in (low.unwrap_or_default() + 1..).zip(&body.proposals) {
            self.promise(Statement {
                kind: Kind::PrePrepare,
                view: message.statement.view,
                seq,
                digest: *digest,
            });
        }
    }
}

impl Oracle {
    pub(crate) fn new(
        group: Rc<Group>,
        origin: Origin,
        (window, interval): (u64, u64),
        liars: u64,
    ) -> Self {
        Self {
            group,
            window,
            liars,
            submitted: 0,
            undecided: 0,
            decided: Vec::with_capacity(16),
            commits: Places::with_capacity_and_hasher(50, BuildHasherDefault::default()),
            proven: Vec::with_capacity(16),
            origin,
            interval,
            end: None,
        }
    }

    /// Someone hands in the schedule's proposal of this number.
    pub(crate) fn on_submit(&mut self, number: usize) {
        if self.submitted >> number & 1 == 0 {
            self.submitted |= 1 << number;
            let digest = self.group.proposals[number].0;
            self.undecided += usize::from(self.decided.iter().all(|(other, _)| *other != digest));
        }
    }

    fn chain_at(&self, seq: u64) -> Option<Digest> {
        match seq.checked_sub(self.origin.seq)? {
            0 => Some(self.origin.chain),
            count => self.decided.get(count as usize - 1).map(|it| it.1),
        }
    }

    /// What a CHECKPOINT of a slot names: that of the last one names the next roster.
    fn checkpoint_at(&self, seq: u64) -> Option<Digest> {
        let chain = self.chain_at(seq)?;
        let Some((_, _, next)) = self.end.as_ref().filter(|end| end.1 == seq) else {
            return Some(chain);
        };
        let mut named = chain.as_bytes().to_vec();
        named.extend(seq.to_le_bytes());
        named.extend(next.digest().as_bytes());
        Some(Digest::of(Domain::Handover, &named))
    }

    /// An honest node sends a packet.
    pub(crate) fn on_send(
        &mut self,
        node: u32,
        seen: &mut Seen,
        stable: u64,
        parcel: &Parcel,
    ) -> Check {
        // The kind decides whether there is anything to look at.
        let Some(message) = parcel.message().filter(|_| parcel.tag() <= 6) else {
            let parsed = parcel.parsed();
            let what = || format!("node {node} sent what nobody can read");
            return parsed.map(|_| ()).ok_or_else(what);
        };
        let statement = message.statement;
        let Statement {
            kind, view, seq, ..
        } = statement;
        // Showing another's NEW-VIEW is no promise.
        if kind == Kind::NewView && message.sender.0 != node {
            return Ok(());
        }
        let promise = seen.promises.get_mut(&place(&statement));
        let promise = promise.filter(|it| it.durable.contains(&statement));
        let Some(promise) = promise.filter(|_| message.sender.0 == node) else {
            return Err(format!(
                "node {node} sent {statement:?} before it was durable"
            ));
        };
        let is_repeated = promise.sent.is_some();
        let given = *promise.sent.get_or_insert(statement);
        if given != statement {
            return Err(format!("node {node} promised {given:?} and {statement:?}"));
        }
        if kind == Kind::ViewChange {
            seen.left_for = seen.left_for.max(view);
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
        if let Some((change, end, _)) = self.end
            && is_vote
            && seq > end
            && seen.delivered.len() as u64 + self.origin.seq >= change
        {
            return Err(format!("node {node} votes on slot {seq} behind the end"));
        }
        // Repeated votes of the view that it is in are not late. Who has forgotten that it left may
        // repeat what it said before it left.
        if is_vote && seen.left_for > view && !(seen.has_forgotten && is_repeated) {
            let later = seen.left_for;
            return Err(format!(
                "node {node} said {statement:?} after leaving for view {later}"
            ));
        }
        if kind == Kind::Checkpoint
            && self
                .checkpoint_at(seq)
                .is_none_or(|it| it != statement.digest)
        {
            return Err(format!("node {node} has a false checkpoint of slot {seq}"));
        }
        Ok(())
    }

    /// An honest node delivers a decision.
    pub(crate) fn on_deliver(&mut self, node: u32, seen: &mut Seen, delivery: &Delivery) -> Check {
        let digest = delivery.decision.certificate.statement.digest;
        let earlier = seen
            .delivered
            .iter()
            .position(|it| *it == digest && *it != Digest::NULL);
        let first = self.origin.seq + 1;
        if earlier.map(|index| index as u64 + first) != delivery.repeats {
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
        let expected = self.origin.seq + seen.delivered.len() as u64 + 1;
        if seq != expected {
            return Err(format!("node {node} delivered slot {seq}, not {expected}"));
        }
        if self.end.as_ref().is_some_and(|end| seq > end.1) {
            return Err(format!("slot {seq} is decided behind the end of its epoch"));
        }
        if self.origin.seq + seen.durable_decisions < seq {
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
            None => self.extend(seq, decision)?,
        }
        seen.delivered.push(digest);
        self.check_certificate(decision)
    }

    fn extend(&mut self, seq: u64, decision: &Decision) -> Check {
        let digest = decision.certificate.statement.digest;
        let before = self.chain_at(seq - 1).ok_or("a slot is missing")?;
        let mut link = [0; 72];
        link[..32].copy_from_slice(before.as_bytes());
        link[32..40].copy_from_slice(&seq.to_le_bytes());
        link[40..].copy_from_slice(digest.as_bytes());
        let is_new = self.decided.iter().all(|(other, _)| *other != digest);
        let known = self.group.proposals.iter().position(|it| it.0 == digest);
        if is_new && known.is_some_and(|number| self.submitted >> number & 1 == 1) {
            self.undecided -= 1;
        }
        self.decided
            .push((digest, Digest::of(Domain::Chain, &link)));
        let change = decision.proposal.as_ref();
        let change = change.filter(|it| self.end.is_none() && self.is_approved(it));
        if let Some(next) = change.and_then(|it| it.next.clone()) {
            let before = (seq - 1) - (seq - 1) % self.interval;
            let mut last = before.max(self.origin.seq) + self.window;
            while last % self.interval > 0 {
                last += 1;
            }
            self.end = Some((seq, last, next));
        }
        Ok(())
    }

    fn is_approved(&self, proposal: &Proposal) -> bool {
        let committee = self.group.roster.committee();
        let quarters: u32 = proposal.ballots.iter().map(worth).sum();
        quarters >= 4 * (committee.n() - committee.f())
    }

    /// An honest node hands over to the next roster.
    pub(crate) fn on_hand_over(&self, node: u32, seen: &Seen, handover: &Handover) -> Check {
        let Some((_, last, next)) = &self.end else {
            return Err(format!("node {node} ends an epoch that goes on"));
        };
        let bytes = handover.encode(&self.group.roster.digest());
        let (origin, roster) = verify_handover(&self.group.roster, &*self.group.verifier, &bytes)
            .map_err(|error| format!("a handover does not verify: {error}"))?;
        let count = self.origin.seq + seen.delivered.len() as u64;
        if (origin.seq, count) != (*last, *last) {
            return Err(format!(
                "node {node} hands over at slot {} with {count} delivered, not {last}",
                origin.seq
            ));
        }
        if roster != **next || Some(origin.chain) != self.checkpoint_at(*last) {
            return Err(format!("node {node} hands over something else"));
        }
        Ok(())
    }

    /// Whether what is submitted here can still be decided.
    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn has_decided(&self, number: usize) -> bool {
        let digest = self.group.proposals[number].0;
        self.decided.iter().any(|(other, _)| *other == digest)
    }

    /// Every decision is proven, its ballots were cast, and they add up.
    fn check_certificate(&mut self, decision: &Decision) -> Check {
        let roster = &self.group.roster;
        let bytes = decision.certificate.encode(&roster.digest());
        let digest = decision.certificate.statement.digest;
        let certified = verify_certificate(roster, &*self.group.verifier, &bytes)
            .map_err(|error| format!("a certificate does not verify: {error}"))?;
        if certified.digest != digest {
            return Err(format!("slot {} is proven for another", certified.seq));
        }
        let Some(proposal) = &decision.proposal else {
            if digest != Digest::NULL {
                return Err("a decision lacks its proposal".to_owned());
            }
            return Ok(());
        };
        // Each node's certificate is its own; what it is for is the same for all.
        let mut proven = self.proven.iter();
        if proven.any(|(other, same)| *other == digest && same == proposal) {
            return Ok(());
        }
        let (_, tally) = verify_decision(roster, &*self.group.verifier, &bytes, &proposal.encode())
            .map_err(|error| format!("a decision does not verify: {error}"))?;
        let quarters: u32 = proposal.ballots.iter().map(worth).sum();
        if tally.score.quarters() != quarters {
            return Err(format!("slot {} does not add up", certified.seq));
        }
        self.check_ballots(proposal)?;
        self.proven.push((digest, Arc::clone(proposal)));
        Ok(())
    }

    /// A liar can leave ballots out, but neither change one nor raise the verdict so.
    fn check_ballots(&self, proposal: &Proposal) -> Check {
        let all = self.group.proposals.iter().map(|it| &it.1);
        let mut submitted = (0..)
            .zip(all)
            .filter(|(number, _)| self.submitted >> *number & 1 == 1);
        let cast = submitted.find(|(_, other)| other.subject == proposal.subject);
        let Some((_, cast)) = cast else {
            return Err("ballots on what nobody submitted are decided".to_owned());
        };
        for signed in &proposal.ballots {
            let is_liar = self.liars >> signed.validator.0 & 1 == 1;
            if !is_liar && !cast.ballots.contains(signed) {
                return Err(format!("validator {} never cast this", signed.validator));
            }
        }
        let is_honest = |signed: &&SignedBallot| self.liars >> signed.validator.0 & 1 == 0;
        let ballots = |from: &Proposal| -> Vec<SignedBallot> {
            from.ballots.iter().filter(is_honest).copied().collect()
        };
        let roster = &self.group.roster;
        let [told, whole] = [ballots(proposal), ballots(cast)].map(|it| tally(roster, &it));
        if told.score > whole.score || told.verdict > whole.verdict {
            return Err("leaving ballots out has raised the verdict".to_owned());
        }
        Ok(())
    }

    /// An honest node accuses someone.
    pub(crate) fn on_accuse(&self, proof: &FaultProof) -> Check {
        let ValidatorId(accused) = proof.accused;
        if self.liars >> accused & 1 == 0 {
            return Err(format!("honest validator {accused} is accused"));
        }
        if !proof.is_valid(&self.group.roster, &*self.group.verifier) {
            return Err(format!("validator {accused} is accused without proof"));
        }
        Ok(())
    }

    /// An honest node has come back from its log.
    pub(crate) fn on_restart(&self, node: u32, seen: &Seen, status: &Status) -> Check {
        if status.executed != self.origin.seq + seen.durable_decisions {
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
        if status.executed != self.origin.seq + seen.delivered.len() as u64 {
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
        let n = u64::from(self.group.roster.committee().n());
        // Slots, decisions and payloads of up to three windows, and what waits.
        let most = 8 * self.window + n + PENDING_MAX as u64;
        if status.held as u64 > most {
            return Err(format!("node {node} holds {} things", status.held));
        }
        Ok(())
    }
}

fn worth(signed: &SignedBallot) -> u32 {
    match signed.ballot.vote {
        Vote::Pass => 4,
        Vote::Partial => 1,
        Vote::Fail => 0,
    }
}
