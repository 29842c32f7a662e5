//! Tools that are kept running: what they say is what they say when they are started, of this very text.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use claude_flow_pipeline::document::{CheckReport, State};
use claude_flow_pipeline::{BaselineSource, Document, Options, Pipeline, Toolbox, Trust};
use claude_flow_sandbox::Helper;
use tempfile::TempDir;

const TOOL: &str = env!("CARGO_BIN_EXE_pipeline-test-tool");

/// A trusted project, and places for the tools.
struct Project {
    directory: TempDir,
}

impl Project {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let project = Self { directory };
        fs::create_dir(project.path("work")).expect("a directory of ours");
        project.configure(20_000, "");
        let trust = project.trust();
        trust.add(&project.path("work")).expect("a list of ours");
        project
    }

    /// One whose ruff is the test tool.
    fn with_test_tool() -> Self {
        let project = Self::new();
        let bin = project.path("work/.venv/bin");
        fs::create_dir_all(&bin).expect("a directory of ours");
        symlink(TOOL, bin.join("ruff")).expect("a link of ours");
        project.configure(2_000, "format = false\ntypes = false\n");
        project
    }

    fn configure(&self, tool_time_ms: u64, checks: &str) {
        let text = format!(
            "[limits]\ntool_time_ms = {tool_time_ms}\n\n[checks]\nsecurity = false\n{checks}"
        );
        self.write("claude-flow.toml", &text);
    }

    fn path(&self, path: &str) -> PathBuf {
        let root = fs::canonicalize(self.directory.path()).expect("it was made");
        root.join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path("work").join(path);
        fs::write(&path, text).expect("a file of ours");
        path
    }

    fn trust(&self) -> Trust {
        Trust::at(self.path("trusted"))
    }

    fn toolbox(&self) -> Toolbox {
        let path = tools().into_iter().chain(["/usr/bin".into()]);
        Toolbox::of_user()
            .with_path(path)
            .with_helper(Helper::program(TOOL))
            .with_places(self.trust(), self.path("cache"))
    }

    fn cold(&self) -> Pipeline {
        Pipeline::with_nearest_config().with_tools(self.toolbox())
    }

    fn warm(&self) -> Pipeline {
        Pipeline::with_nearest_config().with_tools(self.toolbox().kept_warm())
    }

    /// Waits until the last change of the project is so long ago that processes are kept again.
    fn settle(&self) {
        let mark = self.path("mark");
        fs::write(&mark, "").expect("a file of ours");
        let last = mark.metadata().and_then(|it| it.modified());
        let last = last.expect("it was written");
        while last.elapsed().is_ok_and(|it| it.as_millis() < 25) {
            std::thread::yield_now();
        }
    }
}

/// Where `cargo xtask tools` puts the tools.
fn tools() -> Option<PathBuf> {
    let target = Path::new(TOOL).parent()?.parent()?;
    let bin = target.join("tools/bin");
    bin.join("ruff").exists().then_some(bin)
}

fn document(pipeline: &Pipeline, path: &Path) -> Document {
    let document = pipeline.check_paths(&[path], &Options::default());
    crate::assert_valid(&document);
    document
}

/// One check of the only file; `lint`, `format` or `types`.
fn report<'a>(document: &'a Document, check: &str) -> &'a CheckReport {
    let mut checks = document.files[0].checks.iter();
    let found = checks.find(|it| it.name == check);
    found.expect("every check is listed")
}

fn ask(pipeline: &Pipeline, path: &Path, check: &str) -> CheckReport {
    report(&document(pipeline, path), check).clone()
}

/// What a check found, as far as two ways of asking must agree.
fn told(report: &CheckReport) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .map(|it| {
            format!(
                "{:?} {} {:?} {}",
                it.range, it.rule, it.severity, it.message
            )
        })
        .collect()
}

fn is_warm(report: &CheckReport) -> bool {
    report.run.as_ref().is_some_and(|run| run.warm)
}

/// What the test tool, kept warm, says of a text.
#[track_caller]
fn check_text(text: &str, state: State, reason: &str, warm: bool) {
    let project = Project::with_test_tool();
    let path = project.write("a.py", text);
    project.settle();
    let report = ask(&project.warm(), &path, "lint");
    assert_eq!(report.state, state, "{report:#?}");
    let said = report.reason.clone().unwrap_or_default() + &told(&report).concat();
    assert!(said.contains(reason), "{report:#?}");
    assert_eq!(is_warm(&report), warm, "{report:#?}");
}

#[test]
fn a_kept_process_answers_and_says_so() {
    check_text("x = 7", State::Findings, "saw 7", true);
    check_text("x = 7 # clean", State::Clean, "", true);
}

#[test]
fn a_process_that_breaks_is_named_and_never_clean() {
    check_text(
        "x = 7 # clean crash",
        State::Failed,
        "ruff server ended",
        true,
    );
    check_text("x = 7 # clean garble", State::Failed, "protocol", true);
    check_text(
        "x = 7 # clean hang",
        State::TimedOut,
        "not done after",
        true,
    );
}

