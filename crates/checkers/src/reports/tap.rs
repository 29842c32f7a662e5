//! TAP as `node --test` writes it: subtests by indentation, details in YAML.
//!
//! Source: the TAP 14 specification; Node's reporter `tap`.

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, milliseconds};
use crate::read_error::{ReadError, quoted};

/// How deep subtests may nest.
const DEPTH_MAX: usize = 64;

/// The columns that a subtest is indented by.
const INDENT: usize = 4;

/// How many lines of what a file printed are kept for the reason of its failure.
const DIAGNOSTICS_MAX: usize = 50;

/// One test point.
#[derive(Debug, Default)]
struct Point {
    is_ok: bool,
    name: String,
    is_skipped: bool,
    has_children: bool,
    /// The details in the order of the text.
    details: Vec<(String, String)>,
}

/// One level of indentation.
#[derive(Debug, Default)]
struct Level {
    /// The subtest whose points come next.
    name: String,
    count: u64,
    plan: Option<u64>,
}

#[derive(Debug, Default)]
struct At {
    levels: Vec<Level>,
    /// A point whose details may follow, with its level.
    point: Option<(usize, Point)>,
    /// Open details: the column, and the key of a text that goes over several lines.
    details: Option<(usize, Option<usize>)>,
    diagnostics: Vec<String>,
    /// The last of the sums that node writes at the end has been seen.
    is_summed: bool,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut at = At::default();
    let mut has_version = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("TAP version ") {
            has_version = true;
        } else if !at.detail(line) {
            let taken = at.line(line, report)?;
            if !taken && !has_version {
                return Err(ReadError::at_line(index + 1, quoted(line)));
            }
        }
    }
    at.finish(report)?;
    let top = at.levels.first();
    match top.and_then(|top| top.plan.map(|plan| (plan, top.count))) {
        Some((plan, count)) if plan == count && at.is_summed && text.ends_with('\n') => Ok(()),
        Some((plan, count)) if plan < count => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            Err(super::miscounted(
                count,
                usize::try_from(plan).unwrap_or(usize::MAX),
            ))
        }
        _ => Err(ReadError::Truncated),
    }
}

