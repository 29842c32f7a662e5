//! The result document: what was checked, how each check ended, and what was found.
//!
//! Field by field it is described in `docs/result.md`; `docs/result.schema.json` is its schema.

use serde::Serialize;

/// The version of the document's form: the first number rises when a reader of the old form could misread it.
pub const SCHEMA_VERSION: &str = "1.1";

/// The JSON Schema of the document.
pub const RESULT_SCHEMA: &str = include_str!("../docs/result.schema.json");

/// The verdict on one or more edited files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// What made the document.
    pub tool: Tool,
    /// Who asked, as far as they said.
    pub request: Request,
    /// One entry a file, in the order asked for.
    pub files: Vec<FileReport>,
    /// Counts over all files.
    pub summary: Summary,
}

impl Document {
    /// Puts reports into a document and counts them.
    #[must_use]
    pub fn new(request: Request, files: Vec<FileReport>) -> Self {
        let summary = Summary::of(&files);
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "claude-flow",
                version: env!("CARGO_PKG_VERSION"),
            },
            request,
            files,
            summary,
        }
    }

    /// What a process that was asked for this document exits with.
    ///
    /// - 2 if there is a file without a verdict: it, its configuration or its baseline could not be read.
    /// - 1 if there is an error finding that was not there before the edit.
    /// - 2 if a check failed, did not end in time or looked at a content that is no longer on disk:
    ///   the job could not be done, and that must not read as clean.
    /// - 0 otherwise; a check that was not made has said why and breaks nothing.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        let summary = &self.summary;
        if summary.unreadable > 0 {
            2
        } else if summary.errors > 0 {
            1
        } else if summary.broken_checks > 0 {
            2
        } else {
            0
        }
    }
}

/// What made the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// `claude-flow`.
    pub name: &'static str,
    /// The version of the program.
    pub version: &'static str,
}

/// Labels that the caller gave, handed through unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// `--memory-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_key: Option<String>,
    /// `--agent-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `--swarm-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm_id: Option<String>,
}

/// The verdict on one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The path as it was given.
    pub path: String,
    /// Why there is no verdict: the file, its configuration or its baseline could not be read.
    /// Then nothing below says anything about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The language by github-linguist's name, or `null` if it is none that is known.
    pub language: Option<&'static str>,
    /// What decided the language.
    pub detected_by: Option<&'static str>,
    /// The content that was checked.
    pub content: Option<Content>,
    /// What the edit was compared with, or `null` if every finding counts.
    pub baseline: Option<Baseline>,
    /// Every check that exists or is planned, also those that were not made.
    pub checks: Vec<CheckReport>,
}

/// The content that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The blake3 hash, 64 hexadecimal digits.
    pub blake3: String,
    /// The length in bytes.
    pub size_bytes: u64,
}

/// What the edit was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Baseline {
    /// Where it came from: `file`, `git` or `hook`.
    pub origin: &'static str,
    /// Which one, for example the revision.
    pub name: String,
    /// The blake3 hash of the earlier content, 64 hexadecimal digits.
    pub blake3: String,
}

/// How one check of one file ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The check: `text`, `syntax`, `format`, `lint`, `types`, `tests`, `coverage`, `tdd`, `security`.
    pub name: &'static str,
    /// What made it and in which version; `null` if nothing did.
    pub engine: Option<String>,
    /// How it ended.
    pub state: State,
    /// Why it was not made, failed or took too long; `null` otherwise.
    pub reason: Option<String>,
    /// How long it took, in nanoseconds; `null` if it was not made.
    pub duration_ns: Option<u64>,
    /// How a tool was asked; left out if no process was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// What it found, in the order of the text.
    pub findings: Vec<ReportedFinding>,
}

/// How a tool was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The level of the sandbox that held: `L1`, `L2` or `L3`.
    pub sandbox: String,
    /// Whether a process that was there already answered, and none was started for the question.
    pub warm: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything was looked at and nothing is wrong.
    Clean,
    /// There is at least one finding.
    Findings,
    /// It was not made; `reason` says why.
    NotRun,
    /// It did not end in time and says nothing about the file.
    TimedOut,
    /// It broke and says nothing about the file.
    Failed,
    /// It looked at a content that is no longer on disk.
    Stale,
}

/// One finding with its place in lines and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportedFinding {
    /// A stable name, for example `syntax/unclosed-bracket`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub range: Range,
    /// True if it was there before the edit; then it does not count.
    pub pre_existing: bool,
    /// Other places that explain it.
    pub related: Vec<RelatedPlace>,
    /// What to do next, or `null`.
    pub help: Option<String>,
    /// An edit that mends it, or `null`.
    pub fix: Option<SuggestedFix>,
    /// Where the rule is documented, or `null`.
    pub docs: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The text is broken; counts towards exit code 1.
    Error,
    /// Probably not what was meant.
    Warning,
    /// What the reader has to know.
    Info,
}

/// A place in the file: bytes count from 0, lines and columns from 1, columns in Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first byte.
    pub start: Position,
    /// The byte after the last one.
    pub end: Position,
}

/// One end of a [`Range`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in Unicode scalar values, from 1.
    pub column: u32,
    /// Byte offset, from 0.
    pub byte: u64,
}

/// A place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelatedPlace {
    /// What is there.
    pub message: String,
    /// Where.
    pub range: Range,
}

/// An edit that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuggestedFix {
    /// What the edit does.
    pub message: String,
    /// What it replaces.
    pub range: Range,
    /// What stands there afterwards.
    pub replacement: String,
}

/// Counts over all files; findings that were there before the edit count only in `pre_existing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files that were asked for.
    pub files: u64,
    /// Files without a verdict, see [`FileReport::error`].
    pub unreadable: u64,
    /// Error findings.
    pub errors: u64,
    /// Warning findings.
    pub warnings: u64,
    /// Info findings.
    pub infos: u64,
    /// Findings that were there before the edit.
    pub pre_existing: u64,
    /// Checks that say nothing about the file as it is on disk: failed, timed out or stale.
    pub broken_checks: u64,
}

impl Summary {
    /// Counts reports; the findings of a check that looked at an outdated content are left out.
    #[must_use]
    pub fn of(files: &[FileReport]) -> Self {
        let mut summary = Self::default();
        for file in files {
            summary.files += 1;
            summary.unreadable += u64::from(file.error.is_some());
            for check in &file.checks {
                summary.add(check);
            }
        }
        summary
    }

    fn add(&mut self, check: &CheckReport) {
        match check.state {
            State::Clean | State::NotRun => {}
            State::TimedOut | State::Failed | State::Stale => self.broken_checks += 1,
            State::Findings => {
                for finding in &check.findings {
                    let count = match finding.severity {
                        _ if finding.pre_existing => &mut self.pre_existing,
                        Severity::Error => &mut self.errors,
                        Severity::Warning => &mut self.warnings,
                        Severity::Info => &mut self.infos,
                    };
                    *count += 1;
                }
            }
        }
    }
}
