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
pub(crate) mod group;
mod oracle;
mod parcel;
mod plan;
mod planted;
mod rng;
mod scenarios;
mod seals;
mod shrink;
mod text;
mod world;

use claude_flow_consensus::Bug;

use plan::Plan;
use rng::mix;
use world::{Outcome, play};

/// How many schedules the suite runs, before `STRESS` multiplies them.
const SCHEDULES: u64 = 1_000;

/// What the whole suite's work is multiplied by: `STRESS=1000` plays a million schedules.
pub(crate) fn stress() -> u64 {
    number_from_outside("STRESS").unwrap_or(1)
}

fn number_from_outside(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the size of the deep run comes from outside"
    )]
    let text = std::env::var(name);
    text.ok().and_then(|text| text.parse().ok())
}

/// The processor time of this thread, which does not depend on who else is at work.
fn cpu_seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "printed, never compared")]
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds: f64| nanoseconds / 1e9)
}

fn run(seed: u64, bug: Option<Bug>) -> Result<Outcome, String> {
    play(Plan::drawn(seed, bug))
}

#[test]
fn no_schedule_breaks_an_invariant() {
    let (mut full, mut handed_over) = (0, 0);
    let count = SCHEDULES * stress();
    let begun = cpu_seconds();
    for seed in 0..count {
        let outcome = run(seed, None).unwrap_or_else(|what| {
            let small = shrink::shrink(&Plan::drawn(seed, None));
            let text = small.map(|small| small.write()).unwrap_or_default();
            panic!("seed {seed}: {what}\n\nfor fixtures/consensus/scenarios:\n{text}")
        });
        full += u64::from(outcome.decisions >= 8 && outcome.view > 0);
        handed_over += u64::from(outcome.epochs > 1);
    }
    let minutes = (cpu_seconds() - begun) / 60.0;
    println!("{count} schedules, {full} of them with at least 8 decisions and a view change");
    println!("{:.0} of these a minute and core", full as f64 / minutes);
    println!("{handed_over} have a second epoch");
    assert!(handed_over * 100 > count * 8, "{handed_over} of {count}");
    assert!(
        full * 100 > count * 98,
        "only {full} of {count} schedules are full ones"
    );
}

/// Would be broken by a replica that looks at other things in bytes than in what was read from them.
#[test]
fn replicas_do_the_same_with_bytes_and_with_what_is_read_from_them() {
    for seed in 0..100 {
        let [raw, parsed] = [true, false].map(|is_raw| {
            let plan = Plan::drawn(seed, None);
            play(Plan { is_raw, ..plan })
        });
        assert_eq!(raw, parsed, "seed {seed}");
    }
}

/// All traces of some schedules in one number.
fn traces() -> u64 {
    (0..200).fold(0, |all, seed| {
        let trace = run(seed, None).map(|outcome| outcome.trace);
        mix(all ^ trace.unwrap_or_default())
    })
}

/// Would be broken by an address, a clock, or a map whose order is drawn when the process starts.
#[test]
fn the_same_seeds_give_the_same_traces_in_two_processes() {
    const IS_CHILD: &str = "CONSENSUS_TRACES_ONLY";
    let own = traces();
    if number_from_outside(IS_CHILD).is_some() {
        println!("traces {own}");
        return;
    }
    assert_eq!(traces(), own, "twice in one process");
    let name = "sim::the_same_seeds_give_the_same_traces_in_two_processes";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(IS_CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        said.contains(&format!("traces {own}\n")),
        "not {own}: {said}"
    );
}
