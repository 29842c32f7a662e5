//! The scheduling policy: which of the tasks that wait is next.
//!
//! Pure: time comes in as an argument, nothing is locked, nobody is woken. `tests.rs` beside this
//! file checks every rule below on virtual time, against a list that is searched from end to end.
//!
//! # Rules
//!
//! 1. **Priority**: the next task is of the most urgent class that has a task that may run.
//! 2. **Aging**: unless the asker takes urgent tasks only, at least every `aged_every`-th pick goes
//!    to the oldest task that may run, of whatever class, once it has waited for `aging`. So a task
//!    that has waited so long, with `n` older ones before it, is picked within
//!    `aged_every * (n + 1)` picks whatever else arrives.
//! 3. **Fairness**: within a class keys take turns, one task each; tasks without a key share one
//!    turn. Between two picks of one key in a class every other key with a task there that may run is
//!    picked. Within a key and class the order is that of arrival.
//! 4. **Bulkheads**: a key has at most `running_max` tasks running; its others *may not run* until
//!    one of those [finishes](Queue::finish). At most `key_waiting_max` of them wait.
//! 5. **Deadlines**: a task that is picked at or after its deadline comes out as expired, does not
//!    count as running and is not finished.
//! 6. **Bounds**: at most `capacity` tasks wait.
//!
//! # Complexity
//!
//! Push, pick and finish: O(log k) for k keys that wait, amortised. Dropping the oldest low task:
//! O(k).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::priority::{Key, Priority};

/// The place of the tasks without a key.
const KEYLESS: usize = 0;

/// What the policy is told once.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Most tasks that wait.
    pub(crate) capacity: usize,
    /// Most tasks of one key that wait.
    pub(crate) key_waiting_max: usize,
    /// Most tasks of one key that run, for keys without a limit of their own.
    pub(crate) key_running_max: usize,
    /// How long a task waits before it goes ahead of more urgent ones.
    pub(crate) aging: Duration,
    /// How many picks one aged task is among, at least.
    pub(crate) aged_every: u32,
}

/// What a task brings along.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) priority: Priority,
    pub(crate) key: Option<Key>,
    /// It is not started at or after this moment.
    pub(crate) deadline: Option<Instant>,
}

/// Who asks for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Takes this class and more urgent ones, and aged tasks of any.
    Worker(Priority),
    /// Takes urgent tasks only.
    Reserved,
}

/// Why a task was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// As many tasks wait as may.
    Queue,
    /// As many tasks of this key wait as may.
    Key,
}

/// Whose turn a running task took; to be given to [`Queue::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(usize);

/// A task that came out.
#[derive(Debug)]
pub(crate) struct Picked<T> {
    pub(crate) task: T,
    pub(crate) priority: Priority,
    pub(crate) waited: Duration,
    /// Its deadline has passed: it is not to be run.
    pub(crate) is_expired: bool,
    /// To be finished when the task has ended; none if nobody counts it.
    pub(crate) turn: Option<Turn>,
}

/// The tasks that wait, and the counts of those that run.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    rules: Rules,
    /// For each class the keys in the order of their turns. A key is in it once if its lane says
    /// so; whether it still has a task that may run is looked at when its turn comes.
    rounds: [VecDeque<usize>; Priority::COUNT],
    /// A key keeps its place here while it has tasks that wait or run. The first is for the tasks
    /// without a key.
    places: Vec<Place<T>>,
    free_places: Vec<usize>,
    place_of: HashMap<Key, usize>,
    /// Limits that were set for single keys.
    running_max_of: HashMap<Key, usize>,
    /// The first task of every lane that may run: its number, key and class.
    heads: BTreeMap<u64, (usize, Priority)>,
    /// How many of `heads` are of each class.
    ready: [usize; Priority::COUNT],
    len: usize,
    next_number: u64,
    /// Picks since the last aged one, among those that may be aged.
    picks_since_aged: u32,
}

/// What is known of one key.
#[derive(Debug)]
struct Place<T> {
    key: Option<Key>,
    lanes: [Lane<T>; Priority::COUNT],
    waiting: usize,
    running: usize,
    running_max: usize,
}

/// The tasks of one key and class.
#[derive(Debug)]
struct Lane<T> {
    entries: VecDeque<Entry<T>>,
    is_in_round: bool,
}

/// A task that waits.
#[derive(Debug)]
struct Entry<T> {
    task: T,
    /// In the order of arrival.
    number: u64,
    arrived: Instant,
    deadline: Option<Instant>,
}

