//! Replicas, a network and logs in virtual time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use claude_flow_consensus::{
    Action, Digest, Durable, Effects, Input, Lsn, Options, Packet, Proposal, Record, Replica,
    Roster, Sealed, SetTimer, Timer, ValidatorId,
};

use super::actors::{Actor, Kind, Liar};
use super::oracle::{Check, Oracle, Seen};
use super::plan::Plan;
use super::rng::{Rng, mix};
use super::seals::{Seal, Seals};

/// How long after the network has become good everything must be decided, in ticks.
const LIVENESS_TICKS: u64 = 40_000;

/// A validator's machine. A twin is a second machine with the same id.
pub(crate) struct Node {
    pub(crate) id: u32,
    options: Options,
    pub(crate) replica: Option<Replica>,
    log: Vec<Record>,
    /// How many records survive a crash.
    durable: usize,
    sealed: VecDeque<Sealed>,
    /// Set anew with each timer; what rings with an old number is ignored.
    timers: [u64; 2],
    life: u64,
    is_sync_due: bool,
    actor: Option<Box<dyn Actor>>,
    pub(crate) seen: Seen,
    /// Decisions as packets, which the driver's log would hold.
    served: Vec<Arc<[u8]>>,
}

enum Event {
    Packet {
        to: usize,
        bytes: Arc<[u8]>,
    },
    Ring {
        node: usize,
        timer: Timer,
        number: u64,
        life: u64,
    },
    Sync {
        node: usize,
        life: u64,
    },
    Crash {
        node: usize,
    },
    Restart {
        node: usize,
    },
    Submit {
        proposal: usize,
    },
    /// The network is good from now on.
    Settle,
}

struct Due {
    at: u64,
    number: u64,
    event: Event,
}

/// Replicas, the network between them, and the oracle that watches.
pub(crate) struct World {
    plan: Plan,
    rng: Rng,
    pub(crate) now: u64,
    queue: BinaryHeap<Due>,
    number: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) oracle: Oracle,
    roster: Roster,
    is_settled: bool,
    proposals: Vec<(Digest, Arc<Proposal>)>,
    trace: u64,
    /// Which validators the scenario lets hear which; `None` for all.
    pub(crate) filter: Option<Filter>,
    pub(crate) steps: u64,
}

/// Decides whether a packet from one validator reaches another.
pub(crate) type Filter = Box<dyn Fn(u64, u32, u32, &[u8]) -> bool>;

