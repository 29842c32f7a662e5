//! Every order of every message, for four validators, one slot and two views, of which one lies.
//!
//! The network keeps whatever was ever sent, and may hand it to anyone at any time, again or never.
//! The liar says all that it can sign: any proposal and any vote in either view, a VIEW-CHANGE with
//! nothing or with every prepared certificate that can be made of what the others signed, every
//! NEW-VIEW that can be made of the VIEW-CHANGEs there are, and every decision that is proven.
//! Time-outs of view 0 come at any time.
//!
//! What is left out: checkpoints, crashes, null requests by the liar, a third view.
//!
//! # Reduction
//!
//! Since nothing that was sent is ever lost, a message that makes its receiver neither say nor decide
//! anything, nor enter or leave a view, can as well reach it just before the next one that does; and
//! one that this next step would happen without can wait for a later one, or never come.
//! So one step of the search hands one replica a smallest set of messages that makes it do something
//! that others can see; all such sets are tried, in each state.
//! A replica's own part is worked out once for each of its states and each message.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use claude_flow_consensus::{
    Action, Body, Bug, Certificate, Decision, Digest, Durable, Effects, Input, Kind, Lsn, Message,
    NewView, Options, Packet, Parsed, Replica, SignatureSet, Statement, Timer, ValidatorId,
    ViewChange, WINDOW_MAX,
};

use crate::sim::group::Group;

const SLOT: u64 = 1;

/// How many messages can be needed before the one that counts, all votes for the same: three others'
/// COMMITs decide, even where a replica has not committed itself.
const QUIET_MAX: usize = 2;

/// What one honest replica is and has said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Local {
    replica: Replica,
    /// Numbers of messages, ascending.
    sent: Vec<u32>,
    decided: Option<Digest>,
}

/// Messages by number, and replicas' states by number, with what leads from one to the next.
struct Space {
    group: Rc<Group>,
    liar: u32,
    messages: Vec<Parsed>,
    numbers: HashMap<Vec<u8>, u32>,
    locals: Vec<Rc<Local>>,
    local_numbers: HashMap<Rc<Local>, u32>,
    steps: HashMap<(u32, u32), u32>,
    timeouts: HashMap<u32, u32>,
    /// Where a replica can get to, by what there is to hear.
    leaps: HashMap<(u32, u32), Rc<Vec<u32>>>,
    heard: HashMap<Vec<u32>, u32>,
    /// What the liar can say, by what the others have said.
    lies: HashMap<Vec<u32>, Rc<Vec<u32>>>,
}

/// How far a search went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Explored {
    states: usize,
    depth: usize,
    is_complete: bool,
    decided: usize,
}

impl Space {
    fn new(liar: u32, bug: Option<Bug>) -> (Self, [u32; 3]) {
        let group = Group::alone(4, 1);
        let mut space = Self {
            group,
            liar,
            messages: Vec::new(),
            numbers: HashMap::new(),
            locals: Vec::new(),
            local_numbers: HashMap::new(),
            steps: HashMap::new(),
            timeouts: HashMap::new(),
            leaps: HashMap::new(),
            heard: HashMap::new(),
            lies: HashMap::new(),
        };
        let mut start = [0; 3];
        let honest: Vec<u32> = (0..4).filter(|id| *id != liar).collect();
        for (place, id) in start.iter_mut().zip(honest) {
            *place = space.start(id, bug);
        }
        (space, start)
    }

    /// A replica that holds both proposals.
    fn start(&mut self, id: u32, bug: Option<Bug>) -> u32 {
        let options = Options {
            window: WINDOW_MAX,
            checkpoint_interval: WINDOW_MAX / 2,
            planted: bug,
            ..Options::new(self.group.roster.clone(), ValidatorId(id))
        };
        let signer = self.group.signers[id as usize].clone();
        let verifier = self.group.verifier.clone();
        let (replica, effects) = Replica::new(options, signer, verifier).unwrap();
        let mut local = Local {
            replica,
            sent: Vec::new(),
            decided: None,
        };
        self.perform(&mut local, effects);
        for number in 0..2 {
            let (digest, proposal) = self.group.proposals[number].clone();
            let request = self.say(Kind::Request, 0, 0, digest, Body::Proposal(proposal));
            let parsed = Parsed::read(&Packet::Signed(request).encode()).unwrap();
            let effects = local.replica.step(Input::Parsed(&parsed));
            self.perform(&mut local, effects);
        }
        self.intern(local)
    }

