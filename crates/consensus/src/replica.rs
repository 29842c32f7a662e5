//! One validator's part in the agreement.

mod checkpoint;
mod epoch;
mod normal;
mod recovery;
mod slot;
mod view_change;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::ballot::{Ballot, Proposal, SignedBallot};
use crate::digest::Digest;
use crate::effects::{Action, Effects, Lsn, Record, SetTimer, Timer};
use crate::error::OptionsError;
use crate::guard::Guard;
use crate::handover::Origin;
use crate::message::{
    Body, Certificate, Decision, FaultProof, Kind, Message, Packet, Parsed, Statement,
};
use crate::plant::Bug;
use crate::quorum::{AgreementQuorum, ValidatorId, VoterSet};
use crate::roster::Roster;
use crate::signature::{Signature, Signer, Verifier};
use crate::wire::{Header, WINDOW_MAX, peek_certified, peek_message};
use epoch::Ending;
use slot::{Slot, Slots, Votes};

/// How far back a repeated proposal is told from a new one.
pub const REPEAT_SLOTS: u64 = 512;

/// How many proposals may wait for a slot.
pub const PENDING_MAX: usize = 256;

/// How many decisions a validator that lags is sent for one STATUS.
pub const SERVE_MAX: u64 = 32;

/// How many slots' votes are sent again for one STATUS.
pub const RESEND_SLOTS_MAX: usize = 32;

/// How many waiting proposals are sent again at one status timer.
const REPEATED_REQUESTS_MAX: usize = 2;

/// How many FETCH messages are answered between two status timers.
const FETCHES_MAX: u32 = 256;

/// How often the progress time-out is doubled at most.
const DOUBLINGS_MAX: u32 = 10;

/// One validator's part in the agreement, as a state machine.
///
/// [`step`](Self::step) takes an input and returns effects. It reads no clock, draws no random
/// number and waits for nothing, so that the same inputs give the same effects.
///
/// # Guarantees
///
/// - Total: any bytes may come in; what is not good is counted and dropped.
/// - Bounded: votes for one window of slots, one VIEW-CHANGE per validator, [`PENDING_MAX`]
///   proposals that wait.
/// - Every promise is in [`Effects::records`] before an action that shows it can be opened.
///
/// # Source
///
/// Castro & Liskov, "Practical Byzantine Fault Tolerance", OSDI '99, and "Practical Byzantine Fault
/// Tolerance and Proactive Recovery", TOCS '02. Deviations:
///
/// - Quorums are `⌈(n + f + 1) / 2⌉` and not `2f + 1`, because n need not be 3f + 1.
/// - Everything is signed; there are no authenticators and so no Q sets.
/// - There are no clients: a proposal is believed because of the ballots in it.
/// - State transfer hands over certified decisions one by one instead of pages of state, because
///   whoever reads decisions wants all of them, and each proves itself.
/// - A proposal can, around a view change, be decided in two slots; the second one says so.
#[derive(Debug, Clone)]
pub struct Replica {
    options: Arc<Options>,
    verifier: Arc<dyn Verifier>,
    guard: Guard,
    state: State,
    dropped: Dropped,
}

