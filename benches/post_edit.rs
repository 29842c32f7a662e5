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
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use claude_flow_benches::turns::{Options, Series, report};
use claude_flow_benches::{FOLDERS, sample};

/// Starts of each program, as a benchmark.
const RUNS: usize = 50;

const LINES: usize = 1_000;

/// A program to start.
#[derive(Debug)]
struct Subject {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::from_arguments(RUNS)?;
    let dir = tempfile::tempdir().context("making a folder for the samples")?;
    let subjects = subjects(dir.path())?;
    let mut series: Vec<_> = subjects
        .iter()
        .map(|subject| Series::new(&subject.name))
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
        }
    }

    /// Starts it, waits for its end, and says how long that took.
    fn start(&self) -> Result<Duration> {
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
        Ok(time)
    }
}