    fn intern(&mut self, local: Local) -> u32 {
        if let Some(number) = self.local_numbers.get(&local) {
            return *number;
        }
        let number = number_of(self.locals.len());
        let local = Rc::new(local);
        self.locals.push(Rc::clone(&local));
        self.local_numbers.insert(local, number);
        number
    }

    fn number(&mut self, bytes: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(bytes) {
            return *number;
        }
        let number = number_of(self.messages.len());
        self.messages.push(Parsed::read(bytes).unwrap());
        self.numbers.insert(bytes.to_vec(), number);
        number
    }

    /// The slot and the views that are explored, and no remarks.
    fn is_explored(message: &Message) -> bool {
        let Statement {
            kind, view, seq, ..
        } = message.statement;
        match kind {
            Kind::PrePrepare | Kind::Prepare | Kind::Commit => seq == SLOT && view < 2,
            Kind::ViewChange | Kind::NewView => view < 2,
            _ => false,
        }
    }

    fn perform(&mut self, local: &mut Local, effects: Effects) {
        let actions = effects.sealed.open(Durable::up_to(Lsn(u64::MAX)));
        for action in actions.unwrap() {
            match action {
                Action::Broadcast(parsed) | Action::Send(_, parsed) => {
                    if let Packet::Signed(message) = parsed.packet()
                        && Self::is_explored(message)
                    {
                        let number = self.number(&parsed.packet().encode());
                        if let Err(place) = local.sent.binary_search(&number) {
                            local.sent.insert(place, number);
                        }
                    }
                }
                Action::Deliver(delivery) => {
                    let statement = delivery.decision.certificate.statement;
                    if statement.seq == SLOT {
                        local.decided = Some(statement.digest);
                    }
                }
                _ => {}
            }
        }
    }

    /// What becomes of a replica that hears a message.
    fn hear(&mut self, local: u32, message: u32) -> u32 {
        if let Some(next) = self.steps.get(&(local, message)) {
            return *next;
        }
        let mut next = Local::clone(&self.locals[local as usize]);
        let parsed = self.messages[message as usize].clone();
        let effects = next.replica.step(Input::Parsed(&parsed));
        self.perform(&mut next, effects);
        let number = self.intern(next);
        self.steps.insert((local, message), number);
        number
    }

    /// What becomes of a replica in view 0 that loses patience.
    fn time_out(&mut self, local: u32) -> u32 {
        if self.locals[local as usize].replica.status().view > 0 {
            return local;
        }
        if let Some(next) = self.timeouts.get(&local) {
            return *next;
        }
        let mut next = Local::clone(&self.locals[local as usize]);
        let effects = next.replica.step(Input::Timer(Timer::Progress));
        self.perform(&mut next, effects);
        let number = self.intern(next);
        self.timeouts.insert(local, number);
        number
    }

    /// What is counted together: votes of one kind and view for one digest, VIEW-CHANGEs of one view.
    fn family(&self, message: u32) -> Option<(Kind, u64, Digest)> {
        let Packet::Signed(message) = self.messages[message as usize].packet() else {
            return None;
        };
        let Statement {
            kind, view, digest, ..
        } = message.statement;
        match kind {
            Kind::Prepare | Kind::Commit => Some((kind, view, digest)),
            Kind::ViewChange => Some((kind, view, Digest::NULL)),
            _ => None,
        }
    }

