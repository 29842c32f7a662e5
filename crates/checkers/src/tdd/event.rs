//! What is recorded: edits and test runs, by the hashes of contents.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::describe::words_of;
use crate::reports::{self, Reason, RunState, TestOutcome};

/// The most events that are looked at.
pub const EVENTS_MAX: usize = 8192;

/// Something that happened in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A file's content changed.
    Edit(Edit),
    /// Tests were run.
    Run(Run),
}

/// The blake3 hash of a content; 64 hexadecimal digits where it is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(
    /// The bytes of the hash.
    pub [u8; 32],
);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.to_string()[..8])
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a hash has 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(WRONG);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The file, relative to the workspace, with `/` between the parts.
    pub path: String,
    /// What it was called before, if it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The content before.
    pub before: Before,
    /// The content after; none if the file was deleted.
    pub after: Option<Digest>,
    /// What kind of content was changed.
    pub kind: Kind,
    /// The words of the change; none if they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

/// What is known of a file's content before an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Nothing.
    Unknown,
    /// There was no file.
    Absent,
    /// It had this content.
    Was(Digest),
}

/// What kind of content an edit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Code that is no test.
    Source,
    /// A test.
    Test,
    /// Code and, in the same file, tests of it.
    Both,
    /// What a program wrote, or was copied from another project.
    Generated,
    /// What is there for people to read.
    Documentation,
    /// Settings and data.
    Configuration,
    /// Comments or layout of code or tests.
    Cosmetic,
}

/// The words of a change; each list is sorted and bounded by [`super::WORDS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The identifiers on the lines that were added or changed, and those of a created file's path.
    pub touched: Vec<String>,
    /// The names that the change declares.
    pub declared: Vec<String>,
    /// Those of them that the file does not use.
    pub unused: Vec<String>,
}

/// A run of tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What it shows.
    pub state: RunState,
    /// The results, one for each test.
    pub tests: Vec<Test>,
    /// What failed beside the tests.
    pub suites: Vec<Failed>,
    /// The contents of the files that the tests could see, by path.
    pub files: BTreeMap<String, Digest>,
    /// Whether `files` has every file of the project that the tests could see.
    pub is_whole: bool,
    /// Whether it was made in a copy of the workspace, with contents of another time.
    pub is_copy: bool,
}

/// The result of one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// What it is part of; may be empty.
    pub suite: String,
    /// Its name.
    pub name: String,
    /// Its file, as [`Run::files`] has it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It held.
    Passed,
    /// It was not to run.
    Skipped,
    /// It did not hold.
    Failed {
        /// Of what kind the failure is.
        reason: Reason,
        /// The words of the runner's message, if it tells of something that is missing.
        words: Vec<String>,
    },
}

/// Something that holds tests and failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its name; may be empty.
    pub name: String,
    /// Of what kind the failure is.
    pub reason: Reason,
    /// The words of the runner's message, if it tells of something that is missing.
    pub words: Vec<String>,
}

impl Run {
    /// A run in the workspace itself, from what was read of its report.
    ///
    /// `files` are the contents that the tests saw; `is_whole` says whether that is all that they could see.
    /// A test's file is kept if it is one of `files`.
    #[must_use]
    pub fn of(run: &reports::Run, files: BTreeMap<String, Digest>, is_whole: bool) -> Self {
        let test = |test: &reports::TestResult| Test {
            suite: test.suite.clone(),
            name: test.name.clone(),
            file: test.file.clone().filter(|it| files.contains_key(it)),
            outcome: match &test.outcome {
                TestOutcome::Passed => Outcome::Passed,
                TestOutcome::Skipped => Outcome::Skipped,
                TestOutcome::Failed(failure) => Outcome::Failed {
                    reason: failure.reason,
                    words: words_of(failure),
                },
            },
        };
        let suite = |suite: &reports::SuiteFailure| Failed {
            name: suite.name.clone(),
            reason: suite.failure.reason,
            words: words_of(&suite.failure),
        };
        Self {
            state: run.state,
            tests: run.tests.iter().map(test).collect(),
            suites: run.suites.iter().map(suite).collect(),
            files,
            is_whole,
            is_copy: false,
        }
    }

    /// Whether it says anything of tests: it came to an end, and told which contents it saw.
    pub(super) fn is_evidence(&self) -> bool {
        matches!(self.state, RunState::Passed | RunState::Failed) && !self.files.is_empty()
    }

    pub(super) fn failing(&self) -> impl Iterator<Item = &Test> {
        let failed = |test: &&Test| matches!(test.outcome, Outcome::Failed { .. });
        self.tests.iter().filter(failed)
    }
}

impl Test {
    /// What tells it from all others.
    pub(super) fn id(&self) -> (&str, &str) {
        (&self.suite, &self.name)
    }

    /// What the cases of one test have in common: `test_adds[1-2]` and `TestAdds/negative` are cases.
    pub(super) fn root(&self) -> (&str, &str) {
        let name = self.name.as_str();
        let is_sentence = name.contains(' ');
        let end = name
            .find(['[', '/', '('])
            .filter(|end| *end > 0 && !is_sentence);
        (&self.suite, &name[..end.unwrap_or(name.len())])
    }
}

impl Edit {
    pub(super) fn is_test(&self) -> bool {
        self.counts() && matches!(self.kind, Kind::Test | Kind::Both)
    }

    pub(super) fn is_source(&self) -> bool {
        self.counts() && matches!(self.kind, Kind::Source | Kind::Both)
    }

    /// Whether the rules look at it at all; deletions and renames they never do.
    fn counts(&self) -> bool {
        self.after.is_some() && self.from.is_none()
    }

    pub(super) fn touched(&self) -> &[String] {
        self.words.as_ref().map_or(&[], |it| &it.touched)
    }

    pub(super) fn declared(&self) -> &[String] {
        self.words.as_ref().map_or(&[], |it| &it.declared)
    }
}
