//! The document's exact bytes: a change of its form cannot go unnoticed.

use claude_flow_pipeline::Document;
use claude_flow_pipeline::document::{
    Baseline, CheckReport, Content, FileReport, Position, Range, RelatedPlace, ReportedFinding,
    Request, Run, Severity, State, SuggestedFix,
};

use crate::assert_valid;

const GOLDEN: &str = include_str!("../golden/document-1.1.json");

fn range(start: (u32, u32, u64), end: (u32, u32, u64)) -> Range {
    let position = |(line, column, byte)| Position { line, column, byte };
    Range {
        start: position(start),
        end: position(end),
    }
}

fn check(name: &'static str, state: State, reason: Option<&str>) -> CheckReport {
    let made = state != State::NotRun;
    CheckReport {
        name,
        engine: made.then(|| format!("{name} 1")),
        state,
        reason: reason.map(str::to_owned),
        duration_ns: made.then_some(1_000),
        run: None,
        findings: Vec::new(),
    }
}

fn finding() -> ReportedFinding {
    ReportedFinding {
        rule: "syntax/unclosed-bracket".to_owned(),
        severity: Severity::Error,
        message: "`(` is never closed".to_owned(),
        range: range((1, 6, 5), (1, 7, 6)),
        pre_existing: false,
        related: vec![RelatedPlace {
            message: "the file ends here".to_owned(),
            range: range((2, 1, 8), (2, 1, 8)),
        }],
        help: Some("close it".to_owned()),
        fix: Some(SuggestedFix {
            message: "insert `)`".to_owned(),
            range: range((1, 7, 6), (1, 7, 6)),
            replacement: ")".to_owned(),
        }),
        docs: None,
    }
}

fn document() -> Document {
    let checked = FileReport {
        path: "a.py".to_owned(),
        error: None,
        language: Some("Python"),
        detected_by: Some("extension"),
        content: Some(Content {
            blake3: "0".repeat(64),
            size_bytes: 8,
        }),
        baseline: Some(Baseline {
            origin: "git",
            name: "HEAD".to_owned(),
            blake3: "1".repeat(64),
        }),
        checks: vec![
            check("text", State::Clean, None),
            CheckReport {
                findings: vec![finding()],
                ..check("syntax", State::Findings, None)
            },
            check("format", State::Stale, Some("the file changed")),
            check("lint", State::TimedOut, Some("not done after 5000 ms")),
            CheckReport {
                run: Some(Run {
                    sandbox: "L3".to_owned(),
                    warm: true,
                }),
                ..check("types", State::Failed, Some("it panicked"))
            },
            check("tests", State::NotRun, Some("not built yet")),
            check("coverage", State::NotRun, Some("not built yet")),
            check("tdd", State::NotRun, Some("not built yet")),
            check("security", State::NotRun, Some("not built yet")),
        ],
    };
    let names = [
        "text", "syntax", "format", "lint", "types", "tests", "coverage", "tdd", "security",
    ];
    let unreadable = FileReport {
        path: "none.py".to_owned(),
        error: Some("none.py: no such file".to_owned()),
        language: None,
        detected_by: None,
        content: None,
        baseline: None,
        checks: names
            .map(|name| check(name, State::NotRun, Some("there is no verdict")))
            .to_vec(),
    };
    let request = Request {
        agent_id: Some("agent".to_owned()),
        ..Request::default()
    };
    let mut document = Document::new(request, vec![checked, unreadable]);
    document.tool.version = "0.1.0";
    document
}

#[test]
fn document_has_its_golden_bytes() {
    let document = document();
    assert_valid(&document);
    let written = serde_json::to_string_pretty(&document).expect("plain data") + "\n";
    assert_eq!(
        written, GOLDEN,
        "the form changed: raise the version\n{written}"
    );
}

#[test]
fn exit_status_is_the_first_that_holds() {
    let document = |unreadable, errors, broken_checks| {
        let mut document = document();
        document.summary.unreadable = unreadable;
        document.summary.errors = errors;
        document.summary.broken_checks = broken_checks;
        document.exit_status()
    };
    assert_eq!(document(0, 0, 0), 0);
    assert_eq!(document(0, 0, 1), 2);
    assert_eq!(document(0, 1, 1), 1);
    assert_eq!(document(1, 1, 1), 2);
}
