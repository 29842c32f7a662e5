//! Fail-to-pass evidence with real runners, in a copy of a real project.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use claude_flow_checkers::reports::{Ended, Format, Run, judge};
use claude_flow_checkers::tdd::{Phase, Rule, Verdict, Way, follow};
use claude_flow_pipeline::document::{CheckReport, Severity, State};
use claude_flow_pipeline::tdd::{MutationError, Recorder, SidesError, Workspace, digest, events};
use claude_flow_pipeline::{Config, Options, Pipeline, Trust};
use tempfile::TempDir;

use crate::assert_valid;

/// How a language's tests are written and run.
struct Kit {
    source: &'static str,
    test: &'static str,
    settings: &'static [(&'static str, &'static str)],
    add: &'static str,
    capped: &'static str,
    /// What `add` and `capped` are asked.
    adds: &'static str,
    adds_much: &'static str,
    run: fn(&Path, &[&str]) -> Run,
}

const PYTHON: Kit = Kit {
    source: "calc.py",
    test: "test_calc.py",
    settings: &[],
    add: "def add(a, b):\n    return a + b\n",
    capped: "def add(a, b):\n    return min(a + b, 10)\n",
    adds: "import unittest\n\nfrom calc import add\n\n\nclass Calc(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(add(1, 2), 3)\n",
    adds_much: "\n    def test_adds_much(self):\n        self.assertEqual(add(9, 9), 10)\n",
    run: |directory, tests| {
        let mut command = Command::new("python3");
        command.arg("-B").args(["-m", "unittest", "-v"]).args(tests);
        let output = run(command.current_dir(directory));
        judge(
            Format::Unittest,
            &output.stderr,
            &output.stdout,
            ended(&output),
        )
    },
};

const NODE: Kit = Kit {
    source: "calc.mjs",
    test: "calc.test.mjs",
    settings: &[],
    add: "export function add(a, b) {\n  return a + b;\n}\n",
    capped: "export function add(a, b) {\n  return Math.min(a + b, 10);\n}\n",
    adds: "import assert from 'node:assert';\nimport test from 'node:test';\nimport { add } from './calc.mjs';\n\ntest('adds', () => assert.strictEqual(add(1, 2), 3));\n",
    adds_much: "test('adds much', () => assert.strictEqual(add(9, 9), 10));\n",
    run: |directory, tests| {
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=tap"]).args(tests);
        let output = run(command.current_dir(directory));
        judge(Format::Tap, &output.stdout, &output.stderr, ended(&output))
    },
};

const CARGO: Kit = Kit {
    source: "src/lib.rs",
    test: "tests/calc.rs",
    settings: &[(
        "Cargo.toml",
        "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n",
    )],
    add: "pub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n",
    capped: "pub fn add(a: i64, b: i64) -> i64 {\n    (a + b).min(10)\n}\n",
    adds: "use calc::add;\n\n#[test]\nfn adds() {\n    assert_eq!(add(1, 2), 3);\n}\n",
    adds_much: "\n#[test]\nfn adds_much() {\n    assert_eq!(add(9, 9), 10);\n}\n",
    run: |directory, _tests| {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["test", "--offline", "--test", "calc"])
            .env("CARGO_TARGET_DIR", directory.join("target"));
        let output = run(command.current_dir(directory));
        judge(
            Format::Libtest,
            &output.stdout,
            &output.stderr,
            ended(&output),
        )
    },
};

fn run(command: &mut Command) -> Output {
    command
        .output()
        .expect("python3, node and cargo are needed for these tests: install them")
}

fn ended(output: &Output) -> Ended {
    match output.status.code() {
        Some(0) => Ended::Succeeded,
        Some(_) => Ended::Failed,
        None => Ended::Crashed,
    }
}

/// A project in a trusted directory.
struct Project {
    directory: TempDir,
    recorder: Recorder,
    workspace: Workspace,
    kit: &'static Kit,
}

