//! Generates the tables of `lang-detect` from its data files.

mod families;
mod identifiers;
mod tables;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::{Ended, workspace};

pub(crate) const HELP: &str = "\
cargo xtask languages [--check]

Writes the tables of crates/lang-detect from crates/lang-detect/data:
languages.tsv becomes src/language/generated.rs, heuristics/*.rules src/heuristics/generated.rs.

  --check   write nothing; say which file is not what the data say

Exit code: 0 written or up to date, 1 not up to date, 2 could not run.
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let mut is_check = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("check") => is_check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let made = generate(workspace::root())?;
    let mut ended = Ended::Well;
    for Made { path, text } in made {
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if is_check {
            println!(
                "{} is not what the data say; run `cargo xtask languages`",
                path.display()
            );
            ended = Ended::WithFindings;
        } else {
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    Ok(ended)
}

/// A generated file.
pub(crate) struct Made {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Everything that is generated, formatted.
pub(crate) fn generate(root: &Path) -> Result<Vec<Made>> {
    let crate_dir = root.join("crates/lang-detect");
    let data = crate_dir.join("data/languages.tsv");
    let text = fs::read_to_string(&data).with_context(|| format!("reading {}", data.display()))?;
    let languages = tables::read(&text)?;
    let families = families::read(&crate_dir.join("data/heuristics"), &languages)?;
    Ok(vec![
        Made {
            path: crate_dir.join("src/language/generated.rs"),
            text: formatted(&tables::rust(&languages))?,
        },
        Made {
            path: crate_dir.join("src/heuristics/generated.rs"),
            text: formatted(&families::rust(&families))?,
        },
    ])
}

/// The text as rustfmt lays it out.
fn formatted(text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(workspace::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt; `rustup component add rustfmt` installs it")?;
    let mut stdin = child.stdin.take().context("rustfmt has a standard input")?;
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output();
        (writer.join(), output)
    });
    let output = written.1.context("waiting for rustfmt")?;
    if !output.status.success() {
        bail!("rustfmt does not understand what was generated");
    }
    String::from_utf8(output.stdout).context("reading what rustfmt wrote")
}

#[cfg(test)]
mod tests {
    use super::generate;
    use crate::workspace;

    /// A data file was changed and the tables were not written anew, or the tables were edited.
    #[test]
    fn tables_are_what_the_data_say() {
        for made in generate(workspace::root()).unwrap() {
            let there = std::fs::read_to_string(&made.path).unwrap_or_default();
            assert!(
                there == made.text,
                "{} is out of date; run `cargo xtask languages`",
                made.path.display()
            );
        }
    }
}