#[test]
fn answers_to_other_questions_are_not_taken_for_the_answer() {
    check_text("x = 7 # echo", State::Findings, "saw 7", true);
}

#[test]
fn what_a_process_refuses_is_asked_of_a_new_one() {
    check_text("x = 7 # refuse", State::Findings, "saw 7", false);
}

#[test]
fn silence_about_a_file_that_is_left_out_is_not_clean() {
    let project = Project::with_test_tool();
    let path = project.write("ignored.py", "x = 7");
    project.settle();
    let report = ask(&project.warm(), &path, "lint");
    assert_eq!(report.state, State::NotRun, "{report:#?}");
}

#[test]
fn what_was_there_before_the_edit_is_known_to_a_kept_process() {
    let project = Project::with_test_tool();
    let path = project.write("a.py", "x = 7\n");
    let before = project.write("before.txt", "x = 7\ny = 1\n");
    project.settle();
    let options = Options {
        baseline: BaselineSource::File(before),
        ..Options::default()
    };
    let document = project.warm().check_paths(&[&path], &options);
    let lint = report(&document, "lint");
    assert!(is_warm(lint) && lint.findings[0].pre_existing, "{lint:#?}");
}

/// Numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// So many edits, times what the environment variable `STRESS` says (1 without it; 167 for ten thousand).
const EDITS: u64 = 60;

