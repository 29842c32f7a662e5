//! Files of packages with the languages that their projects say: what `detect-corpus` tests with and
//! `train-classifier` learns from.

pub(crate) mod corpus;
mod peers;
mod report;
mod speed;
pub(crate) mod train;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use claude_flow_lang_detect::Language;
use glob::Pattern;
use serde::Deserialize;

use crate::corpus::fetch;
use crate::corpus::list::{Pinned, Registry};
use crate::workspace;

/// The packages to test with.
const TEST_LIST: &str = "fixtures/lang-detect/corpus.toml";

/// The packages to learn from.
const TRAINING_LIST: &str = "crates/lang-detect/data/classifier/training.toml";

/// Larger files are left out: no project writes them by hand.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    package: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    registry: Registry,
    folder: String,
    name: String,
    version: String,
    suite: Option<String>,
    inner: Option<String>,
    #[serde(default)]
    keep: Vec<String>,
    labels: Vec<Label>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    /// A glob on the path below the package; `*` also matches `/`.
    path: String,
    /// None leaves the files out.
    language: Option<String>,
}

/// A package and what its files are written in.
#[derive(Debug)]
struct Labelled {
    package: Pinned,
    labels: Vec<(Pattern, Option<Language>)>,
}

/// A file with the language that its project says.
#[derive(Debug, Clone)]
struct Sample {
    /// Below the package.
    path: String,
    language: Language,
    /// The label, counted within its package.
    label: usize,
}

/// What was found in one package.
#[derive(Debug)]
struct Found {
    name: String,
    dir: PathBuf,
    samples: Vec<Sample>,
}

fn read(name: &str) -> Result<Vec<Labelled>> {
    let path = workspace::root().join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let list: List = toml::from_str(&text).with_context(|| format!("understanding {name}"))?;
    list.package.into_iter().map(labelled).collect()
}

fn labelled(entry: Entry) -> Result<Labelled> {
    let mut labels = Vec::new();
    for label in &entry.labels {
        let language = label.language.as_ref().map(|name| {
            let found = Language::ALL
                .iter()
                .find(|language| language.name() == name);
            found.with_context(|| format!("{}: no language {name:?}", entry.name))
        });
        labels.push((Pattern::new(&label.path)?, language.transpose()?.copied()));
    }
    Ok(Labelled {
        package: Pinned {
            registry: entry.registry,
            folder: entry.folder,
            name: entry.name,
            version: entry.version,
            suite: entry.suite,
            inner: entry.inner,
            keep: entry.keep,
            every_ending: true,
        },
        labels,
    })
}

/// Downloads what is missing; a package that cannot be had is an error.
fn fetched(list: &[Labelled], dir: &Path, offline: bool) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let packages: Vec<Pinned> = list.iter().map(|it| it.package.clone()).collect();
    let failures = fetch::all(&packages, dir, offline)?;
    for failure in &failures {
        eprintln!("not fetched: {failure}");
    }
    if !failures.is_empty() {
        bail!("{} packages could not be fetched", failures.len());
    }
    Ok(())
}

/// The labelled files of every package, in the order of their paths.
fn found(list: &[Labelled], dir: &Path) -> Result<Vec<Found>> {
    list.iter()
        .map(|labelled| {
            let package = &labelled.package;
            let dir = dir.join(&package.folder).join(package.dir_name());
            Ok(Found {
                name: package.name.clone(),
                samples: samples(labelled, &dir)?,
                dir,
            })
        })
        .collect()
}

fn samples(labelled: &Labelled, dir: &Path) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let resolved = dir
        .canonicalize()
        .with_context(|| format!("finding {}", dir.display()))?;
    for path in fetch::files_below(&resolved)? {
        let below = path
            .strip_prefix(&resolved)
            .context("walking the package")?;
        let below = below.to_string_lossy().replace('\\', "/");
        let label = labelled
            .labels
            .iter()
            .position(|(pattern, _)| pattern.matches(&below));
        let size = path.metadata()?.len();
        if let Some(label) = label
            && let Some(language) = labelled.labels[label].1
            && (1..=FILE_BYTES_MAX).contains(&size)
        {
            samples.push(Sample {
                path: below,
                language,
                label,
            });
        }
    }
    Ok(samples)
}

/// At most `count` samples of each label, evenly spread over the package.
fn spread(samples: &[Sample], count: usize) -> Vec<Sample> {
    let mut by_label: BTreeMap<usize, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_label.entry(sample.label).or_default().push(sample);
    }
    let mut chosen = Vec::new();
    for group in by_label.values() {
        let taken = group.len().min(count);
        chosen.extend((0..taken).map(|index| group[index * group.len() / taken].clone()));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{TEST_LIST, TRAINING_LIST, read};

    /// A package in both lists would make the figures of the classifier worthless.
    #[test]
    fn training_and_test_packages_are_disjoint() {
        let names = |list| -> BTreeSet<String> {
            let packages = read(list).unwrap();
            packages.into_iter().map(|it| it.package.name).collect()
        };
        let (training, test) = (names(TRAINING_LIST), names(TEST_LIST));
        let both: Vec<&String> = training.intersection(&test).collect();
        assert!(both.is_empty(), "{both:?}");
        assert!(training.len() > 20 && test.len() > 20);
    }
}
