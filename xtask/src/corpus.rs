//! Runs the checks over real code from package registries.

mod check;
pub(crate) mod fetch;
pub(crate) mod list;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::{Ended, workspace};

pub(crate) const HELP: &str = "\
cargo xtask corpus [--only FOLDER] [--list] [--offline] [--fetch-only] [--dir DIR] [--program FILE]

Downloads the packages in fixtures/corpora.toml with their registries' own clients,
unpacks the files of languages that are checked, runs `claude-flow post-edit` over all
of them and prints the figures by language.
Every error finding is listed in report.json in the folder.

  --only FOLDER   one folder of fixtures/corpora.toml, for example go; may be given again
  --list          print the packages and stop
  --offline       download nothing; what is missing is an error
  --fetch-only    download and unpack, check nothing
  --dir DIR       where to keep them; target/corpora without it
  --program FILE  check with this program instead of building one for release

Exit code: 0 no unexplained error finding, 1 at least one, or a check that broke, 2 could not run.
";

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    only: Vec<String>,
    list: bool,
    offline: bool,
    fetch_only: bool,
    dir: Option<PathBuf>,
    program: Option<PathBuf>,
}

pub(crate) fn run(parser: lexopt::Parser) -> Result<Ended> {
    let options = parse(parser)?;
    let mut corpora = list::read(&workspace::root().join("fixtures/corpora.toml"))?;
    for folder in &options.only {
        let folders = corpora.folders();
        if !folders.contains(folder) {
            bail!(
                "there is no folder {folder:?}; choose of {}",
                folders.join(", ")
            );
        }
    }
    if !options.only.is_empty() {
        corpora
            .packages
            .retain(|package| options.only.contains(&package.folder));
    }
    if options.list {
        for package in &corpora.packages {
            println!(
                "{:<11} {:<14} {} {}",
                package.folder,
                package.registry.name(),
                package.name,
                package.version
            );
        }
        return Ok(Ended::Well);
    }
    let dir = options
        .dir
        .unwrap_or_else(|| workspace::target_dir().join("corpora"));
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let dir = dir.canonicalize().context("resolving the folder")?;
    let failures = fetch::all(&corpora.packages, &dir, options.offline)?;
    for failure in &failures {
        eprintln!("not fetched: {failure}");
    }
    if options.fetch_only {
        anyhow::ensure!(failures.is_empty(), "{} fetches failed", failures.len());
        return Ok(Ended::Well);
    }
    let program = match options.program {
        Some(program) => program.canonicalize().context("finding the program")?,
        None => workspace::release_program()?,
    };
    check::all(&program, &dir, &corpora)
}

fn parse(mut parser: lexopt::Parser) -> Result<Options> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("list") => options.list = true,
            Long("offline") => options.offline = true,
            Long("fetch-only") => options.fetch_only = true,
            Long("dir") => options.dir = Some(parser.value()?.into()),
            Long("program") => options.program = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}