#[test]
fn no_answer_in_a_burst_is_of_another_text_and_no_break_reads_as_clean() {
    let factor = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    let project = Project::with_test_tool();
    project.configure(500, "format = false\ntypes = false\n");
    project.settle();
    let pipeline = project.warm();
    let mut numbers = Numbers(7);
    let mut counts = [0_u64; 4];
    for edit in 1..=EDITS * factor {
        let mode = match numbers.below(30) {
            0 => "hang",
            1 => "crash",
            2 => "garble",
            3 => "refuse",
            4..8 => "echo",
            _ => "",
        };
        let clean = if numbers.below(3) == 0 { "clean" } else { "" };
        let name = format!("{}.py", numbers.below(3));
        let path = project.write(&name, &format!("x = {edit} # {clean} {mode}"));
        let report = ask(&pipeline, &path, "lint");
        let context = format!("edit {edit} {clean} {mode}: {report:#?}");
        match report.state {
            State::Clean => assert_eq!(clean, "clean", "{context}"),
            State::Findings => {
                assert_eq!(clean, "", "{context}");
                assert_eq!(
                    report.findings[0].message,
                    format!("saw {edit}"),
                    "{context}"
                );
            }
            State::Failed => assert!(["crash", "garble"].contains(&mode), "{context}"),
            State::TimedOut => {}
            State::NotRun | State::Stale => panic!("{context}"),
        }
        counts[0] += u64::from(is_warm(&report));
        counts[1] += u64::from(report.state == State::Failed);
        counts[2] += u64::from(report.state == State::TimedOut);
        counts[3] += u64::from(!is_warm(&report));
    }
    println!("warm, failed, timed out, cold: {counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

/// A text of which a tool, kept warm or not, says the same; and whether a kept process can say it.
#[track_caller]
fn check_same(files: &[(&str, &str)], asked: &str, checks: &[(&str, bool)]) {
    if tools().is_none() {
        eprintln!("SKIPPED: the tools are not there; `cargo xtask tools` installs them");
        return;
    }
    let project = Project::new();
    for (path, text) in files {
        project.write(path, text);
    }
    project.settle();
    let path = project.path("work").join(asked);
    let (cold, warm) = (document(&project.cold(), &path), project.warm());
    for _ in 0..2 {
        let warm = document(&warm, &path);
        for (check, can_be_warm) in checks {
            let (cold, warm) = (report(&cold, check), report(&warm, check));
            assert_eq!(told(cold), told(warm), "{check}: {cold:#?}\n{warm:#?}");
            assert_eq!(cold.state, warm.state, "{check}: {cold:#?}\n{warm:#?}");
            assert_eq!(is_warm(warm), *can_be_warm, "{check}: {warm:#?}");
        }
    }
}

const PYTHON: &[(&str, bool)] = &[("format", true), ("lint", true), ("types", true)];
/// Projects that use ruff and ty.
const RUFF: (&str, &str) = ("ruff.toml", "");
const TY: (&str, &str) = ("ty.toml", "");

#[test]
fn python_tools_say_the_same_warm_and_cold() {
    let planted = "import os\n\n\ndef f(a: int) -> str:\n    return a\n\n\nx = f(\"\u{1f600}\" )\n";
    check_same(&[("a.py", planted), RUFF, TY], "a.py", PYTHON);
    let clean = "def f(a: int) -> int:\n    return a\n\n\nx = f(1)\n";
    check_same(&[("a.py", clean), RUFF, TY], "a.py", PYTHON);
}

#[test]
fn broken_python_is_not_taken_for_formatted() {
    let checks = [("format", false), ("lint", true), ("types", true)];
    check_same(
        &[("a.py", "def f(:\n    x = 1\n"), RUFF, TY],
        "a.py",
        &checks,
    );
}

#[test]
fn python_that_ruff_leaves_out_is_not_taken_for_clean() {
    let excluding = ("ruff.toml", "exclude = [\"a.py\"]\n");
    let checks = [("format", false), ("lint", false)];
    check_same(&[("a.py", "import os\n"), excluding, TY], "a.py", &checks);
}

#[test]
fn a_broken_configuration_is_not_taken_for_the_default_one() {
    let files = [
        ("a.py", "import os\n"),
        ("ruff.toml", "a = ["),
        ("ty.toml", "a = ["),
    ];
    let checks = [("format", false), ("lint", false), ("types", false)];
    check_same(&files, "a.py", &checks);
}

#[test]
fn oxlint_says_the_same_warm_and_cold() {
    let config = (".oxlintrc.json", "{}");
    let planted = "const s = \"\u{1f600}\"; debugger;\nexport { s };\n";
    check_same(&[("a.ts", planted), config], "a.ts", &[("lint", true)]);
    check_same(
        &[("a.ts", "export const a = 1;\n"), config],
        "a.ts",
        &[("lint", true)],
    );
    check_same(
        &[("a.ts", "const a = ;\n"), config],
        "a.ts",
        &[("lint", true)],
    );
    let broken = (".oxlintrc.json", "{\"rules\": 3}");
    check_same(
        &[("a.ts", "debugger;\n"), broken],
        "a.ts",
        &[("lint", false)],
    );
    let ignoring = (".oxlintrc.json", "{\"ignorePatterns\": [\"a.ts\"]}");
    check_same(
        &[("a.ts", "debugger;\n"), ignoring],
        "a.ts",
        &[("lint", false)],
    );
}

#[test]
fn the_node_tools_say_the_same_warm_and_cold() {
    let files = |text| {
        [
            ("a.js", text),
            (
                "eslint.config.mjs",
                "export default [{ rules: { \"no-debugger\": \"error\" } }];\n",
            ),
            (".prettierrc", "{}\n"),
        ]
    };
    let both = [("format", true), ("lint", true)];
    check_same(&files("let s =  \"\u{1f600}\"; debugger;\n"), "a.js", &both);
    check_same(&files("export const a = 1;\n"), "a.js", &both);
    check_same(
        &files("let a = ;\n"),
        "a.js",
        &[("format", false), ("lint", true)],
    );
    let ignored = [
        files("debugger;\n").as_slice(),
        &[(".prettierignore", "a.js\n")],
    ]
    .concat();
    check_same(&ignored, "a.js", &[("format", false), ("lint", true)]);
}

#[test]
fn mypy_says_the_same_warm_and_cold() {
    for text in ["x: int = \"\u{1f600}\"\nx.foo\n", "x: int = 1\n", "x = (\n"] {
        check_same(
            &[("a.py", text), ("mypy.ini", "[mypy]\n")],
            "a.py",
            &[("types", true)],
        );
    }
}

/// A change of one file and what is said of another one before and after it.
#[track_caller]
fn check_change(files: &[(&str, &str)], change: (&str, &str), check: &str, counts: (usize, usize)) {
    if tools().is_none() {
        eprintln!("SKIPPED: the tools are not there; `cargo xtask tools` installs them");
        return;
    }
    let project = Project::new();
    for (path, text) in files {
        project.write(path, text);
    }
    project.settle();
    let path = project.path("work/a.py");
    let pipeline = project.warm();
    let before = ask(&pipeline, &path, check);
    assert_eq!(before.findings.len(), counts.0, "{before:#?}");
    project.write(change.0, change.1);
    let at_once = ask(&pipeline, &path, check);
    assert_eq!(at_once.findings.len(), counts.1, "{at_once:#?}");
    project.settle();
    let later = ask(&pipeline, &path, check);
    assert_eq!(later.findings.len(), counts.1, "{later:#?}");
    assert!(
        is_warm(&before) && is_warm(&later),
        "{before:#?}\n{later:#?}"
    );
}

#[test]
fn a_changed_configuration_counts_at_once() {
    let files = [("a.py", "import os\n"), RUFF, TY];
    let change = ("ruff.toml", "lint.ignore = [\"F401\", \"I001\"]\n");
    check_change(&files, change, "lint", (1, 0));
}

#[test]
fn a_change_of_what_is_imported_counts_at_once() {
    let files = [
        ("a.py", "from b import f\n\nx: int = f()\n"),
        ("b.py", "def f() -> int:\n    return 1\n"),
        RUFF,
    ];
    let change = ("b.py", "def f() -> str:\n    return ''\n");
    let with_ty = [files.as_slice(), &[TY]].concat();
    check_change(&with_ty, change, "types", (0, 1));
    let with_mypy = [files.as_slice(), &[("mypy.ini", "[mypy]\n")]].concat();
    check_change(&with_mypy, change, "types", (0, 1));
}
