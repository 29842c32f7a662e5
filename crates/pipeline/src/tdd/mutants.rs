//! Runs tests on small changes of the code: what they do not notice, they do not check.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use claude_flow_checkers::reports::{Reason, Run, RunState, TestOutcome};
use claude_flow_checkers::tdd::{Mutant, mutants};
use claude_flow_checkers::{Finding, Severity, Source};
use claude_flow_lang_detect::detect;

use super::scratch::Scratch;
use super::{Runner, Workspace};
use crate::LineIndex;
use crate::changes::LineMap;

/// What became of the mutants of a file.
#[derive(Debug, Default)]
pub struct Mutation {
    /// How many the tests noticed.
    pub caught: usize,
    /// How many do not compile or load, or left nobody knowing.
    pub unviable: usize,
    /// How many were not tried, because the time was over.
    pub untried: usize,
    /// One finding for each that no test noticed: `tests/surviving-mutant`, a warning.
    pub survivors: Vec<Finding>,
}

/// Why no mutant was tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MutationError {
    /// The workspace cannot be copied, or the copy not be changed.
    #[error("the workspace could not be copied: {0}")]
    Copy(
        // Part of the text, so it is no source besides.
        io::Error,
    ),
    /// The tests do not pass on the code as it is.
    #[error(
        "the tests do not pass on the code as it is, so that they would notice nothing; make them pass first"
    )]
    NotGreen,
}

impl Workspace {
    /// Runs test files on mutants of the lines in which `before` and the file differ, in a copy.
    ///
    /// Without `before` every line counts.
    /// After `budget` no further mutant is tried; one run may take as long as the runner lets it.
    ///
    /// # Errors
    ///
    /// [`MutationError`].
    pub fn mutate(
        &self,
        path: &Path,
        before: Option<&[u8]>,
        tests: &[&str],
        budget: Duration,
        runner: &mut Runner<'_>,
    ) -> Result<Mutation, MutationError> {
        let started = Instant::now();
        let name = self.name_of(path);
        let scratch = Scratch::of(self.root()).map_err(MutationError::Copy)?;
        let content = scratch.read(&name).unwrap_or_default();
        let all = all_mutants(&name, before, &content);
        let mut mutation = Mutation {
            untried: all.len(),
            ..Mutation::default()
        };
        if all.is_empty() {
            return Ok(mutation);
        }
        if runner(scratch.path(), tests).state != RunState::Passed {
            return Err(MutationError::NotGreen);
        }
        for mutant in &all {
            if started.elapsed() >= budget {
                break;
            }
            let changed = mutant.apply(&content);
            scratch
                .put(&name, Some(&changed))
                .map_err(MutationError::Copy)?;
            mutation.untried -= 1;
            match noticed(&runner(scratch.path(), tests)) {
                Some(true) => mutation.caught += 1,
                Some(false) => mutation.survivors.push(survivor(mutant, &content)),
                None => mutation.unviable += 1,
            }
        }
        Ok(mutation)
    }
}

fn all_mutants(name: &str, before: Option<&[u8]>, content: &[u8]) -> Vec<Mutant> {
    let Some(found) = detect(name, content) else {
        return Vec::new();
    };
    let after = LineIndex::new(content);
    let map = before.map(|before| LineMap::new(&LineIndex::new(before), &after));
    let mut start = 0;
    let mut parts = Vec::new();
    for (line, text) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let end = start + text.len();
        if map.as_ref().is_none_or(|map| map.before(line).is_none()) {
            parts.push(start..end);
        }
        start = end;
    }
    let source = Source {
        path: name,
        language: found.language,
        bytes: content,
    };
    mutants(&source, &parts)
}

/// Whether the tests noticed a mutant; none if it never ran.
fn noticed(run: &Run) -> Option<bool> {
    let is_failed = |it: &TestOutcome| matches!(it, TestOutcome::Failed(_));
    match run.state {
        RunState::Passed => Some(false),
        // A loop that does not end is noticed.
        RunState::TimedOut | RunState::Crashed => Some(true),
        RunState::Failed => {
            let does_not_load = |reason| {
                matches!(
                    reason,
                    Reason::Compile | Reason::Syntax | Reason::MissingSymbol
                )
            };
            let has_run = run.tests.iter().any(|it| is_failed(&it.outcome))
                || !run.suites.iter().all(|it| does_not_load(it.failure.reason));
            has_run.then_some(true)
        }
        RunState::NoneRan | RunState::Unreadable => None,
    }
}

fn survivor(mutant: &Mutant, content: &[u8]) -> Finding {
    let was = String::from_utf8_lossy(&content[mutant.span.clone()]);
    let message = format!(
        "no test notices if `{was}` becomes `{}`",
        mutant.replacement
    );
    Finding::error("tests/surviving-mutant", message, mutant.span.clone())
        .with_severity(Severity::Warning)
        .with_help("add a test that fails with that change, or take out what does not matter")
}
