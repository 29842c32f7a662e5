//! Replicas, a network and logs in virtual time.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use claude_flow_consensus::{
    Action, Decision, Durable, Effects, Handover, Input, Lsn, Options, Origin, Packet, Parsed,
    Record, Replica, Sealed, SetTimer, Timer, ValidatorId, verify_handover,
};

use super::actors::{Actor, Liar};
use super::calendar::Calendar;
use super::disk::{Disk, Found, Write};
use super::group::{CHANGE, Group, Make};
use super::oracle::{Check, Oracle, Seen};
use super::parcel::Parcel;
use super::plan::{DiskFaultKind, Jump, Plan, When};
use super::rng::{Rng, mix};

/// How long after the network has become good everything must be decided, in ticks.
const LIVENESS_TICKS: u64 = 40_000;

/// How long a node stays down after its disk has failed it.
const REPAIR_TICKS: u64 = 20;

/// How long it takes at most until who joins has heard of the next epoch.
const JOIN_TICKS: u64 = 30;

/// A validator of one epoch on its machine. A twin is a second one with the same id.
pub(crate) struct Node {
    pub(crate) id: u32,
    machine: u32,
    /// Its number among the epochs, from 0.
    epoch: usize,
    has_ended: bool,
    /// The node of the next epoch that this one has started.
    successor: Option<usize>,
    options: Options,
    pub(crate) replica: Option<Replica>,
    disk: Disk,
    sealed: VecDeque<Sealed>,
    /// When each timer rings, and its number, which is new with each setting: what rings with an
    /// old one is ignored.
    timers: [(u64, u64); 2],
    life: u64,
    is_sync_due: bool,
    /// Steps since the first start, and at which of them the node stops next.
    steps: u64,
    stops: Vec<(When, u64)>,
    actor: Option<Box<dyn Actor>>,
    pub(crate) seen: Seen,
    /// Where the log has the decisions, and those that were asked for.
    decided_at: Vec<(usize, Option<Parcel>)>,
}

enum Event {
    Packet {
        to: u32,
        parcel: Parcel,
    },
    Ring {
        node: u32,
        timer: Timer,
        number: u64,
    },
    Sync {
        node: u32,
        life: u64,
    },
    Crash {
        machine: u32,
        down: u64,
    },
    Restart {
        node: u32,
    },
    Submit {
        proposal: usize,
        node: Option<u32>,
    },
    /// A machine that was in no epoch before begins with the second.
    Join {
        machine: u32,
    },
    Jump(Jump),
    Disk {
        machine: u32,
        kind: DiskFaultKind,
    },
    /// The network is good from now on.
    Settle,
}

/// Replicas, the network between them, and the oracle that watches.
pub(crate) struct World {
    plan: Plan,
    /// One for each epoch that has begun.
    groups: Vec<Rc<Group>>,
    rng: Rng,
    pub(crate) now: u64,
    calendar: Calendar<Event>,
    pub(crate) nodes: Vec<Node>,
    /// The nodes of each validator, by epoch and id.
    places: Vec<Vec<Vec<u32>>>,
    /// Where the second epoch begins.
    origin: Option<Origin>,
    pub(crate) oracles: Vec<Oracle>,
    is_settled: bool,
    /// When the last of the plan's losses ends.
    lossless_from: u64,
    trace: u64,
    pub(crate) steps: u64,
}

/// What became of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) decisions: usize,
    pub(crate) epochs: usize,
    pub(crate) view: u64,
    pub(crate) trace: u64,
}

/// Plays a schedule to its end.
pub(crate) fn play(plan: Plan) -> Result<Outcome, String> {
    World::new(plan)?.run()
}