/// What a replica is set up with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who takes part.
    pub roster: Roster,
    /// Where the roster's epoch begins.
    pub origin: Origin,
    /// This validator.
    pub me: ValidatorId,
    /// Slots between the watermarks (L of OSDI '99), 2 to [`WINDOW_MAX`]; the same for everyone.
    pub window: u64,
    /// Slots between checkpoints (K), at most half a window; the same for everyone.
    pub checkpoint_interval: u64,
    /// How long to wait for the primary, in ticks; doubled with every view that fails.
    pub progress_timeout: u64,
    /// Ticks between two STATUS messages.
    pub status_interval: u64,
    /// The mistake to make.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::plant::Bug>,
    /// The roster of the epoch before, for the mistake of counting by it.
    #[cfg(feature = "planted-bugs")]
    pub before: Option<Roster>,
}

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// Bytes from another validator, or from anyone.
    Packet(&'a [u8]),
    /// The same, read already.
    Parsed(&'a Parsed),
    /// A proposal from this validator's own application.
    Submit(Arc<Proposal>),
    /// This validator's own ballot, to be signed.
    Cast(Ballot),
    /// A timer that was set has run down.
    Timer(Timer),
}

/// Everything that a replica knows and that its next step depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    view: u64,
    phase: Phase,
    /// The NEW-VIEW by which the current view was entered; none in view 0.
    new_view: Option<Message>,
    /// The latest VIEW-CHANGE of each validator, for the current view or a later one.
    changes: BTreeMap<ValidatorId, Message>,
    /// Proof of the last stable checkpoint, whose slot is the low watermark h.
    stable: Certificate,
    /// Where the epoch ends, once it is decided and approved that it does.
    ending: Option<Ending>,
    has_handed_over: bool,
    /// Invariant: slots in (h, h + L].
    slots: Slots,
    /// The slot of the primary's next proposal.
    next_seq: u64,
    /// The last slot that was delivered.
    executed: u64,
    /// Digest of everything delivered.
    chain: Digest,
    /// Decided and not yet delivered, because an earlier slot is missing.
    decisions: BTreeMap<u64, Decision>,
    /// The slots of proposals delivered within [`REPEAT_SLOTS`].
    recent: BTreeMap<Digest, u64>,
    recent_order: VecDeque<(u64, Digest)>,
    /// Waiting for a slot, in order of arrival.
    pending: VecDeque<Digest>,
    /// Proposals by digest: those that wait and those in slots.
    payloads: BTreeMap<Digest, Arc<Proposal>>,
    /// Proposals that have a slot in this view above the low watermark.
    in_flight: BTreeSet<Digest>,
    checkpoints: BTreeMap<u64, Votes>,
    /// The proposal for which the progress timer runs, if it is for one.
    waiting_for: Option<Digest>,
    is_timer_running: bool,
    failed_views: u32,
    /// Whose STATUS was answered since the last status timer.
    answered: VoterSet,
    /// Who was shown our NEW-VIEW since then.
    shown: VoterSet,
    fetches: u32,
    accused: VoterSet,
    lsn: Lsn,
}

/// What was dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dropped {
    /// No packet of this version.
    pub malformed: u64,
    /// A signature, certificate or proposal that does not hold.
    pub unproven: u64,
    /// Nothing that helps now: old, early, known or too much.
    pub irrelevant: u64,
    /// Proposals for which there was no room.
    pub overflowing: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Takes part in the current view.
    Normal,
    /// Has left for the current view and waits for its NEW-VIEW.
    Changing,
}

/// Where a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The view it is in or wants.
    pub view: u64,
    /// Whether it has left for the view and not yet entered it.
    pub is_changing: bool,
    /// Whether it only observes, because promises of its own are lost.
    pub is_amnesiac: bool,
    /// The last slot that it delivered.
    pub executed: u64,
    /// The digest of everything it delivered.
    pub chain: Digest,
    /// The slot of its last stable checkpoint.
    pub stable: u64,
    /// The last slot of the epoch, once it is decided that the epoch ends.
    pub ends_at: Option<u64>,
    /// Whether the epoch has ended and was handed over.
    pub has_ended: bool,
    /// How many slots, proposals and votes it holds.
    pub held: usize,
    /// What it dropped.
    pub dropped: Dropped,
}

impl Replica {
    /// A replica that has never run before, and the effects of starting it.
    ///
    /// # Errors
    ///
    /// [`OptionsError`].
    pub fn new(
        options: Options,
        signer: Arc<dyn Signer>,
        verifier: Arc<dyn Verifier>,
    ) -> Result<(Self, Effects), OptionsError> {
        Self::recover(options, signer, verifier, std::iter::empty::<Record>())
    }

    /// Takes one input.
    ///
    /// # Complexity
    ///
    /// A vote is looked up before its signature is verified, so that one that changes nothing
    /// costs nothing. VIEW-CHANGE and NEW-VIEW verify each certificate in them.
    pub fn step(&mut self, input: Input<'_>) -> Effects {
        let mut effects = Effects::default();
        self.step_into(input, &mut effects);
        effects
    }

