//! Back-off on virtual time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_executor::{Backoff, Clock, Failure, Retry, RetryError, VirtualClock};
use proptest::prelude::*;

const SEED: u64 = 7;

fn attempts(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("tests try at least once")
}

/// When each attempt was made, and what came of an operation that succeeds at an attempt.
fn run(
    backoff: Backoff,
    attempts_max: u32,
    within: Duration,
    succeeds_at: u32,
) -> (Vec<Instant>, Result<u32, RetryError<&'static str>>) {
    let clock = Arc::new(VirtualClock::jumping());
    let retry = Retry::new(backoff, attempts(attempts_max), SEED, clock.clone());
    let mut moments = Vec::new();
    let result = retry.run(clock.after(within), |attempt| {
        moments.push(clock.now());
        if attempt == succeeds_at {
            Ok(attempt)
        } else {
            Err(Failure::Transient("down"))
        }
    });
    let snapshot = retry.snapshot();
    assert_eq!(snapshot.operations, 1);
    assert_eq!(snapshot.retries, moments.len() as u64 - 1);
    assert_eq!(snapshot.failed, u64::from(result.is_err()));
    (moments, result)
}

#[test]
fn permanent_failure_is_not_tried_again() {
    let clock = Arc::new(VirtualClock::jumping());
    let retry = Retry::new(Backoff::default(), attempts(9), SEED, clock.clone());
    let result = retry.run(clock.after(Duration::MAX), |_| {
        Err::<(), _>(Failure::Permanent("no such host"))
    });
    assert_eq!(
        result,
        Err(RetryError::Permanent {
            attempts: 1,
            source: "no such host"
        })
    );
}

#[test]
fn deadline_is_not_waited_for_when_no_attempt_fits_before_it() {
    let backoff = Backoff {
        first: Duration::from_hours(1),
        max: Duration::from_hours(1),
    };
    let within = Duration::from_millis(1);
    let (moments, result) = run(backoff, 9, within, u32::MAX);
    let expected = RetryError::OutOfTime {
        attempts: 1,
        source: "down",
    };
    assert_eq!((moments.len(), result), (1, Err(expected)));
}

#[test]
fn jitter_reaches_over_the_whole_range() {
    let backoff = Backoff {
        first: Duration::from_secs(1),
        max: Duration::from_secs(1),
    };
    let (moments, _) = run(backoff, 400, Duration::MAX, u32::MAX);
    let delays = moments.windows(2).map(|pair| pair[1] - pair[0]);
    let mut quarters = [0_u32; 4];
    for delay in delays {
        quarters[usize::try_from(delay.as_millis() / 250)
            .expect("below four")
            .min(3)] += 1;
    }
    assert!(quarters.iter().all(|&count| count > 60), "{quarters:?}");
}

proptest! {
    #[test]
    fn delays_stay_below_a_ceiling_that_doubles(
        first_ms in 0_u64..1000,
        max_ms in 0_u64..100_000,
        attempts_max in 1_u32..80,
        succeeds_at in 1_u32..100,
    ) {
        let backoff = Backoff {
            first: Duration::from_millis(first_ms),
            max: Duration::from_millis(max_ms),
        };
        let (moments, result) = run(backoff, attempts_max, Duration::MAX, succeeds_at);
        prop_assert_eq!(moments.len(), attempts_max.min(succeeds_at) as usize);
        if succeeds_at <= attempts_max {
            prop_assert_eq!(result, Ok(succeeds_at));
        } else {
            let exhausted = RetryError::Exhausted { attempts: attempts_max, source: "down" };
            prop_assert_eq!(result, Err(exhausted));
        }
        let mut ceiling_ms = u128::from(first_ms);
        for pair in moments.windows(2) {
            let ceiling = ceiling_ms.min(u128::from(max_ms));
            prop_assert!((pair[1] - pair[0]).as_millis() <= ceiling);
            ceiling_ms = (ceiling_ms * 2).min(u128::from(u64::MAX));
        }
        let again = run(backoff, attempts_max, Duration::MAX, succeeds_at).0;
        let delays = |moments: &[Instant]| -> Vec<Duration> {
            moments.windows(2).map(|pair| pair[1] - pair[0]).collect()
        };
        prop_assert_eq!(delays(&moments), delays(&again), "the same seed, the same delays");
    }
}
