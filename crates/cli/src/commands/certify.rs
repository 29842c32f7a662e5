//! `claude-flow certify`: what a project claims, checked, voted on and signed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::ColorChoice;
use anyhow::{Context, bail};
use claude_flow::certify::Verdict;
use claude_flow::pipeline::Trust;

use super::certificate::write_conclusion;
use crate::args::CertifyArgs;
use crate::certify::{Options, Outcome, certify, scan, targets_of, validate};
use crate::failure::EXIT_FAILED;
use crate::output::write_styled;
use crate::visible::visible;

/// Certified with less than PASS, not agreed, or a secret found.
const EXIT_FOUND: u8 = 1;

/// Where everything is written unless something else is said.
const OUTPUT: &str = ".claude-flow/certify";

pub(super) fn run(args: &CertifyArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    if let (Some(plan), Some(place)) = (&args.plan, args.place) {
        validate(plan, place)?;
        return Ok(ExitCode::from(EXIT_FAILED));
    }
    let root = &args.directory;
    let targets = targets_of(root, args.targets.as_deref())?;
    if !args.trusted && !is_trusted(root)? {
        bail!(
            "{} is not trusted, and its commands would run as you; `claude-flow trust` it, or say --trusted",
            root.display()
        );
    }
    let output = match &args.output {
        Some(output) => output.clone(),
        None => own_output(root)?,
    };
    let outcome = certify(Options {
        root,
        targets,
        output: &output,
        group: args.group.as_deref(),
        commit: args.commit.clone(),
        is_quick: args.quick,
        is_fresh: args.fresh,
    })?;
    let mut out = Vec::new();
    let code = match outcome {
        Outcome::Certified(certificate) => {
            write_conclusion(&mut out, certificate.conclusion())?;
            let place = output.join("certificate.json");
            writeln!(
                out,
                "{}, .md and .html",
                visible(&place.display().to_string())
            )?;
            if certificate.conclusion().verdict == Verdict::Pass {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(EXIT_FOUND)
            }
        }
        Outcome::NoAgreement { reason } => {
            writeln!(out, "no verdict: {}", visible(&reason))?;
            let kept = output.join("evidence");
            writeln!(
                out,
                "what was seen is in {}",
                visible(&kept.display().to_string())
            )?;
            ExitCode::from(EXIT_FOUND)
        }
    };
    write_styled(&out, color)?;
    Ok(code)
}

fn is_trusted(root: &Path) -> anyhow::Result<bool> {
    let Some(trust) = Trust::of_user() else {
        return Ok(false);
    };
    Ok(trust.root_of(root)?.is_some())
}

/// A directory that git ignores.
fn own_output(root: &Path) -> anyhow::Result<PathBuf> {
    let output = root.join(OUTPUT);
    fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let ignore = output.join(".gitignore");
    fs::write(&ignore, "*\n").with_context(|| format!("writing {}", ignore.display()))?;
    Ok(output)
}

/// Looks for secrets.
pub(super) fn secrets(directory: &Path, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let (found, files, large) = scan(directory)?;
    let mut out = Vec::new();
    for secret in &found {
        writeln!(
            out,
            "{}:{}: {}",
            visible(&secret.path),
            secret.line,
            secret.what
        )?;
    }
    let large = match large {
        0 => String::new(),
        large => format!(", {large} too large to be looked at"),
    };
    match found.first() {
        None => writeln!(out, "no secret in {files} files{large}")?,
        Some(first) => writeln!(
            out,
            "{} secrets in {files} files{large}; the first is {} at {}:{}",
            found.len(),
            first.what,
            visible(&first.path),
            first.line
        )?,
    }
    write_styled(&out, color)?;
    Ok(if found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FOUND)
    })
}
