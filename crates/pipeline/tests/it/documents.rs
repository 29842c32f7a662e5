//! What is not built yet says so, and never looks clean.

use claude_flow_pipeline::document::{Request, State};
use claude_flow_pipeline::{Config, Document, Options, Percent, Pipeline};

use crate::{assert_valid, state};

const CHECKS: [&str; 9] = [
    "text", "syntax", "format", "lint", "types", "tests", "coverage", "tdd", "security",
];

fn check(options: &Options) -> Document {
    let pipeline = Pipeline::new(Config::default());
    let report = pipeline.check_content("notes.txt".as_ref(), b"x\n", options);
    let document = Document::new(options.request.clone(), vec![report]);
    assert_valid(&document);
    document
}

#[test]
fn every_check_is_listed_and_not_run_has_a_reason() {
    let document = check(&Options::default());
    let names: Vec<_> = document.files[0]
        .checks
        .iter()
        .map(|check| check.name)
        .collect();
    assert_eq!(names, CHECKS);
    // The text of any language can be looked at.
    assert_eq!(state(&document, "text").0, State::Clean);
    for name in &CHECKS[1..] {
        let (state, reason) = state(&document, name);
        assert_eq!(state, State::NotRun, "{name}");
        assert!(!reason.is_empty(), "{name}");
    }
    assert_eq!(document.exit_status(), 0);
}

#[test]
fn flags_are_told_in_the_reasons() {
    let document = check(&Options {
        request: Request {
            memory_key: Some("k".to_owned()),
            agent_id: Some("a".to_owned()),
            swarm_id: Some("s".to_owned()),
        },
        minimum_coverage: Some(Percent::new(82.5).expect("within bounds")),
        block_on_critical: true,
        tdd_mode: true,
        block_on_tdd_violations: true,
        rust_strict: true,
        no_format: true,
        no_validate: true,
        ..Options::default()
    });
    for (check, expected) in [
        ("text", "switched off by --no-validate"),
        ("syntax", "switched off by --no-validate"),
        ("format", "switched off by --no-format"),
        (
            "lint",
            "not built yet: what --rust-strict asks for could not be checked",
        ),
        (
            "coverage",
            "reports speak of the file on the disk, which is not what was given here",
        ),
        (
            "tdd",
            "edits are not recorded here: what --tdd-mode and --block-on-tdd-violations asks for could not be checked",
        ),
        (
            "security",
            "not built yet: what --block-on-critical asks for could not be checked",
        ),
    ] {
        assert_eq!(
            state(&document, check),
            (State::NotRun, expected.to_owned())
        );
    }
    assert_eq!(document.request.memory_key.as_deref(), Some("k"));
    let document = check(&Options {
        no_tdd: true,
        ..Options::default()
    });
    assert_eq!(state(&document, "tdd").1, "switched off by --no-tdd");
}

#[test]
fn percentages_are_within_bounds() {
    for text in ["0", "100", "99.9%", " 5 "] {
        assert!(text.parse::<Percent>().is_ok(), "{text}");
    }
    for text in ["-1", "100.1", "NaN", "inf", "", "many"] {
        let error = text.parse::<Percent>().expect_err(text);
        assert!(error.to_string().contains("0 to 100"), "{error}");
    }
}