    /// Takes one input, and adds its effects to those of earlier ones.
    ///
    /// Whoever empties the same effects again and again spares their allocation.
    ///
    /// # Complexity
    ///
    /// As [`step`](Self::step).
    pub fn step_into(&mut self, input: Input<'_>, effects: &mut Effects) {
        match input {
            Input::Packet(bytes) => self.on_bytes(bytes, effects),
            Input::Parsed(parsed) => self.on_parsed(parsed.packet(), effects),
            Input::Submit(proposal) => self.on_submit(&proposal, effects),
            Input::Cast(ballot) => self.on_cast(ballot, effects),
            // Nobody waits for anything in an epoch that has ended.
            Input::Timer(Timer::Progress) if self.state.has_handed_over => {}
            Input::Timer(Timer::Progress) => {
                self.state.is_timer_running = false;
                self.state.failed_views = self.state.failed_views.saturating_add(1);
                if let Some(next) = self.state.view.checked_add(1) {
                    self.start_view_change(next, effects);
                }
            }
            Input::Timer(Timer::Status) => self.on_status_timer(effects),
        }
        self.fill_epoch(effects);
        self.hand_over(effects);
        self.seal(effects);
    }

    /// Where the replica is.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = &self.state;
        Status {
            view: state.view,
            is_changing: state.phase == Phase::Changing,
            is_amnesiac: self.guard.is_mute(),
            executed: state.executed,
            chain: state.chain,
            stable: state.stable.statement.seq,
            ends_at: state.ending.as_ref().map(|ending| ending.seq),
            has_ended: state.has_handed_over,
            held: state.slots.len()
                + state.decisions.len()
                + state.payloads.len()
                + state.changes.len()
                + state.checkpoints.len(),
            dropped: self.dropped,
        }
    }

    /// The slot of the last stable checkpoint, as in [`status`](Self::status).
    #[must_use]
    pub const fn stable(&self) -> u64 {
        self.state.stable.statement.seq
    }

    fn seal(&self, effects: &mut Effects) {
        effects.sealed.lsn = self.state.lsn;
        if self.has(Bug::SentBeforeDurable) {
            effects.sealed.lsn = Lsn(0);
        }
    }

    /// Looks at who says what before anything is decoded, digested or verified.
    fn on_bytes(&mut self, bytes: &[u8], effects: &mut Effects) {
        let is_welcome = match (peek_message(bytes), peek_certified(bytes)) {
            (Some(header), _) => self.is_welcome(&header, effects),
            (_, Some((kind, seq))) => self.is_certificate_of_use(kind, seq),
            (None, None) => true,
        };
        if !is_welcome {
            self.dropped.irrelevant += 1;
            return;
        }
        match Packet::decode(bytes) {
            Ok(packet) => self.on_packet(&packet, effects),
            Err(_) => self.dropped.malformed += 1,
        }
    }

    fn on_parsed(&mut self, packet: &Packet, effects: &mut Effects) {
        let is_welcome = match packet {
            Packet::Signed(message) => {
                let header = Header {
                    sender: message.sender,
                    statement: message.statement,
                };
                self.is_welcome(&header, effects)
            }
            Packet::Decision(Decision { certificate, .. }) | Packet::Stable(certificate) => {
                self.is_certificate_of_use(certificate.statement.kind, certificate.statement.seq)
            }
        };
        if is_welcome {
            self.on_packet(packet, effects);
        } else {
            self.dropped.irrelevant += 1;
        }
    }

    fn is_welcome(&mut self, header: &Header, effects: &mut Effects) -> bool {
        header.sender != self.options.me
            && (!self.state.has_handed_over || header.statement.kind == Kind::Status)
            && self.options.roster.contains(header.sender)
            && self.is_of_use(header, effects)
    }

    fn is_certificate_of_use(&self, kind: Kind, seq: u64) -> bool {
        match kind {
            _ if self.is_past_end(seq) => false,
            Kind::Commit => self.is_wanted(seq),
            _ => seq > self.low_watermark(),
        }
    }

    /// What its header says is of use; the packet is what was decoded.
    fn on_packet(&mut self, packet: &Packet, effects: &mut Effects) {
        match packet {
            Packet::Signed(message) => self.on_message(message, effects),
            Packet::Decision(decision) => self.on_decision(decision, effects),
            Packet::Stable(certificate) => self.on_stable(certificate, effects),
        }
    }

    fn on_message(&mut self, message: &Message, effects: &mut Effects) {
        if !self.is_signed(message) {
            self.dropped.unproven += 1;
            return;
        }
        match message.statement.kind {
            Kind::PrePrepare => self.on_pre_prepare(message, effects),
            Kind::Prepare | Kind::Commit => self.on_vote(message, effects),
            Kind::Checkpoint => self.on_checkpoint(message, effects),
            Kind::ViewChange => self.on_view_change(message, effects),
            Kind::NewView => self.on_new_view(message, effects),
            Kind::Request => self.on_request(message, effects),
            Kind::Fetch => self.on_fetch(message, effects),
            Kind::Status => self.on_status(message, effects),
            // Not decoded as a packet.
            Kind::Ballot => {}
        }
    }

    /// Whether a message could change anything, from its header alone.
    fn is_of_use(&mut self, message: &Header, effects: &mut Effects) -> bool {
        let state = &self.state;
        let Statement {
            kind, view, seq, ..
        } = message.statement;
        let sender = message.sender;
        let mut is_voting = view == state.view && state.phase == Phase::Normal;
        is_voting |= self.has(Bug::VotesInOldView)
            && view + 1 == state.view
            && state.phase == Phase::Changing;
        match kind {
            // OSDI '99, §4.2: in view v, h < n ≤ H.
            Kind::PrePrepare => {
                is_voting && self.is_in_window(seq) && sender == self.options.roster.primary(view)
            }
            Kind::Prepare | Kind::Commit => {
                let slot = state.slots.get(seq);
                let votes = slot.map(|slot| match kind {
                    Kind::Prepare => &slot.prepares,
                    _ => &slot.commits,
                });
                let known = votes.and_then(|votes| votes.of(sender));
                // Once decided, further votes change nothing; once prepared here, further PREPAREs.
                let is_late = |slot: &Slot| {
                    slot.is_decided
                        || kind == Kind::Prepare && slot.commits.of(self.options.me).is_some()
                };
                is_voting
                    && self.is_in_window(seq)
                    && !slot.is_some_and(is_late)
                    && (known.is_none_or(|(digest, _)| digest != message.statement.digest)
                        || self.has(Bug::RepeatedVotesCount))
            }
            Kind::Checkpoint => self.is_checkpoint(seq),
            Kind::ViewChange => {
                // The sender has not heard of the view that we are in: fabric, issue 1917.
                if view <= state.view && state.phase == Phase::Normal {
                    // Nothing is verified yet: one answer a sender until the next status timer.
                    if self.state.shown.insert(sender) {
                        self.show_view(sender, effects);
                    }
                    return false;
                }
                let known = state.changes.get(&sender);
                view >= state.view && known.is_none_or(|known| known.statement.view < view)
            }
            Kind::NewView => {
                (view > state.view || view == state.view && state.phase == Phase::Changing)
                    && sender == self.options.roster.primary(view)
            }
            Kind::Request => {
                !self.holds(&message.statement.digest)
                    || !state.pending.contains(&message.statement.digest)
            }
            Kind::Fetch => {
                state.fetches < FETCHES_MAX
                    && state.payloads.contains_key(&message.statement.digest)
            }
            Kind::Status => !state.answered.contains(sender),
            Kind::Ballot => false,
        }
    }

    fn on_submit(&mut self, proposal: &Arc<Proposal>, effects: &mut Effects) {
        let digest = proposal.digest();
        if self.state.has_handed_over {
            self.dropped.irrelevant += 1;
            return;
        }
        if !self.take_proposal(proposal, digest) {
            return;
        }
        self.after_request(digest, effects);
        // The primary's PRE-PREPARE has shown it to the others.
        if !self.is_primary() || !self.state.in_flight.contains(&digest) {
            self.send_request(digest, None, effects);
        }
    }

    /// Takes a proposal that is to wait for a slot; says whether there is something to do for it.
    fn take_proposal(&mut self, proposal: &Arc<Proposal>, digest: Digest) -> bool {
        // A slot may wait for a proposal that was decided before and is forgotten.
        let is_awaited = !self.holds(&digest) && !self.slots_with(&digest).is_empty();
        let is_known =
            self.state.recent.contains_key(&digest) || self.state.pending.contains(&digest);
        if is_known && !is_awaited {
            self.dropped.irrelevant += 1;
            return false;
        }
        if !is_awaited && self.state.pending.len() >= PENDING_MAX {
            self.dropped.overflowing += 1;
            return false;
        }
        if !self.is_good(proposal) {
            self.dropped.unproven += 1;
            return false;
        }
        self.keep_waiting(proposal, digest);
        true
    }

    /// Keeps a good proposal until it is decided, whatever becomes of its slot.
    fn keep_waiting(&mut self, proposal: &Arc<Proposal>, digest: Digest) {
        let state = &mut self.state;
        state.payloads.insert(digest, Arc::clone(proposal));
        let is_known = state.pending.contains(&digest) || state.recent.contains_key(&digest);
        if !is_known && state.pending.len() < PENDING_MAX {
            state.pending.push_back(digest);
        }
    }

    fn is_good(&self, proposal: &Proposal) -> bool {
        self.has(Bug::ProposalsNotVerified)
            || proposal.is_valid(&self.options.roster, self.verifier.as_ref())
    }

    fn on_request(&mut self, message: &Message, effects: &mut Effects) {
        let Body::Proposal(proposal) = &message.body else {
            return;
        };
        let digest = message.statement.digest;
        if self.take_proposal(proposal, digest) {
            self.after_request(digest, effects);
        }
    }

    fn slots_with(&self, digest: &Digest) -> Vec<u64> {
        if !self.state.in_flight.contains(digest) {
            return Vec::new();
        }
        let slots = self.state.slots.iter();
        slots
            .filter(|(_, slot)| slot.proposed.is_some_and(|(other, _)| other == *digest))
            .map(|(seq, _)| seq)
            .collect()
    }

    /// Goes on with a proposal that has just come.
    fn after_request(&mut self, digest: Digest, effects: &mut Effects) {
        for seq in self.slots_with(&digest) {
            self.try_prepare(seq, effects);
        }
        self.propose(effects);
        self.watch_progress(false, effects);
    }

    fn on_cast(&mut self, ballot: Ballot, effects: &mut Effects) {
        let statement = ballot.statement();
        let promised = self.guard.cast(ballot.subject, statement);
        let Some(promised) = promised.ok().filter(|_| !self.state.has_handed_over) else {
            self.dropped.irrelevant += 1;
            return;
        };
        if promised.is_new {
            self.record(Record::Ballot(ballot.subject, statement), effects);
        }
        effects.sealed.actions.push(Action::Cast(SignedBallot {
            validator: self.options.me,
            ballot,
            signature: promised.signature,
        }));
    }

    fn on_fetch(&mut self, message: &Message, effects: &mut Effects) {
        self.state.fetches += 1;
        self.send_request(message.statement.digest, Some(message.sender), effects);
    }

    /// Sends a proposal that we hold, to one validator or to all.
    fn send_request(&self, digest: Digest, to: Option<ValidatorId>, effects: &mut Effects) {
        let Some(proposal) = self.state.payloads.get(&digest) else {
            return;
        };
        let statement = Statement {
            kind: Kind::Request,
            view: 0,
            seq: 0,
            digest,
        };
        self.send_remark(statement, Body::Proposal(Arc::clone(proposal)), to, effects);
    }

    fn send_remark(
        &self,
        statement: Statement,
        body: Body,
        to: Option<ValidatorId>,
        effects: &mut Effects,
    ) {
        if let Some(signature) = self.guard.remark(statement) {
            let message = self.message(statement, signature, body);
            send(Packet::Signed(message), to, effects);
        }
    }

    fn message(&self, statement: Statement, signature: Signature, body: Body) -> Message {
        Message {
            sender: self.options.me,
            statement,
            signature,
            body,
        }
    }

    /// Promises through the guard; `None` if the guard refuses.
    /// The caller records what is new, with what has to be beside it.
    fn promise(&mut self, statement: Statement) -> Option<crate::guard::Promised> {
        #[cfg(feature = "planted-bugs")]
        if self.options.planted.is_some_and(Bug::is_blind) {
            return Some(self.guard.promise_blindly(statement));
        }
        self.guard.promise(statement).ok()
    }

    fn record(&mut self, record: Record, effects: &mut Effects) {
        self.state.lsn.0 += 1;
        effects.records.push(record);
    }

    /// Whether the sender has signed it, where that matters: a proposal is believed because of its
    /// ballots, whoever sends it.
    fn is_signed(&self, message: &Message) -> bool {
        if message.statement.kind == Kind::Request {
            return true;
        }
        let is_vote = matches!(message.statement.kind, Kind::Prepare | Kind::Commit);
        is_vote && self.has(Bug::SignaturesNotVerified)
            || self.has_said(message.sender, message.statement, &message.signature)
    }

    fn has_said(&self, who: ValidatorId, statement: Statement, signature: &Signature) -> bool {
        let bytes = statement.encode(&self.options.roster.digest());
        self.verifier.is_signed(who, &bytes, signature)
    }

    /// Shows two promises that contradict each other, once for each liar.
    fn accuse(
        &mut self,
        accused: ValidatorId,
        first: (Statement, Signature),
        second: (Statement, Signature),
        effects: &mut Effects,
    ) {
        if self.state.accused.insert(accused) {
            effects
                .sealed
                .actions
                .push(Action::Accuse(Box::new(FaultProof {
                    accused,
                    first,
                    second,
                })));
        }
    }

    fn quorum(&self) -> AgreementQuorum {
        #[cfg(feature = "planted-bugs")]
        if self.has(Bug::QuorumOfTwoFaultsAndOne) {
            return AgreementQuorum::of_votes(2 * self.options.roster.committee().f() + 1);
        }
        #[cfg(feature = "planted-bugs")]
        if self.has(Bug::QuorumOfTheEpochBefore)
            && let Some(before) = &self.options.before
        {
            return before.agreement();
        }
        self.options.roster.agreement()
    }

    /// h of OSDI '99.
    fn low_watermark(&self) -> u64 {
        self.state.stable.statement.seq
    }

    /// h < n ≤ H (OSDI '99, §4.2).
    fn is_in_window(&self, seq: u64) -> bool {
        let low = self.low_watermark();
        let window = self.options.window + u64::from(self.has(Bug::WatermarkOffByOne));
        seq > low && seq - low <= window && !self.is_past_end(seq)
    }

    fn is_primary(&self) -> bool {
        self.options.roster.primary(self.state.view) == self.options.me
    }

    /// Starts, restarts or stops the progress timer.
    ///
    /// It runs for the proposal that has waited longest, so that a primary that orders all others
    /// does not pass for a good one (OSDI '99, §4.4: a timer for each request that waits).
    fn watch_progress(&mut self, has_executed: bool, effects: &mut Effects) {
        let is_idle = self.state.phase == Phase::Changing || self.state.has_handed_over;
        if is_idle || self.has(Bug::TimerNotStarted) {
            return;
        }
        let head = self.state.pending.front().copied();
        let open = || self.state.slots.after(self.state.executed);
        let has_work = head.is_some()
            || self.is_end_awaited()
            || open().any(|(_, slot)| slot.proposed.is_some());
        if !has_work {
            if self.state.is_timer_running {
                self.set_progress_timer(None, effects);
            }
            return;
        }
        let is_served = has_executed
            && self
                .state
                .waiting_for
                .is_none_or(|digest| !self.state.pending.contains(&digest));
        if !self.state.is_timer_running || is_served {
            self.state.waiting_for = head;
            self.set_progress_timer(Some(self.progress_timeout()), effects);
        }
    }

    fn progress_timeout(&self) -> u64 {
        let doublings = self.state.failed_views.min(DOUBLINGS_MAX);
        self.options.progress_timeout.saturating_mul(1 << doublings)
    }

    fn set_progress_timer(&mut self, after: Option<u64>, effects: &mut Effects) {
        self.state.is_timer_running = after.is_some();
        let timer = Timer::Progress;
        effects.timers.push(SetTimer { timer, after });
    }

    /// Whether the replica was built with a mistake.
    #[cfg(feature = "planted-bugs")]
    fn has(&self, bug: Bug) -> bool {
        self.options.planted == Some(bug)
    }

    /// Nobody makes mistakes on purpose outside of tests.
    #[cfg(not(feature = "planted-bugs"))]
    #[expect(clippy::unused_self, reason = "as its twin for tests")]
    const fn has(&self, _: Bug) -> bool {
        false
    }
}

