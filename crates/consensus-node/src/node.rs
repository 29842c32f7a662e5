//! One validator at work: a thread that owns a replica and its journal.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claude_flow_consensus::{
    Action, Ballot, Decision, Digest, Effects, FaultProof, Handover, Input, Options, OptionsError,
    Packet, Proposal, Record, Replica, Sealed, SetTimer, SignedBallot, Signer, Status, Timer,
    ValidatorId, Verifier,
};
use thiserror::Error;

use crate::inbox::{Inbox, Refused};
use crate::journal::Journal;
use crate::log::LogError;

/// How many events are taken before what they brought about is made durable, with one sync.
const TURN_EVENTS_MAX: usize = 128;

/// How many callers may wait for decisions.
const CALLERS_MAX: usize = 4096;

/// How long a node waits when it has no timer to wait for.
const IDLE: Duration = Duration::from_secs(1);

/// How many proofs of lies are kept.
const FAULTS_MAX: usize = 64;

/// Sends packets to the other validators.
///
/// It never waits: what cannot be sent now is dropped and counted, and the replica says it again.
pub trait Outbox: Send {
    /// Sends to one validator.
    fn send(&mut self, to: ValidatorId, bytes: &Arc<[u8]>);
}

/// Something for a node to do.
#[derive(Debug)]
pub(crate) enum Event {
    Packet(Arc<[u8]>),
    Submit(Arc<Proposal>, Reply<Decision>, Instant),
    Cast(Ballot, Reply<SignedBallot>),
    Report(Reply<Report>),
    Decision(u64, Reply<Option<Decision>>),
}

impl Event {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Packet(bytes) => bytes.len(),
            Self::Submit(proposal, ..) => 128 * proposal.ballots.len(),
            _ => 0,
        }
    }
}

type Reply<T> = SyncSender<Result<T, NodeError>>;

/// Why a node does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Too much waits already; ask later.
    #[error("the node is busy: too many requests wait")]
    Busy,
    /// The ballots do not hold.
    #[error("the proposal is refused: its ballots are forged, out of order or too few")]
    Invalid,
    /// The validator gave another ballot on the subject, or must not give one.
    #[error(
        "the ballot is refused: this validator voted otherwise on the subject, \
         has too many open ballots, or has lost its log"
    )]
    Ballot,
    /// The epoch has ended; the validators of the next roster decide, on ballots that name it.
    #[error("the epoch has ended: cast and submit under the next roster")]
    Ended,
    /// Nothing was decided in time. It may still be.
    #[error("not decided in time; it may still be, and asking again is safe")]
    TimedOut,
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why a node cannot start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The replica cannot be set up.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A thread cannot be started.
    #[error("starting a thread: {0}")]
    Thread(std::io::Error),
    /// The node's thread has a bug and ended.
    #[error("the node's thread panicked")]
    Panicked,
}

/// How a node is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which validator it is.
    pub validator: ValidatorId,
    /// Where its replica is.
    pub status: Status,
    /// How many records it has written.
    pub records: u64,
    /// Who was caught contradicting itself, with the proof.
    pub faults: Vec<FaultProof>,
    /// Proof that the epoch has ended, and who goes on.
    pub handover: Option<Handover>,
}

/// What a node is made of.
pub struct NodeOptions {
    /// For the replica; ticks are milliseconds.
    pub replica: Options,
    /// Holds the validator's key.
    pub signer: Arc<dyn Signer>,
    /// Knows the roster's keys.
    pub verifier: Arc<dyn Verifier>,
    /// Where records go.
    pub journal: Journal,
}

impl std::fmt::Debug for NodeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeOptions")
            .field("replica", &self.replica)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

/// A way to one node, for its peers and its users; clones are ways to the same node.
#[derive(Debug, Clone)]
pub struct NodeHandle {
    inbox: Arc<Inbox>,
    me: ValidatorId,
    /// Where users' requests queue; the validators have the places before.
    users: usize,
}

