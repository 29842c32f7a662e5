//! What is claimed, who checks it, and by which command.

use std::collections::BTreeSet;

use claude_flow_consensus::{Digest, Domain, VALIDATORS_MAX};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest file of targets that is read, in bytes.
pub const TARGETS_BYTES_MAX: usize = 1 << 20;

/// The most checks of one file.
pub const CHECKS_MAX: usize = 1_000;

/// The longest text of one field, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// The longest name of a check or validator, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// How long a command may take unless its check says otherwise, in seconds.
const LIMIT_S: u32 = 600;

/// The form of the file that is read here.
const VERSION: u32 = 1;

/// A file of targets, `certify.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// The form of the file: 1.
    pub version: u32,
    /// What is certified.
    pub project: String,
    /// Who votes, in the order of the roster.
    pub validators: Vec<String>,
    /// What is claimed, in the order in which it is checked.
    #[serde(default, rename = "check")]
    pub checks: Vec<Check>,
}

/// One claim and what makes it true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Small letters, digits and hyphens; the log of its command is `<id>.log`.
    pub id: String,
    /// Who checks it.
    pub validator: String,
    /// What is claimed, for people.
    pub claim: String,
    /// What is run, word by word and without a shell, in the project's root; `{out}` is a place for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Why there is no command yet; the check is skipped for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// A program that the command cannot do without; the check is skipped if it is not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Whether its failure alone is a FAIL of its validator.
    #[serde(default)]
    pub critical: bool,
    /// Whether it is part of a quick run.
    #[serde(default = "yes")]
    pub quick: bool,
    /// How long the command may take, in seconds.
    #[serde(default = "limit_s")]
    pub limit_s: u32,
    /// How the outcome is read from what the command leaves.
    #[serde(default)]
    pub reads: Reading,
    /// The value that is wanted, of a check that measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

const fn yes() -> bool {
    true
}

const fn limit_s() -> u32 {
    LIMIT_S
}

/// How the outcome of a check is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The claim holds if the command exits with 0.
    #[default]
    Exit,
    /// The command exits with 0 and its output tells of at least one test that passed: `cargo test` or
    /// nextest.
    Tests,
    /// `{out}` holds a JSON document with `figures`, as `cargo xtask bench --json` writes it.
    Figures,
    /// The file of the target's figure, below the directory that `CRITERION_HOME` names.
    Criterion,
    /// The file of the target's figure, below the project's root, is a coverage report.
    Coverage,
}

impl Reading {
    /// Whether a value is read, and not a fact.
    #[must_use]
    pub const fn is_value(self) -> bool {
        matches!(self, Self::Figures | Self::Criterion | Self::Coverage)
    }
}

/// A value that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Which figure: `area/name`, where a `*` at the end stands for anything and the worst counts; for
    /// `criterion` the benchmark's path, for `coverage` the report's.
    pub figure: String,
    /// Which field of the figure, for example `p95_ns`; unused for coverage.
    #[serde(default)]
    pub field: String,
    /// What the value counts.
    pub unit: Unit,
    /// What it must be.
    pub bound: Bound,
    /// The harder bound on the same side that this project sets itself; only PLATINUM asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<u64>,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// So many a second.
    PerSecond,
    /// Hundredths of a percent.
    BasisPoints,
    /// Bytes.
    Bytes,
    /// Just so many.
    Count,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Less than this.
    Below(u64),
    /// More than this.
    Above(u64),
}

impl Bound {
    /// Whether a value is as it must be.
    #[must_use]
    pub const fn is_met(self, value: u64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::Above(limit) => value > limit,
        }
    }

    /// The bound at another place, on the same side.
    #[must_use]
    pub const fn at(self, limit: u64) -> Self {
        match self {
            Self::Below(_) => Self::Below(limit),
            Self::Above(_) => Self::Above(limit),
        }
    }

    /// The number.
    #[must_use]
    pub const fn limit(self) -> u64 {
        match self {
            Self::Below(limit) | Self::Above(limit) => limit,
        }
    }
}

