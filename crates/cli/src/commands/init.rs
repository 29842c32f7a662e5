//! `claude-flow init`: plans all changes first, so that a file that is refused leaves all others alone.

mod plan;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use anyhow::{Context, bail};
use clap::ValueEnum;
use claude_flow::pipeline::Config;

use self::plan::{Change, Step, read_if_there};
use crate::args::InitArgs;
use crate::hook::Harness;
use crate::output::write_styled;
use crate::settings::{Placement, Uninstalled};

/// The configuration file.
const CONFIG: &str = "claude-flow.toml";

/// Writes the configuration and the hook, or takes them out.
pub(super) fn run(args: &InitArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let is_directory = args
        .directory
        .metadata()
        .with_context(|| {
            let directory = args.directory.display();
            format!("{directory} cannot be looked into; name the project's directory")
        })?
        .is_dir();
    if !is_directory {
        let directory = args.directory.display();
        bail!("{directory} is no directory; name the project's");
    }
    // Paths are told as a person would write them.
    let directory = args.directory.strip_prefix(".").unwrap_or(&args.directory);
    let mut steps = Vec::new();
    let named = args.harnesses();
    if args.uninstall {
        let all = named.is_empty();
        let harnesses = if all {
            Harness::value_variants()
        } else {
            &named
        };
        for harness in harnesses {
            steps.extend(plan_settings_removal(
                directory,
                Placement::of(*harness),
                all,
            )?);
        }
        if all {
            steps.push(plan_config_removal(directory)?);
        }
    } else {
        steps.push(plan_config(directory)?);
        for harness in named {
            steps.push(plan_settings(directory, Placement::of(harness))?);
        }
    }
    let mut out = Vec::new();
    for step in &steps {
        if args.dry_run {
            step.write_diff(&mut out)?;
        } else {
            step.apply()?;
            writeln!(out, "{}", step.done)?;
        }
    }
    write_styled(&out, color)?;
    Ok(ExitCode::SUCCESS)
}

fn plan_config(directory: &Path) -> anyhow::Result<Step> {
    let path = directory.join(CONFIG);
    let Some(bytes) = read_if_there(&path)? else {
        return Ok(Step {
            done: format!(
                "{} written: every value in it is the default",
                path.display()
            ),
            change: Change::Create(Config::template().to_owned()),
            path,
        });
    };
    let text = String::from_utf8_lossy(&bytes);
    let done = match Config::parse(&text, &path) {
        Ok(_) => format!("{} is there and left as it is", path.display()),
        Err(error) => format!(
            "{} is there and left as it is, but it cannot be used: {error}",
            path.display()
        ),
    };
    Ok(Step::nothing(path, done))
}

fn plan_settings(directory: &Path, place: &Placement) -> anyhow::Result<Step> {
    let path = directory.join(place.path);
    let Some(text) = read_settings(&path)? else {
        return Ok(Step {
            done: format!("{} written with the hook", path.display()),
            change: Change::Create(place.new_file()),
            path,
        });
    };
    let installed = place.install(&text).with_context(|| left_alone(&path))?;
    Ok(match installed {
        None => {
            let done = format!("{} has the hook already", path.display());
            Step::nothing(path, done)
        }
        Some(after) => Step {
            done: format!("{}: the hook was added", path.display()),
            change: Change::Replace {
                before: text,
                after,
            },
            path,
        },
    })
}

/// Nothing to be done is told only if it was asked for by name.
fn plan_settings_removal(
    directory: &Path,
    place: &Placement,
    is_quiet: bool,
) -> anyhow::Result<Option<Step>> {
    let path = directory.join(place.path);
    let nothing = |path: &Path| {
        let done = format!("{}: no hook of claude-flow in it", path.display());
        (!is_quiet).then(|| Step::nothing(path.to_owned(), done))
    };
    let Some(text) = read_settings(&path)? else {
        return Ok(nothing(&path));
    };
    let left = place.uninstall(&text).with_context(|| left_alone(&path))?;
    Ok(match left {
        None => nothing(&path),
        Some(Uninstalled::File) => Some(Step {
            done: format!("{} removed: it held nothing but the hook", path.display()),
            change: Change::Remove { before: text },
            path,
        }),
        Some(Uninstalled::Text(after)) => Some(Step {
            done: format!("{}: the hook was taken out", path.display()),
            change: Change::Replace {
                before: text,
                after,
            },
            path,
        }),
    })
}

fn plan_config_removal(directory: &Path) -> anyhow::Result<Step> {
    let path = directory.join(CONFIG);
    let done = |what: &str| format!("{}{what}", path.display());
    Ok(match read_if_there(&path)? {
        None => Step::nothing(path.clone(), done(" is not there")),
        Some(bytes) if bytes == Config::template().as_bytes() => Step {
            done: done(" removed: it was as `claude-flow init` writes it"),
            change: Change::Remove {
                before: Config::template().to_owned(),
            },
            path,
        },
        Some(_) => {
            let done = done(" was changed and is left; remove it by hand if it is not wanted");
            Step::nothing(path.clone(), done)
        }
    })
}

fn read_settings(path: &Path) -> anyhow::Result<Option<String>> {
    let Some(bytes) = read_if_there(path)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes)
        .context("it is not UTF-8; mend that and try again")
        .with_context(|| left_alone(path))?;
    Ok(Some(text))
}

fn left_alone(path: &Path) -> String {
    format!("{} is left as it is", path.display())
}