impl<T> Place<T> {
    fn new() -> Self {
        Self {
            key: None,
            lanes: std::array::from_fn(|_| Lane {
                entries: VecDeque::new(),
                is_in_round: false,
            }),
            waiting: 0,
            running: 0,
            running_max: usize::MAX,
        }
    }

    /// Whether a task of it may run.
    fn is_open(&self) -> bool {
        self.running < self.running_max
    }
}

impl<T> Queue<T> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            rounds: std::array::from_fn(|_| VecDeque::new()),
            places: vec![Place::new()],
            free_places: Vec::new(),
            place_of: HashMap::new(),
            running_max_of: HashMap::new(),
            heads: BTreeMap::new(),
            ready: [0; Priority::COUNT],
            len: 0,
            next_number: 0,
            picks_since_aged: 0,
        }
    }

    /// How many tasks wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is room for another task of any key that has room.
    pub(crate) fn has_room(&self) -> bool {
        self.len < self.rules.capacity
    }

    /// How many lanes of each class have a task that may run.
    pub(crate) fn ready(&self) -> [usize; Priority::COUNT] {
        self.ready
    }

    /// Takes a task in; gives it back with the reason if there is no room.
    pub(crate) fn push(
        &mut self,
        task: T,
        attributes: Attributes,
        now: Instant,
    ) -> Result<(), (T, Full)> {
        let Attributes {
            priority,
            key,
            deadline,
        } = attributes;
        let known = key.as_ref().and_then(|key| self.place_of.get(key));
        let waiting = known.map_or(0, |&place| self.places[place].waiting);
        if key.is_some() && waiting >= self.rules.key_waiting_max {
            return Err((task, Full::Key));
        }
        if !self.has_room() {
            return Err((task, Full::Queue));
        }
        let place = known.copied();
        let place = place.unwrap_or_else(|| key.map_or(KEYLESS, |key| self.place_for(key)));
        let number = self.next_number;
        self.next_number += 1;
        self.len += 1;
        self.places[place].waiting += 1;
        let lane = &mut self.places[place].lanes[priority.index()];
        lane.entries.push_back(Entry {
            task,
            number,
            arrived: now,
            deadline,
        });
        if lane.entries.len() == 1 && self.places[place].is_open() {
            self.open(place, priority);
        }
        Ok(())
    }

    /// Takes the next task out, if there is one for this asker.
    pub(crate) fn pick(&mut self, asker: Asker, now: Instant) -> Option<Picked<T>> {
        let (least, may_be_aged) = match asker {
            Asker::Worker(least) => (least, true),
            Asker::Reserved => (Priority::High, false),
        };
        let is_aged_due = self.picks_since_aged + 1 >= self.rules.aged_every;
        let aged = (may_be_aged && is_aged_due)
            .then(|| self.aged(now))
            .flatten();
        let (place, priority) = if let Some(head) = aged {
            self.picks_since_aged = 0;
            head
        } else {
            let head = self.next_in_turn(least)?;
            if may_be_aged {
                self.picks_since_aged = self.picks_since_aged.saturating_add(1);
            }
            head
        };
        let entry = self.take(place, priority)?;
        let is_expired = entry.deadline.is_some_and(|deadline| deadline <= now);
        if !is_expired && place != KEYLESS {
            self.start(place);
        }
        self.forget_if_unused(place);
        Some(Picked {
            task: entry.task,
            priority,
            waited: now.saturating_duration_since(entry.arrived),
            is_expired,
            turn: (!is_expired && place != KEYLESS).then_some(Turn(place)),
        })
    }

    /// A task has ended that was picked with this turn.
    pub(crate) fn finish(&mut self, Turn(place): Turn) {
        let was_open = self.places[place].is_open();
        debug_assert!(self.places[place].running > 0, "it was picked");
        self.places[place].running -= 1;
        if !was_open && self.places[place].is_open() {
            self.open_all(place);
        }
        self.forget_if_unused(place);
    }

    /// Limits how many tasks of a key run at once; those that run already go on.
    pub(crate) fn set_running_max(&mut self, key: Key, running_max: usize) {
        if let Some(&place) = self.place_of.get(&key) {
            let was_open = self.places[place].is_open();
            self.places[place].running_max = running_max;
            match (was_open, self.places[place].is_open()) {
                (false, true) => self.open_all(place),
                (true, false) => self.close_all(place),
                _ => {}
            }
        }
        self.running_max_of.insert(key, running_max);
    }

    /// Takes out the low task that has waited longest.
    pub(crate) fn drop_oldest_low(&mut self) -> Option<T> {
        let low = Priority::Low;
        let fronts = self.places.iter().enumerate().filter_map(|(place, it)| {
            let front = it.lanes[low.index()].entries.front();
            front.map(|entry| (entry.number, place))
        });
        let (_, place) = fronts.min()?;
        let entry = self.take(place, low)?;
        self.forget_if_unused(place);
        Some(entry.task)
    }

    /// Takes everything out that waits, in no order that means anything.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        let mut tasks = Vec::with_capacity(self.len);
        for place in 0..self.places.len() {
            for priority in Priority::ALL {
                while let Some(entry) = self.take(place, priority) {
                    tasks.push(entry.task);
                }
            }
            self.forget_if_unused(place);
        }
        tasks
    }

    /// The oldest task that may run, if it has waited long enough.
    fn aged(&self, now: Instant) -> Option<(usize, Priority)> {
        let (_, &(place, priority)) = self.heads.first_key_value()?;
        let entry = self.places[place].lanes[priority.index()].entries.front()?;
        let waited = now.saturating_duration_since(entry.arrived);
        (waited >= self.rules.aging).then_some((place, priority))
    }

    /// Whose turn it is, in the most urgent class that is not less urgent than `least`.
    fn next_in_turn(&mut self, least: Priority) -> Option<(usize, Priority)> {
        let mut classes = Priority::ALL.into_iter().take_while(|it| *it <= least);
        let priority = classes.find(|it| self.ready[it.index()] > 0)?;
        // A key that has nothing to run any more leaves the round when its turn comes; it
        // enters again when it has.
        while let Some(place) = self.rounds[priority.index()].pop_front() {
            let is_open = self.places[place].is_open();
            let lane = &mut self.places[place].lanes[priority.index()];
            if is_open && !lane.entries.is_empty() {
                self.rounds[priority.index()].push_back(place);
                return Some((place, priority));
            }
            lane.is_in_round = false;
        }
        debug_assert!(false, "every lane that is ready is in its round");
        None
    }

    /// Takes the first task of a lane out.
    fn take(&mut self, place: usize, priority: Priority) -> Option<Entry<T>> {
        let is_open = self.places[place].is_open();
        let lane = &mut self.places[place].lanes[priority.index()];
        let entry = lane.entries.pop_front()?;
        let next = lane.entries.front().map(|entry| entry.number);
        self.places[place].waiting -= 1;
        self.len -= 1;
        if is_open {
            self.heads.remove(&entry.number);
            self.ready[priority.index()] -= 1;
            if let Some(next) = next {
                self.heads.insert(next, (place, priority));
                self.ready[priority.index()] += 1;
            }
        }
        Some(entry)
    }

    /// One more task of a key runs.
    fn start(&mut self, place: usize) {
        self.places[place].running += 1;
        if !self.places[place].is_open() {
            self.close_all(place);
        }
    }

    /// The first task of a lane may run from now on.
    fn open(&mut self, place: usize, priority: Priority) {
        let lane = &mut self.places[place].lanes[priority.index()];
        let Some(entry) = lane.entries.front() else {
            return;
        };
        self.heads.insert(entry.number, (place, priority));
        self.ready[priority.index()] += 1;
        if !lane.is_in_round {
            lane.is_in_round = true;
            self.rounds[priority.index()].push_back(place);
        }
    }

    fn open_all(&mut self, place: usize) {
        for priority in Priority::ALL {
            self.open(place, priority);
        }
    }

    /// No task of a key may run from now on; it leaves the rounds when its turns come.
    fn close_all(&mut self, place: usize) {
        for priority in Priority::ALL {
            let lane = &self.places[place].lanes[priority.index()];
            if let Some(entry) = lane.entries.front()
                && self.heads.remove(&entry.number).is_some()
            {
                self.ready[priority.index()] -= 1;
            }
        }
    }

    fn place_for(&mut self, key: Key) -> usize {
        let place = self.free_places.pop().unwrap_or_else(|| {
            self.places.push(Place::new());
            self.places.len() - 1
        });
        let running_max = self.running_max_of.get(&key).copied();
        self.places[place].running_max = running_max.unwrap_or(self.rules.key_running_max);
        self.places[place].key = Some(key.clone());
        self.place_of.insert(key, place);
        place
    }

    /// A place without tasks is for the next key. It may still be in rounds, which its lanes know.
    fn forget_if_unused(&mut self, place: usize) {
        let it = &mut self.places[place];
        if it.waiting == 0
            && it.running == 0
            && let Some(key) = it.key.take()
        {
            self.place_of.remove(&key);
            self.free_places.push(place);
        }
    }
}