/// Why targets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetsError {
    /// Longer than [`TARGETS_BYTES_MAX`].
    #[error("longer than {TARGETS_BYTES_MAX} bytes")]
    TooLong,
    /// Not TOML, or a key is unknown, missing or of the wrong type.
    #[error("{0}")]
    Layout(String),
    /// Of another version.
    #[error("version {0} is not known here; version {VERSION} is")]
    Version(u32),
    /// What the file says cannot be.
    #[error("{0}")]
    Content(String),
}

impl Targets {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`TargetsError`].
    pub fn parse(text: &str) -> Result<Self, TargetsError> {
        if text.len() > TARGETS_BYTES_MAX {
            return Err(TargetsError::TooLong);
        }
        let targets: Self = toml::from_str(text)
            .map_err(|error| TargetsError::Layout(error.to_string().trim_end().to_owned()))?;
        targets.validate()?;
        Ok(targets)
    }

    /// The checks of one validator, in the order of the file.
    pub fn of<'a>(&'a self, validator: &'a str) -> impl Iterator<Item = &'a Check> {
        let checks = self.checks.iter();
        checks.filter(move |check| check.validator == validator)
    }

    /// The digest of what the file says; comments and layout are not part of it.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).expect("texts and whole numbers can be written");
        Digest::of(Domain::Evidence, &bytes)
    }

    /// Checks what the types do not say.
    ///
    /// # Errors
    ///
    /// [`TargetsError::Version`] and [`TargetsError::Content`], which names the first check that is wrong.
    pub fn validate(&self) -> Result<(), TargetsError> {
        let refuse = |text: String| Err(TargetsError::Content(text));
        if self.version != VERSION {
            return Err(TargetsError::Version(self.version));
        }
        let count = self.validators.len();
        if count == 0 || count > VALIDATORS_MAX as usize {
            return refuse(format!(
                "{count} validators; 1 to {VALIDATORS_MAX} can vote"
            ));
        }
        if self.checks.len() > CHECKS_MAX {
            return refuse(format!("more than {CHECKS_MAX} checks"));
        }
        let mut names = BTreeSet::new();
        for validator in &self.validators {
            if !is_name(validator) || !names.insert(validator) {
                return refuse(format!(
                    "{validator:?} is no name of a validator, or is there twice"
                ));
            }
        }
        let mut ids = BTreeSet::new();
        for check in &self.checks {
            if !is_name(&check.id) || !ids.insert(&check.id) {
                return refuse(format!(
                    "{:?} is no name of a check, or is there twice",
                    check.id
                ));
            }
            if !names.contains(&check.validator) {
                return refuse(format!(
                    "the check {} names the validator {:?}, who does not vote",
                    check.id, check.validator
                ));
            }
            if let Some(wrong) = check.wrong() {
                return refuse(format!("the check {} {wrong}", check.id));
            }
        }
        Ok(())
    }
}

impl Check {
    fn wrong(&self) -> Option<&'static str> {
        let texts = [
            Some(&self.claim),
            self.command.as_ref(),
            self.missing.as_ref(),
            self.needs.as_ref(),
        ];
        let lengths = texts.into_iter().flatten().map(String::len);
        if lengths.clone().any(|len| len > TEXT_BYTES_MAX) {
            return Some("has a text that is too long");
        }
        if self.command.is_some() == self.missing.is_some() {
            return Some("must have either `command` or, with the reason, `missing`");
        }
        let words = self
            .command
            .iter()
            .chain(&self.missing)
            .chain([&self.claim]);
        if words.clone().any(|text| text.trim().is_empty()) {
            return Some("has an empty text");
        }
        if self.missing.is_none() && self.reads.is_value() != self.target.is_some() {
            return Some("must have a `target` if, and only if, it reads a value");
        }
        let target = self.target.as_ref()?;
        let is_harder = |ours: u64| match target.bound {
            Bound::Below(limit) => ours <= limit,
            Bound::Above(limit) => ours >= limit,
        };
        if !target.ours.is_none_or(is_harder) {
            return Some("sets itself a target that is easier than the one that it has");
        }
        let place = target.figure.split('/');
        if target.figure.len() > TEXT_BYTES_MAX || place.clone().any(|step| step == "..") {
            return Some("has a figure that is no place");
        }
        None
    }
}

/// Whether a text can name a check or validator, and with them a file.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && !text.starts_with('-')
        && text.bytes().all(is_allowed)
}
