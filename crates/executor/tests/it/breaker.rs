//! The breaker against a naive model on virtual time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    Breaker, BreakerError, BreakerOptions, BreakerState, Clock, VirtualClock,
};
use proptest::prelude::*;

fn options() -> BreakerOptions {
    BreakerOptions {
        window: 8,
        window_age_max: Duration::from_secs(20),
        minimum_sample: 4,
        failures_percent: 50,
        open_for: Duration::from_secs(5),
        probes: 2,
    }
}

fn breaker() -> (Arc<VirtualClock>, Breaker) {
    let clock = Arc::new(VirtualClock::new());
    (clock.clone(), Breaker::new(options(), clock))
}

fn fail(breaker: &Breaker) -> Result<(), BreakerError<()>> {
    breaker.call(|| Err(()))
}

#[test]
fn panic_counts_as_failure() {
    let (_, breaker) = breaker();
    for _ in 0..4 {
        let call = AssertUnwindSafe(|| breaker.call(|| -> Result<(), ()> { panic!("planted") }));
        assert!(catch_unwind(call).is_err());
    }
    assert_eq!(breaker.snapshot().state, BreakerState::Open);
    assert_eq!(breaker.snapshot().failed, 4);
}

#[test]
fn answer_to_a_call_from_before_the_opening_does_not_count_as_a_probe() {
    let (clock, breaker) = breaker();
    let early = breaker.enter().expect("it is closed");
    let later = breaker.enter().expect("it is closed");
    for _ in 0..4 {
        assert_eq!(fail(&breaker), Err(BreakerError::Failed(())));
    }
    clock.advance(Duration::from_secs(5));
    let probe = breaker.enter().expect("the time is over");
    drop(early);
    assert_eq!(breaker.snapshot().state, BreakerState::HalfOpen);
    later.succeed();
    probe.succeed();
    assert_eq!(
        breaker.snapshot().state,
        BreakerState::HalfOpen,
        "one of two probes succeeded"
    );
}

/// Everything that the breaker is told, and the rules said anew over that.
#[derive(Debug)]
struct Model {
    options: BreakerOptions,
    state: BreakerState,
    /// Outcomes since it was last closed.
    outcomes: Vec<(Instant, bool)>,
    open_until: Option<Instant>,
    admitted: u32,
    succeeded: u32,
}

impl Model {
    fn admits(&mut self, now: Instant) -> bool {
        if self.state == BreakerState::Open && self.open_until.is_some_and(|until| now >= until) {
            self.state = BreakerState::HalfOpen;
            (self.admitted, self.succeeded) = (0, 0);
        }
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => {
                self.admitted += 1;
                self.admitted <= self.options.probes
            }
        }
    }

    fn hears(&mut self, now: Instant, is_failure: bool) {
        match self.state {
            BreakerState::Closed => {
                self.outcomes.push((now, is_failure));
                let counted: Vec<bool> = self
                    .outcomes
                    .iter()
                    .rev()
                    .take(self.options.window)
                    .take_while(|(at, _)| now - *at <= self.options.window_age_max)
                    .map(|&(_, is_failure)| is_failure)
                    .collect();
                let failures = counted.iter().filter(|&&is_failure| is_failure).count();
                let share = failures * 100 >= counted.len() * 50;
                if failures > 0 && counted.len() >= self.options.minimum_sample && share {
                    self.open(now);
                }
            }
            BreakerState::HalfOpen if is_failure => self.open(now),
            BreakerState::HalfOpen => {
                self.succeeded += 1;
                if self.succeeded == self.options.probes {
                    self.state = BreakerState::Closed;
                    self.outcomes.clear();
                }
            }
            BreakerState::Open => panic!("an open breaker makes no calls"),
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = BreakerState::Open;
        self.open_until = Some(now + self.options.open_for);
    }
}

proptest! {
    #[test]
    fn breaker_does_what_the_model_does(
        steps in prop::collection::vec((0_u64..4000, any::<bool>()), 1..200)
    ) {
        let (clock, breaker) = breaker();
        let mut model = Model {
            options: options(),
            state: BreakerState::Closed,
            outcomes: Vec::new(),
            open_until: None,
            admitted: 0,
            succeeded: 0,
        };
        for (pause_ms, is_failure) in steps {
            clock.advance(Duration::from_millis(pause_ms));
            let now = clock.now();
            let result = breaker.call(|| if is_failure { Err(()) } else { Ok(()) });
            let is_admitted = model.admits(now);
            prop_assert_eq!(is_admitted, !matches!(result, Err(BreakerError::Open(_))));
            if is_admitted {
                model.hears(now, is_failure);
            }
            prop_assert_eq!(breaker.snapshot().state, model.state);
        }
    }
}
