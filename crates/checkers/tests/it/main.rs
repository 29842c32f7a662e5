//! Behaviour of the checks on the fixtures, on mutants of them and on any bytes.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate reads no file, its tests read the fixtures"
)]

mod fixtures;
mod mutants;
mod prop_any_bytes;

use std::fs;
use std::path::PathBuf;

use claude_flow_checkers::{Finding, Outcome, Source, syntax, text};
use claude_flow_lang_detect::{Language, detect};

/// The workspace's fixtures.
fn fixtures_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A TOML file of the fixtures.
fn toml_fixture(name: &str) -> toml_edit::DocumentMut {
    let path = fixtures_dir().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    text.parse()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// One file of the fixtures with its language.
struct Fixture {
    /// Below the fixtures.
    path: String,
    language: Language,
    bytes: Vec<u8>,
}

impl Fixture {
    fn read(path: &str) -> Self {
        let bytes = fs::read(fixtures_dir().join(path))
            .unwrap_or_else(|error| panic!("fixtures/{path}: {error}"));
        let language = detect(path, &bytes)
            .unwrap_or_else(|| panic!("fixtures/{path}: no language"))
            .language;
        Self {
            path: path.to_owned(),
            language,
            bytes,
        }
    }

    /// The files of `checkers/good`, in the order of their paths.
    fn good() -> Vec<Self> {
        listed()
            .iter()
            .filter(|entry| entry.path.starts_with("checkers/good/"))
            .map(|entry| Self::read(&entry.path))
            .collect()
    }

    fn source(&self) -> Source<'_> {
        Source {
            path: &self.path,
            language: self.language,
            bytes: &self.bytes,
        }
    }
}

/// One `[[file]]` of the manifest.
struct Listed {
    path: String,
    /// The lines that are to be blamed; none in a good file.
    lines: Vec<usize>,
}

/// The manifest's files, in the order of their paths.
fn listed() -> Vec<Listed> {
    let manifest = toml_fixture("MANIFEST.toml");
    let files = manifest["file"].as_array_of_tables();
    let mut listed: Vec<Listed> = files
        .into_iter()
        .flatten()
        .map(|table| {
            let also = table.get("also").and_then(toml_edit::Item::as_array);
            let lines = table.get("line").and_then(toml_edit::Item::as_integer);
            let also = also
                .into_iter()
                .flatten()
                .filter_map(toml_edit::Value::as_integer);
            let mut lines: Vec<usize> = lines
                .into_iter()
                .chain(also)
                .filter_map(|line| usize::try_from(line).ok())
                .collect();
            lines.sort_unstable();
            lines.dedup();
            let path = table.get("path").and_then(toml_edit::Item::as_str);
            Listed {
                path: path.unwrap_or_default().to_owned(),
                lines,
            }
        })
        .filter(|entry| entry.path.starts_with("checkers/"))
        .collect();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    listed
}

/// What the text and syntax checks find together, or why one of them did not look.
fn findings(source: &Source<'_>) -> Result<Vec<Finding>, String> {
    let mut all = Vec::new();
    for (name, outcome) in [("text", text(source)), ("syntax", syntax(source))] {
        match outcome {
            Outcome::Checked { findings } => all.extend(findings),
            Outcome::NotRun { reason } => return Err(format!("{name} not run: {reason}")),
            Outcome::Failed { reason } => return Err(format!("{name} failed: {reason}")),
        }
    }
    Ok(all)
}

/// The line of a byte offset, from 1.
fn line_of(bytes: &[u8], offset: usize) -> usize {
    let before = &bytes[..offset.min(bytes.len())];
    before.split(|byte| *byte == b'\n').count()
}
