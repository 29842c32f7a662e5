//! The formats, and how one is told from the bytes.

use super::limits::REPORT_BYTES_MAX;
use super::{
    Coverage, clover, cobertura, coverage_py, gcov, go_profile, istanbul, jacoco, lcov, llvm_cov,
    opencover,
};
use crate::read_error::{ReadError, check_size, text_of};
use crate::xml;

/// A format of coverage reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// lcov's tracefiles, 1.x and 2.x.
    Lcov,
    /// Cobertura XML.
    Cobertura,
    /// `JaCoCo` XML.
    Jacoco,
    /// `go test -coverprofile`.
    GoProfile,
    /// `llvm-cov export`, with its functions and segments.
    LlvmCov,
    /// `coverage json` of coverage.py, format 2 and 3.
    CoveragePy,
    /// Istanbul's `coverage-final.json`.
    Istanbul,
    /// `gcov --json-format`, unpacked.
    Gcov,
    /// Clover XML.
    Clover,
    /// `OpenCover` XML.
    OpenCover,
}

/// How much of a report is looked at to tell its format.
const HEAD_BYTES: usize = 64 * 1024;

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Lcov,
        Self::Cobertura,
        Self::Jacoco,
        Self::GoProfile,
        Self::LlvmCov,
        Self::CoveragePy,
        Self::Istanbul,
        Self::Gcov,
        Self::Clover,
        Self::OpenCover,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lcov => "lcov",
            Self::Cobertura => "cobertura",
            Self::Jacoco => "jacoco",
            Self::GoProfile => "go-coverprofile",
            Self::LlvmCov => "llvm-cov-json",
            Self::CoveragePy => "coverage-py-json",
            Self::Istanbul => "istanbul-json",
            Self::Gcov => "gcov-json",
            Self::Clover => "clover",
            Self::OpenCover => "opencover",
        }
    }

    /// The format that the beginning of a report looks like.
    #[must_use]
    pub fn recognise(report: &[u8]) -> Option<Self> {
        let report = report.strip_prefix(b"\xef\xbb\xbf").unwrap_or(report);
        let head = &report[..report.len().min(HEAD_BYTES)];
        let head = String::from_utf8_lossy(head);
        let head = head.trim_start();
        match head.as_bytes().first()? {
            b'<' => Self::of_xml(head),
            b'{' => Self::of_json(head),
            _ if head.starts_with("mode: ") => Some(Self::GoProfile),
            _ => head
                .lines()
                .any(|line| line.starts_with("SF:"))
                .then_some(Self::Lcov),
        }
    }

    fn of_xml(head: &str) -> Option<Self> {
        match xml::root(head)?.as_str() {
            "CoverageSession" => Some(Self::OpenCover),
            "report" => Some(Self::Jacoco),
            "coverage" if is_clover(head) => Some(Self::Clover),
            "coverage" => Some(Self::Cobertura),
            _ => None,
        }
    }

    /// Tells by the keys that the formats do not share.
    fn of_json(head: &str) -> Option<Self> {
        let has = |key: &str| head.contains(key);
        if has("\"llvm.coverage.json.export\"") || (has("\"segments\"") && has("\"filename\"")) {
            Some(Self::LlvmCov)
        } else if has("\"gcc_version\"") || has("\"current_working_directory\"") {
            Some(Self::Gcov)
        } else if has("\"statementMap\"") {
            Some(Self::Istanbul)
        } else if has("\"executed_lines\"") || has("\"branch_coverage\"") {
            Some(Self::CoveragePy)
        } else {
            None
        }
    }

    /// Reads a report of this format.
    ///
    /// Bytes that are not UTF-8 are read as U+FFFD.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is not whole, not of the format or beyond a bound of [`super::limits`].
    ///
    /// # Complexity
    ///
    /// O(n log n) time at most, O(n) for a report in the order of its lines; memory in proportion to
    /// the report and, where ranges stand for lines, to the bound on them.
    pub fn read(self, report: &[u8]) -> Result<Coverage, ReadError> {
        check_size(report, REPORT_BYTES_MAX)?;
        let text = text_of(report);
        match self {
            Self::Lcov => lcov::read(&text),
            Self::Cobertura => cobertura::read(&text),
            Self::Jacoco => jacoco::read(&text),
            Self::GoProfile => go_profile::read(&text),
            Self::LlvmCov => llvm_cov::read(&text),
            Self::CoveragePy => coverage_py::read(&text),
            Self::Istanbul => istanbul::read(&text),
            Self::Gcov => gcov::read(&text),
            Self::Clover => clover::read(&text),
            Self::OpenCover => opencover::read(&text),
        }
    }
}

/// Both formats have the root `coverage`; only Clover has a project in it.
fn is_clover(head: &str) -> bool {
    head.contains("<project") || head.contains(" clover=")
}

/// Reads a report, the format told by [`Format::recognise`].
///
/// # Errors
///
/// As [`Format::read`], and [`ReadError::UnknownFormat`] if it looks like none.
pub fn read(report: &[u8]) -> Result<Coverage, ReadError> {
    check_size(report, REPORT_BYTES_MAX)?;
    let format = Format::recognise(report).ok_or(ReadError::UnknownFormat)?;
    format.read(report)
}
