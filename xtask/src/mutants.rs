//! Good files with one token broken: are they flagged?

mod references;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lexopt::prelude::*;

use self::references::References;
use crate::workspace::cargo;
use crate::{Ended, tool, workspace};

pub(crate) const HELP: &str = "\
cargo xtask mutants [--classify]

Cuts or doubles one bracket, quote or keyword of each good fixture at seeded positions
and prints, by language, how many are flagged; 99 % must be.

  --classify  first ask the reference parsers which mutants are valid all the same, and
              write those to fixtures/checkers/equivalent.toml; needs node, python3,
              a JDK, gcc, g++ and rustc; packages come from npm and PyPI

Exit code: 0 enough are flagged, 1 too few, 2 could not run.
";

/// Where the seed and the references' answers are kept.
const EQUIVALENT: &str = "fixtures/checkers/equivalent.toml";

/// Used if there is no file yet.
const SEED: u64 = 20_260_214;

/// One file or mutant as the suite wrote it.
pub(crate) struct Exported {
    place: PathBuf,
    /// The fixture, below the fixtures' folder.
    fixture: String,
    language: String,
    size_bytes: String,
    /// `original`, or what was done to it.
    name: String,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let mut is_classified = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("classify") => is_classified = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if is_classified {
        classify()?;
    }
    let mut suite = suite("mutants::mutants_are_flagged");
    let status = suite.status().context("starting cargo")?;
    Ok(if status.success() {
        Ended::Well
    } else {
        Ended::WithFindings
    })
}

fn suite(test: &str) -> std::process::Command {
    let mut command = cargo();
    command.args([
        "test",
        "--quiet",
        "-p",
        "claude-flow-checkers",
        "--test",
        "it",
    ]);
    command.args(["--", "--exact", test, "--nocapture"]);
    command
}

fn classify() -> Result<()> {
    let place = workspace::root().join(EQUIVALENT);
    let seed = seed(&place)?;
    if !place.is_file() {
        fs::write(&place, format!("seed = {seed}\n"))?;
    }
    let references = References::install(workspace::target_dir().join("references"))?;
    let dir = workspace::target_dir().join("mutants");
    if dir.is_dir() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    let mut export = suite("mutants::mutants_are_the_same_every_time");
    tool::stdout(export.env("CLAUDE_FLOW_MUTANTS_DIR", &dir))?;
    let exported = exported(&dir)?;
    let mut text = format!(
        "# Mutants of good files that are valid programs all the same, and who said so.\n\
         # Written by `cargo xtask mutants --classify`; a file without a reference has only its\n\
         # brackets and quotes broken.\n\nseed = {seed}\n"
    );
    for files in exported.chunk_by(|a, b| a.fixture == b.fixture) {
        let fixture = &files[0].fixture;
        let answer = references
            .accepted(files)
            .with_context(|| format!("asking about {fixture}"))?;
        let (reference, names) = answer.unwrap_or_default();
        let shown = if reference.is_empty() {
            "no reference reads it"
        } else {
            &reference
        };
        eprintln!(
            "{fixture}: {} of {} equivalent; {shown}",
            names.len(),
            files.len() - 1
        );
        let open = if names.is_empty() { "" } else { "\n" };
        let size = &files[0].size_bytes;
        write!(
            text,
            "\n[[file]]\npath = \"{fixture}\"\nsize_bytes = {size}\nreference = \"{reference}\"\nequivalent = [{open}"
        )?;
        for name in names {
            writeln!(text, "    \"{name}\",")?;
        }
        text.push_str("]\n");
    }
    fs::write(&place, text).with_context(|| format!("writing {EQUIVALENT}"))
}

/// The seed that the file has, so that the mutants stay the same.
fn seed(place: &Path) -> Result<u64> {
    if !place.is_file() {
        return Ok(SEED);
    }
    let table: toml::Table = fs::read_to_string(place)?
        .parse()
        .with_context(|| format!("understanding {EQUIVALENT}"))?;
    let seed = table.get("seed").and_then(toml::Value::as_integer);
    let seed = seed.and_then(|seed| u64::try_from(seed).ok());
    seed.with_context(|| format!("{EQUIVALENT} has no seed"))
}

fn exported(dir: &Path) -> Result<Vec<Exported>> {
    let index = fs::read_to_string(dir.join("index.tsv")).context("the suite wrote no mutants")?;
    let one = |line: &str| {
        let mut fields = line.split('\t').map(ToOwned::to_owned);
        Some(Exported {
            place: dir.join(fields.next()?),
            fixture: fields.next()?,
            language: fields.next()?,
            size_bytes: fields.next()?,
            name: fields.next()?,
        })
    };
    index
        .lines()
        .map(|line| one(line).with_context(|| format!("understanding {line:?}")))
        .collect()
}
