//! `claude-flow trust`: says of which directories the own code may run.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::ColorChoice;
use anyhow::Context;
use claude_flow::pipeline::Trust;
use serde::Serialize;

use crate::args::{DoctorFormat, TrustArgs};
use crate::failure::Usage;
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// Trusts, revokes or lists.
pub(super) fn run(args: &TrustArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let trust = Trust::of_user().context(
        "there is no place for the list of trusted directories; set HOME or XDG_STATE_HOME",
    )?;
    let mut out = Vec::new();
    if args.list {
        let roots = trust.roots()?;
        if args.format == DoctorFormat::Json {
            let told = Told {
                path: trust.path().to_string_lossy(),
                roots: roots.iter().map(|root| root.to_string_lossy()).collect(),
            };
            let mut text = serde_json::to_vec(&told)?;
            text.push(b'\n');
            write_plain(&text)?;
            return Ok(ExitCode::SUCCESS);
        }
        list(&roots, &mut out)?;
    } else if args.revoke {
        let directory = &args.directory;
        if !trust.remove(directory)? {
            let covering = trust.root_of(directory).ok().flatten();
            return Err(not_in_list(directory, covering.as_deref()).into());
        }
        let directory = directory.display().to_string();
        writeln!(out, "{} is trusted no longer", visible(&directory))?;
    } else {
        let root = trust.add(&args.directory)?.display().to_string();
        writeln!(
            out,
            "{} is trusted: its own tools, and configurations that are programs, run in the sandbox",
            visible(&root)
        )?;
    }
    write_styled(&out, color)?;
    Ok(ExitCode::SUCCESS)
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Told<'a> {
    /// Where the list is kept.
    path: Cow<'a, str>,
    roots: Vec<Cow<'a, str>>,
}

fn list(roots: &[PathBuf], out: &mut dyn Write) -> std::io::Result<()> {
    if roots.is_empty() {
        return writeln!(out, "no directory is trusted; `claude-flow trust` adds one");
    }
    roots
        .iter()
        .try_for_each(|root| writeln!(out, "{}", visible(&root.display().to_string())))
}

fn not_in_list(directory: &Path, covering: Option<&Path>) -> Usage {
    let directory = directory.display();
    Usage(match covering {
        Some(root) => format!(
            "{directory} is trusted because {0} is; revoke that one by `claude-flow trust --revoke {0}`",
            root.display()
        ),
        None => {
            format!("{directory} is not trusted; `claude-flow trust --list` shows what is")
        }
    })
}
