//! The formats of test reports.

use super::limits::REPORT_BYTES_MAX;
use super::model::Report;
use super::{
    catch_xml, ctest, go_test, google_test, jest, junit, libtest, libtest_json, mocha, pytest_log,
    tap, unittest,
};
use crate::read_error::{ReadError, check_size, text_of};

/// A machine output of test runners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `JUnit` XML of any runner.
    JunitXml,
    /// `jest --json`, and vitest's reporter `json`.
    JestJson,
    /// mocha's reporter `json`.
    MochaJson,
    /// TAP 13 and 14 as `node --test` writes it.
    Tap,
    /// The lines of pytest-reportlog.
    PytestLog,
    /// What `python -m unittest -v` writes to standard error.
    Unittest,
    /// What `cargo test` writes to standard output.
    Libtest,
    /// `cargo nextest run --message-format libtest-json-plus`.
    LibtestJson,
    /// `go test -json`.
    GoTestJson,
    /// `--gtest_output=json:` of `GoogleTest`.
    GoogleTestJson,
    /// Catch2's reporter `xml`, versions 2 and 3.
    CatchXml,
    /// What ctest writes to standard output.
    Ctest,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::JunitXml,
        Self::JestJson,
        Self::MochaJson,
        Self::Tap,
        Self::PytestLog,
        Self::Unittest,
        Self::Libtest,
        Self::LibtestJson,
        Self::GoTestJson,
        Self::GoogleTestJson,
        Self::CatchXml,
        Self::Ctest,
    ];

    /// Reads a report into one that is empty; what was read before an error stays there.
    ///
    /// The log holds what some runners say only beside the report.
    pub(super) fn read_into(
        self,
        bytes: &[u8],
        log: &str,
        report: &mut Report,
    ) -> Result<(), ReadError> {
        check_size(bytes, REPORT_BYTES_MAX).or_else(|error| {
            // A run without a single line is whole for ctest and nextest if the log says that there is no test.
            let is_none = error == ReadError::Empty && NO_TESTS.iter().any(|it| log.contains(it));
            if is_none { Ok(()) } else { Err(error) }
        })?;
        let text = text_of(bytes);
        match self {
            _ if text.trim().is_empty() => Ok(()),
            Self::JunitXml => junit::read(&text, report),
            Self::JestJson => jest::read(&text, report),
            Self::MochaJson => mocha::read(&text, report),
            Self::Tap => tap::read(&text, report),
            Self::PytestLog => pytest_log::read(&text, report),
            Self::Unittest => unittest::read(&text, report),
            Self::Libtest => libtest::read(&text, log, report),
            Self::LibtestJson => libtest_json::read(&text, report),
            Self::GoTestJson => go_test::read(&text, report),
            Self::GoogleTestJson => google_test::read(&text, report),
            Self::CatchXml => catch_xml::read(&text, report),
            Self::Ctest => ctest::read(&text, log, report),
        }
    }
}

/// How runners say in words that there is no test.
pub(super) const NO_TESTS: &[&str] = &["error: no tests to run", "No tests were found!!!"];
