//! Checks that no other command makes; what is printed last is the evidence.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::unsafe_code;
use crate::tidy::{self, Tree, Violation};
use crate::workspace::{Metadata, cargo, release_program};
use crate::{Ended, workspace};

/// How many files the bulk edit has.
const BULK_FILES: usize = 100;

/// How often it is measured.
const BULK_RUNS: usize = 7;

/// How often the suite is repeated that is looked at for flakes.
const REPETITIONS: usize = 20;

pub(super) fn run(name: &str, json: Option<&Path>) -> Result<Ended> {
    let root = workspace::root();
    match name {
        "bulk" => bulk(json),
        "conventions" => Ok(told("conventions", &tidy::check(root)?)),
        "edits" => edits(json),
        "flakes" => flakes(),
        "layers" => Ok(told("layers", &tidy::layers(root)?)),
        "licences" => {
            let metadata = Metadata::read(root)?;
            println!("{} packages", metadata.packages.len());
            Ok(told("licences", &tidy::licences(&metadata)))
        }
        "unsafe" => {
            let inventory = unsafe_code::inventory(&Tree::read(root)?);
            println!("{}", inventory.table());
            Ok(told("unsafe code", &inventory.violations))
        }
        other => bail!("there is no probe {other:?}"),
    }
}

/// Prints violations, and last the first of them, which becomes the cause.
fn told(what: &str, violations: &[Violation]) -> Ended {
    for violation in violations {
        println!("{violation}");
    }
    match violations.first() {
        None => {
            println!("{what}: nothing to say");
            Ended::Well
        }
        Some(first) => {
            println!(
                "{what}: {} violations; the first is {first}",
                violations.len()
            );
            Ended::WithFindings
        }
    }
}

/// The fixtures of the checkers whose verdict is known, good ones or all.
fn fixtures(is_good: bool) -> Result<Vec<PathBuf>> {
    let dir = workspace::root().join("fixtures/checkers");
    let mut files = tidy::files_below(&dir.join("good"))?;
    if !is_good {
        files.extend(tidy::files_below(&dir.join("broken"))?);
    }
    ensure!(
        !files.is_empty(),
        "there are no fixtures in {}",
        dir.display()
    );
    Ok(files)
}

fn post_edit(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["post-edit", "--no-tools", "--format", "json"])
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// How long 100 files take in one call.
fn bulk(json: Option<&Path>) -> Result<Ended> {
    let program = release_program()?;
    let files = fixtures(true)?;
    let files: Vec<&PathBuf> = files.iter().cycle().take(BULK_FILES).collect();
    let mut runs_ns = Vec::new();
    for _ in 0..BULK_RUNS {
        let started = Instant::now();
        let status = post_edit(&program)
            .args(&files)
            .status()
            .context("starting the program")?;
        let time_ns = started.elapsed().as_nanos();
        ensure!(
            status.code() == Some(0),
            "good files were not found good: {status}"
        );
        runs_ns.push(u64::try_from(time_ns).unwrap_or(u64::MAX));
    }
    runs_ns.sort_unstable();
    let (median, width) = (runs_ns[BULK_RUNS / 2], runs_ns[BULK_RUNS - 1] - runs_ns[0]);
    let spread = width.saturating_mul(100) / median.max(1);
    println!("{BULK_FILES} files: median {median} ns of {BULK_RUNS}, spread {spread} %");
    let figure = json!({
        "area": "probe", "name": "bulk", "p50_ns": median, "spread_percent": spread,
        "samples": BULK_RUNS,
    });
    written(json, &figure)
}

/// How many of the fixtures end without a verdict, each in a call of its own.
fn edits(json: Option<&Path>) -> Result<Ended> {
    let program = release_program()?;
    let files = fixtures(false)?;
    let mut errors = 0_u64;
    for file in &files {
        let status = post_edit(&program)
            .arg(file)
            .status()
            .context("starting the program")?;
        if !matches!(status.code(), Some(0 | 1)) {
            errors += 1;
            println!("{}: {status}", file.display());
        }
    }
    let count = files.len() as u64;
    // Rounded up: one error is never none.
    let share = (errors * 10_000).div_ceil(count);
    println!("{errors} of {count} edits ended without a verdict");
    let figure = json!({
        "area": "probe", "name": "edits", "errors_basis_points": share, "spread_percent": 0,
        "samples": count,
    });
    written(json, &figure)
}

fn written(json: Option<&Path>, figure: &serde_json::Value) -> Result<Ended> {
    if let Some(path) = json {
        let text = json!({ "schema_version": 1, "figures": [figure] }).to_string();
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Ended::Well)
}

/// Repeats a suite that races; one run that differs is a flake.
fn flakes() -> Result<Ended> {
    for number in 1..=REPETITIONS {
        let mut command = cargo();
        command.args([
            "test",
            "--quiet",
            "-p",
            "claude-flow-ringbuf",
            "--all-features",
        ]);
        let output = command
            .args(["--test", "it"])
            .output()
            .context("starting cargo")?;
        if !output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            println!("repetition {number} of {REPETITIONS} failed");
            return Ok(Ended::WithFindings);
        }
    }
    println!("{REPETITIONS} repetitions passed");
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::told;
    use crate::Ended;
    use crate::tidy::Violation;

    /// A probe that finds something and ends well would certify it.
    #[test]
    fn violations_fail_the_probe() {
        let violation = Violation {
            path: "a".to_owned(),
            line: 1,
            what: "b".to_owned(),
            remedy: "c",
        };
        assert_eq!(told("x", &[violation]), Ended::WithFindings);
        assert_eq!(told("x", &[]), Ended::Well);
    }
}
