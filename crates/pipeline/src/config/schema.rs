//! The keys of the configuration file; each type's `expecting` text is what its error tells as allowed.

use std::fmt;

use claude_flow_checkers::runners::{RUNNERS, Runner, runner};
use claude_flow_checkers::tools::Settings;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};

use crate::document::Severity;

/// The most globs that `files.exclude` may hold.
const EXCLUDE_GLOBS_MAX: usize = 1_000;

/// The whole file.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Schema {
    pub(crate) limits: Limits,
    pub(crate) checks: Checks,
    pub(crate) files: Files,
    pub(crate) report: Report,
    pub(crate) tools: Settings,
    pub(crate) tests: Tests,
    pub(crate) daemon: Daemon,
    /// What is claimed of the project, which `claude-flow certify` reads.
    #[serde(rename = "certify")]
    pub(crate) _certify: Option<serde::de::IgnoredAny>,
}

/// `[limits]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Larger files are not checked, and that is said.
    pub(crate) file_size_bytes: Whole<1, { 100 * 1024 * 1024 }>,
    /// A check that takes longer is given up, and that is said.
    pub(crate) time_ms: Whole<1, 600_000>,
    /// A tool that takes longer is ended, and that is said.
    pub(crate) tool_time_ms: Whole<1, 600_000>,
    /// A run of tests that takes longer is ended, and that is said.
    pub(crate) test_time_ms: Whole<1, 3_600_000>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_size_bytes: Whole(8 * 1024 * 1024),
            time_ms: Whole(5_000),
            tool_time_ms: Whole(6_000),
            test_time_ms: Whole(120_000),
        }
    }
}

/// `[checks]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent key of the file"
)]
pub(crate) struct Checks {
    /// Encoding, conflict markers, line endings.
    pub(crate) text: bool,
    /// Whether the file is its language.
    pub(crate) syntax: bool,
    /// Whether the project's formatters would leave it as it is.
    pub(crate) format: bool,
    /// What the project's linters say.
    pub(crate) lint: bool,
    /// What the project's type checkers and compilers say.
    pub(crate) types: bool,
    /// What the project's scanners for weaknesses say.
    pub(crate) security: bool,
    /// What the tests say that concern the file.
    pub(crate) tests: bool,
    /// What the newest coverage report says of the file.
    pub(crate) coverage: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            text: true,
            syntax: true,
            format: true,
            lint: true,
            types: true,
            security: true,
            tests: false,
            coverage: false,
        }
    }
}

/// `[tests]`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tests {
    /// What runs the tests of the directory of the file, whatever its manifests say.
    pub(crate) runner: Option<RunnerKey>,
}

/// `[files]`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Files {
    /// What is not checked.
    #[serde(deserialize_with = "globs")]
    pub(crate) exclude: Vec<Glob>,
}

/// `[report]`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Report {
    /// What is less severe is left out.
    pub(crate) severity: SeverityKey,
}

/// `[daemon]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Daemon {
    /// Whether hooks start it.
    pub(crate) enabled: bool,
}

impl Default for Daemon {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(WholeVisitor::<MIN, MAX>)
    }
}

struct WholeVisitor<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Visitor<'_> for WholeVisitor<MIN, MAX> {
    type Value = Whole<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        u64::try_from(value)
            .ok()
            .filter(|value| (MIN..=MAX).contains(value))
            .map(Whole)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Err(E::invalid_value(Unexpected::Unsigned(value), &self))
    }
}

/// A runner of tests by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunnerKey(pub(crate) &'static Runner);

impl<'de> Deserialize<'de> for RunnerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = runner(&name).map(RunnerKey);
        known.ok_or_else(|| {
            let names: Vec<&str> = RUNNERS.iter().map(|runner| runner.name).collect();
            let expected = format!("one of {}", names.join(", "));
            D::Error::invalid_value(Unexpected::Str(&name), &expected.as_str())
        })
    }
}

/// A severity by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeverityKey(pub(crate) Severity);

impl Default for SeverityKey {
    fn default() -> Self {
        Self(Severity::Info)
    }
}

impl<'de> Deserialize<'de> for SeverityKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SeverityVisitor)
    }
}

struct SeverityVisitor;

impl Visitor<'_> for SeverityVisitor {
    type Value = SeverityKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of \"error\", \"warning\", \"info\"")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        match value {
            "error" => Ok(SeverityKey(Severity::Error)),
            "warning" => Ok(SeverityKey(Severity::Warning)),
            "info" => Ok(SeverityKey(Severity::Info)),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

/// Compiles globs that were parsed before.
pub(crate) fn glob_set(globs: &[Glob]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(glob.clone());
    }
    builder
        .build()
        .expect("each glob is checked to compile when it is read")
}

fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
    deserializer.deserialize_seq(GlobsVisitor)
}

struct GlobsVisitor;

impl<'de> Visitor<'de> for GlobsVisitor {
    type Value = Vec<Glob>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a list of at most {EXCLUDE_GLOBS_MAX} globs such as \"vendor/**\""
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut globs = Vec::new();
        while let Some(GlobKey(glob)) = sequence.next_element()? {
            if globs.len() == EXCLUDE_GLOBS_MAX {
                return Err(A::Error::invalid_length(globs.len() + 1, &self));
            }
            globs.push(glob);
        }
        Ok(globs)
    }
}

struct GlobKey(Glob);

impl<'de> Deserialize<'de> for GlobKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(GlobVisitor)
    }
}

struct GlobVisitor;

impl Visitor<'_> for GlobVisitor {
    type Value = GlobKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a glob such as \"vendor/**\"")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        let parsed = GlobBuilder::new(value).literal_separator(true).build();
        parsed
            .and_then(|glob| GlobSet::builder().add(glob.clone()).build().map(|_| glob))
            .map(GlobKey)
            .map_err(|error| E::custom(format_args!("{error}, expected {}", Expecting(&self))))
    }
}

struct Expecting<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> fmt::Display for Expecting<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}
