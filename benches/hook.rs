//! `claude-flow hook` as a whole process, with the daemon and without it, beside the cheapest process there is.
//!
//! `cargo xtask bench hook`; run as a test it starts each program twice.
//! Programs take turns, so that a change in the machine's load meets all of them.
//! The edit is one that nothing is wrong with, in a file that no tool of the project's is asked about.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement writes its samples to files"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_benches::process::program;
use claude_flow_benches::turns::{Options, Series, report};
use serde_json::json;

/// Starts of each program, as a benchmark.
const RUNS: usize = 500;

fn main() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("SKIPPED: there is a daemon on Linux only");
        return Ok(());
    }
    let options = Options::from_arguments(RUNS)?;
    let place = Place::new()?;
    let daemon = place.start_daemon()?;
    let subjects: [(&str, &Path, &[&str]); 4] = [
        ("/bin/true", Path::new("/bin/true"), &[]),
        ("hook, daemon", &place.program, &["hook", "claude-code"]),
        (
            "hook, in process",
            &place.program,
            &["hook", "claude-code", "--no-daemon"],
        ),
        ("--version", &place.program, &["--version"]),
    ];
    let mut series = subjects.map(|(name, _, _)| Series::new(name));
    for _ in 0..options.runs {
        for ((_, program, arguments), series) in subjects.iter().zip(&mut series) {
            series.push(place.start(program, arguments)?)?;
        }
    }
    // A hook that did the work itself would have been measured as one that asked.
    let status = place.status()?;
    let answered = format!("answered {}, refused 0,", options.runs);
    ensure!(status.contains(&answered), "not all was asked: {status}");
    drop(daemon);
    report("whole process", &mut series, &options)
}

/// A project of its own.
struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
    payload: PathBuf,
}

/// Ends with the measurement.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended by itself if it cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir().context("making a folder for the sample")?;
        let edited = directory.path().join("edited.json");
        fs::write(&edited, "{\"name\": \"sample\", \"version\": 1}\n")?;
        fs::write(directory.path().join("claude-flow.toml"), "")?;
        let payload = json!({
            "session_id": "bench", "cwd": directory.path(), "hook_event_name": "PostToolUse",
            "tool_name": "Edit", "tool_input": {"file_path": edited, "old_string": "2", "new_string": "1"},
        });
        let path = directory.path().join("payload");
        fs::write(&path, payload.to_string())?;
        Ok(Self {
            program: program()?,
            payload: path,
            directory,
        })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory.path())
            .env("XDG_RUNTIME_DIR", self.directory.path())
            .env_remove("CLAUDE_FLOW_NO_DAEMON");
        command
    }

    fn start_daemon(&self) -> Result<Daemon> {
        let mut command = self.command(&self.program);
        let mut child = command.arg("daemon").stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("it has a pipe")?;
        let daemon = Daemon(child);
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line)?;
        ensure!(line.contains("answers for"), "it did not begin: {line}");
        Ok(daemon)
    }

    fn start(&self, program: &Path, arguments: &[&str]) -> Result<Duration> {
        let mut command = self.command(program);
        command
            .args(arguments)
            .stdin(File::open(&self.payload)?)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = Instant::now();
        let status = command.status().context("starting a program")?;
        let time = started.elapsed();
        ensure!(status.success(), "{status} from {arguments:?}");
        Ok(time)
    }

    fn status(&self) -> Result<String> {
        let mut command = self.command(&self.program);
        let output = command.args(["daemon", "status"]).output()?;
        Ok(String::from_utf8(output.stdout)?)
    }
}
