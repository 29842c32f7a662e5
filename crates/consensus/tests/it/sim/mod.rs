//! Whole groups in virtual time: one seed draws the configuration and every fault.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::manual_is_multiple_of,
    reason = "drawn numbers are small"
)]

mod actors;
mod calendar;
mod disk;
mod group;
mod oracle;
mod parcel;
mod plan;
mod planted;
mod rng;
mod scenarios;
mod seals;
mod world;

use claude_flow_consensus::Bug;

use plan::Plan;
use world::{Outcome, play};

/// How many schedules the suite runs, before `STRESS` multiplies them.
const SCHEDULES: u64 = 1_000;

/// `STRESS=1000` makes the deep run.
fn stress() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the size of the deep run comes from outside"
    )]
    let text = std::env::var("STRESS");
    text.ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn run(seed: u64, bug: Option<Bug>) -> Result<Outcome, String> {
    play(Plan::drawn(seed, bug))
}

#[test]
fn no_schedule_breaks_an_invariant() {
    let mut full = 0;
    let count = SCHEDULES * stress();
    #[expect(clippy::disallowed_methods, reason = "printed, never compared")]
    let started = std::time::Instant::now();
    let mut steps = 0;
    for seed in 0..count {
        let mut world = world::World::new(Plan::drawn(seed, None)).unwrap();
        let outcome = world.run().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        steps += world.steps;
        full += u64::from(outcome.decisions >= 8 && outcome.view > 0);
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("{} steps each", steps / count);
    println!("{count} schedules, {full} of them with at least 8 decisions and a view change");
    println!(
        "{:.0} schedules with at least 8 decisions and a view change a minute on one core",
        full as f64 / minutes
    );
    assert!(
        full * 10 > count * 9,
        "only {full} of {count} schedules are full ones"
    );
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

#[test]
fn profile() {
    let mut steps = 0;
    for seed in 2..302 {
        let mut w = world::World::new(Plan::drawn(seed, None)).unwrap();
        w.run().unwrap();
        steps += w.steps;
    }
    println!("steps {}", steps / 300);
}
