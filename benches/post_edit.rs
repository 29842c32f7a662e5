//! `claude-flow post-edit` as a whole process, beside the cheapest process there is and an idle Node.js.
//!
//! `cargo xtask bench post-edit`; run as a test it starts each program twice.
//! Programs take turns, so that a change in the machine's load meets all of them.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and the environment"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use claude_flow_benches::{FOLDERS, sample};
use lexopt::prelude::*;

/// Starts of each program, as a benchmark.
const RUNS: usize = 50;

/// Starts of each program, as a test.
const RUNS_TEST: usize = 2;

const LINES: usize = 1_000;

#[derive(Debug)]
struct Options {
    runs: usize,
    json: Option<PathBuf>,
}

/// A program and what starting it took.
#[derive(Debug)]
struct Subject {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    times_ns: Vec<u64>,
}

fn main() -> Result<()> {
    let options = options()?;
    let dir = tempfile::tempdir().context("making a folder for the samples")?;
    let mut subjects = subjects(dir.path())?;
    for _ in 0..options.runs {
        for subject in &mut subjects {
            let time = subject.start()?;
            subject.times_ns.push(time);
        }
    }
    println!(
        "{:<24} {:>9} {:>9} {:>9}",
        "whole process", "min", "p50", "p95"
    );
    for subject in &mut subjects {
        subject.times_ns.sort_unstable();
        let [least, median, p95] = [0, 50, 95].map(|per_cent| subject.percentile(per_cent));
        println!(
            "{:<24} {:>9} {:>9} {:>9}",
            subject.name,
            milliseconds(least),
            milliseconds(median),
            milliseconds(p95)
        );
    }
    if let Some(path) = options.json {
        let rows: Vec<_> = subjects.iter().map(Subject::row).collect();
        let text = serde_json::to_string_pretty(&rows)?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        runs: RUNS_TEST,
        json: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            // Cargo says so when it is to be a benchmark, and nothing when it is a test.
            Long("bench") => options.runs = options.runs.max(RUNS),
            Long("runs") => options.runs = parser.value()?.parse()?,
            Long("json") => options.json = Some(parser.value()?.into()),
            Long("test" | "nocapture" | "quiet") | Short('q') | Value(_) => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
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
        let arguments = ["post-edit", "--format", "json", &path];
        assert_clean(&program, &arguments)?;
        let name = format!("post-edit {folder}");
        subjects.push(Subject::new(&name, &program, &arguments));
    }
    Ok(subjects)
}

/// The program to measure: the one named by the environment, or the one built in this profile.
fn program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CLAUDE_FLOW_PROGRAM") {
        return Ok(path.into());
    }
    let this = env::current_exe().context("finding this program")?;
    let profile = this
        .parent()
        .and_then(Path::parent)
        .context("it lies in a target folder")?;
    let path = profile.join(format!("claude-flow{}", env::consts::EXE_SUFFIX));
    ensure!(
        path.is_file(),
        "{} is not built; run `cargo build --workspace --bins`, with --release for figures",
        path.display()
    );
    Ok(path)
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

impl Subject {
    fn new(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            times_ns: Vec::new(),
        }
    }

    /// Starts it, waits for its end, and says how many nanoseconds that took.
    fn start(&self) -> Result<u64> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let started = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("starting {}", self.name))?;
        let time = started.elapsed();
        ensure!(status.success(), "{status} from {}", self.name);
        Ok(u64::try_from(time.as_nanos())?)
    }

    /// Of sorted times.
    fn percentile(&self, per_cent: usize) -> u64 {
        let index = (self.times_ns.len() * per_cent / 100).min(self.times_ns.len() - 1);
        self.times_ns[index]
    }

    fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "samples": self.times_ns.len(),
            "min_ns": self.percentile(0),
            "p50_ns": self.percentile(50),
            "p95_ns": self.percentile(95),
        })
    }
}

fn milliseconds(time_ns: u64) -> String {
    format!("{}.{:02} ms", time_ns / 1_000_000, time_ns / 10_000 % 100)
}