    /// Whether others can see the difference.
    fn is_leap(&self, before: u32, after: u32) -> bool {
        let [before, after] = [before, after].map(|number| &self.locals[number as usize]);
        let [one, two] = [before, after].map(|local| local.replica.status());
        (before.sent != after.sent || before.decided != after.decided)
            || (one.view, one.is_changing) != (two.view, two.is_changing)
    }

    /// Where a replica can get to by a smallest set of these messages.
    fn leaps(&mut self, local: u32, messages: &[u32]) -> Rc<Vec<u32>> {
        // What changes nothing now changes nothing after others that nobody can see either.
        let mut matters = |message: &u32| self.hear(local, *message) != local;
        let messages: Vec<u32> = messages
            .iter()
            .copied()
            .filter(|message| matters(message))
            .collect();
        let count = number_of(self.heard.len());
        let heard = *self.heard.entry(messages.clone()).or_insert(count);
        if let Some(leaps) = self.leaps.get(&(local, heard)) {
            return Rc::clone(leaps);
        }
        let mut found = vec![self.time_out(local)];
        let mut silent = vec![(local, Vec::new())];
        for _ in 0..=QUIET_MAX {
            let mut more = Vec::new();
            for (at, way) in &silent {
                for message in &messages {
                    let first = way.first().copied();
                    if first.is_some_and(|first| self.family(first) != self.family(*message)) {
                        continue;
                    }
                    let next = self.hear(*at, *message);
                    if next == *at {
                        continue;
                    }
                    if !self.is_leap(*at, next) {
                        // In ascending order only: the order of silent messages leaves no trace.
                        if way.last().is_none_or(|last| last < message) {
                            let mut way: Vec<u32> = way.clone();
                            way.push(*message);
                            more.push((next, way));
                        }
                    } else if self.is_smallest(local, way, *message, next) {
                        found.push(next);
                    }
                }
            }
            silent = more;
        }
        found.retain(|next| *next != local);
        found.sort_unstable();
        found.dedup();
        let found = Rc::new(found);
        self.leaps.insert((local, heard), Rc::clone(&found));
        found
    }

    /// Whether the last message brings nothing about once any of the others has not come.
    fn is_smallest(&mut self, local: u32, way: &[u32], last: u32, leap: u32) -> bool {
        (0..way.len()).all(|left_out| {
            let mut at = local;
            for (place, message) in way.iter().enumerate() {
                if place != left_out {
                    at = self.hear(at, *message);
                }
            }
            let next = self.hear(at, last);
            let [one, two] = [next, leap].map(|number| &self.locals[number as usize]);
            let [here, there] = [one, two].map(|local| local.replica.status());
            one.sent != two.sent
                || one.decided != two.decided
                || (here.view, here.is_changing) != (there.view, there.is_changing)
        })
    }

    fn said(&self, sent: &[u32]) -> impl Iterator<Item = &Message> {
        let messages = sent.iter().map(|number| &self.messages[*number as usize]);
        messages.filter_map(|parsed| match parsed.packet() {
            Packet::Signed(message) => Some(message),
            _ => None,
        })
    }

    /// The liar's words.
    fn say(&self, kind: Kind, view: u64, seq: u64, digest: Digest, body: Body) -> Message {
        let statement = Statement {
            kind,
            view,
            seq,
            digest,
        };
        let said = statement.encode(&self.group.roster.digest());
        Message {
            sender: ValidatorId(self.liar),
            statement,
            signature: self.group.signers[self.liar as usize].sign(&said),
            body,
        }
    }

