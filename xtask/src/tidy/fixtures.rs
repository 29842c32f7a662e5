//! The fixtures' manifest and the files agree, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Violation, files_below, line_of, relative};

/// Lists and settings that are not themselves fixtures.
const LISTS: &[&str] = &[
    "MANIFEST.toml",
    "corpora.toml",
    "checkers/equivalent.toml",
    "lang-detect/corpus.toml",
    "lang-detect/sample.tsv",
];

const MANIFEST: &str = "fixtures/MANIFEST.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    set: Vec<Set>,
    #[serde(default)]
    file: Vec<File>,
}

/// A folder of files that came about in the same way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    path: String,
    source: String,
    licence: String,
    made: String,
    /// What the set is for, where its files do not say it one by one.
    special: Option<String>,
    expected: String,
}

/// One file; in a set of which one file is listed, all are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    special: String,
    reference: String,
    /// The line to blame, in a file that is broken.
    line: Option<usize>,
    /// Further lines that may rightly be blamed.
    #[serde(default)]
    also: Vec<usize>,
}

pub(super) fn check(root: &Path, violations: &mut Vec<Violation>) -> Result<()> {
    let dir = root.join("fixtures");
    if !dir.is_dir() {
        return Ok(());
    }
    let path = root.join(MANIFEST);
    if !path.is_file() {
        violations.push(Violation {
            path: MANIFEST.to_owned(),
            line: 1,
            what: "the fixtures have no manifest".to_owned(),
            remedy: "write one with `[[set]]` and `[[file]]`",
        });
        return Ok(());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("reading {MANIFEST}"))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("understanding {MANIFEST}"))?;
    let present: BTreeSet<String> = files_below(&dir)?
        .iter()
        .map(|path| relative(&dir, path))
        .filter(|path| !LISTS.contains(&path.as_str()))
        .collect();
    listed_files_are_there(&dir, &manifest, &text, &present, violations);
    present_files_are_listed(&manifest, &present, violations);
    sets_say_what_they_are(&manifest, &text, &present, violations);
    Ok(())
}

fn at(text: &str, path: &str, what: String, remedy: &'static str) -> Violation {
    Violation {
        path: MANIFEST.to_owned(),
        line: line_of(text, &format!("path = \"{path}\"")),
        what,
        remedy,
    }
}

fn listed_files_are_there(
    dir: &Path,
    manifest: &Manifest,
    text: &str,
    present: &BTreeSet<String>,
    violations: &mut Vec<Violation>,
) {
    let mut seen = BTreeMap::<&str, usize>::new();
    for file in &manifest.file {
        let path = file.path.as_str();
        *seen.entry(path).or_default() += 1;
        if !present.contains(path) {
            let what = format!("fixtures/{path} is listed and not there");
            violations.push(at(text, path, what, "add the file or drop the entry"));
            continue;
        }
        if file.special.trim().is_empty() || file.reference.trim().is_empty() {
            let what = format!("{path} does not say what makes it special or who says so");
            violations.push(at(text, path, what, "fill `special` and `reference`"));
        }
        let is_broken = path.contains("/broken/");
        if is_broken != file.line.is_some() {
            let what = format!("{path} must name a line if it is broken, and only then");
            violations.push(at(text, path, what, "give `line`, or take it away"));
        }
        let content = fs::read(dir.join(path)).unwrap_or_default();
        let lines = content.split(|byte| *byte == b'\n').count();
        for line in file.line.iter().chain(&file.also) {
            if *line == 0 || *line > lines {
                let what = format!("{path} has no line {line}");
                violations.push(at(text, path, what, "name a line from 1 to its last"));
            }
        }
    }
    for (path, count) in seen.into_iter().filter(|(_, count)| *count > 1) {
        let what = format!("{path} is listed {count} times");
        violations.push(at(text, path, what, "keep one entry"));
    }
}

fn is_below(path: &str, set: &str) -> bool {
    path.strip_prefix(set.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn present_files_are_listed(
    manifest: &Manifest,
    present: &BTreeSet<String>,
    violations: &mut Vec<Violation>,
) {
    let listed: BTreeSet<&str> = manifest
        .file
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    for path in present {
        let sets: Vec<&Set> = manifest
            .set
            .iter()
            .filter(|set| is_below(path, &set.path))
            .collect();
        let is_itemised = sets
            .iter()
            .any(|set| listed.iter().any(|file| is_below(file, &set.path)));
        let what = if sets.is_empty() {
            "the fixture is in no set"
        } else if is_itemised && !listed.contains(path.as_str()) {
            "the fixture is not listed, its neighbours are"
        } else {
            continue;
        };
        violations.push(Violation {
            path: format!("fixtures/{path}"),
            line: 1,
            what: what.to_owned(),
            remedy: "add it to fixtures/MANIFEST.toml or remove it",
        });
    }
}

fn sets_say_what_they_are(
    manifest: &Manifest,
    text: &str,
    present: &BTreeSet<String>,
    violations: &mut Vec<Violation>,
) {
    for set in &manifest.set {
        let path = &set.path;
        if !present.iter().any(|file| is_below(file, path)) {
            let what = format!("the set fixtures/{path} has no file");
            violations.push(at(text, path, what, "add its files or drop the entry"));
        }
        let fields = [&set.source, &set.licence, &set.made, &set.expected];
        let mut fields = fields.into_iter().chain(&set.special);
        if fields.any(|field| field.trim().is_empty()) {
            let what = format!("the set {path} does not say all that is asked");
            violations.push(at(
                text,
                path,
                what,
                "fill `source`, `licence`, `made` and `expected`",
            ));
        }
    }
}