impl World {
    pub(crate) fn new(plan: Plan) -> Result<Self, String> {
        let group = Group::of(Make {
            n: plan.n,
            faults: plan.faults,
            is_real: plan.is_real,
            change: plan.change.map(|change| change.members),
        });
        let mut world = Self {
            groups: Vec::new(),
            oracles: Vec::new(),
            places: Vec::new(),
            origin: None,
            rng: Rng::new(plan.seed ^ 0xabcd),
            now: 0,
            calendar: Calendar::new(),
            nodes: Vec::with_capacity(plan.n as usize + 1),
            is_settled: false,
            lossless_from: plan.losses.iter().map(|loss| loss.until).max().unwrap_or(0),
            trace: 0,
            steps: 0,
            plan,
        };
        world.begin_epoch(group, Origin::genesis());
        world.populate()?;
        world.schedule_faults();
        Ok(world)
    }

    fn begin_epoch(&mut self, group: Rc<Group>, origin: Origin) {
        let liars = self.plan.liars.iter().map(|(machine, _)| *machine);
        let liars = liars.filter_map(|machine| machine.checked_sub(group.first));
        let liars = liars.fold(0, |set, id| set | 1 << id);
        let watermarks = (self.plan.window, self.plan.interval);
        let n = group.roster.committee().n() as usize;
        let oracle = Oracle::new(Rc::clone(&group), origin, watermarks, liars);
        self.oracles.push(oracle);
        self.places.push(vec![Vec::new(); n]);
        self.groups.push(group);
    }

    fn populate(&mut self) -> Check {
        for machine in 0..self.plan.n {
            let index = self.add_node(0, machine, Origin::genesis())?;
            let actor = self.nodes[index].actor.as_ref();
            if actor.is_some_and(|actor| actor.is_twin()) {
                self.add_node(0, machine, Origin::genesis())?;
            }
        }
        Ok(())
    }

    fn add_node(&mut self, epoch: usize, machine: u32, origin: Origin) -> Result<usize, String> {
        let mut liars = self.plan.liars.iter();
        let kind = liars.find(|(liar, _)| *liar == machine);
        let actor = kind.map(|(_, kind)| kind.make());
        let group = &self.groups[epoch];
        let id = machine - group.first;
        let options = Options {
            roster: group.roster.clone(),
            origin,
            me: ValidatorId(id),
            window: self.plan.window,
            checkpoint_interval: self.plan.interval,
            progress_timeout: self.plan.timeout,
            status_interval: self.plan.status_interval,
            // A liar knows the protocol better than those whose code is broken.
            planted: self.plan.bug.filter(|_| actor.is_none()),
            before: epoch
                .checked_sub(1)
                .map(|it| self.groups[it].roster.clone()),
        };
        let crashes = self.plan.crashes.iter();
        let stops = crashes
            .filter(|crash| crash.node == machine && !self.is_settled)
            .filter(|crash| !matches!(crash.when, When::Tick(_)))
            .map(|crash| (crash.when, crash.down));
        self.nodes.push(Node {
            id,
            machine,
            epoch,
            has_ended: false,
            successor: None,
            options,
            replica: None,
            disk: Disk::default(),
            sealed: VecDeque::new(),
            timers: [(0, 0); 2],
            life: 0,
            is_sync_due: false,
            steps: 0,
            stops: stops.collect(),
            actor,
            seen: Seen::default(),
            decided_at: Vec::new(),
        });
        let index = self.nodes.len() - 1;
        self.places[epoch][id as usize].push(index as u32);
        self.start(index)?;
        Ok(index)
    }

    /// The nodes of a machine.
    fn on(&self, machine: u32) -> Vec<usize> {
        let all = 0..self.nodes.len();
        all.filter(|index| self.nodes[*index].machine == machine)
            .collect()
    }