    /// Everything that the liar can say once the others have said this.
    fn lies(&mut self, sent: &[u32]) -> Rc<Vec<u32>> {
        if let Some(lies) = self.lies.get(sent) {
            return Rc::clone(lies);
        }
        let mut told = Vec::new();
        let proposals = self.group.proposals[..2].to_vec();
        for view in 0..2 {
            let is_primary = self.group.roster.primary(view) == ValidatorId(self.liar);
            for (digest, proposal) in &proposals {
                if is_primary {
                    let body = Body::Proposal(proposal.clone());
                    told.push(self.say(Kind::PrePrepare, view, SLOT, *digest, body));
                }
                for kind in [Kind::Prepare, Kind::Commit] {
                    told.push(self.say(kind, view, SLOT, *digest, Body::Empty));
                }
            }
        }
        let mut packets: Vec<Packet> = told.into_iter().map(Packet::Signed).collect();
        let mut changes = vec![self.change(Vec::new())];
        for (digest, proposal) in &proposals {
            for view in 0..2 {
                if let Some(certificate) = self.certificate(Kind::Commit, view, *digest, sent) {
                    packets.push(Packet::Decision(Decision {
                        certificate,
                        proposal: Some(proposal.clone()),
                    }));
                }
            }
            let prepared = self.certificate(Kind::Prepare, 0, *digest, sent);
            changes.extend(prepared.map(|prepared| self.change(vec![prepared])));
        }
        if self.liar == 1 {
            packets.extend(
                self.new_views(&changes, sent)
                    .into_iter()
                    .map(Packet::Signed),
            );
        }
        packets.extend(changes.into_iter().map(Packet::Signed));
        let numbers: Vec<u32> = packets.iter().map(|it| self.number(&it.encode())).collect();
        let numbers = Rc::new(numbers);
        self.lies.insert(sent.to_vec(), Rc::clone(&numbers));
        numbers
    }

    fn change(&self, prepared: Vec<Certificate>) -> Message {
        let stable = Certificate::genesis();
        let body = Body::ViewChange(std::sync::Arc::new(ViewChange { stable, prepared }));
        self.say(Kind::ViewChange, 1, 0, body.digest(), body)
    }

    /// A certificate of what the others signed and of the liar's own signature, if that suffices.
    fn certificate(
        &self,
        kind: Kind,
        view: u64,
        digest: Digest,
        sent: &[u32],
    ) -> Option<Certificate> {
        let primary = self.group.roster.primary(view);
        let wanted = |voter| match kind {
            Kind::Prepare if voter == primary => Kind::PrePrepare,
            _ => kind,
        };
        let own = wanted(ValidatorId(self.liar));
        let own = self.say(own, view, SLOT, digest, Body::Empty);
        let heard = self.said(sent).chain([&own]).filter(|message| {
            let statement = message.statement;
            statement.kind == wanted(message.sender)
                && (statement.view, statement.seq, statement.digest) == (view, SLOT, digest)
        });
        let votes: Vec<_> = heard
            .map(|message| (message.sender, message.signature))
            .collect();
        let votes = SignatureSet::new(votes);
        let statement = Statement {
            kind,
            view,
            seq: SLOT,
            digest,
        };
        let certificate = Certificate { statement, votes };
        let quorum = self.group.roster.agreement();
        let is_valid = certificate.is_valid(&self.group.roster, &*self.group.verifier, quorum);
        is_valid.then_some(certificate)
    }

    /// Every NEW-VIEW of view 1 with one of the liar's VIEW-CHANGEs and any two others, and with
    /// any digest or none in the slot.
    fn new_views(&self, own: &[Message], sent: &[u32]) -> Vec<Message> {
        let is_change = |message: &&Message| message.statement.kind == Kind::ViewChange;
        let others: Vec<Message> = self.said(sent).filter(is_change).cloned().collect();
        let mut found = Vec::new();
        for own in own {
            for one in 0..others.len() {
                for two in one + 1..others.len() {
                    let mut changes = vec![own.clone(), others[one].clone(), others[two].clone()];
                    changes.sort_by_key(|change| change.sender);
                    let digests = self.group.proposals[..2].iter().map(|it| Some(it.0));
                    for digest in digests.chain([None]) {
                        let proposals = digest.map(|digest| {
                            let said = self.say(Kind::PrePrepare, 1, SLOT, digest, Body::Empty);
                            (digest, said.signature)
                        });
                        let body = Body::NewView(std::sync::Arc::new(NewView {
                            changes: changes.clone(),
                            proposals: proposals.into_iter().collect(),
                        }));
                        found.push(self.say(Kind::NewView, 1, 0, body.digest(), body));
                    }
                }
            }
        }
        found
    }

