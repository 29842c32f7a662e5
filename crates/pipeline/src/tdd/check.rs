//! The `tdd` check of the result document.

use std::path::Path;
use std::time::Instant;

use claude_flow_checkers::tdd::{Verdict, follow};
use claude_flow_checkers::{Finding, Outcome, Severity};

use super::{JournalError, Recorder, Workspace, events};
use crate::document::CheckReport;
use crate::report::{self, Telling};
use crate::run::Ended;
use crate::{LineIndex, Options};

/// What judges.
const ENGINE: &str = "tdd 1";

/// Records an edit, and judges it if a flag asks for that; none if it is switched off.
pub(crate) fn follow_edit(
    recorder: &Recorder,
    path: &Path,
    before: Option<&[u8]>,
    after: &[u8],
    options: &Options,
    telling: Telling,
) -> Option<CheckReport> {
    if options.no_tdd {
        return None;
    }
    let is_asked = options.tdd_mode || options.block_on_tdd_violations;
    let workspace = match recorder.workspace(path) {
        Ok(Some(workspace)) => workspace,
        Ok(None) => {
            let reason =
                "edits are recorded only in trusted directories; `claude-flow trust` adds one";
            return Some(report::not_run("tdd", reason));
        }
        Err(error) => return Some(not_recorded(is_asked, &error.to_string(), telling)),
    };
    let started = Instant::now();
    if let Err(error) = workspace.record_edit(path, before, after) {
        return Some(not_recorded(is_asked, &error.to_string(), telling));
    }
    if !is_asked {
        let reason = "the edit was recorded; --tdd-mode tells whether a test drove it";
        return Some(report::not_run("tdd", reason));
    }
    let verdict = match verdict(&workspace, path) {
        Ok(verdict) => verdict,
        Err(error) => return Some(not_recorded(true, &error.to_string(), telling)),
    };
    let outcome = match verdict {
        Verdict::Compliant(_) => Outcome::Checked {
            findings: Vec::new(),
        },
        // Without a colon: people are shown what stands before the first one.
        Verdict::NotEstablished(why) => Outcome::NotRun {
            reason: format!("not established, as {why}"),
        },
        Verdict::Violation { rule, evidence } => {
            let severity = if options.block_on_tdd_violations {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = Finding::error(format!("tdd/{}", rule.name()), evidence, 0..0);
            Outcome::Checked {
                findings: vec![finding.with_severity(severity).with_help(rule.help())],
            }
        }
    };
    let ended = Ended::Outcome {
        outcome,
        duration: started.elapsed(),
    };
    Some(telling.check(
        "tdd",
        ENGINE.to_owned(),
        ended,
        &LineIndex::new(after),
        |_| false,
    ))
}

fn verdict(workspace: &Workspace, path: &Path) -> Result<Verdict, JournalError> {
    let events = events(workspace.recorded()?);
    Ok(follow(&events).verdict_of(&workspace.name_of(path)))
}

/// An edit that is missing makes later verdicts doubtful, but breaks only a run that asks for them.
fn not_recorded(is_asked: bool, error: &str, telling: Telling) -> CheckReport {
    let reason = format!("the edit was not recorded: {error}");
    if is_asked {
        let ended = Ended::failed(reason);
        return telling.check(
            "tdd",
            ENGINE.to_owned(),
            ended,
            &LineIndex::new(b""),
            |_| false,
        );
    }
    report::not_run("tdd", reason)
}