/// A node that runs; dropping it stops it.
#[derive(Debug)]
pub struct Node {
    handle: NodeHandle,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Node {
    /// Comes back from the journal and starts the node's thread.
    ///
    /// `outbox` is made from the handle, since a peer's way back may need it.
    ///
    /// # Errors
    ///
    /// [`RunError`].
    pub fn start(
        options: NodeOptions,
        outbox: Box<dyn Outbox>,
        handle: NodeHandle,
    ) -> Result<Self, RunError> {
        let worker = Worker::recover(options, outbox, Arc::clone(&handle.inbox))?;
        let thread = thread::Builder::new()
            .name(format!("validator-{}", handle.me))
            .spawn(move || worker.run())
            .map_err(RunError::Thread)?;
        Ok(Self {
            handle,
            thread: Some(thread),
        })
    }

    /// A way to the node.
    #[must_use]
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Waits until the node ends, which it does of itself only on an error, or when it is told to.
    ///
    /// # Errors
    ///
    /// Why it ended.
    pub fn join(mut self) -> Result<(), RunError> {
        self.wait()
    }

    /// Stops the node.
    ///
    /// # Errors
    ///
    /// Why it had ended before.
    pub fn stop(mut self) -> Result<(), RunError> {
        self.handle.inbox.close();
        self.wait()
    }

    fn wait(&mut self) -> Result<(), RunError> {
        let ended = self.thread.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| ended.unwrap_or(Err(RunError::Panicked)))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.inbox.close();
        // Whoever wants to know why it ended calls `stop`.
        let _ = self.wait();
    }
}

impl NodeHandle {
    /// A way to a node that is not started yet: validator `me` of `validators`.
    #[must_use]
    pub fn new(me: ValidatorId, validators: u32) -> Self {
        let users = validators as usize;
        Self {
            inbox: Arc::new(Inbox::new(users + 1)),
            me,
            users,
        }
    }

    /// Which validator it is.
    #[must_use]
    pub const fn validator(&self) -> ValidatorId {
        self.me
    }

    /// Tells the node to end; what it has taken is made durable first.
    pub fn stop(&self) {
        self.inbox.close();
    }

    /// Hands over a packet that another validator sent, if there is room.
    ///
    /// # Errors
    ///
    /// [`NodeError::Busy`] and [`NodeError::Stopped`]; the packet is dropped.
    pub fn try_packet(&self, from: ValidatorId, bytes: &Arc<[u8]>) -> Result<(), NodeError> {
        let sender = (from.0 as usize).min(self.users);
        let event = Event::Packet(Arc::clone(bytes));
        self.inbox.try_put(sender, event).map_err(NodeError::from)
    }

    /// Hands over a packet that another validator sent, and waits for room until the deadline.
    ///
    /// # Errors
    ///
    /// As [`try_packet`](Self::try_packet).
    pub fn packet(
        &self,
        from: ValidatorId,
        bytes: Arc<[u8]>,
        deadline: Instant,
    ) -> Result<(), NodeError> {
        let sender = (from.0 as usize).min(self.users);
        let event = Event::Packet(bytes);
        self.inbox
            .put(sender, event, deadline)
            .map_err(NodeError::from)
    }

    /// Submits a proposal and waits for its decision, which this node's journal holds then.
    ///
    /// Asking again for what was decided gives the decision again.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub fn submit(
        &self,
        proposal: Arc<Proposal>,
        timeout: Duration,
    ) -> Result<Decision, NodeError> {
        let deadline = Instant::now() + timeout;
        self.ask(timeout, |reply| Event::Submit(proposal, reply, deadline))
    }

    /// Has the validator sign its ballot.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub fn cast(&self, ballot: Ballot, timeout: Duration) -> Result<SignedBallot, NodeError> {
        self.ask(timeout, |reply| Event::Cast(ballot, reply))
    }

    /// How the node is doing.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub fn report(&self, timeout: Duration) -> Result<Report, NodeError> {
        self.ask(timeout, Event::Report)
    }

    /// What was decided in a slot; `None` if nothing was yet, or it is no longer kept.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub fn decision(&self, slot: u64, timeout: Duration) -> Result<Option<Decision>, NodeError> {
        self.ask(timeout, |reply| Event::Decision(slot, reply))
    }

    fn ask<T>(
        &self,
        timeout: Duration,
        event: impl FnOnce(Reply<T>) -> Event,
    ) -> Result<T, NodeError> {
        let (reply, answer): (Reply<T>, Receiver<_>) = sync_channel(1);
        self.inbox.try_put(self.users, event(reply))?;
        match answer.recv_timeout(timeout) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(NodeError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(NodeError::Stopped),
        }
    }
}

impl From<Refused> for NodeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Busy,
            Refused::Closed => Self::Stopped,
        }
    }
}

