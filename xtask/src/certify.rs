//! Certifies this workspace with its own program, and makes the checks that no other command makes.
//!
//! The claims are in `certify.toml`; validators, votes and the certificate are the program's
//! (`claude-flow certify`), so that every project is certified by the same rules.

mod probes;
mod unsafe_code;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::workspace::{release_program, target_dir};
use crate::{Ended, tool, workspace};

pub(crate) const HELP: &str = "\
cargo xtask certify [--quick] [--fresh]
cargo xtask certify --probe NAME [--json FILE]

Builds the program and lets it certify this workspace: five validators, each a process with
its own key, make the checks of certify.toml, vote by rule and agree by PBFT. Certificate and
evidence are in target/certify; `claude-flow certificate verify` checks them again. What passed
is not run again while no file changes; Ctrl-C ends everything, and the next run goes on.

  --quick  leave out the checks that take long
  --fresh  use nothing that an earlier run saw

Probes, each one check: bulk, conventions, edits, flakes, layers, licences, unsafe.

Exit code: 0 certified with PASS, or the probe's claim holds; 1 not; 2 could not run.
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let (mut is_quick, mut is_fresh) = (false, false);
    let (mut probe, mut json) = (None::<String>, None::<PathBuf>);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => is_quick = true,
            Long("fresh") => is_fresh = true,
            Long("probe") => probe = Some(parser.value()?.string()?),
            Long("json") => json = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(name) = probe {
        return probes::run(&name, json.as_deref());
    }
    let root = workspace::root();
    let mut command = Command::new(release_program()?);
    command
        .args(["certify", ".", "--trusted", "--output"])
        .arg(target_dir().join("certify"))
        .args(["--commit", &commit()])
        .current_dir(root);
    command.args(is_quick.then_some("--quick"));
    command.args(is_fresh.then_some("--fresh"));
    let status = command.status().context("starting the program")?;
    match status.code() {
        Some(0) => Ok(Ended::Well),
        Some(1) => Ok(Ended::WithFindings),
        _ => bail!("the program ended with {status}"),
    }
}

/// The commit, with `-dirty` if files differ from it; an exported tree has none.
fn commit() -> String {
    let mut git = Command::new("git");
    git.current_dir(workspace::root());
    git.args([
        "describe",
        "--always",
        "--dirty",
        "--exclude=*",
        "--abbrev=12",
    ]);
    let told = tool::stdout(&mut git);
    told.map_or_else(|_| "unknown".to_owned(), |commit| commit.trim().to_owned())
}
