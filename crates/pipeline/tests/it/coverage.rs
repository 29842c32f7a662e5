//! The coverage check: what reports say of a file, and never more than they can.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use claude_flow_pipeline::document::{CheckReport, State};
use claude_flow_pipeline::{BaselineSource, Config, Options, Percent, Pipeline};
use tempfile::TempDir;

const SOURCE: &str = "def add(a, b):\n    if a:\n        return a + b\n    return b\n";

/// A file with a report about it that is so many seconds younger.
fn project(report: &str, name: &str, younger_seconds: i64) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("folders");
        fs::write(&path, text).expect("a file");
        path
    };
    write(".git/HEAD", "");
    let source = write("src/a.py", SOURCE);
    let report = write(name, report);
    let made = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    let set = |path: &Path, time: SystemTime| {
        let file = File::options()
            .write(true)
            .open(path)
            .expect("a file of ours");
        file.set_modified(time).expect("its time can be set");
    };
    set(&source, made);
    let apart = Duration::from_secs(younger_seconds.unsigned_abs());
    set(
        &report,
        if younger_seconds < 0 {
            made - apart
        } else {
            made + apart
        },
    );
    directory
}

fn coverage(directory: &TempDir, baseline: BaselineSource, share: f64) -> CheckReport {
    let options = Options {
        minimum_coverage: Some(Percent::new(share).expect("a percentage")),
        baseline,
        ..Options::default()
    };
    let path = directory.path().join("src/a.py");
    let document = Pipeline::new(Config::default()).check_paths(&[path], &options);
    let mut checks = document.files[0].checks.iter();
    checks
        .find(|check| check.name == "coverage")
        .expect("an entry")
        .clone()
}

const LCOV: &str = "SF:src/a.py\nDA:1,1\nDA:2,1\nDA:3,0\nDA:4,1\nend_of_record\n";

fn rules(check: &CheckReport) -> Vec<&str> {
    check
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect()
}

#[test]
fn a_fresh_report_is_held_against_the_minimum() {
    let project = project(LCOV, "coverage/lcov.info", 5);
    let check = coverage(&project, BaselineSource::None, 80.0);
    assert_eq!(check.state, State::Findings, "{check:?}");
    let below = [
        "coverage/below-minimum",
        "coverage/below-minimum",
        "coverage/uncovered-lines",
    ];
    assert_eq!(
        rules(&check),
        below,
        "of the file, of the project, and where"
    );
    assert_eq!(check.findings[2].range.start.line, 3);
    assert!(
        check
            .engine
            .as_deref()
            .is_some_and(|it| it.starts_with("lcov "))
    );
    let check = coverage(&project, BaselineSource::None, 75.0);
    assert_eq!(rules(&check), ["coverage/uncovered-lines"]);
}

#[test]
fn changed_lines_have_a_minimum_of_their_own() {
    let project = project(LCOV, "lcov.info", 5);
    let before = BaselineSource::Hook {
        name: "before".to_owned(),
        content: SOURCE.replace("a + b", "a").into_bytes().into(),
    };
    let check = coverage(&project, before, 50.0);
    assert_eq!(
        rules(&check),
        ["coverage/below-minimum", "coverage/uncovered-lines"]
    );
    assert!(
        check.findings[0].message.contains("the changed lines"),
        "{check:?}"
    );
}

#[test]
fn a_report_that_is_not_newer_than_the_file_is_stale() {
    for younger in [-5, 0] {
        let project = project(LCOV, "lcov.info", younger);
        let check = coverage(&project, BaselineSource::None, 80.0);
        assert_eq!(check.state, State::Stale, "{check:?}");
    }
}

#[test]
fn a_report_that_says_nothing_of_the_file_or_nothing_at_all_is_no_verdict() {
    for (text, reason) in [
        (
            "SF:src/b.py\nDA:1,1\nend_of_record\n",
            "says nothing of the file",
        ),
        ("SF:src/a.py\nDA:1,", "lcov.info"),
        ("", "lcov.info"),
    ] {
        let project = project(text, "lcov.info", 5);
        let check = coverage(&project, BaselineSource::None, 80.0);
        assert_eq!(check.state, State::NotRun, "{check:?}");
        let told = check.reason.expect("a reason");
        assert!(
            told.contains(reason) && told.ends_with("could not be checked"),
            "{told}"
        );
    }
}

#[test]
fn paths_are_understood_as_reports_write_them() {
    let directory = project("", "other.info", 5);
    let absolute = directory
        .path()
        .canonicalize()
        .expect("it exists")
        .join("src/a.py");
    for path in [
        "src/a.py",
        "a.py",
        "./src/a.py",
        "example.com/m/src/a.py",
        &absolute.to_string_lossy(),
    ] {
        let report = LCOV.replace("src/a.py", path);
        let project = project(&report, "lcov.info", 5);
        let check = coverage(&project, BaselineSource::None, 75.0);
        assert_eq!(check.state, State::Findings, "{path}");
    }
}
