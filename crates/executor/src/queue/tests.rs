//! The rules against a list that is searched from end to end, on virtual time.

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 3] = ["a", "b", "c"];

/// A task that waits, as the model has it.
#[derive(Debug, Clone)]
struct Waits {
    task: u32,
    key: Option<&'static str>,
    priority: Priority,
    arrived: Instant,
    deadline: Option<Instant>,
    /// How often each other key was picked in turn in this class while this was the first of its
    /// key and class and might have run.
    passed_by: HashMap<Option<&'static str>, u32>,
}

/// What a test does next.
#[derive(Debug, Clone)]
enum Step {
    Push {
        key: Option<usize>,
        priority: usize,
        deadline_ms: Option<u64>,
    },
    Pick {
        asker: usize,
    },
    /// Ends one of those that run.
    Finish(prop::sample::Index),
    Pass {
        ms: u64,
    },
    Limit {
        key: usize,
        running_max: usize,
    },
    DropOldestLow,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop::option::weighted(0.7, 0..KEYS.len());
    let push = (key, 0..4_usize, prop::option::weighted(0.2, 0..60_u64)).prop_map(
        |(key, priority, deadline_ms)| Step::Push {
            key,
            priority,
            deadline_ms,
        },
    );
    let step = prop_oneof![
        8 => push,
        8 => (0..5_usize).prop_map(|asker| Step::Pick { asker }),
        4 => any::<prop::sample::Index>().prop_map(Step::Finish),
        3 => (0..40_u64).prop_map(|ms| Step::Pass { ms }),
        1 => (0..KEYS.len(), 1..4_usize)
            .prop_map(|(key, running_max)| Step::Limit { key, running_max }),
        1 => Just(Step::DropOldestLow),
    ];
    prop::collection::vec(step, 0..200)
}

/// The queue and what is known of it.
struct Checked {
    queue: Queue<u32>,
    rules: Rules,
    waits: Vec<Waits>,
    running: Vec<(Option<&'static str>, Option<Turn>)>,
    limits: HashMap<&'static str, usize>,
    now: Instant,
    next_task: u32,
    /// Picks since the last aged one, by those who take aged tasks.
    since_aged: u32,
}

impl Checked {
    fn new() -> Self {
        let rules = Rules {
            capacity: 24,
            key_waiting_max: 9,
            key_running_max: 2,
            aging: Duration::from_millis(50),
            aged_every: 3,
        };
        Self {
            queue: Queue::new(rules.clone()),
            rules,
            waits: Vec::new(),
            running: Vec::new(),
            limits: HashMap::new(),
            now: Instant::now(),
            next_task: 0,
            since_aged: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Push {
                key,
                priority,
                deadline_ms,
            } => {
                let deadline = deadline_ms.map(|ms| self.now + Duration::from_millis(ms));
                self.push(key.map(|key| KEYS[key]), Priority::ALL[*priority], deadline);
            }
            Step::Pick { asker } => {
                let asker = match Priority::ALL.get(*asker) {
                    Some(least) => Asker::Worker(*least),
                    None => Asker::Reserved,
                };
                self.pick(asker);
            }
            Step::Finish(which) if !self.running.is_empty() => {
                let (_, turn) = self.running.swap_remove(which.index(self.running.len()));
                if let Some(turn) = turn {
                    self.queue.finish(turn);
                }
            }
            Step::Finish(_) => {}
            Step::Pass { ms } => self.now += Duration::from_millis(*ms),
            Step::Limit { key, running_max } => {
                self.limits.insert(KEYS[*key], *running_max);
                self.queue.set_running_max(KEYS[*key].into(), *running_max);
            }
            Step::DropOldestLow => {
                let low = |it: &Waits| it.priority == Priority::Low;
                let expected = self.waits.iter().position(low);
                let expected = expected.map(|at| self.waits.remove(at).task);
                assert_eq!(self.queue.drop_oldest_low(), expected);
            }
        }
        self.check_counts();
        // Whoever may not run lets others pass, and takes its turn afterwards.
        let heads = self.heads();
        for (at, task) in self.waits.iter_mut().enumerate() {
            if !heads.contains(&at) {
                task.passed_by.clear();
            }
        }
    }

    fn push(&mut self, key: Option<&'static str>, priority: Priority, deadline: Option<Instant>) {
        let task = self.next_task;
        self.next_task += 1;
        let attributes = Attributes {
            priority,
            key: key.map(Key::from),
            deadline,
        };
        let of_key = self.waits.iter().filter(|it| it.key == key).count();
        let expected = if key.is_some() && of_key >= self.rules.key_waiting_max {
            Err((task, Full::Key))
        } else if self.waits.len() >= self.rules.capacity {
            Err((task, Full::Queue))
        } else {
            self.waits.push(Waits {
                task,
                key,
                priority,
                arrived: self.now,
                deadline,
                passed_by: HashMap::new(),
            });
            Ok(())
        };
        assert_eq!(self.queue.push(task, attributes, self.now), expected);
    }

    /// Whether the limit of its key lets a task run.
    fn may_run(&self, task: &Waits) -> bool {
        let Some(key) = task.key else { return true };
        let max = self.limits.get(key).copied();
        let running = self.running.iter().filter(|it| it.0 == Some(key)).count();
        running < max.unwrap_or(self.rules.key_running_max)
    }

