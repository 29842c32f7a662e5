//! Everything that must hold before a change lands, cheapest first.

use std::env;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use lexopt::prelude::*;

use crate::workspace::{Metadata, cargo};
use crate::{Ended, tidy, tool, workspace};

pub(crate) const HELP: &str = "\
cargo xtask test [--quick | --deep]

Format, lints with warnings as errors, tidy, tests, doctests, every crate with each
feature alone and with none, rustdoc with warnings as errors, benches on tiny input.
Each step is announced; the first failure stops and prints the command that repeats it.

  --quick  stop after the tests
  --deep   then the loom models of the lock-free crates, and the stress tests with
           STRESS times the work (1,000 unless the environment says otherwise), then
           validators that are killed at any time, for ten minutes unless STRESS is less

Exit code: 0 all passed, 1 a step failed, 2 could not run.
";

/// One thing to run.
struct Step {
    title: &'static str,
    action: Action,
}

enum Action {
    /// Other programs, one after the other.
    Commands(Vec<Command>),
    /// `tidy`, which is part of this program.
    Tidy,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let (mut is_quick, mut is_deep) = (false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => is_quick = true,
            Long("deep") => is_deep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(
        !(is_quick && is_deep),
        "--quick and --deep exclude each other; choose one"
    );
    let mut steps = fast_steps();
    if !is_quick {
        steps.extend(slow_steps()?);
    }
    if is_deep {
        steps.extend(deep_steps()?);
    }
    let (started, total) = (Instant::now(), steps.len());
    let mut times = Vec::with_capacity(total);
    for (index, step) in steps.into_iter().enumerate() {
        let (title, step_started) = (step.title, Instant::now());
        eprintln!("\n[{}/{total}] {title}", index + 1);
        let failure = take(step.action)?;
        let seconds = step_started.elapsed().as_secs_f64();
        if let Some(again) = failure {
            eprintln!(
                "\n[{}/{total}] {title} FAILED after {seconds:.0} s; once more with: {again}",
                index + 1
            );
            return Ok(Ended::WithFindings);
        }
        eprintln!("[{}/{total}] {title}: {seconds:.0} s", index + 1);
        times.push((title, seconds));
    }
    eprintln!(
        "\nall of {total} steps passed in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    for (title, seconds) in times {
        eprintln!("  {seconds:>5.0} s  {title}");
    }
    Ok(Ended::Well)
}

/// Runs a step; what it returns is the command that failed.
fn take(action: Action) -> Result<Option<String>> {
    match action {
        Action::Tidy => {
            let violations = tidy::check(workspace::root())?;
            for violation in &violations {
                println!("{violation}");
            }
            Ok((!violations.is_empty()).then(|| "cargo xtask tidy".to_owned()))
        }
        Action::Commands(commands) => {
            for mut command in commands {
                let status = command
                    .status()
                    .with_context(|| format!("starting {}", tool::shown(&command)))?;
                if !status.success() {
                    return Ok(Some(tool::shown(&command)));
                }
            }
            Ok(None)
        }
    }
}

fn step(title: &'static str, arguments: &[&str]) -> Step {
    let mut command = cargo();
    command.args(arguments);
    Step {
        title,
        action: Action::Commands(vec![command]),
    }
}

fn fast_steps() -> Vec<Step> {
    // All of them take the whole workspace, so that dependencies are built with one set of features.
    let tests = if tool::is_installed("cargo-nextest", "--version") {
        step(
            "tests",
            &[
                "nextest",
                "run",
                "--workspace",
                "--all-features",
                "--no-fail-fast",
            ],
        )
    } else {
        step(
            "tests",
            &[
                "test",
                "--workspace",
                "--all-features",
                "--lib",
                "--bins",
                "--tests",
                "--no-fail-fast",
            ],
        )
    };
    vec![
        step("format", &["fmt", "--all", "--check"]),
        step(
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-features",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        Step {
            title: "tidy",
            action: Action::Tidy,
        },
        tests,
    ]
}

fn slow_steps() -> Result<Vec<Step>> {
    let mut docs = cargo();
    docs.args([
        "doc",
        "--workspace",
        "--all-features",
        "--no-deps",
        "--quiet",
    ])
    .env("RUSTDOCFLAGS", "-D warnings");
    let mut build = cargo();
    build.args([
        "build",
        "--workspace",
        "--all-features",
        "--bins",
        "--quiet",
    ]);
    let mut benches = cargo();
    benches.args(["test", "--workspace", "--all-features", "--bench", "*"]);
    Ok(vec![
        step(
            "doctests",
            &["test", "--workspace", "--all-features", "--doc"],
        ),
        Step {
            title: "features, alone and none",
            action: Action::Commands(features()?),
        },
        Step {
            title: "rustdoc",
            action: Action::Commands(vec![docs]),
        },
        Step {
            title: "benches on tiny input",
            action: Action::Commands(vec![build, benches]),
        },
    ])
}

fn deep_steps() -> Result<Vec<Step>> {
    let metadata = Metadata::read(workspace::root())?;
    let modelled: Vec<&str> = metadata
        .members()
        .filter(|package| package.dependencies.iter().any(|it| it.name == "loom"))
        .map(|package| package.name.as_str())
        .collect();
    let packages = || modelled.iter().flat_map(|name| ["-p", name]);
    let mut models = cargo();
    models
        .args(["test", "--release", "--lib"])
        .args(packages())
        .arg("loom_tests")
        // Everything is built anew under this switch: beside the other builds, not over them.
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace::target_dir().join("loom"));
    let mut stress = cargo();
    stress
        .args(["test", "--release", "--all-features"])
        .args(packages())
        .args(["--test", "it"])
        .env("STRESS", env::var_os("STRESS").unwrap_or("1000".into()));
    let mut killed = cargo();
    killed
        .args(["test", "-p", "claude-flow-cli", "--test", "it"])
        .args(["consensus::kill", "--", "--nocapture"])
        .env("STRESS", env::var_os("STRESS").unwrap_or("1000".into()));
    Ok(vec![
        Step {
            title: "loom models",
            action: Action::Commands(vec![models]),
        },
        Step {
            title: "stress",
            action: Action::Commands(vec![stress]),
        },
        Step {
            title: "validators that are killed for ten minutes",
            action: Action::Commands(vec![killed]),
        },
    ])
}

/// The facade with each feature alone, and every crate that has features without any; what they
/// add up to is what the other steps build.
fn features() -> Result<Vec<Command>> {
    let metadata = Metadata::read(workspace::root())?;
    let checked = |package: &str, feature: Option<&str>| {
        let mut command = cargo();
        command.args(["check", "--quiet", "--no-default-features", "-p", package]);
        command.args(feature.iter().flat_map(|feature| ["--features", feature]));
        command
    };
    let mut commands = Vec::new();
    for package in metadata.members().filter(|it| !it.features.is_empty()) {
        commands.push(checked(&package.name, None));
        let alone = package.features.keys().map(String::as_str);
        let alone = alone.filter(|name| !["default", "full"].contains(name));
        commands.extend(alone.map(|name| checked(&package.name, Some(name))));
    }
    Ok(commands)
}
