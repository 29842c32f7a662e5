//! mocha's reporter `json`.

use serde::Deserialize;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, cut, milliseconds};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Document<'a> {
    stats: Stats,
    #[serde(borrow)]
    passes: Vec<Case<'a>>,
    #[serde(borrow)]
    failures: Vec<Case<'a>>,
    #[serde(borrow)]
    pending: Vec<Case<'a>>,
}

#[derive(Deserialize)]
struct Stats {
    passes: usize,
    failures: usize,
    pending: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case<'a> {
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    full_title: Text<'a>,
    #[serde(borrow)]
    file: Option<Text<'a>>,
    duration: Option<f64>,
    #[serde(borrow)]
    err: Thrown<'a>,
}

#[derive(Deserialize)]
struct Thrown<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    expected: Option<Text<'a>>,
    #[serde(borrow)]
    actual: Option<Text<'a>>,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let document: Document<'_> = serde_json::from_str(text)?;
    let Document {
        stats,
        passes,
        failures,
        pending,
    } = &document;
    for case in passes {
        report.test(case.test(TestOutcome::Passed))?;
    }
    for case in failures {
        // A hook is no test, but its failure takes tests with it.
        if case.title.0.starts_with('"') && case.title.0.contains("\" hook") {
            report.suite(&case.full_title.0, case.failure());
        } else {
            report.test(case.test(case.failure().into_outcome()))?;
        }
    }
    for case in pending {
        report.test(case.test(TestOutcome::Skipped))?;
    }
    let shown = (passes.len(), failures.len(), pending.len());
    if shown != (stats.passes, stats.failures, stats.pending) {
        let sum = |(passed, failed, pending): (usize, usize, usize)| passed + failed + pending;
        let counted = (stats.passes, stats.failures, stats.pending);
        return Err(super::miscounted(sum(shown), sum(counted)));
    }
    Ok(())
}

impl Case<'_> {
    fn test(&self, outcome: TestOutcome) -> TestResult {
        let suite = self.full_title.0.strip_suffix(&*self.title.0);
        let mut test = TestResult::new(suite.unwrap_or_default().trim(), &*self.title.0, outcome);
        test.file = self.file.as_ref().map(|file| file.0.clone().into_owned());
        test.duration = self.duration.and_then(milliseconds);
        test
    }

    fn failure(&self) -> Failure {
        let text = |it: &Option<Text<'_>>| it.as_ref().map(|it| cut(&it.0));
        let name = text(&self.err.name).unwrap_or_default();
        let code = text(&self.err.code).unwrap_or_default();
        let message = text(&self.err.message).unwrap_or_default();
        let kind = if code == "ERR_ASSERTION" {
            &code
        } else {
            &name
        };
        let mut failure = Failure::of(kind, &message, Reason::Error);
        failure.expected = text(&self.err.expected).or(failure.expected);
        failure.actual = text(&self.err.actual).or(failure.actual);
        failure
    }
}
