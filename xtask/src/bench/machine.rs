//! The circumstances of a measurement.

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::Result;
use serde::Serialize;

use crate::{tool, workspace};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// With `-dirty` if files differ from it.
    commit: String,
    rustc: String,
    processor: String,
    cores: usize,
    /// Over one, five and fifteen minutes; none where the system does not say.
    load_before: Option<String>,
    pub(crate) load_after: Option<String>,
}

impl Machine {
    pub(crate) fn read() -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(workspace::root());
        git.args([
            "describe",
            "--always",
            "--dirty",
            "--exclude=*",
            "--abbrev=12",
        ]);
        // An exported tree has no commit, and can be measured all the same.
        let commit = tool::stdout(&mut git).unwrap_or_else(|_| "unknown".to_owned());
        let rustc = tool::stdout(
            Command::new("rustc")
                .arg("--version")
                .current_dir(workspace::root()),
        )?;
        Ok(Self {
            commit: commit.trim().to_owned(),
            rustc: rustc.trim().to_owned(),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load(),
            load_after: None,
        })
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}

/// The system's load now.
pub(crate) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let numbers: Vec<&str> = text.split_whitespace().take(3).collect();
    Some(numbers.join(" "))
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = || "unknown".to_owned();
        write!(
            f,
            "commit {}, {}, {} × {}, load {} before and {} after",
            self.commit,
            self.rustc,
            self.cores,
            self.processor,
            self.load_before.clone().unwrap_or_else(unknown),
            self.load_after.clone().unwrap_or_else(unknown),
        )
    }
}
