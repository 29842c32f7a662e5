//! What can be said of a cycle.

use std::fmt;

/// Where a workspace is between two greens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A test fails, and what was edited since is meant to mend it.
    Red,
    /// The tests pass on the contents as they are.
    Green,
    /// The tests passed, and then code was edited and no test.
    Refactor,
    /// No run on these contents, or an edited test that was not run.
    Unknown,
}

impl Phase {
    /// `red`, `green`, `refactor` or `unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Refactor => "refactor",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a change was driven by a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No rule is broken, and the evidence is complete.
    Compliant(Way),
    /// A rule is broken.
    Violation {
        /// The rule.
        rule: Rule,
        /// What shows it, for people.
        evidence: String,
    },
    /// The events do not show it.
    NotEstablished(Why),
}

impl Verdict {
    /// `compliant`, `violation` or `not_established`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Compliant(_) => "compliant",
            Self::Violation { .. } => "violation",
            Self::NotEstablished(_) => "not_established",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compliant(way) => write!(f, "compliant: {way}"),
            Self::Violation { rule, evidence } => {
                write!(f, "violation of {}: {evidence}", rule.name())
            }
            Self::NotEstablished(why) => write!(f, "not established: {why}"),
        }
    }
}

/// How a change complies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// A new test failed for the right reason before the change and passes after it.
    TestFirst,
    /// A test that had failed all along passes after the change.
    Mended,
    /// The tests passed before the change and pass after it.
    Refactored,
    /// Only tests were changed, and they pass.
    TestsOnly,
    /// Nothing was changed that a test could drive.
    NoCode,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TestFirst => "one new test failed before the change and passes after it",
            Self::Mended => "a test that had failed before passes after the change",
            Self::Refactored => "the tests passed before the change and pass after it",
            Self::TestsOnly => "only tests were changed, and they pass",
            Self::NoCode => "neither code nor tests were changed",
        })
    }
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The test is edited before the code.
    TestFirst,
    /// Exactly one new test fails at a time.
    OneFailingTest,
    /// It fails by an assertion or for what is not there yet, not because it is not well-formed.
    RightReason,
    /// What no failing test asks for is changed only while all tests pass.
    RefactorOnGreen,
}

impl Rule {
    /// A stable name, for example `test-first`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TestFirst => "test-first",
            Self::OneFailingTest => "one-failing-test",
            Self::RightReason => "right-reason",
            Self::RefactorOnGreen => "refactor-on-green",
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::TestFirst => {
                "undo the change, see the new test fail, and make the change again; or delete what no test asked for"
            }
            Self::OneFailingTest => "leave out or skip all new failing tests but one",
            Self::RightReason => {
                "mend the test and see it fail by its assertion before the code is changed"
            }
            Self::RefactorOnGreen => {
                "undo that change, make the failing test pass, and change it then"
            }
        }
    }
}

/// Why something is not established.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// There is no event.
    NothingRecorded,
    /// No run was made on the contents before the change.
    NoRunBefore,
    /// No run that sees the change was made after it.
    NotRun,
    /// These tests still fail.
    StillFails(Vec<String>),
    /// These tests passed before the change and fail after it.
    Broke(Vec<String>),
    /// The new tests pass, and no run shows that they failed without the change.
    NeverSeenFailing,
    /// The test was changed after the run that saw it fail.
    TestChangedAfterRed,
    /// Test and code came in one edit.
    OneEdit,
    /// Code and tests were edited by turns.
    Interleaved,
    /// The test did not end by itself, so that nobody knows what it asks for.
    ReasonUnclear,
    /// The test failed for something that is not there, and the change does not name it.
    SymbolNotAdded(Vec<String>),
    /// No earlier run tells which tests are new.
    PriorUnknown,
    /// The test that failed is no longer there.
    TestGone(Vec<String>),
    /// This is declared, and nothing uses or tests it.
    UntestedName(String),
    /// This file changed without a recorded edit.
    UnseenEdit(String),
}

impl Why {
    /// Whether running the tests without the change and with it may show it.
    #[must_use]
    pub const fn may_be_shown(&self) -> bool {
        matches!(
            self,
            Self::NotRun | Self::NeverSeenFailing | Self::TestChangedAfterRed | Self::UnseenEdit(_)
        )
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NothingRecorded => "no edit of it is recorded",
            Self::NoRunBefore => "no test run on the content before the change is recorded",
            Self::NotRun => "the tests were not run on the change",
            Self::StillFails(tests) => return write!(f, "{} still fails", Names(tests)),
            Self::Broke(tests) => {
                return write!(f, "{} passed before the change and fails now", Names(tests));
            }
            Self::NeverSeenFailing => "no run shows that the test fails without the change",
            Self::TestChangedAfterRed => "the test was changed after it was seen to fail",
            Self::OneEdit => "test and code were changed in one edit",
            Self::Interleaved => "tests and code were edited by turns without a run in between",
            Self::ReasonUnclear => "the test crashed or timed out instead of failing",
            Self::SymbolNotAdded(names) => {
                return write!(
                    f,
                    "the test failed for something missing ({}), and the change does not name it",
                    Names(names)
                );
            }
            Self::PriorUnknown => "no earlier run tells which of the tests are new",
            Self::TestGone(tests) => return write!(f, "{} failed and is gone", Names(tests)),
            Self::UntestedName(name) => {
                return write!(f, "`{name}` is new, and no test and no other code uses it");
            }
            Self::UnseenEdit(path) => {
                return write!(f, "{path} changed without a recorded edit");
            }
        };
        f.write_str(text)
    }
}

/// The first names of a list.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        let shown = &self.0[..self.0.len().min(SHOWN)];
        write!(f, "{}", shown.join(", "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
