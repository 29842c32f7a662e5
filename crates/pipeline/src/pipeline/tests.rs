//! The pipeline with checks that find, block, panic or touch the disk at will.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use claude_flow_checkers::{Finding, Fix, Outcome, Severity as Found};

use super::{Pipeline, Source};
use crate::document::{Document, FileReport, Request, Severity, State};
use crate::run::{CHECK_THREADS_ABANDONED_MAX, Check, Job, Runner};
use crate::{BaselineSource, Config, Options};

/// The JSON Schema holds for everything that is made here.
fn assert_valid(document: &Document) {
    let schema = serde_json::from_str(crate::RESULT_SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let value = serde_json::to_value(document).expect("the document is plain data");
    let errors: Vec<_> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

fn pipeline(
    config: &str,
    check: impl Fn(Check, &Job) -> Outcome + Send + Sync + 'static,
) -> Pipeline {
    let config = Config::parse(config, "claude-flow.toml".as_ref()).expect("valid");
    Pipeline {
        config: Source::Fixed(Arc::new(Ok(config))),
        recorder: None,
        runner: Runner::with_check(Arc::new(check)),
        #[cfg(target_os = "linux")]
        tools: None,
    }
}

/// The syntax check finds each `BAD` as an error, each `ODD` as a warning and each `HMM` as info.
fn words(check: Check, source: &Job) -> Outcome {
    let mut findings = Vec::new();
    let text = String::from_utf8_lossy(&source.bytes);
    let severities = [
        ("BAD", Found::Error),
        ("ODD", Found::Warning),
        ("HMM", Found::Info),
    ];
    for (word, severity) in severities {
        for (at, _) in text.match_indices(word).filter(|_| check == Check::Syntax) {
            let mut finding = Finding::error("syntax/word", "a bad word", at..at + word.len())
                .with_severity(severity)
                .with_related("the beginning", 0..1)
                .with_help("leave it out");
            finding.fix = Some(Fix {
                message: "leave it out".to_owned(),
                span: at..at + word.len(),
                replacement: String::new(),
            });
            finding.docs = Some("https://example.com/word".into());
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| finding.span.start);
    Outcome::Checked { findings }
}

fn document(report: FileReport) -> Document {
    let document = Document::new(Request::default(), vec![report]);
    assert_valid(&document);
    document
}

fn check_words(config: &str, content: &str, options: &Options) -> Document {
    let pipeline = pipeline(config, words);
    document(pipeline.check_content("a.py".as_ref(), content.as_bytes(), options))
}

fn state(document: &Document, check: &str) -> (State, String) {
    let found = document.files[0]
        .checks
        .iter()
        .find(|found| found.name == check);
    let found = found.expect("every check is listed");
    (found.state, found.reason.clone().unwrap_or_default())
}

fn write(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).expect("the directory is writable");
    path
}

#[test]
fn clean_and_findings_are_told_with_place_and_advice() {
    let clean = check_words("", "fine\n", &Options::default());
    assert_eq!(state(&clean, "syntax"), (State::Clean, String::new()));
    assert_eq!(clean.exit_status(), 0);

    let found = check_words("", "x\né BAD\nODD HMM\n", &Options::default());
    assert_eq!(state(&found, "syntax").0, State::Findings);
    let finding = &found.files[0].checks[1].findings[0];
    let start = finding.range.start;
    assert_eq!((start.line, start.column, start.byte), (2, 3, 5));
    assert!(finding.help.is_some() && finding.fix.is_some());
    let summary = found.summary;
    assert_eq!((summary.errors, summary.warnings, summary.infos), (1, 1, 1));
    assert_eq!(found.exit_status(), 1);
}

#[test]
fn no_recommendations_leaves_advice_out() {
    let options = Options {
        no_recommendations: true,
        ..Options::default()
    };
    let found = check_words("", "BAD", &options);
    let finding = &found.files[0].checks[1].findings[0];
    assert!(finding.help.is_none() && finding.fix.is_none());
    assert!(finding.docs.is_some());
}

#[test]
fn withheld_findings_never_read_as_clean() {
    let found = check_words("[report]\nseverity = \"error\"", "HMM", &Options::default());
    let (state, reason) = state(&found, "syntax");
    assert_eq!(state, State::Findings);
    assert!(reason.starts_with("1 less severe"), "{reason}");
    assert_eq!(found.exit_status(), 0);
    let found = check_words(
        "[report]\nseverity = \"warning\"",
        "HMM ODD BAD",
        &Options::default(),
    );
    let severities: Vec<_> = found.files[0].checks[1]
        .findings
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(severities, [Severity::Warning, Severity::Error]);
}

#[test]
fn spans_out_of_bounds_are_clamped() {
    let pipeline = pipeline("", |_, _| Outcome::Checked {
        findings: vec![
            #[expect(clippy::reversed_empty_ranges, reason = "that is the fault")]
            Finding::error("text/x", "x", 9..2),
            Finding::error("text/x", "x", usize::MAX - 1..usize::MAX),
        ],
    });
    let found = document(pipeline.check_content("a.py".as_ref(), b"a\n\xFF", &Options::default()));
    let ends: Vec<_> = found.files[0].checks[0]
        .findings
        .iter()
        .map(|finding| (finding.range.start.byte, finding.range.end.byte))
        .collect();
    assert_eq!(ends, [(3, 3), (3, 3)]);
}

#[test]
fn check_that_does_not_end_is_timed_out_and_bounded_in_number() {
    let (end, ended) = channel::<()>();
    let ended = Mutex::new(ended);
    let pipeline = pipeline("[limits]\ntime_ms = 1", move |_, _| {
        // Waits until the test ends, whoever does not wait for this waits for the lock.
        let _ = ended.lock().map(|ended| ended.recv());
        Outcome::Checked {
            findings: Vec::new(),
        }
    });
    let check = || document(pipeline.check_content("a.py".as_ref(), b"x", &Options::default()));
    for _ in 0..CHECK_THREADS_ABANDONED_MAX {
        let found = check();
        assert_eq!(state(&found, "syntax").0, State::TimedOut);
        assert_eq!(found.exit_status(), 2);
    }
    let refused = check();
    let reason = "too many checks still running".to_owned();
    assert_eq!(state(&refused, "syntax"), (State::Failed, reason.clone()));
    assert_eq!(state(&refused, "text"), (State::Failed, reason));
    drop(end);
}

#[test]
fn check_that_panics_is_failed_and_the_others_are_made() {
    let pipeline = pipeline("", |check, source| match check {
        Check::Text => panic!("a fault of the check"),
        Check::Syntax => words(check, source),
    });
    let found = document(pipeline.check_content("a.py".as_ref(), b"x", &Options::default()));
    assert_eq!(state(&found, "text").0, State::Failed);
    assert_eq!(state(&found, "syntax").0, State::Clean);
    assert_eq!(found.exit_status(), 2);
    let found = document(pipeline.check_content("a.py".as_ref(), b"BAD", &Options::default()));
    assert_eq!(found.exit_status(), 1, "an error outweighs a broken check");
}

#[test]
fn file_that_changes_while_it_is_checked_is_stale() {
    let directory = tempfile::tempdir().expect("a directory");
    let change: [fn(&Path); 3] = [
        |path| fs::write(path, "GOOD").expect("writable"),
        |path| fs::remove_file(path).expect("removable"),
        |path| {
            let other = path.with_extension("new");
            fs::write(&other, "BAD longer").expect("writable");
            fs::rename(other, path).expect("movable");
        },
    ];
    for change in change {
        let path = write(directory.path(), "a.py", b"BAD ");
        let target = path.clone();
        let pipeline = pipeline("", move |check, source| {
            if check == Check::Text {
                change(&target);
            }
            words(check, source)
        });
        let found = pipeline.check_paths(&[&path], &Options::default());
        assert_valid(&found);
        assert_eq!(state(&found, "text").0, State::Stale);
        assert_eq!(state(&found, "syntax").0, State::Stale);
        assert_eq!(state(&found, "lint").0, State::NotRun);
        assert_eq!((found.summary.errors, found.summary.broken_checks), (0, 2));
        assert_eq!(found.exit_status(), 2);
    }
}

#[test]
fn file_that_is_rewritten_with_the_same_content_is_not_stale() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = write(directory.path(), "a.py", b"fine");
    let target = path.clone();
    let pipeline = pipeline("", move |check, source| {
        fs::write(&target, "fine").expect("writable");
        words(check, source)
    });
    let found = pipeline.check_paths(&[&path], &Options::default());
    assert_eq!(state(&found, "syntax").0, State::Clean);
}

#[test]
fn only_what_the_edit_did_counts() {
    let baseline = |content: &[u8]| Options {
        baseline: BaselineSource::Hook {
            name: "before".to_owned(),
            content: content.into(),
        },
        ..Options::default()
    };
    let found = check_words("", "x\na\nBAD\n", &baseline(b"x\nBAD\n"));
    assert_eq!(found.summary.pre_existing, 1);
    assert_eq!(found.exit_status(), 0);
    let found = check_words("", "x\nBAD\nBAD\n", &baseline(b"x\nBAD\n"));
    assert_eq!((found.summary.pre_existing, found.summary.errors), (1, 1));
    let found = check_words("", "BAD\n", &baseline(b""));
    assert_eq!(found.summary.errors, 1);
    // What explains the finding stands on a touched line.
    let found = check_words("", "y\nBAD\n", &baseline(b"x\nBAD\n"));
    assert_eq!(found.summary.errors, 1);
}

#[test]
fn emptied_file_is_an_error_whatever_its_language() {
    let options = |no_validate| Options {
        baseline: BaselineSource::Hook {
            name: "before".to_owned(),
            content: b"x = 1\n"[..].into(),
        },
        no_validate,
        ..Options::default()
    };
    let pipeline = pipeline("", words);
    for (path, content) in [("a.py", &b"\n \n"[..]), ("notes.txt", b"")] {
        let found = document(pipeline.check_content(path.as_ref(), content, &options(false)));
        assert_eq!(found.files[0].checks[0].findings[0].rule, "text/emptied");
        assert_eq!(found.exit_status(), 1);
        let found = document(pipeline.check_content(path.as_ref(), content, &options(true)));
        assert_eq!(state(&found, "text").0, State::NotRun);
    }
}

#[test]
fn several_files_keep_their_order_and_report_progress() {
    let directory = tempfile::tempdir().expect("a directory");
    let paths: Vec<_> = (0..40)
        .map(|number| {
            let word = if number % 2 == 0 { "BAD" } else { "fine" };
            write(directory.path(), &format!("{number}.py"), word.as_bytes())
        })
        .collect();
    let seen = Mutex::new(Vec::new());
    let progress = |done, total| {
        seen.lock().expect("no panic").push(done);
        assert_eq!(total, 40);
    };
    let pipeline = pipeline("", words);
    let found = pipeline.check_paths_with_progress(&paths, &Options::default(), &progress);
    assert_valid(&found);
    let names: Vec<_> = found
        .files
        .iter()
        .map(|file| PathBuf::from(&file.path))
        .collect();
    assert_eq!(names, paths);
    assert_eq!(found.summary.errors, 20);
    let mut seen = seen.into_inner().expect("no panic");
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(1..=40));
}