    /// The first of each key and class that may run, in the order of arrival.
    fn heads(&self) -> Vec<usize> {
        let is_first = |at: &usize| {
            let it = &self.waits[*at];
            let mut before = self.waits[..*at].iter();
            self.may_run(it) && !before.any(|o| o.key == it.key && o.priority == it.priority)
        };
        (0..self.waits.len()).filter(is_first).collect()
    }

    fn pick(&mut self, asker: Asker) {
        let heads = self.heads();
        let (least, may_be_aged) = match asker {
            Asker::Worker(least) => (least, true),
            Asker::Reserved => (Priority::High, false),
        };
        let is_aged_due = may_be_aged && self.since_aged + 1 >= self.rules.aged_every;
        let is_old = |at: &&usize| self.now - self.waits[**at].arrived >= self.rules.aging;
        let aged = heads.iter().find(is_old).filter(|_| is_aged_due).copied();
        let best = heads.iter().map(|at| self.waits[*at].priority).min();
        let best = best.filter(|best| *best <= least);
        let Some(picked) = self.queue.pick(asker, self.now) else {
            assert!(aged.is_none() && best.is_none(), "a task could have run");
            return;
        };
        let at = self.waits.iter().position(|it| it.task == picked.task);
        let at = at.expect("what is picked waits: nothing is invented, and nothing picked twice");
        assert!(
            heads.contains(&at),
            "it is the first of its key, which may run"
        );
        if let Some(aged) = aged {
            assert_eq!(at, aged, "the oldest that may run is due");
            self.since_aged = 0;
        } else {
            assert_eq!(
                Some(picked.priority),
                best,
                "a more urgent task could have run"
            );
            self.since_aged += u32::from(may_be_aged);
            self.check_turn(&heads, at);
        }
        let task = self.waits.remove(at);
        assert_eq!(picked.priority, task.priority);
        assert_eq!(picked.waited, self.now - task.arrived);
        assert_eq!(
            picked.is_expired,
            task.deadline.is_some_and(|it| it <= self.now)
        );
        assert_eq!(
            picked.turn.is_some(),
            !picked.is_expired && task.key.is_some()
        );
        if !picked.is_expired {
            self.running.push((task.key, picked.turn));
        }
    }

    /// No key is picked twice in a class while another waits there with a task that may run.
    fn check_turn(&mut self, heads: &[usize], picked: usize) {
        let (key, priority) = (self.waits[picked].key, self.waits[picked].priority);
        for at in heads {
            let other = &mut self.waits[*at];
            if other.priority == priority && other.key != key {
                let count = other.passed_by.entry(key).or_default();
                *count += 1;
                assert!(*count <= 1, "{key:?} had two turns before {:?}", other.key);
            }
        }
    }

    fn check_counts(&self) {
        assert_eq!(self.queue.len(), self.waits.len());
        let mut ready = [0; Priority::COUNT];
        for at in self.heads() {
            ready[self.waits[at].priority.index()] += 1;
        }
        assert_eq!(self.queue.ready(), ready);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: if cfg!(miri) { 4 } else { 400 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_step_follows_the_rules(steps in steps()) {
        let mut checked = Checked::new();
        for step in &steps {
            checked.step(step);
        }
        // What is left comes out, nothing else does.
        let mut left: Vec<_> = checked.waits.iter().map(|it| it.task).collect();
        let mut drained = checked.queue.drain();
        left.sort_unstable();
        drained.sort_unstable();
        prop_assert_eq!(drained, left);
        prop_assert_eq!(checked.queue.len(), 0);
        prop_assert_eq!(checked.queue.ready(), [0; 4]);
    }

    /// Urgent tasks arrive for ever; a low one still gets its turn within the bound that rule 2
    /// gives.
    #[test]
    fn a_flood_of_urgent_tasks_starves_nobody(older in 0..6_usize, per_pick in 1..3_usize) {
        let mut checked = Checked::new();
        for _ in 0..=older {
            checked.push(None, Priority::Low, None);
        }
        let last = checked.next_task - 1;
        checked.now += checked.rules.aging;
        let bound = checked.rules.aged_every as usize * (older + 1);
        let mut picks = 0;
        while checked.waits.iter().any(|it| it.task == last) {
            prop_assert!(picks < bound, "{picks} picks were not enough");
            for _ in 0..per_pick {
                if checked.waits.len() < checked.rules.capacity {
                    checked.push(None, Priority::Critical, None);
                }
            }
            checked.pick(Asker::Worker(Priority::Low));
            picks += 1;
        }
    }
}

/// Keys come and go for ever; their places are used again.
#[test]
fn places_of_keys_are_bounded_by_those_that_wait_or_run() {
    let mut queue = Queue::new(Checked::new().rules);
    let now = Instant::now();
    for number in 0..1_000_u32 {
        let attributes = Attributes {
            key: Some(Key::from(number.to_string())),
            ..Attributes::default()
        };
        queue.push(number, attributes, now).expect("there is room");
        let picked = queue.pick(Asker::Worker(Priority::Low), now);
        let picked = picked.expect("a task waits");
        assert_eq!(picked.task, number);
        queue.finish(picked.turn.expect("a key's task has a turn"));
    }
    assert!(queue.places.len() <= 2, "{}", queue.places.len());
    assert!(queue.place_of.is_empty());
    assert!(queue.rounds.iter().all(|round| round.len() <= 2));
}
