//! Every fixture has the verdict that its manifest entry gives it.

use std::fmt::Write as _;

use claude_flow_checkers::{Finding, Severity};

use crate::{Fixture, Listed, findings, line_of, listed};

/// The manifest lists at least this many good files for each language of the issue that asked for them.
const GOOD_MIN: usize = 8;

/// And at least this many broken ones.
const BROKEN_MIN: usize = 12;

fn shown(fixture: &Fixture, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let line = line_of(&fixture.bytes, finding.span.start);
        let (rule, message) = (&finding.rule, &finding.message);
        write!(
            text,
            "\n      {line}: {:?} {rule}: {message}",
            finding.severity
        )
        .expect("a string takes any text");
    }
    text
}

/// Checks all files whose path begins with a prefix and lists every one whose verdict is wrong.
fn check(prefix: &str, verdict: impl Fn(&Fixture, &Listed, &[Finding]) -> Result<(), String>) {
    let entries = listed();
    let entries: Vec<_> = entries
        .iter()
        .filter(|entry| entry.path.starts_with(prefix))
        .collect();
    assert!(!entries.is_empty(), "no fixture below {prefix}");
    let mut wrong = Vec::new();
    for entry in &entries {
        let fixture = Fixture::read(&entry.path);
        let result = findings(&fixture.source());
        let judged = result.and_then(|found| {
            verdict(&fixture, entry, &found)
                .map_err(|what| format!("{what}{}", shown(&fixture, &found)))
        });
        if let Err(what) = judged {
            wrong.push(format!("  {}: {what}", entry.path));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} below {prefix} have a wrong verdict:\n{}",
        wrong.len(),
        entries.len(),
        wrong.join("\n")
    );
}

/// Catches a false alarm on valid code, and valid code that is not understood.
#[test]
fn good_files_have_no_error_and_are_understood() {
    check("checkers/good/", |_, _, found| {
        let is_bad = |finding: &Finding| {
            finding.severity == Severity::Error || finding.rule == "syntax/not-understood"
        };
        if found.iter().any(is_bad) {
            return Err("is good".to_owned());
        }
        Ok(())
    });
}

/// Catches a missed error, a wrong line, and a cascade of findings after the first cause.
#[test]
fn broken_files_are_blamed_on_their_line_and_on_no_unlisted_one() {
    check("checkers/broken/", |fixture, entry, found| {
        let mut lines: Vec<usize> = found
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| line_of(&fixture.bytes, finding.span.start))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let line = entry.line.ok_or("the manifest names no line")?;
        let is_listed = |it: &usize| *it == line || entry.also.contains(it);
        if !lines.contains(&line) || !lines.iter().all(is_listed) {
            let also = &entry.also;
            return Err(format!(
                "expected line {line}, also {also:?}; found {lines:?}"
            ));
        }
        Ok(())
    });
}

/// Catches a corpus that shrank.
#[test]
fn every_language_has_its_share_of_fixtures() {
    let entries = listed();
    let mut short = Vec::new();
    for language in [
        "c",
        "cpp",
        "go",
        "java",
        "javascript",
        "json",
        "python",
        "rust",
        "toml",
        "tsx",
        "typescript",
        "yaml",
    ] {
        for (kind, at_least) in [("good", GOOD_MIN), ("broken", BROKEN_MIN)] {
            let prefix = format!("checkers/{kind}/{language}/");
            let count = entries
                .iter()
                .filter(|entry| entry.path.starts_with(&prefix))
                .count();
            if count < at_least {
                short.push(format!("{prefix} has {count} of {at_least}"));
            }
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
