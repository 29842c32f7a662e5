//! Coalescing against a naive model, with threads on virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use claude_flow_executor::{Clock, CoalesceError, Coalescer, VirtualClock};
use proptest::prelude::*;

use crate::condition::wait_until;

const LIMIT: Duration = Duration::from_mins(1);

type Fate = Result<(), CoalesceError>;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A new request under a key.
    Request(u8),
    /// The one that runs under a key ends.
    Finish(u8),
    /// The one that runs under a key panics.
    Panic(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..3).prop_map(Step::Request),
        2 => (0_u8..3).prop_map(Step::Finish),
        1 => (0_u8..3).prop_map(Step::Panic),
    ]
}

/// Requests by their numbers.
#[derive(Debug, Default)]
struct Model {
    /// Running and waiting under each key.
    lanes: BTreeMap<u8, (usize, Option<usize>)>,
    /// What each was told; `None` for one whose work panicked.
    fates: BTreeMap<usize, Option<Fate>>,
    requests: usize,
}

impl Model {
    fn request(&mut self, key: u8) -> usize {
        let number = self.requests;
        self.requests += 1;
        match self.lanes.get_mut(&key) {
            None => {
                self.lanes.insert(key, (number, None));
            }
            Some((_, waiting)) => {
                if let Some(older) = waiting.replace(number) {
                    let by = number.to_string();
                    let replaced = Some(Err(CoalesceError::Replaced { by }));
                    self.fates.insert(older, replaced);
                }
            }
        }
        number
    }

    /// The one that ends.
    fn finish(&mut self, key: u8, fate: Option<Fate>) -> Option<usize> {
        let (running, waiting) = self.lanes.remove(&key)?;
        self.fates.insert(running, fate);
        if let Some(next) = waiting {
            self.lanes.insert(key, (next, None));
        }
        Some(running)
    }

    fn running(&self) -> Vec<usize> {
        self.lanes.values().map(|&(running, _)| running).collect()
    }
}

/// Plays the steps with a thread for each request, and returns what each was told.
fn play(steps: &[Step]) -> (Model, BTreeMap<usize, Option<Fate>>) {
    let clock = Arc::new(VirtualClock::new());
    let coalescer = Coalescer::new(clock.clone());
    let deadline = clock.after(LIMIT);
    let mut model = Model::default();
    let (tell, started) = mpsc::channel::<usize>();
    let mut ends: BTreeMap<usize, Sender<bool>> = BTreeMap::new();
    let mut running = std::collections::BTreeSet::new();
    let fates = thread::scope(|scope| {
        let mut threads = Vec::new();
        let all_ends: Vec<Step> = (0..3).flat_map(|key| [Step::Finish(key); 2]).collect();
        for &step in steps.iter().chain(&all_ends) {
            match step {
                Step::Request(key) => {
                    let number = model.request(key);
                    let (end, ended) = mpsc::channel();
                    ends.insert(number, end);
                    let (coalescer, tell) = (&coalescer, tell.clone());
                    threads.push(scope.spawn(move || {
                        coalescer.run(key, &number.to_string(), deadline, |_| {
                            tell.send(number).expect("the test listens");
                            if ended.recv().expect("the test ends every run") {
                                std::panic::resume_unwind(Box::new("planted"));
                            }
                        })
                    }));
                }
                Step::Finish(key) | Step::Panic(key) => {
                    let panics = matches!(step, Step::Panic(_));
                    let fate = (!panics).then_some(Ok(()));
                    if let Some(number) = model.finish(key, fate) {
                        ends[&number].send(panics).expect("it runs");
                        running.remove(&number);
                    }
                }
            }
            // The next step begins when this one has had its effect.
            while running.len() < model.lanes.len() {
                running.insert(started.recv().expect("it starts"));
            }
            assert_eq!(running.iter().copied().collect::<Vec<_>>(), {
                let mut expected = model.running();
                expected.sort_unstable();
                expected
            });
            wait_until("the counts are right", || {
                let snapshot = coalescer.snapshot();
                let waiting = model.lanes.values().filter(|lane| lane.1.is_some()).count();
                let replaced = model
                    .fates
                    .values()
                    .flatten()
                    .filter(|fate| fate.is_err())
                    .count();
                snapshot.running == model.lanes.len() as u64
                    && snapshot.waiting == waiting as u64
                    && snapshot.replaced == replaced as u64
            });
        }
        threads
            .into_iter()
            .map(|thread| thread.join().ok())
            .enumerate()
            .collect()
    });
    (model, fates)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn coalescer_does_what_the_model_does(steps in prop::collection::vec(step(), 1..25)) {
        let (model, fates) = play(&steps);
        prop_assert_eq!(fates, model.fates);
    }
}

#[test]
fn waiter_out_of_time_is_told_and_its_place_is_free() {
    let clock = Arc::new(VirtualClock::new());
    let coalescer = Coalescer::new(clock.clone());
    let deadline = clock.after(LIMIT);
    let result = coalescer.run("root", "first", deadline, |turn| {
        assert!(!turn.is_overtaken());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| coalescer.run("root", "second", deadline, |_| ()));
            assert!(clock.wait_for_parked(1));
            assert!(turn.is_overtaken(), "somebody newer waits");
            clock.advance(LIMIT);
            waiter.join().expect("it only waits")
        })
    });
    assert_eq!(result, Ok(Err(CoalesceError::TimedOut)));
    let snapshot = coalescer.snapshot();
    assert_eq!(
        (snapshot.running, snapshot.waiting, snapshot.timed_out),
        (0, 0, 1)
    );
    assert_eq!(coalescer.run("root", "third", deadline, |_| 3), Ok(3));
}