    fn schedule_faults(&mut self) {
        for (proposal, submission) in self.plan.submissions.iter().enumerate() {
            let node = submission.node;
            let event = Event::Submit { proposal, node };
            self.calendar.add(submission.at, event);
        }
        for crash in &self.plan.crashes {
            if let When::Tick(at) = crash.when {
                let (machine, down) = (crash.node, crash.down);
                self.calendar.add(at, Event::Crash { machine, down });
            }
        }
        for jump in &self.plan.jumps {
            self.calendar.add(jump.at, Event::Jump(*jump));
        }
        for fault in &self.plan.disks {
            let (machine, kind) = (fault.node, fault.kind);
            self.calendar.add(fault.at, Event::Disk { machine, kind });
        }
        if let Some(change) = self.plan.change {
            let (proposal, node) = (CHANGE, None);
            let event = Event::Submit { proposal, node };
            self.calendar.add(change.at, event);
        }
        self.calendar.add(self.plan.settled_at, Event::Settle);
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
        let Some((now, event)) = self.calendar.take(end) else {
            return Ok(None);
        };
        self.now = now;
        let may_end = matches!(
            event,
            Event::Packet { .. } | Event::Sync { .. } | Event::Settle
        );
        self.happen(event)
            .map_err(|what| format!("at tick {}: {what}", self.now))?;
        Ok(Some(may_end))
    }

    fn outcome(&self) -> Outcome {
        let views = self.honest().filter_map(|node| node.replica.as_ref());
        Outcome {
            decisions: self.oracles.iter().map(|it| it.decided.len()).sum(),
            epochs: self.oracles.len(),
            view: views
                .map(|replica| replica.status().view)
                .max()
                .unwrap_or_default(),
            trace: self.trace,
        }
    }

