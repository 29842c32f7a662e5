//! What earlier runs said of the tests.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Outcome, Run};

/// A test by suite and name.
pub(super) type Id<'a> = (&'a str, &'a str);

/// The latest result of each test, and what the runs saw.
#[derive(Debug, Default)]
pub(super) struct Prior<'a> {
    /// Whether the test failed.
    outcomes: BTreeMap<Id<'a>, bool>,
    suites: BTreeSet<&'a str>,
    seen: BTreeSet<&'a str>,
}

impl<'a> Prior<'a> {
    pub(super) fn learn(&mut self, run: &'a Run) {
        for test in &run.tests {
            let is_failed = matches!(test.outcome, Outcome::Failed { .. });
            self.outcomes.insert(test.id(), is_failed);
        }
        if run.suites.is_empty() {
            self.suites.clear();
        }
        self.suites
            .extend(run.suites.iter().map(|it| it.name.as_str()));
        self.seen.extend(run.files.keys().map(String::as_str));
    }

    pub(super) fn knows(&self, id: Id<'_>) -> bool {
        self.outcomes.contains_key(&id)
    }

    pub(super) fn has_failed(&self, id: Id<'_>) -> bool {
        self.outcomes.get(&id) == Some(&true)
    }

    pub(super) fn has_passed(&self, id: Id<'_>) -> bool {
        self.outcomes.get(&id) == Some(&false)
    }

    pub(super) fn suite_has_failed(&self, name: &str) -> bool {
        self.suites.contains(name)
    }

    /// Whether a run saw this file.
    pub(super) fn saw(&self, path: &str) -> bool {
        self.seen.contains(path)
    }

    /// Whether a run finds nothing failing but what had failed before, and something passing.
    pub(super) fn finds_green(&self, run: &Run) -> bool {
        let is_old = run.suites.iter().all(|it| self.suite_has_failed(&it.name));
        is_old
            && run.failing().all(|it| self.has_failed(it.id()))
            && run.tests.iter().any(|it| it.outcome == Outcome::Passed)
    }
}
