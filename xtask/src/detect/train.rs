//! `cargo xtask train-classifier`: learns what languages look like.
//!
//! An averaged perceptron for many classes with a margin. Integers only and a fixed order: the same
//! packages give the same bytes on every machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use claude_flow_lang_detect::Language;
use claude_flow_lang_detect::classifier::{BUCKETS, Features, Model};
use lexopt::prelude::*;

use super::{TRAINING_LIST, fetched, found, read, spread};
use crate::{Ended, workspace};

pub(crate) const HELP: &str = "\
cargo xtask train-classifier [--offline] [--dir DIR] [--check]

Downloads the packages in crates/lang-detect/data/classifier/training.toml and writes
model.bin beside it. The same packages give the same bytes.

  --offline   download nothing; what is missing is an error
  --dir DIR   where to keep them; target/detect-corpora without it
  --check     write nothing; say whether the model is what the packages give

Exit code: 0 written or as it should be, 1 another model, 2 could not run.
";

/// How many files of one label of a package are learned from.
const FILES_PER_LABEL: usize = 80;

/// How many files of one language are learned from.
const FILES_PER_LANGUAGE: usize = 1_000;

/// Fewer files of a language teach nothing.
const FILES_PER_LANGUAGE_MIN: usize = 20;

/// How often every file is seen.
const ROUNDS: usize = 12;

/// The lead that the right language should have, in units of a weight for so many features.
const FEATURES_PER_POINT: i64 = 2;

/// The part of a file that is learned from as well, since many files are short.
const SHORT_BYTES: usize = 700;

/// The largest weight of the model, in the units of its bytes.
const WEIGHT_MAX: i64 = 127;

/// Of ten thousand weights, how many may be cut to the largest.
const CUT_IN_TEN_THOUSAND: usize = 2;

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let mut dir = workspace::target_dir().join("detect-corpora");
    let (mut offline, mut is_check) = (false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("offline") => offline = true,
            Long("check") => is_check = true,
            Long("dir") => dir = PathBuf::from(parser.value()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let list = read(TRAINING_LIST)?;
    fetched(&list, &dir, offline)?;
    let mut files: BTreeMap<Language, Vec<PathBuf>> = BTreeMap::new();
    for package in found(&list, &dir)? {
        for sample in spread(&package.samples, FILES_PER_LABEL) {
            let of_language = files.entry(sample.language).or_default();
            of_language.push(package.dir.join(&sample.path));
        }
    }
    files.retain(|_, paths| paths.len() >= FILES_PER_LANGUAGE_MIN);
    let languages: Vec<Language> = files.keys().copied().collect();
    ensure!(!languages.is_empty(), "there is nothing to learn from");
    let examples = examples(&files)?;
    println!(
        "{} examples of {} languages",
        examples.len(),
        languages.len()
    );
    let bytes = Perceptron::new(languages.len())
        .learned(&examples)
        .model(&languages);
    let path = workspace::root().join("crates/lang-detect/data/classifier/model.bin");
    let is_same = fs::read(&path).is_ok_and(|there| there == bytes);
    if is_check {
        println!(
            "{}",
            if is_same {
                "the same model"
            } else {
                "another model"
            }
        );
        return Ok(if is_same {
            Ended::Well
        } else {
            Ended::WithFindings
        });
    }
    fs::write(&path, &bytes).with_context(|| format!("writing {}", path.display()))?;
    println!("wrote {} bytes to {}", bytes.len(), path.display());
    Ok(Ended::Well)
}

/// The features of one content, with the index of its language.
#[derive(Debug)]
struct Example {
    language: usize,
    buckets: Vec<u16>,
}

/// Of every language as many examples as it has files, the languages taking turns.
fn examples(files: &BTreeMap<Language, Vec<PathBuf>>) -> Result<Vec<Example>> {
    let mut placed = Vec::new();
    for (language, paths) in files.values().enumerate() {
        let taken = paths.len().min(FILES_PER_LANGUAGE);
        for index in 0..taken {
            let path = &paths[index * paths.len() / taken];
            let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            // Where among all examples it comes: evenly spread for each language.
            let place = index * 1_000_000 / taken;
            let middle = content.len() / 2;
            let short = &content[middle..content.len().min(middle + SHORT_BYTES)];
            for part in [&content[..], short] {
                let buckets = Features::of(part).buckets;
                if buckets.len() >= 12 {
                    placed.push((place, Example { language, buckets }));
                }
            }
        }
    }
    // Stable: of one place the languages stay in their order.
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, example)| example).collect())
}

