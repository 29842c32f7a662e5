//! Behaviour of the checks on the fixtures, on mutants of them and on any bytes.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate reads no file, its tests read the fixtures"
)]

mod affected;
mod coverage;
mod fixtures;
mod mutants;
mod prop_any_bytes;
mod reports;
mod runners;
mod tdd;
mod tools;

use std::fs;
use std::path::PathBuf;

use claude_flow_checkers::{Finding, Outcome, Severity, Source, syntax, text};
use claude_flow_lang_detect::{Language, detect};

/// The workspace's fixtures.
fn fixtures_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// Compares a text with a file of the fixtures, or writes it there if `WRITE_EXPECTATIONS` is set.
fn expect_text(name: &str, text: &str) {
    let path = fixtures_dir().join(name);
    if std::env::var_os("WRITE_EXPECTATIONS").is_some() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{name}: {error}"));
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let first = text
        .lines()
        .zip(expected.lines())
        .position(|(is, was)| is != was);
    let at = first.unwrap_or_else(|| text.lines().count().min(expected.lines().count()));
    let line = |of: &str| of.lines().nth(at).unwrap_or("(its end)").to_owned();
    assert!(
        text == expected,
        "fixtures/{name}, line {}\n  expected {}\n  found    {}\n\
         WRITE_EXPECTATIONS=1 writes what was found; read the difference",
        at + 1,
        line(&expected),
        line(text)
    );
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
    /// The line that is to be blamed; none in a good file.
    line: Option<usize>,
    /// Further lines that may be blamed.
    also: Vec<usize>,
}

/// The manifest's files, in the order of their paths.
fn listed() -> Vec<Listed> {
    let manifest = toml_fixture("MANIFEST.toml");
    let files = manifest["file"].as_array_of_tables();
    let line_of = |value: i64| usize::try_from(value).expect("lines count from 1");
    let mut listed: Vec<Listed> = files
        .into_iter()
        .flatten()
        .map(|table| {
            let path = table.get("path").and_then(toml_edit::Item::as_str);
            let line = table.get("line").and_then(toml_edit::Item::as_integer);
            let also = table.get("also").and_then(toml_edit::Item::as_array);
            let also = also.into_iter().flatten();
            Listed {
                path: path.unwrap_or_default().to_owned(),
                line: line.map(line_of),
                also: also
                    .filter_map(toml_edit::Value::as_integer)
                    .map(line_of)
                    .collect(),
            }
        })
        .filter(|entry| entry.path.starts_with("checkers/"))
        .collect();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    listed
}

/// What the text and syntax checks find together, or why one of them did not look.
///
/// A check need not look at a text that another has found to be broken.
fn findings(source: &Source<'_>) -> Result<Vec<Finding>, String> {
    let mut all = Vec::new();
    let mut not_run = None;
    for (name, outcome) in [("text", text(source)), ("syntax", syntax(source))] {
        match outcome {
            Outcome::Checked { findings } => all.extend(findings),
            Outcome::NotRun { reason } => not_run = Some(format!("{name} not run: {reason}")),
            Outcome::Failed { reason } => return Err(format!("{name} failed: {reason}")),
        }
    }
    let is_broken = all.iter().any(|it| it.severity == Severity::Error);
    match not_run {
        Some(reason) if !is_broken => Err(reason),
        _ => Ok(all),
    }
}

/// The line of a byte offset, from 1.
fn line_of(bytes: &[u8], offset: usize) -> usize {
    let before = &bytes[..offset.min(bytes.len())];
    before.split(|byte| *byte == b'\n').count()
}