/// What became of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) decisions: usize,
    pub(crate) view: u64,
    pub(crate) trace: u64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Result<Self, String> {
        let roster = plan.roster();
        let proposals = plan
            .proposals()
            .into_iter()
            .map(|it| (it.digest(), it))
            .collect();
        let liars = plan.liars.iter().map(|(id, _)| *id).collect();
        let mut world = Self {
            oracle: Oracle::new(roster.clone(), plan.window, liars),
            rng: Rng::new(plan.seed ^ 0xabcd),
            plan,
            now: 0,
            queue: BinaryHeap::new(),
            number: 0,
            nodes: Vec::new(),
            roster,
            is_settled: false,
            proposals,
            trace: 0,
            filter: None,
            steps: 0,
        };
        world.populate()?;
        world.schedule_faults();
        Ok(world)
    }

    fn populate(&mut self) -> Check {
        for id in 0..self.plan.n {
            let kinds: Vec<_> = self
                .plan
                .liars
                .iter()
                .filter(|(liar, _)| *liar == id)
                .collect();
            let actors: Vec<_> = kinds.iter().map(|(_, kind)| kind.make()).collect();
            if actors.is_empty() {
                self.add_node(id, None)?;
            }
            for actor in actors {
                let copies = if actor.is_twin() { 2 } else { 1 };
                let kind = self
                    .plan
                    .liars
                    .iter()
                    .find(|(liar, _)| *liar == id)
                    .map(|it| it.1);
                for _ in 0..copies {
                    self.add_node(id, kind.map(Kind::make))?;
                }
            }
        }
        Ok(())
    }

    fn add_node(&mut self, id: u32, actor: Option<Box<dyn Actor>>) -> Check {
        let options = Options {
            roster: self.roster.clone(),
            me: ValidatorId(id),
            window: self.plan.window,
            checkpoint_interval: self.plan.interval,
            progress_timeout: self.plan.timeout,
            status_interval: self.plan.status_interval,
            // A liar knows the protocol better than those whose code is broken.
            planted: self.plan.bug.filter(|_| actor.is_none()),
        };
        self.nodes.push(Node {
            id,
            options,
            replica: None,
            log: Vec::new(),
            durable: 0,
            sealed: VecDeque::new(),
            timers: [0; 2],
            life: 0,
            is_sync_due: false,
            actor,
            seen: Seen::default(),
            served: Vec::new(),
        });
        self.start(self.nodes.len() - 1)
    }

    fn schedule_faults(&mut self) {
        let plan = self.plan.clone();
        for (proposal, at) in plan.submissions.iter().enumerate() {
            self.at(*at, Event::Submit { proposal });
        }
        for (id, from, until) in &plan.crashes {
            if let Some(node) = self.nodes.iter().position(|node| node.id == *id) {
                self.at(*from, Event::Crash { node });
                self.at(*until, Event::Restart { node });
            }
        }
        self.at(plan.settled_at, Event::Settle);
    }

    fn at(&mut self, at: u64, event: Event) {
        self.number += 1;
        self.queue.push(Due {
            at,
            number: self.number,
            event,
        });
    }

    /// Runs until everything is decided everywhere, or something does not hold.
    pub(crate) fn run(&mut self) -> Result<Outcome, String> {
        let end = self.plan.settled_at + LIVENESS_TICKS;
        while let Some(may_end) = self.advance(end)? {
            if self.is_settled && may_end && self.is_done() {
                return Ok(self.outcome());
            }
        }
        let places: Vec<_> = self
            .honest()
            .map(|node| {
                let status = node.replica.as_ref().map(Replica::status);
                (
                    node.seen.delivered.len(),
                    status.map(|it| (it.view, it.is_changing)),
                )
            })
            .collect();
        Err(format!(
            "{LIVENESS_TICKS} ticks of good network are not enough: {places:?}"
        ))
    }

    /// Runs up to a tick.
    pub(crate) fn run_until(&mut self, end: u64) -> Check {
        while self.advance(end)?.is_some() {}
        Ok(())
    }

    /// The next event, if it comes by then; says whether it could be the last that matters.
    fn advance(&mut self, end: u64) -> Result<Option<bool>, String> {
        if self.queue.peek().is_none_or(|due| due.at > end) {
            return Ok(None);
        }
        let Some(due) = self.queue.pop() else {
            return Ok(None);
        };
        self.now = due.at;
        let may_end = matches!(
            due.event,
            Event::Packet { .. } | Event::Sync { .. } | Event::Settle
        );
        self.happen(due.event)
            .map_err(|what| format!("at tick {}: {what}", self.now))?;
        Ok(Some(may_end))
    }

    fn outcome(&self) -> Outcome {
        let views = self.honest().filter_map(|node| node.replica.as_ref());
        Outcome {
            decisions: self.oracle.decided.len(),
            view: views
                .map(|replica| replica.status().view)
                .max()
                .unwrap_or_default(),
            trace: self.trace,
        }
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.actor.is_none())
    }

    /// Every honest node has delivered the same, and everything that was submitted.
    fn is_done(&self) -> bool {
        let decided = &self.oracle.decided;
        let is_level = self
            .honest()
            .all(|node| node.seen.delivered.len() == decided.len() && node.sealed.is_empty());
        is_level
            && self
                .proposals
                .iter()
                .all(|(digest, _)| decided.iter().any(|(other, _)| other == digest))
    }

    fn note(&mut self, what: u64) {
        self.trace = mix(self.trace ^ what ^ self.now.rotate_left(32));
    }

    fn happen(&mut self, event: Event) -> Check {
        self.steps += 1;
        match event {
            Event::Packet { to, bytes } => {
                self.note(
                    u64::from(bytes[1 % bytes.len()])
                        ^ (to as u64) << 8
                        ^ (bytes.len() as u64) << 16,
                );
                if let Some(actor) = &mut self.nodes[to].actor {
                    actor.observe(&bytes);
                }
                self.step(to, Input::Packet(&bytes))
            }
            Event::Ring {
                node,
                timer,
                number,
                life,
            } => {
                let it = &self.nodes[node];
                if it.life != life || it.timers[timer as usize] != number {
                    return Ok(());
                }
                self.note(1 << 40 | (node as u64) << 8 | timer as u64);
                self.step(node, Input::Timer(timer))
            }
            Event::Sync { node, life } => {
                let it = &mut self.nodes[node];
                if it.life != life {
                    return Ok(());
                }
                it.is_sync_due = false;
                it.durable = it.log.len();
                it.seen.sync(&it.log);
                self.release(node)
            }
            Event::Crash { node } => {
                self.crash(node);
                Ok(())
            }
            Event::Restart { node } => self.restart(node),
            Event::Submit { proposal } => self.submit(proposal),
            Event::Settle => self.settle(),
        }
    }

    fn submit(&mut self, proposal: usize) -> Check {
        let (digest, proposal) = self.proposals[proposal].clone();
        self.oracle.submitted.insert(digest);
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|index| {
                self.nodes[*index].actor.is_none() && self.nodes[*index].replica.is_some()
            })
            .collect();
        if up.is_empty() {
            return Ok(());
        }
        let node = up[self.rng.below(up.len() as u64) as usize];
        self.step(node, Input::Submit(proposal))
    }

    /// A proposal reaches one node, outside of the plan.
    pub(crate) fn submit_to(&mut self, node: usize, proposal: usize) -> Check {
        let (digest, proposal) = self.proposals[proposal].clone();
        self.oracle.submitted.insert(digest);
        self.step(node, Input::Submit(proposal))
    }

    /// From now on nothing is lost, late or down, and whoever waits for a decision asks again.
    fn settle(&mut self) -> Check {
        self.is_settled = true;
        for node in 0..self.nodes.len() {
            self.restart(node)?;
        }
        for proposal in 0..self.proposals.len() {
            self.submit(proposal)?;
        }
        Ok(())
    }

    /// Power fails: the log keeps what is durable and any part of what was being written.
    fn crash(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        if node.replica.take().is_none() {
            return;
        }
        node.life += 1;
        node.is_sync_due = false;
        node.sealed.clear();
        let unsynced = (node.log.len() - node.durable) as u64;
        let kept = node.durable + self.rng.below(unsynced + 1) as usize;
        node.log.truncate(kept);
        node.durable = kept;
        node.seen.sync(&node.log);
    }

    fn restart(&mut self, node: usize) -> Check {
        if self.nodes[node].replica.is_some() {
            return Ok(());
        }
        self.start(node)
    }

    fn start(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        let seals = Seals { n: self.plan.n };
        let seal = Arc::new(Seal { id: node.id });
        let started = Replica::recover(node.options.clone(), seal, Arc::new(seals), &node.log);
        let (replica, effects) = started.map_err(|error| format!("a restart failed: {error}"))?;
        let status = replica.status();
        node.replica = Some(replica);
        if node.actor.is_none() {
            Oracle::on_restart(node.id, &node.seen, &status)?;
            self.redeliver(index)?;
        }
        self.perform(index, effects)
    }

    /// The application reads from the log what it was not handed before the crash.
    fn redeliver(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        let decided = node.log.iter().filter_map(|record| match record {
            Record::Decided(decision) => Some(decision),
            _ => None,
        });
        let missed: Vec<_> = decided.skip(node.seen.delivered.len()).cloned().collect();
        for decision in missed {
            self.oracle
                .on_decision(node.id, &mut node.seen, &decision)?;
            node.served.push(Packet::Decision(decision).encode().into());
        }
        Ok(())
    }

    pub(crate) fn step(&mut self, index: usize, input: Input<'_>) -> Check {
        let Some(replica) = &mut self.nodes[index].replica else {
            return Ok(());
        };
        let effects = replica.step(input);
        self.perform(index, effects)
    }

    fn perform(&mut self, index: usize, effects: Effects) -> Check {
        let Effects {
            records,
            sealed,
            timers,
        } = effects;
        for SetTimer { timer, after } in timers {
            let node = &mut self.nodes[index];
            node.timers[timer as usize] += 1;
            let (number, life) = (node.timers[timer as usize], node.life);
            if let Some(after) = after {
                // Clocks do not run alike.
                let at = self.now + after + self.rng.below(after / 8 + 1);
                self.at(
                    at,
                    Event::Ring {
                        node: index,
                        timer,
                        number,
                        life,
                    },
                );
            }
        }
        let node = &mut self.nodes[index];
        node.log.extend(records);
        if !sealed.is_empty() {
            node.sealed.push_back(sealed);
        }
        let is_slow = node.actor.is_none() && self.rng.percent(self.plan.slow_sync_percent);
        let node = &mut self.nodes[index];
        if node.durable < node.log.len() && !node.is_sync_due {
            if is_slow {
                node.is_sync_due = true;
                let (at, life) = (self.now + self.rng.between(1, 6), node.life);
                self.at(at, Event::Sync { node: index, life });
            } else {
                node.durable = node.log.len();
                node.seen.sync(&node.log);
            }
        }
        self.release(index)
    }

    /// Does what the log allows by now.
    fn release(&mut self, index: usize) -> Check {
        let durable = Durable::up_to(Lsn(self.nodes[index].durable as u64));
        while let Some(sealed) = self.nodes[index].sealed.pop_front() {
            match sealed.open(durable) {
                Ok(actions) => {
                    for action in actions {
                        self.act(index, action)?;
                    }
                }
                Err(sealed) => {
                    self.nodes[index].sealed.push_front(sealed);
                    return Ok(());
                }
            }
        }
        let node = &self.nodes[index];
        match (&node.actor, &node.replica) {
            (None, Some(replica)) if node.durable == node.log.len() => {
                self.oracle.on_rest(node.id, &node.seen, &replica.status())
            }
            _ => Ok(()),
        }
    }

    fn act(&mut self, index: usize, action: Action) -> Check {
        let is_honest = self.nodes[index].actor.is_none();
        match action {
            Action::Send(to, bytes) => self.send(index, Some(to.0), &bytes),
            Action::Broadcast(bytes) => self.send(index, None, &bytes),
            Action::Deliver(delivery) => {
                let node = &mut self.nodes[index];
                if is_honest {
                    self.oracle.on_deliver(node.id, &mut node.seen, &delivery)?;
                }
                node.served
                    .push(Packet::Decision(delivery.decision).encode().into());
                Ok(())
            }
            Action::Serve { to, first, count } => {
                let first = first.saturating_sub(1) as usize;
                let served = self.nodes[index]
                    .served
                    .iter()
                    .skip(first)
                    .take(count as usize);
                for bytes in served.cloned().collect::<Vec<_>>() {
                    self.transmit(index, to.0, &bytes);
                }
                Ok(())
            }
            Action::Accuse(proof) if is_honest => self.oracle.on_accuse(&proof),
            Action::Accuse(_) | Action::Cast(_) => Ok(()),
        }
    }

    fn send(&mut self, from: usize, to: Option<u32>, bytes: &Arc<[u8]>) -> Check {
        let node = &self.nodes[from];
        let (id, is_honest) = (node.id, node.actor.is_none());
        if is_honest {
            let stable = node
                .replica
                .as_ref()
                .map_or(0, |replica| replica.status().stable);
            self.oracle.on_send(id, &node.seen, stable, bytes)?;
        }
        for receiver in (0..self.plan.n).filter(|receiver| to.is_none_or(|to| to == *receiver)) {
            if receiver == id {
                continue;
            }
            if is_honest {
                self.transmit(from, receiver, bytes);
                continue;
            }
            let mut liar = Liar {
                id,
                n: self.plan.n,
                roster: self.roster.digest(),
                rng: self.rng.clone(),
            };
            let actor = self.nodes[from].actor.as_mut();
            let told = actor.map(|actor| actor.twist(&mut liar, receiver, bytes));
            self.rng = liar.rng;
            for bytes in told.unwrap_or_default() {
                self.transmit(from, receiver, &bytes);
            }
        }
        Ok(())
    }

    /// The network's part: lose, delay, double.
    fn transmit(&mut self, from: usize, receiver: u32, bytes: &Arc<[u8]>) {
        let sender = self.nodes[from].id;
        if let Some(filter) = &self.filter
            && !filter(self.now, sender, receiver, bytes)
        {
            return;
        }
        let targets: Vec<usize> = (0..self.nodes.len())
            .filter(|index| self.nodes[*index].id == receiver)
            .collect();
        for to in targets {
            let mut copies = 1;
            let mut delay = self.plan.good_delay;
            if !self.is_settled {
                if self.plan.is_cut(self.now, sender, receiver, bytes)
                    || self.rng.percent(self.plan.drop_percent)
                {
                    continue;
                }
                copies += u64::from(self.rng.percent(self.plan.double_percent));
                delay = self.plan.bad_delay;
            }
            for _ in 0..copies {
                let at = self.now + self.rng.between(1, delay);
                let bytes = Arc::clone(bytes);
                self.at(at, Event::Packet { to, bytes });
            }
        }
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The earliest first, in a heap that gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