impl At {
    /// Takes a line of details; false if it is none.
    fn detail(&mut self, line: &str) -> bool {
        let column = line.len() - line.trim_start().len();
        let Some((open, block)) = &mut self.details else {
            let is_open = line.trim() == "---" && self.point.is_some();
            if is_open {
                self.details = Some((column, None));
            }
            return is_open;
        };
        let open = *open;
        if column == open && line.trim() == "..." {
            self.details = None;
            return true;
        }
        let Some((_, point)) = &mut self.point else {
            return false;
        };
        let is_within = column > open || line.trim().is_empty();
        if let (Some(index), true) = (*block, is_within) {
            let text = &mut point.details[index].1;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line.get(open + 2..).unwrap_or_default());
        } else if let Some((key, value)) = line.trim().split_once(':') {
            *block = matches!(value.trim(), "|-" | "|" | ">-" | ">").then_some(point.details.len());
            let value = if block.is_some() {
                ""
            } else {
                unquoted(value.trim())
            };
            point.details.push((key.to_owned(), value.to_owned()));
        }
        true
    }

    /// Takes any other line; false if it is nothing that TAP knows.
    fn line(&mut self, line: &str, report: &mut Report) -> Result<bool, ReadError> {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / INDENT;
        if depth > DEPTH_MAX {
            return Err(ReadError::TooDeep { max: DEPTH_MAX });
        }
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            self.finish(report)?;
            self.level(depth).name = unescaped(name);
        } else if let Some(comment) = text.strip_prefix("# ") {
            let has_plan = self.levels.first().is_some_and(|top| top.plan.is_some());
            self.is_summed |= has_plan && comment.starts_with("duration_ms ");
            if self.diagnostics.len() < DIAGNOSTICS_MAX {
                self.diagnostics.push(comment.to_owned());
            }
        } else if let Some(point) = point(text) {
            self.finish(report)?;
            let children = self.levels.get(depth + 1).is_some_and(|it| it.count > 0);
            self.levels.truncate(depth + 1);
            self.level(depth).count += 1;
            let point = Point {
                has_children: children,
                ..point
            };
            self.point = Some((depth, point));
        } else if let Some(plan) = text.strip_prefix("1..") {
            self.finish(report)?;
            let plan = plan
                .split_whitespace()
                .next()
                .and_then(|it| it.parse().ok());
            self.level(depth).plan = plan;
        } else {
            return Ok(text.is_empty());
        }
        Ok(true)
    }

    fn level(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        &mut self.levels[depth]
    }

    /// Reports the point whose details are now known.
    fn finish(&mut self, report: &mut Report) -> Result<(), ReadError> {
        let Some((depth, point)) = self.point.take() else {
            return Ok(());
        };
        let is_suite = point.has_children || point.detail("type") == Some("suite");
        let is_file = depth == 0 && point.name.starts_with('/') && super::is_script(&point.name);
        let failure = (!point.is_ok).then(|| point.failure(&self.diagnostics));
        self.diagnostics.clear();
        if is_suite || is_file {
            let is_own = point.detail("failureType") != Some("subtestsFailed");
            if let (Some(failure), true) = (failure, is_own) {
                report.suite(&point.name, failure);
            }
            return Ok(());
        }
        let above = self.levels.iter().take(depth);
        let suite: Vec<&str> = above.map(|level| level.name.as_str()).collect();
        let outcome = match failure {
            _ if point.is_skipped => TestOutcome::Skipped,
            Some(failure) => failure.into_outcome(),
            None => TestOutcome::Passed,
        };
        let mut test = TestResult::new(suite.join(" > "), point.name.clone(), outcome);
        if let Some(location) = point.detail("location") {
            let mut parts = location.rsplitn(3, ':');
            let (_column, line, file) = (parts.next(), parts.next(), parts.next());
            test.file = file.map(ToOwned::to_owned);
            test.line = line.and_then(|line| line.parse().ok());
        }
        let duration = point.detail("duration_ms").and_then(|it| it.parse().ok());
        test.duration = duration.and_then(milliseconds);
        report.test(test)
    }
}

impl Point {
    fn detail(&self, key: &str) -> Option<&str> {
        let mut details = self.details.iter();
        details.find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }

    fn failure(&self, diagnostics: &[String]) -> Failure {
        let error = self.detail("error").unwrap_or_default();
        let is_of_process = error == "test failed" && self.detail("exitCode").is_some();
        let message = if is_of_process && !diagnostics.is_empty() {
            diagnostics.join("\n")
        } else {
            error.to_owned()
        };
        let kind = self.detail("name").unwrap_or_default();
        let mut failure = Failure::of(kind, &message, Reason::Error);
        if self.detail("failureType") == Some("testTimeoutFailure") {
            failure.reason = Reason::TimedOut;
        } else if self.detail("signal").is_some_and(|it| it != "~") {
            failure.reason = Reason::Crashed;
        }
        for (name, value) in [
            ("expected", &mut failure.expected),
            ("actual", &mut failure.actual),
        ] {
            if let Some(detail) = self.detail(name) {
                *value = Some(super::model::cut(detail));
            }
        }
        failure
    }
}

/// `ok 1 - name # SKIP reason`.
fn point(text: &str) -> Option<Point> {
    let (is_ok, rest) = match text.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok ")?),
    };
    let digits = rest.trim_start_matches(|it: char| it.is_ascii_digit());
    let rest = digits.trim_start().trim_start_matches("- ");
    // A `#` that belongs to the name is escaped.
    let directive = rest
        .match_indices(" #")
        .find(|(at, _)| !rest[..*at].ends_with('\\'));
    let (name, directive) = match directive {
        Some((at, _)) => (&rest[..at], rest[at + 2..].trim().to_ascii_uppercase()),
        None => (rest, String::new()),
    };
    Some(Point {
        is_ok,
        name: unescaped(name),
        is_skipped: directive.starts_with("SKIP") || directive.starts_with("TODO"),
        ..Point::default()
    })
}

fn unescaped(name: &str) -> String {
    name.trim().replace("\\#", "#").replace("\\\\", "\\")
}

/// The inside of a value in single or double quotes.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(value)
}
