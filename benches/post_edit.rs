//! `claude-flow post-edit` as a whole process, beside the cheapest process there is and an idle Node.js.
//!
//! `cargo xtask bench post-edit`; run as a test it starts each program twice.
//! Programs take turns, so that a change in the machine's load meets all of them.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement writes its samples to files"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use claude_flow_benches::process::{Subject, program};
use claude_flow_benches::turns::{Options, Series, report};
use claude_flow_benches::{FOLDERS, sample};

/// Starts of each program, as a benchmark.
const RUNS: usize = 50;

const LINES: usize = 1_000;

fn main() -> Result<()> {
    let options = Options::from_arguments(RUNS)?;
    let dir = tempfile::tempdir().context("making a folder for the samples")?;
    let subjects = subjects(dir.path())?;
    let mut series: Vec<_> = subjects
        .iter()
        .map(|subject| Series::new(subject.name()))
        .collect();
    for _ in 0..options.runs {
        for (subject, series) in subjects.iter().zip(&mut series) {
            series.push(subject.start()?)?;
        }
    }
    report("whole process", &mut series, &options)
}

fn subjects(dir: &Path) -> Result<Vec<Subject>> {
    let mut subjects = vec![Subject::new("/bin/true", "/bin/true", &[])];
    let node = Subject::new("node -e 0", "node", &["-e", "0"]);
    if node.start().is_ok() {
        subjects.push(node);
    } else {
        eprintln!("node -e 0: left out, node is not installed");
    }
    let program = program()?;
    for folder in FOLDERS {
        let sample = sample(folder, LINES)?;
        let path = dir.join(&sample.path);
        fs::write(&path, &sample.text)?;
        let path = path.to_string_lossy();
        // What outside tools take is theirs, and differs from machine to machine.
        let arguments = [
            "post-edit",
            "--no-daemon",
            "--no-tools",
            "--format",
            "json",
            &path,
        ];
        assert_clean(&program, &arguments)?;
        let name = format!("post-edit {folder}");
        subjects.push(Subject::new(&name, &program, &arguments));
    }
    Ok(subjects)
}

/// A program that does not look is fast: it must say that it checked the syntax and found nothing.
fn assert_clean(program: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("reading what {} {arguments:?} printed", program.display()))?;
    let checks = document["files"][0]["checks"].as_array();
    let syntax = checks
        .into_iter()
        .flatten()
        .find(|check| check["name"] == "syntax");
    match syntax {
        Some(check) if check["state"] == "clean" => Ok(()),
        other => bail!("{arguments:?} is not clean: {other:?}"),
    }
}
