//! What of a file is not covered, as findings.

use std::ops::{Range, RangeInclusive};

use super::{FileCoverage, Minimum, Share, Totals};
use crate::finding::{Finding, Outcome, Severity};
use crate::limits::{FINDINGS_MAX, SOURCE_BYTES_MAX, too_large};

/// The least that is enough; none asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimums {
    /// Of the lines that can be covered.
    pub lines: Option<Minimum>,
    /// Of the ways on from lines that branch.
    pub branches: Option<Minimum>,
    /// Of the functions.
    pub functions: Option<Minimum>,
}

impl Minimums {
    /// The same minimum of everything.
    #[must_use]
    pub const fn all(minimum: Minimum) -> Self {
        Self {
            lines: Some(minimum),
            branches: Some(minimum),
            functions: Some(minimum),
        }
    }

    /// No minimum at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            lines: None,
            branches: None,
            functions: None,
        }
    }
}

impl Default for Minimums {
    /// 80 % of everything.
    fn default() -> Self {
        Self::all(Minimum::default())
    }
}

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The file's content, for the places of the findings.
    pub source: &'a [u8],
    /// What the report says of the file.
    pub file: &'a FileCoverage,
    /// The lines that the edit changed, from 1.
    pub changed: &'a [RangeInclusive<u32>],
    /// What the report says of the whole project, if that is to be judged.
    pub project: Option<Totals>,
    /// The least for the file.
    pub of_file: Minimums,
    /// The least for the changed lines and the functions that hold one.
    pub of_changed: Minimums,
    /// The least for the project.
    pub of_project: Minimums,
}

/// Lists what is not covered, and which minimum is missed.
///
/// First the missed minimums, then the changed lines, then the others, each in the order of the text.
///
/// | rule | severity | what |
/// |---|---|---|
/// | `coverage/below-minimum` | warning | a share of the changed lines, the file or the project is below its minimum |
/// | `coverage/uncovered-lines` | warning if changed, else info | lines that did not run, with the function around them |
/// | `coverage/untaken-branches` | warning if changed, else info | a line that ran, not all of whose ways on were taken |
/// | `coverage/nothing-to-cover` | info | there are changed lines and none of them can be covered |
/// | `coverage/more` | info | how many findings were left out |
///
/// [`Outcome::NotRun`] if the report lists no line of the file that can be covered, or one behind its end,
/// so that it was made from another content, or if the source is too large.
#[must_use]
pub fn check(request: &Request<'_>) -> Outcome {
    let Request { source, file, .. } = *request;
    if source.len() > SOURCE_BYTES_MAX {
        return Outcome::not_run(too_large(source.len()));
    }
    let starts = line_starts(source);
    let Some(last) = file.lines().last() else {
        return Outcome::not_run("the report lists no line of the file that can be covered");
    };
    if last.number as usize > starts.len() {
        let (number, count) = (last.number, starts.len());
        return Outcome::not_run(format!(
            "the report lists line {number} of a file of {count} lines: it was made from another content"
        ));
    }
    let judge = Judge {
        request,
        starts,
        changed: joined(request.changed),
    };
    let mut findings = judge.minimums();
    let (changed, others): (Vec<_>, Vec<_>) = judge
        .uncovered()
        .into_iter()
        .partition(|finding| finding.severity == Severity::Warning);
    findings.extend(changed.into_iter().chain(others));
    if findings.len() > FINDINGS_MAX {
        let left_out = findings.len() - (FINDINGS_MAX - 1);
        findings.truncate(FINDINGS_MAX - 1);
        let message = format!("{left_out} more places that are not covered");
        let more = Finding::error("coverage/more", message, 0..0);
        findings.push(more.with_severity(Severity::Info));
    }
    Outcome::Checked { findings }
}

/// The byte at which each line begins; a line ends with `\n`, `\r\n` or a lone `\r`.
fn line_starts(source: &[u8]) -> Vec<usize> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', source)
        .filter(|at| source[*at] == b'\n' || source.get(at + 1) != Some(&b'\n'));
    let mut starts: Vec<usize> = std::iter::once(0).chain(ends.map(|at| at + 1)).collect();
    // Behind the last line's end there is no line.
    if starts.len() > 1 && starts.last() == Some(&source.len()) {
        starts.pop();
    }
    starts
}

/// The ranges in order, those that overlap or touch joined.
fn joined(ranges: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|it| !it.is_empty()).cloned().collect();
    sorted.sort_unstable_by_key(|it| (*it.start(), *it.end()));
    let mut joined: Vec<RangeInclusive<u32>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=(*last.end()).max(*range.end());
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Lines that did not run and stand together.
struct Gap<'a> {
    first: u32,
    last: u32,
    count: usize,
    is_changed: bool,
    function: Option<&'a str>,
}

struct Judge<'a> {
    request: &'a Request<'a>,
    starts: Vec<usize>,
    changed: Vec<RangeInclusive<u32>>,
}

impl<'a> Judge<'a> {
    /// Whether a changed line is between two lines, both included.
    fn touches(&self, first: u32, last: u32) -> bool {
        let before = self.changed.partition_point(|it| *it.end() < first);
        self.changed
            .get(before)
            .is_some_and(|it| *it.start() <= last)
    }

