//! The coverage check: what the reports that the project's tests left behind say of a file.
//!
//! Nothing is run for it: a report is looked for beside the file and above it, up to the repository's root, and one
//! that is older than the file is stale.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use claude_flow_checkers::Outcome;
use claude_flow_checkers::coverage::limits::REPORT_BYTES_MAX;
use claude_flow_checkers::coverage::{
    self, Coverage, FileCoverage, Freshness, Minimum, Minimums, Origin, Request,
};

use crate::changes::LineMap;
use crate::config::parent_directory;
use crate::document::{CheckReport, State};
use crate::report::{self, Telling};
use crate::run::Ended;
use crate::{LineIndex, Percent, read};

/// Where runners leave their reports, below a directory of the project.
const REPORTS: &[&str] = &[
    "build/reports/jacoco/test/jacocoTestReport.xml",
    "c.out",
    "clover.xml",
    "cobertura.xml",
    "cover.out",
    "coverage.info",
    "coverage.json",
    "coverage.lcov",
    "coverage.out",
    "coverage.xml",
    "coverage/clover.xml",
    "coverage/cobertura-coverage.xml",
    "coverage/coverage-final.json",
    "coverage/lcov.info",
    "lcov.info",
    "target/lcov.info",
    "target/llvm-cov/lcov.info",
    "target/site/jacoco/jacoco.xml",
];

/// How far up reports are looked for.
const DEPTH_MAX: usize = 64;

/// How many reports are read for one file, the newest first.
const READ_MAX: usize = 4;

/// What is asked about coverage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) path: &'a Path,
    pub(crate) bytes: &'a [u8],
    /// The content before the edit, if it is known.
    pub(crate) before: Option<&'a [u8]>,
    /// The least share of lines, branches and functions; of the file, of what was changed and of the project.
    pub(crate) minimum: Percent,
}

/// What the newest report that knows the file says of it.
pub(crate) fn check(subject: &Subject<'_>, telling: Telling) -> CheckReport {
    let started = Instant::now();
    let file = match std::fs::canonicalize(subject.path) {
        Ok(file) => file,
        Err(error) => {
            return report::not_run("coverage", format!("{}: {error}", subject.path.display()));
        }
    };
    let found = match Report::of(&file) {
        Ok(found) => found,
        Err(reason) => {
            let minimum = subject.minimum;
            let reason = format!("{reason}: the threshold of {minimum} % could not be checked");
            return report::not_run("coverage", reason);
        }
    };
    let Some(covered) = found.entry(&file) else {
        return report::not_run("coverage", "no report knows the file");
    };
    let index = LineIndex::new(subject.bytes);
    let changed = changed(subject, &index);
    let minimums = Minimums::all(minimum(subject.minimum));
    let outcome = coverage::check(&Request {
        source: subject.bytes,
        file: covered,
        changed: &changed,
        project: Some(found.coverage.totals()),
        of_file: minimums,
        of_changed: minimums,
        of_project: minimums,
    });
    let is_stale = found.freshness(&file) != Freshness::Fresh;
    let shown = found.path.display();
    // A report that does not fit the content is as old as one whose time says so.
    let outcome = match outcome {
        Outcome::NotRun { reason } if is_stale => Outcome::Failed { reason },
        outcome => outcome,
    };
    let ended = Ended::Outcome {
        outcome,
        duration: started.elapsed(),
    };
    let engine = format!("{} {shown}", found.coverage.format.name());
    let mut check = telling.check("coverage", engine, ended, &index, |_| false);
    if is_stale && check.state != State::NotRun {
        check.state = State::Stale;
        check.reason = Some(format!(
            "{shown} is not newer than the file; run the tests with coverage again"
        ));
    }
    check
}

/// A report and when it was made.
struct Report {
    path: PathBuf,
    made: SystemTime,
    coverage: Coverage,
    /// The directories that its paths may be below.
    bases: Vec<PathBuf>,
}

impl Report {
    /// The newest report that knows a file; the error is for people.
    fn of(file: &Path) -> Result<Self, String> {
        let directory = parent_directory(file);
        let above = || directory.ancestors().take(DEPTH_MAX);
        let holding = |name: &str| above().find(|it| it.join(name).exists());
        let root = holding(".git")
            .or_else(|| holding("claude-flow.toml"))
            .unwrap_or(directory);
        let directories: Vec<&Path> = above().take_while(|it| it.starts_with(root)).collect();
        let paths = directories
            .iter()
            .flat_map(|directory| REPORTS.iter().map(move |name| directory.join(name)));
        let mut found: Vec<(SystemTime, PathBuf)> = paths
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        let mut problem = "no coverage report was found at or above the file".to_owned();
        for (made, path) in found.into_iter().take(READ_MAX) {
            let read =
                read::bounded(&path, REPORT_BYTES_MAX as u64).map_err(|error| error.to_string());
            let read = read.and_then(|bytes| {
                coverage::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
            });
            let coverage = match read {
                Ok(coverage) => coverage,
                Err(reason) => {
                    problem = reason;
                    continue;
                }
            };
            let roots = coverage.roots.iter().map(PathBuf::from);
            let bases = roots
                .chain(path.ancestors().skip(1).take(DEPTH_MAX).map(Path::to_owned))
                .collect();
            let report = Self {
                path,
                made,
                coverage,
                bases,
            };
            if report.entry(file).is_some() {
                return Ok(report);
            }
            problem = format!("{} says nothing of the file", report.path.display());
        }
        Err(problem)
    }

    /// What it says of a file, whose path it may write in several ways.
    fn entry(&self, file: &Path) -> Option<&FileCoverage> {
        let files = &self.coverage.files;
        let named = files.iter().find(|entry| {
            let path = Path::new(entry.path());
            path == file || self.bases.iter().any(|base| base.join(path) == file)
        });
        named.or_else(|| {
            // A module's path or a source root stands before it, or is left out.
            let below = self
                .bases
                .iter()
                .find_map(|base| file.strip_prefix(base).ok());
            let mut alike = files.iter().filter(|entry| {
                let path = Path::new(entry.path());
                file.ends_with(path) || below.is_some_and(|below| path.ends_with(below))
            });
            let one = alike.next()?;
            alike.next().is_none().then_some(one)
        })
    }

    fn freshness(&self, file: &Path) -> Freshness {
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        let origin = Origin {
            report_made_ns: nanoseconds(self.made),
            source_changed_ns: changed.ok().and_then(nanoseconds),
            ..Origin::default()
        };
        origin.freshness()
    }
}

fn nanoseconds(time: SystemTime) -> Option<u64> {
    let since: Duration = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// The lines that the edit touched, from 1; none if the content before it is not known.
fn changed(subject: &Subject<'_>, after: &LineIndex<'_>) -> Vec<std::ops::RangeInclusive<u32>> {
    let Some(before) = subject.before else {
        return Vec::new();
    };
    let map = LineMap::new(&LineIndex::new(before), after);
    let lines = (0_u32..).zip(after.contents());
    lines
        .filter(|(line, _)| map.before(*line as usize).is_none())
        .map(|(line, _)| line + 1..=line + 1)
        .collect()
}

/// A share in percent as a minimum, to the hundredth of a percent.
fn minimum(share: Percent) -> Minimum {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage is within 0 to 100"
    )]
    let hundredths = (share.value() * 100.0).round() as u16;
    Minimum::hundredths(hundredths)
}