/// Someone who waits for a decision.
struct Caller {
    reply: Reply<Decision>,
    deadline: Instant,
}

/// The node's thread.
struct Worker {
    me: ValidatorId,
    replica: Replica,
    journal: Journal,
    /// Records in the journal that the replica does not count.
    base: u64,
    inbox: Arc<Inbox>,
    outbox: Box<dyn Outbox>,
    peers: Vec<ValidatorId>,
    timers: [Option<Instant>; 2],
    records: Vec<Record>,
    sealed: VecDeque<Sealed>,
    callers: BTreeMap<Digest, Vec<Caller>>,
    callers_count: usize,
    casts: VecDeque<Reply<SignedBallot>>,
    faults: Vec<FaultProof>,
    handover: Option<Handover>,
}

impl Worker {
    fn recover(
        options: NodeOptions,
        outbox: Box<dyn Outbox>,
        inbox: Arc<Inbox>,
    ) -> Result<Self, RunError> {
        let NodeOptions {
            replica: setup,
            signer,
            verifier,
            mut journal,
        } = options;
        let me = setup.me;
        let peers = setup.roster.validators().filter(|id| *id != me).collect();
        let mut replayed = 0;
        let (replica, effects) = match &mut journal {
            Journal::Log(log) => {
                let mut records = log.records();
                let counted = records.by_ref().inspect(|_| replayed += 1);
                let recovered = Replica::recover(setup, signer, verifier, counted);
                records.finish()?;
                recovered?
            }
            Journal::Memory(_) => Replica::new(setup, signer, verifier)?,
        };
        let mut worker = Self {
            me,
            replica,
            base: journal.lsn() - replayed,
            journal,
            inbox,
            outbox,
            peers,
            timers: [None; 2],
            records: Vec::new(),
            sealed: VecDeque::new(),
            callers: BTreeMap::new(),
            callers_count: 0,
            casts: VecDeque::new(),
            faults: Vec::new(),
            handover: None,
        };
        worker.take_effects(effects);
        Ok(worker)
    }

    fn run(mut self) -> Result<(), RunError> {
        let outcome = self.serve();
        self.inbox.close();
        outcome
    }