impl State {
    fn new(origin: Origin) -> Self {
        Self {
            view: 0,
            phase: Phase::Normal,
            new_view: None,
            changes: BTreeMap::new(),
            stable: Certificate::of_origin(origin),
            ending: None,
            has_handed_over: false,
            slots: Slots::above(origin.seq),
            next_seq: origin.seq.saturating_add(1),
            executed: origin.seq,
            chain: origin.chain,
            decisions: BTreeMap::new(),
            recent: BTreeMap::new(),
            recent_order: VecDeque::new(),
            pending: VecDeque::new(),
            payloads: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            checkpoints: BTreeMap::new(),
            waiting_for: None,
            is_timer_running: false,
            failed_views: 0,
            answered: VoterSet::EMPTY,
            shown: VoterSet::EMPTY,
            fetches: 0,
            accused: VoterSet::EMPTY,
            lsn: Lsn(0),
        }
    }
}

/// Two replicas are equal if they would do the same from here on.
impl PartialEq for Replica {
    fn eq(&self, other: &Self) -> bool {
        self.options.me == other.options.me
            && self.guard.memory() == other.guard.memory()
            && self.state == other.state
    }
}

impl Eq for Replica {}

impl std::hash::Hash for Replica {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.options.me.hash(hasher);
        self.guard.memory().hash(hasher);
        self.state.hash(hasher);
    }
}