impl Project {
    fn new(kit: &'static Kit) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let root = directory.path().join("project");
        for (path, content) in kit
            .settings
            .iter()
            .chain(&[(kit.source, kit.add), (kit.test, kit.adds)])
        {
            write(&root.join(path), content.as_bytes());
        }
        let trust = Trust::at(directory.path().join("state/trusted.toml"));
        trust.add(&root).expect("it can be trusted");
        let recorder = Recorder::new(directory.path().join("state/tdd"), trust);
        let workspace = recorder
            .workspace(&root)
            .expect("the list is there")
            .expect("it is trusted");
        Self {
            directory,
            recorder,
            workspace,
            kit,
        }
    }

    fn edit(&self, path: &str, content: &str) {
        let path = self.directory.path().join("project").join(path);
        let before = fs::read(&path).unwrap_or_default();
        write(&path, content.as_bytes());
        self.workspace
            .record_edit(&path, Some(&before), content.as_bytes())
            .expect("it is recorded");
    }

    fn edit_source(&self) {
        self.edit(self.kit.source, self.kit.capped);
    }

    fn edit_test(&self) {
        self.edit(
            self.kit.test,
            &format!("{}{}", self.kit.adds, self.kit.adds_much),
        );
    }

    /// Runs the tests in the workspace and records what they say.
    fn run(&self) {
        let root = self.workspace.root();
        let ran = (self.kit.run)(root, &[self.kit.test]);
        let digest = |path: &str| digest(&fs::read(root.join(path)).expect("it is there"));
        let paths = [self.kit.source, self.kit.test];
        let files = paths.map(|path| (path.to_owned(), digest(path))).into();
        self.workspace
            .record_run(&ran, files, true)
            .expect("it is recorded");
    }

    /// The tdd check of a file as it is, and what the program would exit with.
    fn check(&self, options: &Options) -> (CheckReport, u8) {
        let pipeline = Pipeline::new(Config::default()).with_recorder(self.recorder.clone());
        let document = pipeline.check_paths(&[self.source()], options);
        assert_valid(&document);
        let mut checks = document.files[0]
            .checks
            .iter()
            .filter(|it| it.name == "tdd");
        let check = checks.next().expect("it is listed").clone();
        assert_eq!(checks.next(), None);
        (check, document.exit_status())
    }

    fn source(&self) -> std::path::PathBuf {
        self.directory.path().join("project").join(self.kit.source)
    }

    fn established(&self) -> Result<Verdict, SidesError> {
        let mut run = self.kit.run;
        self.workspace.established(&self.source(), &mut run)
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("it is in a directory"))
        .expect("a directory can be made");
    fs::write(path, content).expect("a file can be written");
}

/// Fails if a change that a test drove is not shown to be, or the workspace is touched.
fn check_test_first(kit: &'static Kit) {
    let project = Project::new(kit);
    project.edit_test();
    project.edit_source();
    assert_eq!(
        project.established().expect("both sides run"),
        Verdict::Compliant(Way::TestFirst)
    );
    let now = fs::read_to_string(project.source()).expect("it is there");
    assert_eq!(now, kit.capped, "the workspace is left alone");
    let recorded = events(project.workspace.recorded().expect("it is read"));
    assert_eq!(
        follow(&recorded).phase(),
        Phase::Green,
        "the run with the change is one of the workspace"
    );
}

/// Fails if code that came before its test passes for driven by it.
fn check_code_first(kit: &'static Kit) {
    let project = Project::new(kit);
    project.edit_source();
    project.edit_test();
    let verdict = project.established().expect("both sides run");
    assert!(
        matches!(
            verdict,
            Verdict::Violation {
                rule: Rule::TestFirst,
                ..
            }
        ),
        "{verdict}"
    );
}

#[test]
fn unittest_shows_both_sides() {
    check_test_first(&PYTHON);
    check_code_first(&PYTHON);
}

#[test]
fn node_shows_both_sides() {
    check_test_first(&NODE);
    check_code_first(&NODE);
}