    /// One turn after the other: take what came, make it durable, do what it allows.
    fn serve(&mut self) -> Result<(), RunError> {
        let mut events = Vec::with_capacity(TURN_EVENTS_MAX);
        loop {
            self.journal.commit(&self.records)?;
            self.records.clear();
            self.act()?;
            let deadline = self.timers.iter().flatten().min().copied();
            let deadline = deadline.unwrap_or_else(|| Instant::now() + IDLE);
            if !self.inbox.take(&mut events, TURN_EVENTS_MAX, deadline) {
                return Ok(());
            }
            for event in events.drain(..) {
                self.on_event(event)?;
            }
            self.ring();
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), RunError> {
        match event {
            Event::Packet(bytes) => self.step(Input::Packet(&bytes)),
            Event::Submit(proposal, reply, deadline) => {
                self.on_submit(proposal, Caller { reply, deadline })?;
            }
            Event::Cast(ballot, reply) => self.on_cast(ballot, reply),
            Event::Report(reply) => answer(&reply, Ok(self.report())),
            Event::Decision(slot, reply) => answer(&reply, Ok(self.journal.decision(slot)?)),
        }
        Ok(())
    }

    fn on_submit(&mut self, proposal: Arc<Proposal>, caller: Caller) -> Result<(), RunError> {
        let digest = proposal.digest();
        if let Some(slot) = self.journal.slot_of(&digest) {
            let decision = self.journal.decision(slot)?;
            answer(&caller.reply, decision.ok_or(NodeError::TimedOut));
            return Ok(());
        }
        if self.handover.is_some() {
            answer(&caller.reply, Err(NodeError::Ended));
            return Ok(());
        }
        if self.callers_count >= CALLERS_MAX {
            answer(&caller.reply, Err(NodeError::Busy));
            return Ok(());
        }
        let before = self.replica.status().dropped;
        self.step(Input::Submit(proposal));
        let after = self.replica.status().dropped;
        if after.unproven > before.unproven {
            answer(&caller.reply, Err(NodeError::Invalid));
        } else if after.overflowing > before.overflowing {
            answer(&caller.reply, Err(NodeError::Busy));
        } else {
            self.callers_count += 1;
            self.callers.entry(digest).or_default().push(caller);
        }
        Ok(())
    }

    fn on_cast(&mut self, ballot: Ballot, reply: Reply<SignedBallot>) {
        if self.handover.is_some() {
            answer(&reply, Err(NodeError::Ended));
            return;
        }
        let before = self.replica.status().dropped.irrelevant;
        self.step(Input::Cast(ballot));
        if self.replica.status().dropped.irrelevant > before {
            answer(&reply, Err(NodeError::Ballot));
        } else {
            // Ballots come out in the order in which they went in.
            self.casts.push_back(reply);
        }
    }

    fn report(&self) -> Report {
        Report {
            validator: self.me,
            status: self.replica.status(),
            records: self.journal.lsn(),
            faults: self.faults.clone(),
            handover: self.handover.clone(),
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let effects = self.replica.step(input);
        self.take_effects(effects);
    }

    fn take_effects(&mut self, effects: Effects) {
        self.records.extend(effects.records);
        if !effects.sealed.is_empty() {
            self.sealed.push_back(effects.sealed);
        }
        for SetTimer { timer, after } in effects.timers {
            let at = after.map(|ticks| Instant::now() + Duration::from_millis(ticks));
            self.timers[place(timer)] = at;
        }
    }

    fn ring(&mut self) {
        let now = Instant::now();
        for timer in [Timer::Progress, Timer::Status] {
            let due = &mut self.timers[place(timer)];
            if due.is_some_and(|at| at <= now) {
                *due = None;
                self.step(Input::Timer(timer));
                if timer == Timer::Status {
                    self.give_up(now);
                }
            }
        }
    }

    /// Tells those whose time is up.
    fn give_up(&mut self, now: Instant) {
        let count = &mut self.callers_count;
        self.callers.retain(|_, callers| {
            callers.retain(|caller| {
                let is_late = caller.deadline <= now;
                if is_late {
                    *count -= 1;
                    answer(&caller.reply, Err(NodeError::TimedOut));
                }
                !is_late
            });
            !callers.is_empty()
        });
    }

    /// Does what the journal allows by now.
    fn act(&mut self) -> Result<(), RunError> {
        let durable = self.journal.durable(self.base);
        while let Some(sealed) = self.sealed.pop_front() {
            match sealed.open(durable) {
                Ok(actions) => {
                    for action in actions {
                        self.perform(action)?;
                    }
                }
                Err(sealed) => {
                    self.sealed.push_front(sealed);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn perform(&mut self, action: Action) -> Result<(), RunError> {
        match action {
            Action::Send(to, parsed) => {
                let bytes = parsed.packet().encode().into();
                self.outbox.send(to, &bytes);
            }
            Action::Broadcast(parsed) => {
                let bytes = parsed.packet().encode().into();
                for to in &self.peers {
                    self.outbox.send(*to, &bytes);
                }
            }
            Action::Deliver(delivery) => self.deliver(&delivery.decision),
            Action::Serve { to, first, count } => {
                for slot in first..first.saturating_add(count) {
                    let Some(decision) = self.journal.decision(slot)? else {
                        break;
                    };
                    let bytes = Packet::Decision(decision).encode().into();
                    self.outbox.send(to, &bytes);
                }
            }
            Action::Accuse(proof) => {
                if self.faults.len() < FAULTS_MAX {
                    self.faults.push(*proof);
                }
            }
            Action::Cast(signed) => {
                if let Some(reply) = self.casts.pop_front() {
                    answer(&reply, Ok(signed));
                }
            }
            Action::HandOver(handover) => {
                self.handover = Some(*handover);
                self.callers_count = 0;
                for caller in mem::take(&mut self.callers).into_values().flatten() {
                    answer(&caller.reply, Err(NodeError::Ended));
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self, decision: &Decision) {
        let digest = decision.certificate.statement.digest;
        for caller in self.callers.remove(&digest).unwrap_or_default() {
            self.callers_count -= 1;
            answer(&caller.reply, Ok(decision.clone()));
        }
    }
}

const fn place(timer: Timer) -> usize {
    match timer {
        Timer::Progress => 0,
        Timer::Status => 1,
    }
}

/// Whoever asked may have given up.
fn answer<T>(reply: &Reply<T>, answer: Result<T, NodeError>) {
    let _ = reply.try_send(answer);
}