impl Options {
    /// What suits a group in one building whose ticks are milliseconds: a window of 128 slots, a
    /// checkpoint every 64, a second for the primary, a STATUS every quarter of one; and the first
    /// epoch.
    #[must_use]
    pub fn new(roster: Roster, me: ValidatorId) -> Self {
        Self {
            roster,
            origin: Origin::genesis(),
            me,
            window: WINDOW_MAX,
            checkpoint_interval: WINDOW_MAX / 2,
            progress_timeout: 1_000,
            status_interval: 250,
            #[cfg(feature = "planted-bugs")]
            planted: None,
            #[cfg(feature = "planted-bugs")]
            before: None,
        }
    }

    fn check(&self) -> Result<(), OptionsError> {
        let Self {
            window,
            checkpoint_interval: interval,
            ..
        } = *self;
        if !self.roster.contains(self.me) {
            return Err(OptionsError::NotInRoster { validator: self.me });
        }
        if window > WINDOW_MAX || interval == 0 || interval > window / 2 {
            return Err(OptionsError::Window { window, interval });
        }
        if self.progress_timeout == 0 || self.status_interval == 0 {
            return Err(OptionsError::Timeout);
        }
        Ok(())
    }
}

fn send(packet: Packet, to: Option<ValidatorId>, effects: &mut Effects) {
    let parsed = Parsed::made(packet);
    effects.sealed.actions.push(match to {
        Some(to) => Action::Send(to, parsed),
        None => Action::Broadcast(parsed),
    });
}