#[test]
fn cargo_shows_both_sides() {
    check_test_first(&CARGO);
}

/// Fails if a test that needs no change makes one of it.
#[test]
fn a_test_that_holds_without_the_change_shows_a_refactoring() {
    let project = Project::new(&PYTHON);
    project.edit(PYTHON.source, "def add(a, b):\n    return b + a\n");
    project.edit(PYTHON.test, &PYTHON.adds.replace("add(1, 2)", "add(2, 1)"));
    assert_eq!(
        project.established().expect("both sides run"),
        Verdict::Compliant(Way::Refactored)
    );
}

/// Fails if tests that fail on both sides are called driven.
#[test]
fn a_change_that_does_not_do_establishes_nothing() {
    let project = Project::new(&PYTHON);
    project.edit_test();
    project.edit(PYTHON.source, "def add(a, b):\n    return 2 * a + b\n");
    let verdict = project.established().expect("both sides run");
    assert_eq!(verdict.name(), "not_established", "{verdict}");
}

/// Fails if a content that is not kept is taken for an empty one.
#[test]
fn a_content_that_is_not_kept_is_told() {
    let project = Project::new(&PYTHON);
    project.edit_test();
    project.edit_source();
    let contents = project.workspace.journal_directory().join("contents");
    fs::remove_dir_all(contents).expect("it is there");
    let refused = project.established().expect_err("it is gone");
    assert!(matches!(refused, SidesError::NotKept { .. }), "{refused}");
}

/// Fails if a violation does not reach the document, blocks unasked, or if what is compliant is not clean.
#[test]
fn the_document_tells_the_verdict() {
    let asked = Options {
        tdd_mode: true,
        ..Options::default()
    };
    let blocking = Options {
        block_on_tdd_violations: true,
        ..Options::default()
    };
    let project = Project::new(&PYTHON);
    project.run();
    project.edit_test();
    project.run();
    project.edit_source();
    let (check, exit) = project.check(&asked);
    assert_eq!((check.state, exit), (State::NotRun, 0), "{check:?}");
    let reason = check.reason.expect("it says why");
    assert!(
        reason.starts_with("not established, as the tests were not run"),
        "{reason}"
    );
    project.run();
    let (check, exit) = project.check(&blocking);
    assert_eq!(
        (check.state, check.findings.len(), exit),
        (State::Clean, 0, 0),
        "{check:?}"
    );

    let twice = format!("{}\n\ndef twice(a):\n    return 2 * a\n", PYTHON.capped);
    project.edit(PYTHON.source, &twice);
    let tests =
        format!("{}{}", PYTHON.adds, PYTHON.adds_much).replace("import add", "import add, twice");
    let asks = "\n    def test_twice(self):\n        self.assertEqual(twice(2), 4)\n";
    project.edit(PYTHON.test, &format!("{tests}{asks}"));
    project.run();
    let (check, exit) = project.check(&asked);
    assert_eq!((check.state, exit), (State::Findings, 0));
    let (check, exit) = project.check(&blocking);
    assert_eq!((check.state, exit), (State::Findings, 1));
    let finding = &check.findings[0];
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        ("tdd/test-first", Severity::Error)
    );
    assert!(
        finding.message.contains("`twice`") && finding.help.is_some(),
        "{finding:?}"
    );
    let (check, exit) = project.check(&Options {
        no_tdd: true,
        ..blocking
    });
    assert_eq!((check.state, exit), (State::NotRun, 0));
    assert_eq!(check.reason.as_deref(), Some("switched off by --no-tdd"));
}

/// Fails if an edit that cannot be recorded reads as clean where a verdict is asked for, or breaks a check where it is not.
#[test]
fn a_record_that_cannot_be_written_is_told() {
    let project = Project::new(&PYTHON);
    let journal = project.workspace.journal_directory();
    write(journal, b"no directory");
    let (check, exit) = project.check(&Options::default());
    assert_eq!((check.state, exit), (State::NotRun, 0));
    assert!(
        check
            .reason
            .is_some_and(|it| it.starts_with("the edit was not recorded"))
    );
    let (check, exit) = project.check(&Options {
        tdd_mode: true,
        ..Options::default()
    });
    assert_eq!((check.state, exit), (State::Failed, 2));
}

