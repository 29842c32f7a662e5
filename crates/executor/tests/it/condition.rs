//! Waiting for a condition, with a bound.

use std::time::Duration;

/// How often a condition is looked at before it counts as not met.
const LOOKS_MAX: u32 = 30_000;

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if condition() {
            return;
        }
        std::thread::park_timeout(LOOK);
    }
    panic!("{what}: this did not come true");
}