    /// Two honest replicas that decided differently, or committed to two digests in one view.
    fn broken(&self, state: [u32; 3]) -> Option<String> {
        let locals = state.map(|number| &self.locals[number as usize]);
        let decided: HashSet<Digest> = locals.iter().filter_map(|it| it.decided).collect();
        if decided.len() > 1 {
            return Some("two digests are decided".to_owned());
        }
        for view in 0..2 {
            let commits = locals.iter().flat_map(|local| self.said(&local.sent));
            let commits: HashSet<Digest> = commits
                .map(|message| message.statement)
                .filter(|it| it.kind == Kind::Commit && it.view == view)
                .map(|it| it.digest)
                .collect();
            if commits.len() > 1 {
                return Some(format!("two digests are prepared in view {view}"));
            }
        }
        None
    }

    /// Breadth first, so that what is found is found on a shortest way.
    fn explore(&mut self, start: [u32; 3], states_max: usize) -> Result<Explored, String> {
        let mut seen = HashSet::from([start]);
        let mut queue = VecDeque::from([(start, 0)]);
        let (mut depth, mut is_complete, mut decided) = (0, true, 0);
        while let Some((state, at)) = queue.pop_front() {
            depth = at;
            if let Some(what) = self.broken(state) {
                return Err(format!("{what} after {at} steps, {} states", seen.len()));
            }
            let is_decided = |number: &u32| self.locals[*number as usize].decided.is_some();
            decided += usize::from(state.iter().all(is_decided));
            let mut sent: Vec<u32> = Vec::new();
            for number in state {
                sent.extend(&self.locals[number as usize].sent);
            }
            sent.sort_unstable();
            sent.dedup();
            let lies = self.lies(&sent);
            sent.extend(&*lies);
            for place in 0..3 {
                for next in self.leaps(state[place], &sent).iter() {
                    let mut after = state;
                    after[place] = *next;
                    if seen.contains(&after) {
                        continue;
                    }
                    if seen.len() >= states_max {
                        is_complete = false;
                        continue;
                    }
                    seen.insert(after);
                    queue.push_back((after, at + 1));
                }
            }
        }
        Ok(Explored {
            states: seen.len(),
            depth,
            is_complete,
            decided,
        })
    }
}

fn number_of(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}

fn explore(liar: u32, bug: Option<Bug>, states_max: usize) -> Result<Explored, String> {
    let (mut space, start) = Space::new(liar, bug);
    let explored = space.explore(start, states_max);
    println!(
        "liar {liar}, {bug:?}: {explored:?}, {} states of single replicas, {} messages",
        space.locals.len(),
        space.messages.len()
    );
    explored
}

/// How many states are looked at, before `STRESS` multiplies them. The whole space is larger than any
/// bound tried: with 4,000,000 states all ways of up to 11 steps are covered, of up to 24 there are.
const STATES: usize = 2_000;

#[test]
fn no_order_of_messages_splits_a_slot() {
    for liar in [0, 1, 3] {
        let states = STATES * usize::try_from(crate::sim::stress().min(2_000)).unwrap();
        let explored = explore(liar, None, states).unwrap();
        assert!(explored.depth >= 4, "{explored:?}");
    }
}

/// Would be broken by a search that does not see. The last takes 2,200,000 states.
#[test]
fn the_search_finds_bugs_on_shortest_ways() {
    let is_deep = crate::sim::stress() > 1;
    for (bug, liar) in [
        (Bug::PreparedOneShort, 0),
        (Bug::CommitWithoutPrepared, 0),
        (Bug::NoPreparedCertificates, 3),
    ]
    .into_iter()
    .take(if is_deep { 3 } else { 2 })
    {
        let explored = explore(liar, Some(bug), 3_000_000);
        assert!(explored.is_err(), "{bug:?}: {explored:?}");
    }
}
