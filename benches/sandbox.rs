//! What it takes to run `/bin/true` in the sandbox, beside running it plainly.
//!
//! `cargo xtask bench sandbox`; run as a test it starts each twice.
//! They take turns with a pause between, as edits do; the helper uses it to prepare the next child.
//! *first* is a child whose policy nobody expected, so that nothing was prepared for it.
//! The parent holds 1 GiB, because copying a large parent is what a sandbox can get wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and waits"
)]

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_benches::turns::{Options, Series, report};
use claude_flow_sandbox::{Command, End, Helper, Level, Policy, Sandbox};

/// How often each is measured, as a benchmark.
const RUNS: usize = 200;

/// The parent's memory.
const BALLAST_BYTES: usize = 1 << 30;

/// The time between two children.
const PAUSE: Duration = Duration::from_millis(10);

const PROGRAM: &str = "/bin/true";

fn main() -> Result<()> {
    claude_flow_sandbox::become_helper_if_asked();
    let options = Options::from_arguments(RUNS)?;
    let is_benchmark = options.runs >= RUNS;
    let ballast = vec![1_u8; if is_benchmark { BALLAST_BYTES } else { 0 }];
    let folder = tempfile::tempdir().context("making a folder for the workspace")?;
    let mut series = vec![Series::new("plain")];
    let mut sandboxes = Vec::new();
    for level in [Level::L1, Level::L2, Level::L3] {
        for first in [false, true] {
            let name = if first { " first" } else { "" };
            series.push(Series::new(format!("{level}{name}")));
            // Each has a helper of its own, so that what one prepares is not taken by another.
            let sandbox = Sandbox::start(Helper::this_program())?;
            ensure!(
                sandbox.available().level >= level,
                "{:?}",
                sandbox.available()
            );
            sandboxes.push((sandbox, level, first));
        }
    }
    for round in 0..options.runs {
        series[0].push(run_plainly()?)?;
        for ((sandbox, level, first), series) in sandboxes.iter().zip(&mut series[1..]) {
            let policy = policy(folder.path(), *level, first.then_some(round));
            thread::sleep(PAUSE);
            series.push(run_in(sandbox, &policy)?)?;
        }
    }
    report("/bin/true", &mut series, &options)?;
    ensure!(
        ballast.len() == ballast.capacity(),
        "the ballast was there all the time"
    );
    Ok(())
}

/// The policy of one child; with a round it differs from all others in what nobody notices.
fn policy(folder: &Path, level: Level, round: Option<usize>) -> Policy {
    let mut policy = Policy::for_workspace("/usr/share", folder);
    policy.at_most = level;
    policy.require = level;
    policy.limits.open_files += round.unwrap_or_default() as u64;
    policy
}

fn run_plainly() -> Result<Duration> {
    let started = Instant::now();
    let output = std::process::Command::new(PROGRAM)
        .stdin(Stdio::null())
        .output()?;
    let time = started.elapsed();
    ensure!(output.status.success(), "{}", output.status);
    Ok(time)
}

fn run_in(sandbox: &Sandbox, policy: &Policy) -> Result<Duration> {
    let command = Command::new(PROGRAM);
    let started = Instant::now();
    let outcome = sandbox.run(policy, &command)?;
    let time = started.elapsed();
    ensure!(outcome.end == End::Exited(0), "{outcome:?}");
    ensure!(outcome.level == policy.require, "{outcome:?}");
    Ok(time)
}
