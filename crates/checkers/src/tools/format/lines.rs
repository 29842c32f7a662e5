//! Reports of one line for each finding, read by a regular expression with named groups.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexBuilder};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::limits::PATTERN_BYTES_MAX;
use crate::tools::output::{Unread, excerpt};
use crate::tools::place::{Place, Unit};

/// The form that GNU's coding standards ask for, with the rule in brackets as compilers add it.
pub(super) static GNU: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?P<path>(?:[A-Za-z]:)?[^:\s][^:]*):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?:[ \t]+(?:\[?(?P<severity>fatal error|error|warning|note|info|style|hint)\]?:?[ \t]+)?(?P<message>.+?)(?:[ \t]+[\[(](?P<rule>[A-Za-z][\w.,/+=*-]*)[\])])?$",
    )
});

/// What holds where a line does not tell.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) struct Defaults {
    pub(in crate::tools) severity: Severity,
    pub(in crate::tools) unit: Unit,
}

/// A pattern of the catalog.
pub(in crate::tools) fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the catalog's patterns are constants, and a test compiles each")
}

/// What a report of lines holds.
#[derive(Debug, Default)]
pub(in crate::tools) struct Lines {
    pub(in crate::tools) diagnostics: Vec<Diagnostic>,
    /// The first line that is not a finding, nor belongs to one.
    pub(in crate::tools) other: Option<String>,
}

impl Lines {
    /// Reads each line that matches; a `note` belongs to the finding before it.
    pub(in crate::tools) fn read(regex: &Regex, report: &str, defaults: Defaults) -> Self {
        let mut lines = Self::default();
        for line in report.lines() {
            let Some(captures) = regex.captures(line) else {
                let is_indented = line.starts_with([' ', '\t']);
                let belongs = is_indented && !lines.diagnostics.is_empty();
                if !belongs && !line.trim().is_empty() && lines.other.is_none() {
                    lines.other = Some(excerpt(line));
                }
                continue;
            };
            let is_note = group(&captures, "severity") == Some("note");
            let diagnostic = diagnostic(&captures, defaults);
            match lines.diagnostics.last_mut().filter(|_| is_note) {
                Some(main) => main.notes.push(Note {
                    path: diagnostic.path,
                    place: diagnostic.place,
                    message: diagnostic.message,
                }),
                None => lines.diagnostics.push(diagnostic),
            }
        }
        lines
    }
}

/// Reads a report in which nothing may be left that is not understood, unless there are findings.
pub(super) fn strict(
    regex: &Regex,
    report: &str,
    defaults: Defaults,
) -> Result<Vec<Diagnostic>, Unread> {
    let lines = Lines::read(regex, report, defaults);
    match lines.other {
        Some(line) if lines.diagnostics.is_empty() => Err(Unread::not_understood(format!(
            "its output holds no finding and says {line:?}"
        ))),
        _ => Ok(lines.diagnostics),
    }
}

fn group<'a>(captures: &Captures<'a>, name: &str) -> Option<&'a str> {
    captures
        .name(name)
        .map(|found| found.as_str().trim())
        .filter(|text| !text.is_empty())
}

fn diagnostic(captures: &Captures<'_>, defaults: Defaults) -> Diagnostic {
    let number = |name: &str| group(captures, name).and_then(|text| text.parse::<u64>().ok());
    let severity = group(captures, "severity")
        .map_or(defaults.severity, |name| severity(name, defaults.severity));
    let mut diagnostic = Diagnostic::new(severity, group(captures, "message").unwrap_or_default());
    diagnostic.path = group(captures, "path").map(str::to_owned);
    diagnostic.rule = group(captures, "rule").map(str::to_owned);
    diagnostic.place = number("line").map(|line| {
        let start = number("column").map_or(Place::line(line), |column| {
            Place::at(line, column, defaults.unit)
        });
        let end_line = number("end_line").unwrap_or(line);
        start.to(end_line, number("end_column").unwrap_or(0), defaults.unit)
    });
    diagnostic
}

/// A severity by the names that tools give it.
pub(super) fn severity(name: &str, otherwise: Severity) -> Severity {
    let is = |names: &[&str]| names.iter().any(|it| name.eq_ignore_ascii_case(it));
    if is(&["error", "fatal error", "fatal", "failure", "critical", "e"]) {
        Severity::Error
    } else if is(&[
        "warning",
        "warn",
        "style",
        "performance",
        "portability",
        "w",
    ]) {
        Severity::Warning
    } else if is(&[
        "info",
        "information",
        "note",
        "notice",
        "hint",
        "help",
        "ignore",
        "i",
    ]) {
        Severity::Info
    } else {
        otherwise
    }
}

/// A regular expression with the named groups `path`, `line`, `column`, `end_line`, `end_column`, `severity`,
/// `rule` and `message`, of which `line` and `message` must be there.
///
/// Without `path` every finding is about the file that was asked about.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

/// The groups that a pattern may have.
const GROUPS: &[&str] = &[
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "severity",
    "rule",
    "message",
];

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a fragment for people: it does not compile, is too large, or has not the
    /// groups that it needs.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|error| {
                error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })?;
        let names: Vec<&str> = regex.capture_names().flatten().collect();
        if let Some(unknown) = names.iter().find(|name| !GROUPS.contains(name)) {
            return Err(format!(
                "there is no group {unknown:?}, the groups are {}",
                GROUPS.join(", ")
            ));
        }
        for needed in ["line", "message"] {
            if !names.contains(&needed) {
                return Err(format!("the group (?P<{needed}>…) is missing"));
            }
        }
        Ok(Self { regex })
    }

    pub(super) const fn regex(&self) -> &Regex {
        &self.regex
    }

    /// True if the pattern tells the file of each finding.
    pub(in crate::tools) fn has_path(&self) -> bool {
        self.regex
            .capture_names()
            .flatten()
            .any(|name| name == "path")
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PatternVisitor;

        impl Visitor<'_> for PatternVisitor {
            type Value = Pattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a regular expression with the named groups line and message")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Pattern, E> {
                Pattern::new(value).map_err(|error| {
                    E::custom(format_args!(
                        "invalid value: {}, expected a regular expression with the named groups line and message: {error}",
                        Unexpected::Str(value)
                    ))
                })
            }
        }

        deserializer.deserialize_str(PatternVisitor)
    }
}
