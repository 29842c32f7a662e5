//! Programs that are started and waited for.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A program to start.
#[derive(Debug)]
pub struct Subject {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Subject {
    /// A program with its arguments, and what it is called in the table.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts it, waits for its end, and says how long that took.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or says that it failed.
    pub fn start(&self) -> Result<Duration> {
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

/// The program to measure: the one named by the environment, or the one built in this profile.
///
/// # Errors
///
/// If there is none.
pub fn program() -> Result<PathBuf> {
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