/// Fails if a directory is recorded that nobody trusts.
#[test]
fn nothing_is_recorded_without_trust() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let trust = Trust::at(directory.path().join("state/trusted.toml"));
    let recorder = Recorder::new(directory.path().join("state/tdd"), trust);
    assert!(
        recorder
            .workspace(directory.path())
            .expect("the list is absent")
            .is_none()
    );
}

/// Fails if a test that checks too little passes for one that checks, or the workspace is touched.
#[test]
fn mutants_that_no_test_notices_are_found() {
    const GRADE: &str = "def is_open(now):\n    return 9 <= now and now < 17\n";
    let check = |cases: &[(u8, bool)], expected: &[&str]| {
        let project = Project::new(&PYTHON);
        project.edit(PYTHON.source, GRADE);
        let cases: Vec<_> = cases
            .iter()
            .map(|(now, is_open)| {
                let wanted = if *is_open { "True" } else { "False" };
                format!("        self.assertIs(is_open({now}), {wanted})\n")
            })
            .collect();
        let head = PYTHON.adds.replace("add", "is_open");
        let head = &head[..head.rfind("        self").expect("it has a body")];
        project.edit(PYTHON.test, &format!("{head}{}", cases.concat()));
        let mut run = PYTHON.run;
        let mutation = project
            .workspace
            .mutate(
                &project.source(),
                None,
                &[PYTHON.test],
                Duration::from_mins(1),
                &mut run,
            )
            .expect("the tests pass");
        let told: Vec<_> = mutation
            .survivors
            .iter()
            .map(|it| it.message.as_str())
            .collect();
        assert_eq!(told, expected);
        assert_eq!(
            (
                mutation.caught + told.len(),
                mutation.unviable,
                mutation.untried
            ),
            (5, 0, 0)
        );
        assert_eq!(
            fs::read_to_string(project.source()).expect("it is there"),
            GRADE
        );
    };
    check(&[(8, false), (9, true), (16, true), (17, false)], &[]);
    check(
        &[(12, true), (20, false)],
        &[
            "no test notices if `9` becomes `10`",
            "no test notices if `<=` becomes `<`",
            "no test notices if `<` becomes `<=`",
            "no test notices if `17` becomes `18`",
        ],
    );
}

/// Fails if tests that fail are taken for ones that notice everything, or lines that were not changed are mutated.
#[test]
fn only_changed_lines_and_passing_tests_count() {
    let project = Project::new(&PYTHON);
    let mut run = PYTHON.run;
    let budget = Duration::from_mins(1);
    let mut mutate = |before: &str| {
        project.workspace.mutate(
            &project.source(),
            Some(before.as_bytes()),
            &[PYTHON.test],
            budget,
            &mut run,
        )
    };
    let nothing = mutate(PYTHON.add).expect("nothing is changed");
    assert_eq!((nothing.caught, nothing.untried), (0, 0));
    let all = mutate("def add(a, b):\n    pass\n").expect("the tests pass");
    assert_eq!((all.caught, all.survivors.len()), (1, 0));
    project.edit(PYTHON.source, "def add(a, b):\n    return a * b\n");
    let refused = mutate("").expect_err("the tests fail");
    assert!(matches!(refused, MutationError::NotGreen), "{refused}");
}

/// Fails if the time that was given has no effect.
#[test]
fn without_time_nothing_is_tried() {
    let project = Project::new(&PYTHON);
    let mut run = PYTHON.run;
    let mutation = project.workspace.mutate(
        &project.source(),
        None,
        &[PYTHON.test],
        Duration::ZERO,
        &mut run,
    );
    let mutation = mutation.expect("the tests pass");
    assert_eq!((mutation.caught, mutation.untried), (0, 1));
}