    fn minimums(&self) -> Vec<Finding> {
        let Request { file, project, .. } = self.request;
        let mut findings = Vec::new();
        if !self.changed.is_empty() {
            let totals = file.totals_where(
                |line| self.touches(line, line),
                |first, last| self.touches(first, last),
            );
            if totals.lines.is_nothing() {
                let message = "none of the changed lines can be covered";
                let nothing = Finding::error("coverage/nothing-to-cover", message, 0..0);
                findings.push(nothing.with_severity(Severity::Info));
            }
            missed(
                "the changed lines",
                totals,
                self.request.of_changed,
                &mut findings,
            );
        }
        missed(
            "the file",
            file.totals(),
            self.request.of_file,
            &mut findings,
        );
        if let Some(totals) = project {
            missed(
                "the project",
                *totals,
                self.request.of_project,
                &mut findings,
            );
        }
        findings
    }

    fn uncovered(&self) -> Vec<Finding> {
        let file = self.request.file;
        let mut findings: Vec<Finding> = self
            .gaps()
            .iter()
            .map(|gap| self.gap_finding(gap))
            .collect();
        for branches in file.branches() {
            let ran = file
                .lines()
                .binary_search_by_key(&branches.line, |line| line.number)
                .is_ok_and(|index| file.lines()[index].hits > 0);
            let missing = branches.total - branches.taken;
            if ran && missing > 0 {
                let total = branches.total;
                let message = format!("{missing} of {total} branches were not taken");
                let function = file.function_at(branches.line).map(|it| it.name.as_str());
                let message = within(message, function);
                let place = (branches.line, branches.line);
                findings.push(self.finding("coverage/untaken-branches", message, place));
            }
        }
        findings.sort_by_key(|finding| finding.span.start);
        findings
    }

    /// Lines that did not run, joined as long as no line that ran, no other function and no
    /// boundary of the edit is between them.
    fn gaps(&self) -> Vec<Gap<'a>> {
        let file = self.request.file;
        let mut gaps: Vec<Gap<'a>> = Vec::new();
        let mut goes_on = false;
        for line in file.lines() {
            if line.hits > 0 {
                goes_on = false;
                continue;
            }
            let is_changed = self.touches(line.number, line.number);
            let function = file.function_at(line.number).map(|it| it.name.as_str());
            match gaps.last_mut() {
                Some(gap)
                    if goes_on && gap.is_changed == is_changed && gap.function == function =>
                {
                    gap.last = line.number;
                    gap.count += 1;
                }
                _ => gaps.push(Gap {
                    first: line.number,
                    last: line.number,
                    count: 1,
                    is_changed,
                    function,
                }),
            }
            goes_on = true;
        }
        gaps
    }

    fn gap_finding(&self, gap: &Gap<'_>) -> Finding {
        let changed = if gap.is_changed { "changed " } else { "" };
        let message = if gap.first == gap.last {
            format!("the {changed}line {} is not covered", gap.first)
        } else {
            let Gap {
                first, last, count, ..
            } = gap;
            format!("the {changed}lines {first} to {last} are not covered ({count} that can be)")
        };
        let message = within(message, gap.function);
        self.finding("coverage/uncovered-lines", message, (gap.first, gap.last))
    }

    fn finding(&self, rule: &'static str, message: String, (first, last): (u32, u32)) -> Finding {
        let severity = if self.touches(first, last) {
            Severity::Warning
        } else {
            Severity::Info
        };
        Finding::error(rule, message, self.span(first, last)).with_severity(severity)
    }

    /// The bytes from the first line's first character that is no space to the last line's end.
    fn span(&self, first: u32, last: u32) -> Range<usize> {
        let source = self.request.source;
        let end_of_file = source.len();
        let start_of = |line: usize| self.starts.get(line).copied().unwrap_or(end_of_file);
        let start = start_of((first as usize).saturating_sub(1));
        let end = start_of(last as usize).max(start);
        let text = &source[start..end];
        let indent = text.len() - text.trim_ascii_start().len();
        let length = text.trim_ascii_end().len();
        start + indent.min(length)..start + length
    }
}

fn within(message: String, function: Option<&str>) -> String {
    match function {
        Some(name) if !name.is_empty() => format!("{message}, in `{name}`"),
        _ => message,
    }
}

/// The shares that are below their minimum.
fn missed(of: &str, totals: Totals, minimums: Minimums, findings: &mut Vec<Finding>) {
    let shares: [(&str, Share, Option<Minimum>); 3] = [
        ("lines", totals.lines, minimums.lines),
        ("branches", totals.branches, minimums.branches),
        ("functions", totals.functions, minimums.functions),
    ];
    for (what, share, minimum) in shares {
        if let Some(minimum) = minimum
            && share.reaches(minimum) == Some(false)
        {
            let message = format!("{of}: {what} covered {share}, less than {minimum}");
            let finding = Finding::error("coverage/below-minimum", message, 0..0);
            findings.push(finding.with_severity(Severity::Warning));
        }
    }
}