    /// Those who do not lie; who has lost what it promised must not do so either.
    pub(crate) fn honest(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.actor.is_none())
    }

    /// Every honest node has delivered the same, and everything that was submitted.
    fn is_done(&self) -> bool {
        let is_full = |places: &Vec<Vec<u32>>| places.iter().all(|nodes| !nodes.is_empty());
        let has_begun = self.places.len() == 2 && self.places.iter().all(is_full);
        (has_begun || !self.oracles[0].is_over())
            && self
                .oracles
                .iter()
                .all(|oracle| oracle.undecided == 0 || oracle.is_over())
            && self.honest().all(|node| {
                let oracle = &self.oracles[node.epoch];
                node.seen.delivered.len() == oracle.decided.len()
                    && node.sealed.is_empty()
                    && node.replica.is_some()
                    && node.has_ended == oracle.is_over()
            })
    }

    fn note(&mut self, what: u64) {
        self.trace = mix(self.trace ^ what ^ self.now.rotate_left(32));
    }

    fn happen(&mut self, event: Event) -> Check {
        self.steps += 1;
        match event {
            Event::Packet { to, parcel } => {
                let len = parcel.len() as u64;
                self.note(u64::from(parcel.tag()) ^ u64::from(to) << 8 ^ len << 16);
                self.hear(to as usize, &parcel)
            }
            Event::Ring {
                node,
                timer,
                number,
            } => {
                let (index, it) = (node as usize, &self.nodes[node as usize]);
                if it.timers[timer as usize].1 != number {
                    return Ok(());
                }
                self.note(1 << 40 | u64::from(node) << 8 | timer as u64);
                self.step(index, Input::Timer(timer))
            }
            Event::Sync { node, life } => {
                let index = node as usize;
                if self.nodes[index].life != life {
                    return Ok(());
                }
                self.nodes[index].is_sync_due = false;
                self.sync(index)
            }
            Event::Crash { machine, down } => {
                for index in self.on(machine) {
                    self.crash(index, down);
                }
                Ok(())
            }
            Event::Join { machine } => self.join(machine),
            Event::Restart { node } => self.restart(node as usize),
            Event::Submit { proposal, node } => self.submit(proposal, node),
            Event::Jump(jump) => {
                self.jump(jump);
                Ok(())
            }
            Event::Disk { machine, kind } => {
                if let Some(index) = self.on(machine).last() {
                    self.fail_disk(*index, kind);
                }
                Ok(())
            }
            Event::Settle => self.settle(),
        }
    }

    fn hear(&mut self, index: usize, parcel: &Parcel) -> Check {
        if let Some(actor) = &mut self.nodes[index].actor {
            actor.observe(parcel);
            if !actor.hears(parcel) {
                return Ok(());
            }
        }
        match parcel.parsed() {
            Some(parsed) if !self.plan.is_raw => self.step(index, Input::Parsed(parsed)),
            _ => self.step(index, Input::Packet(parcel.bytes())),
        }
    }

    fn submit(&mut self, proposal: usize, node: Option<u32>) -> Check {
        if self.places.len() == 1 {
            self.oracles[0].on_submit(proposal);
        }
        let is_up = |node: &Node| {
            let is_current = node.successor.is_none() && !node.has_ended;
            node.actor.is_none() && node.replica.is_some() && is_current
        };
        let index = if let Some(node) = node {
            self.places[0][node as usize][0] as usize
        } else {
            let up = self.nodes.iter().filter(|node| is_up(node)).count() as u64;
            if up == 0 {
                return Ok(());
            }
            let which = self.rng.below(up) as usize;
            let mut all = (0..self.nodes.len()).filter(|index| is_up(&self.nodes[*index]));
            all.nth(which).unwrap_or_default()
        };
        self.hand_in(proposal, index)
    }

    /// A proposal of a node's epoch reaches the node.
    fn hand_in(&mut self, proposal: usize, index: usize) -> Check {
        let epoch = self.nodes[index].epoch;
        if epoch > 0 && (proposal == CHANGE || self.oracles[0].has_decided(proposal)) {
            return Ok(());
        }
        self.oracles[epoch].on_submit(proposal);
        let proposal = Arc::clone(&self.groups[epoch].proposals[proposal].1);
        self.step(index, Input::Submit(proposal))
    }

    /// A node hands over: its own machine goes on, and those who join hear of it.
    fn hand_over(&mut self, index: usize, handover: &Handover) -> Check {
        let group = Rc::clone(&self.groups[0]);
        let Node {
            epoch,
            machine,
            actor,
            ..
        } = &self.nodes[index];
        let (epoch, machine) = (*epoch, *machine);
        if actor.is_none() {
            let oracle = &self.oracles[epoch];
            oracle.on_hand_over(index as u32, &self.nodes[index].seen, handover)?;
        }
        self.nodes[index].has_ended = true;
        let bytes = handover.encode(&group.roster.digest());
        let verified = verify_handover(&group.roster, &*group.verifier, &bytes);
        let (Ok((origin, _)), Some(next), 0) = (verified, &group.next, epoch) else {
            return Ok(());
        };
        if self.places.len() == 1 {
            self.begin_epoch(Rc::clone(next), origin);
            self.origin = Some(origin);
            let all = next.first..next.first + next.roster.committee().n();
            for machine in all.filter(|machine| *machine >= self.plan.n) {
                let at = self.now + self.rng.between(1, JOIN_TICKS);
                self.calendar.add(at, Event::Join { machine });
            }
        }
        let is_member = machine.checked_sub(next.first);
        let is_member = is_member.is_some_and(|id| id < next.roster.committee().n());
        if is_member && self.nodes[index].successor.is_none() {
            // Before it starts, which may well fail.
            self.nodes[index].successor = Some(self.nodes.len());
            self.join(machine)?;
        }
        Ok(())
    }

    /// A machine begins with the second epoch.
    fn join(&mut self, machine: u32) -> Check {
        let Some(origin) = self.origin else {
            return Ok(());
        };
        let index = self.add_node(1, machine, origin)?;
        // Whoever waited for a decision of the epoch before asks again.
        if self.is_settled {
            for proposal in 0..self.plan.submissions.len() {
                self.hand_in(proposal, index)?;
            }
        }
        Ok(())
    }

    fn jump(&mut self, jump: Jump) {
        for index in self.on(jump.node) {
            self.jump_node(index as u32, jump);
        }
    }

    fn jump_node(&mut self, node: u32, jump: Jump) {
        for timer in [Timer::Progress, Timer::Status] {
            let (due, number) = &mut self.nodes[node as usize].timers[timer as usize];
            if *due <= self.now {
                continue;
            }
            *number += 1;
            *due = jump.back.map_or(self.now + 1, |back| *due + back);
            let (at, number) = (*due, *number);
            self.calendar.add(
                at,
                Event::Ring {
                    node,
                    timer,
                    number,
                },
            );
        }
    }

    fn fail_disk(&mut self, index: usize, kind: DiskFaultKind) {
        let disk = &mut self.nodes[index].disk;
        match kind {
            DiskFaultKind::SyncError => disk.fails_next_sync = true,
            DiskFaultKind::Full(ticks) => {
                disk.is_full = true;
                let node = index as u32;
                self.calendar.add(self.now + ticks, Event::Restart { node });
            }
            DiskFaultKind::Rot => {
                disk.rot(&mut self.rng);
                self.crash(index, REPAIR_TICKS);
            }
        }
    }

    /// From now on nothing is lost, late or down, and whoever waits for a decision asks again.
    fn settle(&mut self) -> Check {
        self.is_settled = true;
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            node.stops.clear();
            node.disk.fails_next_sync = false;
            self.restart(index)?;
        }
        for proposal in 0..self.plan.submissions.len() {
            self.submit(proposal, None)?;
        }
        if self.plan.change.is_some() {
            self.submit(CHANGE, None)?;
        }
        Ok(())
    }

    /// Power fails, or the driver stops because its disk has failed.
    fn crash(&mut self, index: usize, down: u64) {
        let node = &mut self.nodes[index];
        if node.replica.take().is_none() {
            return;
        }
        node.life += 1;
        node.is_sync_due = false;
        node.sealed.clear();
        for (due, number) in &mut node.timers {
            *number += 1;
            *due = 0;
        }
        node.disk.crash(&mut self.rng);
        let node = index as u32;
        self.calendar.add(self.now + down, Event::Restart { node });
    }

    fn restart(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        node.disk.is_full = false;
        if node.replica.is_some() {
            return Ok(());
        }
        if node.disk.open(self.plan.flaw) == Found::Damaged {
            node.seen.forget(node.disk.log());
            node.has_ended = false;
        }
        node.seen.lose(node.disk.log());
        node.seen.sync(node.disk.log());
        self.start(index)
    }

    fn start(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        let group = &self.groups[node.epoch];
        let signer = Arc::clone(&group.signers[node.id as usize]);
        let verifier = Arc::clone(&group.verifier);
        let log = node.disk.log();
        let started = Replica::recover(node.options.clone(), signer, verifier, log);
        let (replica, effects) = started.map_err(|error| format!("a restart failed: {error}"))?;
        node.decided_at.clear();
        let decided = log.iter().enumerate();
        let decided = decided.filter(|(_, record)| matches!(record, Record::Decided(_)));
        node.decided_at.extend(decided.map(|(at, _)| (at, None)));
        let status = replica.status();
        node.replica = Some(replica);
        if node.actor.is_none() {
            self.oracles[node.epoch].on_restart(node.id, &node.seen, &status)?;
            self.redeliver(index)?;
        }
        self.perform(index, effects)
    }

    /// The application reads from the log what it was not handed before the crash.
    fn redeliver(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        let missed = node.decided_at.iter().skip(node.seen.delivered.len());
        for (at, _) in missed {
            if let Record::Decided(decision) = &node.disk.log()[*at] {
                self.oracles[node.epoch].on_decision(node.id, &mut node.seen, decision)?;
            }
        }
        Ok(())
    }

    pub(crate) fn step(&mut self, index: usize, input: Input<'_>) -> Check {
        let node = &mut self.nodes[index];
        let Some(replica) = &mut node.replica else {
            return Ok(());
        };
        let effects = replica.step(input);
        node.steps += 1;
        self.perform(index, effects)
    }

    /// Whether the plan stops the node at this point of this step; it is stopped then.
    fn is_stopped(&mut self, index: usize, point: fn(u64) -> When) -> bool {
        let node = &mut self.nodes[index];
        if node.stops.is_empty() {
            return false;
        }
        let now = point(node.steps);
        let Some(stop) = node.stops.iter().position(|(when, _)| *when == now) else {
            return false;
        };
        let (_, down) = node.stops.remove(stop);
        self.crash(index, down);
        true
    }

    fn perform(&mut self, index: usize, effects: Effects) -> Check {
        let Effects {
            mut records,
            sealed,
            timers,
        } = effects;
        for SetTimer { timer, after } in timers {
            self.set_timer(index, timer, after);
        }
        if records.is_empty() && sealed.is_empty() {
            return self.rest(index);
        }
        if self.is_stopped(index, When::BeforeAppend) {
            return Ok(());
        }
        let node = &mut self.nodes[index];
        let known = node.disk.log().len();
        if node.disk.append(&mut records, self.plan.flaw) == Write::Failed {
            self.crash(index, REPAIR_TICKS);
            return Ok(());
        }
        for (at, record) in node.disk.log().iter().enumerate().skip(known) {
            if matches!(record, Record::Decided(_)) {
                node.decided_at.push((at, None));
            }
        }
        if !sealed.is_empty() {
            node.sealed.push_back(sealed);
        }
        if node.disk.is_synced() || node.is_sync_due {
            return self.release(index);
        }
        if self.is_stopped(index, When::BeforeSync) {
            return Ok(());
        }
        let node = &mut self.nodes[index];
        if node.actor.is_none() && self.rng.percent(self.plan.slow_sync_percent) {
            node.is_sync_due = true;
            let (at, life) = (self.now + self.rng.between(1, 6), node.life);
            let node = index as u32;
            self.calendar.add(at, Event::Sync { node, life });
            return self.release(index);
        }
        self.sync(index)
    }

    fn set_timer(&mut self, index: usize, timer: Timer, after: Option<u64>) {
        let (due, number) = &mut self.nodes[index].timers[timer as usize];
        *number += 1;
        *due = 0;
        if let Some(after) = after {
            // Clocks do not run alike.
            *due = self.now + after + self.rng.below(after / 8 + 1);
            let (at, number) = (*due, *number);
            let node = index as u32;
            self.calendar.add(
                at,
                Event::Ring {
                    node,
                    timer,
                    number,
                },
            );
        }
    }

    fn sync(&mut self, index: usize) -> Check {
        let node = &mut self.nodes[index];
        if node.disk.sync(self.plan.flaw) == Write::Failed {
            self.crash(index, REPAIR_TICKS);
            return Ok(());
        }
        node.seen.sync(node.disk.log());
        if self.is_stopped(index, When::BeforeSend) {
            return Ok(());
        }
        self.release(index)
    }

    /// Does what the log allows by now.
    fn release(&mut self, index: usize) -> Check {
        let durable = Durable::up_to(Lsn(self.nodes[index].disk.synced() as u64));
        while let Some(sealed) = self.nodes[index].sealed.pop_front() {
            match sealed.open(durable) {
                Ok(actions) => {
                    for action in actions {
                        self.act(index, action)?;
                        if self.is_stopped(index, When::MidSend) {
                            return Ok(());
                        }
                    }
                }
                Err(sealed) => {
                    self.nodes[index].sealed.push_front(sealed);
                    return Ok(());
                }
            }
        }
        self.rest(index)
    }

    fn rest(&self, index: usize) -> Check {
        let node = &self.nodes[index];
        match (&node.actor, &node.replica) {
            (None, Some(replica)) if node.disk.is_synced() && node.sealed.is_empty() => {
                self.oracles[node.epoch].on_rest(node.id, &node.seen, &replica.status())
            }
            _ => Ok(()),
        }
    }

    fn act(&mut self, index: usize, action: Action) -> Check {
        let is_honest = self.nodes[index].actor.is_none();
        match action {
            Action::Send(to, parsed) => {
                let parcel = self.parcel(parsed);
                self.send(index, Some(to.0), &parcel)
            }
            Action::Broadcast(parsed) => {
                let parcel = self.parcel(parsed);
                self.send(index, None, &parcel)
            }
            Action::Deliver(delivery) if is_honest => {
                let node = &mut self.nodes[index];
                self.oracles[node.epoch].on_deliver(node.id, &mut node.seen, &delivery)
            }
            Action::Serve { to, first, count } => {
                for seq in first..first.saturating_add(count) {
                    if let Some(parcel) = self.decision(index, seq) {
                        self.transmit(index, to.0, &parcel, 0);
                    }
                }
                Ok(())
            }
            Action::Accuse(proof) if is_honest => {
                self.oracles[self.nodes[index].epoch].on_accuse(&proof)
            }
            Action::HandOver(handover) => self.hand_over(index, &handover),
            Action::Accuse(_) | Action::Cast(_) | Action::Deliver(_) => Ok(()),
        }
    }

    /// What a replica says, as bytes if the plan wants them.
    fn parcel(&self, parsed: Parsed) -> Parcel {
        if self.plan.is_raw {
            Parcel::of(parsed.packet())
        } else {
            Parcel::said(parsed)
        }
    }

    /// A decision from a node's log.
    fn decision(&mut self, index: usize, seq: u64) -> Option<Parcel> {
        let Node {
            decided_at,
            disk,
            options,
            ..
        } = &mut self.nodes[index];
        let place = seq.checked_sub(options.origin.seq)?.checked_sub(1)?;
        let (at, parcel) = decided_at.get_mut(usize::try_from(place).ok()?)?;
        if parcel.is_none()
            && let Record::Decided(decision) = &disk.log()[*at]
        {
            let decision = Packet::Decision(Decision::clone(decision));
            *parcel = Some(Parcel::of(&decision));
        }
        parcel.clone()
    }

    fn send(&mut self, from: usize, to: Option<u32>, parcel: &Parcel) -> Check {
        let node = &mut self.nodes[from];
        let (id, epoch) = (node.id, node.epoch);
        let receivers = match to {
            Some(to) => to..to + 1,
            None => 0..self.places[epoch].len() as u32,
        };
        if node.actor.is_none() {
            let stable = node.replica.as_ref().map_or(0, Replica::stable);
            self.oracles[epoch].on_send(id, &mut node.seen, stable, parcel)?;
            for receiver in receivers.filter(|receiver| *receiver != id) {
                self.transmit(from, receiver, parcel, 0);
            }
            return Ok(());
        }
        for receiver in receivers.filter(|receiver| *receiver != id) {
            let mut liar = Liar {
                id,
                group: Rc::clone(&self.groups[epoch]),
                rng: self.rng.clone(),
            };
            let Some(actor) = &mut self.nodes[from].actor else {
                return Ok(());
            };
            let told = actor.twist(&mut liar, receiver, parcel);
            let held = actor.hold(parcel, self.plan.timeout);
            self.rng = liar.rng;
            for parcel in told {
                self.transmit(from, receiver, &parcel, held);
            }
        }
        Ok(())
    }

    /// The network's part: lose, delay, double.
    fn transmit(&mut self, from: usize, receiver: u32, parcel: &Parcel, held: u64) {
        let Node { epoch, machine, .. } = self.nodes[from];
        if self.now < self.lossless_from {
            let (tag, view) = (parcel.tag(), parcel.view());
            let mut losses = self.plan.losses.iter();
            let to = self.groups[epoch].first + receiver;
            if losses.any(|loss| loss.takes(self.now, machine, to, tag, view)) {
                return;
            }
        }
        for place in 0..self.places[epoch][receiver as usize].len() {
            let to = self.places[epoch][receiver as usize][place];
            let mut copies = 1;
            let mut delay = self.plan.good_delay;
            if !self.is_settled {
                if self.rng.percent(self.plan.drop_percent) {
                    continue;
                }
                copies += u64::from(self.rng.percent(self.plan.double_percent));
                delay = self.plan.bad_delay;
            }
            for _ in 0..copies {
                let at = self.now + held + self.rng.between(1, delay);
                let parcel = parcel.clone();
                self.calendar.add(at, Event::Packet { to, parcel });
            }
        }
    }
}
