//! The state machine of at least once against a list that is searched from the front.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::time::Duration;

use claude_flow_eventbus::delivery::{Answer, ConsumerId, Delivery, Key, Lease, Options, Reason};
use claude_flow_eventbus::journal::{Offset, Time};
use proptest::prelude::*;

const LEASE: u64 = 20;

/// So short that there is nothing to draw lots about.
const BACKOFF: u64 = 1;

fn options() -> Options {
    Options {
        lease: Duration::from_nanos(LEASE),
        tries_max: 3,
        backoff: Duration::from_nanos(BACKOFF),
        backoff_max: Duration::from_nanos(BACKOFF),
        backlog_max: 12,
        held_max: 6,
        held_by_one_max: 4,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Held { by: u64, since: u64, until: u64 },
    Waiting { until: u64 },
    Dead,
    Settled,
}

#[derive(Debug)]
struct Message {
    key: Option<u64>,
    state: State,
    /// Who, since when, until when, and the reason's first letter.
    tries: Vec<(u64, u64, u64, char)>,
}

#[derive(Debug, Default)]
struct Model {
    messages: Vec<Message>,
    now: u64,
}

impl Model {
    fn is_blocked(&self, at: usize) -> bool {
        let key = self.messages[at].key;
        let is_open = |it: &Message| !matches!(it.state, State::Dead | State::Settled);
        key.is_some()
            && self.messages[..at]
                .iter()
                .any(|it| it.key == key && is_open(it))
    }

    fn advance(&mut self) {
        loop {
            let timers = self
                .messages
                .iter()
                .enumerate()
                .filter_map(|(at, it)| match it.state {
                    State::Held { until, .. } | State::Waiting { until } => Some((until, at)),
                    _ => None,
                });
            let Some((time, at)) = timers.min().filter(|(time, _)| *time <= self.now) else {
                return;
            };
            if matches!(self.messages[at].state, State::Held { .. }) {
                self.fail(at, 't', Some(BACKOFF), time);
            } else {
                self.messages[at].state = State::Ready;
            }
        }
    }

    fn fail(&mut self, at: usize, reason: char, wait: Option<u64>, now: u64) {
        let message = &mut self.messages[at];
        let State::Held { by, since, .. } = message.state else {
            panic!("it is held");
        };
        message.tries.push((by, since, now, reason));
        message.state = match wait {
            Some(wait) if message.tries.len() < 3 => State::Waiting { until: now + wait },
            _ => State::Dead,
        };
    }

    fn held(&self, who: Option<u64>) -> usize {
        let is_his = |by: u64| who.is_none_or(|who| who == by);
        let all = self.messages.iter();
        all.filter(|it| matches!(it.state, State::Held { by, .. } if is_his(by)))
            .count()
    }

    fn unsettled(&self) -> usize {
        self.messages
            .iter()
            .filter(|it| it.state != State::Settled)
            .count()
    }

    fn take(&mut self, who: u64) -> Option<(usize, usize)> {
        self.advance();
        if self.held(None) >= 6 || self.held(Some(who)) >= 4 {
            return None;
        }
        let is_next =
            |at: &usize| self.messages[*at].state == State::Ready && !self.is_blocked(*at);
        let at = (0..self.messages.len()).find(is_next)?;
        self.messages[at].state = State::Held {
            by: who,
            since: self.now,
            until: self.now + LEASE,
        };
        Some((at, self.messages[at].tries.len() + 1))
    }

    fn has(&self, lease: Lease) -> Option<usize> {
        let at = usize::try_from(lease.offset.0).unwrap();
        let message = &self.messages[at];
        let is_held = matches!(message.state, State::Held { .. });
        (is_held && message.tries.len() + 1 == lease.attempt as usize).then_some(at)
    }

    fn next_time(&self) -> Option<u64> {
        let times = self.messages.iter().filter_map(|it| match it.state {
            State::Held { until, .. } | State::Waiting { until } => Some(until),
            _ => None,
        });
        times.min()
    }

    fn settled(&self) -> usize {
        let first = self
            .messages
            .iter()
            .position(|it| it.state != State::Settled);
        first.unwrap_or(self.messages.len())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Offer { key: Option<u64> },
    Take { who: u64 },
    Acknowledge { which: usize },
    Reject { which: usize, answer: u8 },
    Extend { which: usize },
    Gone { who: u64 },
    Pass { time: u64 },
    Bury,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => prop::option::of(0..3_u64).prop_map(|key| Step::Offer { key }),
        6 => (0..3_u64).prop_map(|who| Step::Take { who }),
        3 => (0..8_usize).prop_map(|which| Step::Acknowledge { which }),
        2 => (0..8_usize, 0..3_u8).prop_map(|(which, answer)| Step::Reject { which, answer }),
        1 => (0..8_usize).prop_map(|which| Step::Extend { which }),
        1 => (0..3_u64).prop_map(|who| Step::Gone { who }),
        3 => (0..25_u64).prop_map(|time| Step::Pass { time }),
        1 => Just(Step::Bury),
    ];
    prop::collection::vec(step, 1..120)
}

/// Both, and the leases that were ever given.
struct Pair {
    model: Model,
    machine: Delivery<u64>,
    leases: Vec<Lease>,
}

impl Pair {
    fn step(&mut self, step: &Step) {
        let now = Time::from_ns(self.model.now);
        match step {
            Step::Offer { key } => self.offer(*key),
            Step::Take { who } => {
                let handed = self.machine.take(ConsumerId(*who), now);
                let found = handed.map(|it| (it.lease, it.deadline.as_ns(), *it.item));
                let expected = self.model.take(*who).map(|(at, attempt)| {
                    let offset = Offset(at as u64);
                    let attempt = u32::try_from(attempt).unwrap();
                    (
                        Lease { offset, attempt },
                        self.model.now + LEASE,
                        at as u64 * 7,
                    )
                });
                assert_eq!(found, expected);
                self.leases.extend(found.map(|it| it.0));
            }
            Step::Acknowledge { which } => {
                self.answer(
                    *which,
                    |machine, lease| machine.acknowledge(lease, now).is_ok(),
                    |model, at| {
                        model.messages[at].state = State::Settled;
                    },
                );
            }
            Step::Reject { which, answer } => {
                let (answer, wait) = match answer {
                    0 => (Answer::Retry, Some(BACKOFF)),
                    1 => (Answer::RetryAfter(Duration::from_nanos(9)), Some(9)),
                    _ => (Answer::GiveUp, None),
                };
                let reject = |machine: &mut Delivery<u64>, lease| {
                    machine.reject(lease, answer, "why", now).is_ok()
                };
                self.answer(*which, reject, |model, at| {
                    model.fail(at, 'r', wait, model.now);
                });
            }
            Step::Extend { which } => {
                let extend =
                    |machine: &mut Delivery<u64>, lease| machine.extend(lease, now).is_ok();
                self.answer(*which, extend, |model, at| {
                    if let State::Held { until, .. } = &mut model.messages[at].state {
                        *until = model.now + LEASE;
                    }
                });
            }
            Step::Gone { who } => self.gone(*who),
            Step::Pass { time } => {
                self.model.now += time;
                self.model.advance();
                self.machine.advance(Time::from_ns(self.model.now));
            }
            Step::Bury => self.bury(),
        }
        assert_eq!(self.machine.held(), self.model.held(None));
        assert_eq!(self.machine.unsettled(), self.model.unsettled());
        assert_eq!(self.machine.settled().0, self.model.settled() as u64);
        assert_eq!(
            self.machine.next_time().map(Time::as_ns),
            self.model.next_time()
        );
    }

    fn offer(&mut self, key: Option<u64>) {
        let offset = Offset(self.model.messages.len() as u64);
        let taken = self.machine.offer(offset, key.map(Key), offset.0 * 7);
        assert_eq!(taken.is_ok(), self.model.unsettled() < 12);
        if taken.is_ok() {
            self.model.messages.push(Message {
                key,
                state: State::Ready,
                tries: Vec::new(),
            });
        }
    }

    /// An answer for one of the latest leases, in force or not.
    fn answer(
        &mut self,
        which: usize,
        say: impl FnOnce(&mut Delivery<u64>, Lease) -> bool,
        change: impl FnOnce(&mut Model, usize),
    ) {
        let Some(lease) = self.leases.iter().rev().nth(which).copied() else {
            return;
        };
        self.model.advance();
        let at = self.model.has(lease);
        assert_eq!(say(&mut self.machine, lease), at.is_some());
        if let Some(at) = at {
            change(&mut self.model, at);
        }
    }

    fn gone(&mut self, who: u64) {
        self.model.advance();
        for at in 0..self.model.messages.len() {
            if matches!(self.model.messages[at].state, State::Held { by, .. } if by == who) {
                self.model.fail(at, 'g', Some(0), self.model.now);
            }
        }
        self.model.advance();
        self.machine
            .gone(ConsumerId(who), Time::from_ns(self.model.now));
    }

    fn bury(&mut self) {
        let at = self
            .model
            .messages
            .iter()
            .position(|it| it.state == State::Dead);
        let Some(dead) = self.machine.bury() else {
            assert_eq!(at, None);
            return;
        };
        let at = at.expect("both have one");
        assert_eq!((dead.offset.0, dead.item), (at as u64, at as u64 * 7));
        let tries = dead.history.iter().map(|it| {
            let reason = match &it.reason {
                Reason::Rejected(text) => {
                    assert_eq!(text, "why");
                    'r'
                }
                Reason::TimedOut => 't',
                Reason::ConsumerGone => 'g',
            };
            (it.consumer.0, it.taken.as_ns(), it.ended.as_ns(), reason)
        });
        assert_eq!(tries.collect::<Vec<_>>(), self.model.messages[at].tries);
        self.model.messages[at].state = State::Settled;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Would be broken by a message that is lost, given to two at once, given before its time or out of
    /// its key's order, by a late answer that counts, or by a limit that is passed.
    #[test]
    fn delivery_is_its_model(steps in steps()) {
        let mut pair = Pair {
            model: Model::default(),
            machine: Delivery::new(options(), Offset(0), 1).unwrap(),
            leases: Vec::new(),
        };
        for step in &steps {
            pair.step(step);
        }
    }
}

/// Would be broken by a wait that does not double, has no limit, or is the same for all.
#[test]
fn waits_double_and_differ() {
    let options = Options {
        tries_max: 8,
        backoff: Duration::from_millis(100),
        backoff_max: Duration::from_secs(1),
        ..Options::default()
    };
    let waits = |seed| {
        let mut machine = Delivery::new(options.clone(), Offset(0), seed).unwrap();
        machine.offer(Offset(0), None, ()).unwrap();
        let mut now = Time::from_ns(0);
        let mut waits = Vec::new();
        while let Some(handed) = machine.take(ConsumerId(1), now) {
            let lease = handed.lease;
            machine.reject(lease, Answer::Retry, "", now).unwrap();
            let Some(next) = machine.next_time() else {
                break;
            };
            waits.push(next.as_ns() - now.as_ns());
            now = next;
        }
        assert_eq!(machine.bury().unwrap().history.len(), 8);
        waits
    };
    let first = waits(1);
    for (wait, full_ms) in first.iter().zip([100, 200, 400, 800, 1_000, 1_000, 1_000]) {
        let full = full_ms * 1_000_000;
        assert!((full / 2..=full).contains(wait), "{wait} of {full}");
    }
    assert_eq!(first.len(), 7);
    assert_eq!(first, waits(1), "the same seed gives the same waits");
    assert_ne!(first, waits(2));
}
