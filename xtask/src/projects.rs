//! The rules about projects: makes static tables of their data, and fixtures of real projects.

mod generate;
pub(crate) mod pack;

use std::path::PathBuf;

use anyhow::{Result, bail};
use lexopt::Arg;

use crate::Ended;

pub(crate) const HELP: &str = "\
cargo xtask projects generate [--check]
cargo xtask projects pack NAME DIR

generate  writes crates/lang-detect/src/project/tables.rs from crates/lang-detect/data/projects;
          with --check it writes nothing and says whether the file is what it would write
pack      writes fixtures/lang-detect/projects/NAME.txtar from an unpacked project: the listing of
          DIR and the texts of the files that the detection reads

Exit code: 0 done or up to date, 1 not up to date, 2 could not run.
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let mut words = Vec::new();
    let mut is_check = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("check") => is_check = true,
            Arg::Value(word) => words.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    let names: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate"] => generate::run(is_check),
        ["pack", name, _] => pack::run(name, &PathBuf::from(&words[2])),
        _ => bail!("say `generate` or `pack NAME DIR`"),
    }
}