/// Weights and their sums over all steps.
#[derive(Debug)]
struct Perceptron {
    languages: usize,
    /// A row of one weight for each language for every bucket, and one more row of biases.
    weights: Vec<i32>,
    /// What the sum of the weights over all steps lacks of the weights times the steps.
    lag: Vec<i64>,
    step: i64,
}

impl Perceptron {
    fn new(languages: usize) -> Self {
        Self {
            languages,
            weights: vec![0; (BUCKETS + 1) * languages],
            lag: vec![0; (BUCKETS + 1) * languages],
            step: 1,
        }
    }

    fn learned(mut self, examples: &[Example]) -> Self {
        for round in 0..ROUNDS {
            let mut errors = 0;
            for at in 0..examples.len() {
                // Every second round backwards, so that no language is always the last.
                let at = if round % 2 == 0 {
                    at
                } else {
                    examples.len() - 1 - at
                };
                errors += usize::from(self.learn(&examples[at]));
                self.step += 1;
            }
            println!("round {}: {errors} of {} wrong", round + 1, examples.len());
        }
        self
    }

    /// Shifts the weights if the right language does not lead enough; true if it does not lead.
    fn learn(&mut self, example: &Example) -> bool {
        let mut scores = vec![0_i64; self.languages];
        for row in rows(example) {
            let row = &self.weights[row * self.languages..][..self.languages];
            for (score, weight) in scores.iter_mut().zip(row) {
                *score += i64::from(*weight);
            }
        }
        let right = scores[example.language];
        let rivals = scores
            .iter()
            .enumerate()
            .filter(|(it, _)| *it != example.language);
        let Some((rival, most)) =
            rivals.max_by_key(|(index, score)| (**score, std::cmp::Reverse(*index)))
        else {
            return false;
        };
        let margin = i64::try_from(example.buckets.len()).unwrap_or(i64::MAX) / FEATURES_PER_POINT;
        if right - most < margin {
            for row in rows(example) {
                for (language, change) in [(example.language, 1), (rival, -1)] {
                    let place = row * self.languages + language;
                    self.weights[place] += change;
                    self.lag[place] += self.step * i64::from(change);
                }
            }
        }
        right <= *most
    }

    /// The averaged weights, in bytes.
    fn model(&self, languages: &[Language]) -> Vec<u8> {
        let averaged: Vec<i64> = self
            .weights
            .iter()
            .zip(&self.lag)
            .map(|(weight, lag)| i64::from(*weight) * self.step - lag)
            .collect();
        let (weights, biases) = averaged.split_at(BUCKETS * self.languages);
        let mut sizes: Vec<i64> = weights.iter().map(|it| it.abs()).collect();
        sizes.sort_unstable();
        let cut = sizes.len() - 1 - sizes.len() * CUT_IN_TEN_THOUSAND / 10_000;
        let unit = (sizes[cut] / WEIGHT_MAX).max(1);
        let rounded = |value: i64| (2 * value + unit * value.signum()) / (2 * unit);
        let bytes: Vec<i8> = weights
            .iter()
            .map(|&weight| {
                let bounded = rounded(weight).clamp(-WEIGHT_MAX, WEIGHT_MAX);
                i8::try_from(bounded).expect("it was just bounded")
            })
            .collect();
        let biases: Vec<i32> = biases
            .iter()
            .map(|&bias| i32::try_from(rounded(bias)).unwrap_or_default())
            .collect();
        Model::bytes(languages, &biases, &bytes)
    }
}

/// The rows of an example: its buckets and the biases.
fn rows(example: &Example) -> impl Iterator<Item = usize> + '_ {
    let buckets = example.buckets.iter().map(|bucket| usize::from(*bucket));
    buckets.chain([BUCKETS])
}
