//! `claude-flow post-edit`.

use std::process::Stdio;

use claude_flow::pipeline::RESULT_SCHEMA;
use serde_json::{Value, json};

use crate::program::{Ended, Project};

const GOOD: &str = "def f(a):\n    return a\n";
const BROKEN: &str = "def f(a:\n    return a\n";

fn project() -> Project {
    let project = Project::new();
    project.write("good.py", GOOD);
    project.write("broken.py", BROKEN);
    project.write("notes.xyz", "hello\n");
    project
}

/// The document, which is what its schema says.
#[track_caller]
fn document(ended: &Ended) -> Value {
    let document = ended.json();
    let schema = serde_json::from_str(RESULT_SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    if let Err(error) = validator.validate(&document) {
        panic!("{error} at {}: {document}", error.instance_path());
    }
    document
}

fn state<'a>(document: &'a Value, file: usize, check: &str) -> &'a Value {
    let checks = document["files"][file]["checks"]
        .as_array()
        .expect("checks");
    let check = checks.iter().find(|known| known["name"] == check);
    &check.expect("every check is there")["state"]
}

#[test]
fn exit_code_tells_clean_broken_and_unreadable() {
    let project = project();
    project.run(&["post-edit", "good.py"]).expect_code(0);
    project.run(&["post-edit", "broken.py"]).expect_code(1);
    project
        .run(&["post-edit", "good.py", "broken.py"])
        .expect_code(1);
    project.run(&["post-edit", "gone.py"]).expect_code(2);
    project
        .run(&["post-edit", "gone.py", "broken.py"])
        .expect_code(2);
    project
        .run(&["post-edit", "--exit-zero", "broken.py"])
        .expect_code(0);
    project
        .run(&["post-edit", "--exit-zero", "gone.py"])
        .expect_code(2);
    project.run(&["post-edit", "."]).expect_code(2);
    project
        .run(&["post-edit", "--file", "broken.py"])
        .expect_code(1);
}

#[test]
fn people_see_place_excerpt_and_verdict() {
    let ended = project().run(&["post-edit", "broken.py"]).expect_code(1);
    assert_eq!(ended.stderr, "");
    let first = ended.stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("broken.py:1:"), "{first}");
    assert!(first.contains(": error[syntax/"), "{first}");
    assert!(ended.stdout.contains("1 | def f(a:\n"), "{}", ended.stdout);
    assert!(
        !ended.stdout.contains('\u{1b}'),
        "no colour outside a terminal"
    );
}

#[test]
fn unknown_language_never_looks_clean() {
    let ended = project().run(&["post-edit", "notes.xyz"]).expect_code(0);
    assert!(ended.stdout.contains("NOT CHECKED"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("ok"), "{}", ended.stdout);
}

#[test]
fn colour_follows_the_flag_and_the_environment() {
    let project = project();
    let is_coloured = |set: &[(&str, &str)], arguments: &[&str]| {
        let mut command = project.command();
        command.envs(set.iter().copied()).args(arguments);
        Ended::of(&mut command).stdout.contains('\u{1b}')
    };
    let plain = ["post-edit", "broken.py"];
    assert!(!is_coloured(&[], &plain));
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], &plain));
    assert!(!is_coloured(
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")],
        &plain
    ));
    assert!(is_coloured(
        &[("NO_COLOR", "1")],
        &["post-edit", "--color", "always", "broken.py"]
    ));
    assert!(!is_coloured(
        &[("CLICOLOR_FORCE", "1")],
        &["--color=never", "post-edit", "broken.py"]
    ));
    for format in ["json", "sarif", "github", "compact"] {
        assert!(!is_coloured(
            &[],
            &[
                "--color=always",
                "post-edit",
                "--format",
                format,
                "broken.py"
            ]
        ));
    }
}

#[test]
fn structured_is_one_document_by_the_schema() {
    let project = project();
    let ended = project
        .run(&["post-edit", "--structured", "broken.py"])
        .expect_code(1);
    assert_eq!(ended.stderr, "");
    let broken = document(&ended);
    assert_eq!(broken["summary"]["errors"], 1);
    assert_eq!(state(&broken, 0, "syntax"), "findings");
    let all = ["good.py", "broken.py", "notes.xyz", "gone.py", "."];
    let mut arguments = vec!["post-edit", "--format", "json"];
    arguments.extend(all);
    let ended = project.run(&arguments).expect_code(2);
    assert_eq!(ended.stderr, "", "what is unreadable is in the document");
    let several = document(&ended);
    let files = several["files"].as_array().expect("files");
    let paths: Vec<_> = files.iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, all);
    assert_eq!(state(&several, 2, "syntax"), "not_run");
    assert_eq!(several["summary"]["unreadable"], 2);
}

#[test]
fn labels_and_planned_checks_are_in_the_document() {
    let arguments = [
        "post-edit",
        "good.py",
        "--structured",
        "--memory-key",
        "k",
        "--agent-id",
        "a",
        "--swarm-id",
        "s",
        "--minimum-coverage",
        "80",
        "--block-on-critical",
        "--tdd-mode",
        "--block-on-tdd-violations",
        "--rust-strict",
        "--no-format",
        "--no-recommendations",
    ];
    let ended = project().run(&arguments).expect_code(0);
    let document = document(&ended);
    let request = json!({"memory_key": "k", "agent_id": "a", "swarm_id": "s"});
    assert_eq!(document["request"], request);
    for check in [
        "format", "lint", "types", "tests", "coverage", "tdd", "security",
    ] {
        assert_eq!(state(&document, 0, check), "not_run");
    }
    assert!(ended.stdout.contains("80"), "the threshold is named");
}

#[test]
fn switched_off_checks_say_so() {
    let ended = project().run(&["post-edit", "--no-validate", "--no-tdd", "broken.py"]);
    let ended = ended.expect_code(0);
    assert!(
        ended.stdout.contains("TEXT AND SYNTAX NOT CHECKED"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("--no-validate"), "{}", ended.stdout);
}

#[test]
fn only_what_the_edit_brought_counts() {
    let project = Project::new();
    project.write("before.py", BROKEN);
    project.write("after.py", format!("{BROKEN}\n\n# more\n"));
    let arguments = ["post-edit", "--since-content", "before.py", "after.py"];
    let ended = project.run(&arguments).expect_code(0);
    assert!(ended.stdout.contains("nothing new"), "{}", ended.stdout);
    project.run(&["post-edit", "after.py"]).expect_code(1);
    project.write("empty.py", "");
    let arguments = ["post-edit", "--since-content", "empty.py", "after.py"];
    project.run(&arguments).expect_code(1);
}

#[test]
fn standard_input_is_checked_as_the_named_file() {
    let project = Project::new();
    let arguments = ["post-edit", "--stdin-path", "src/made.py", "--structured"];
    let ended = project
        .run_with_stdin(&arguments, BROKEN.as_bytes())
        .expect_code(1);
    assert_eq!(document(&ended)["files"][0]["path"], "src/made.py");
    let arguments = ["post-edit", "--stdin-path", "src/made.py"];
    let ended = project
        .run_with_stdin(&arguments, BROKEN.as_bytes())
        .expect_code(1);
    assert!(ended.stdout.contains("1 | def f(a:"), "{}", ended.stdout);
    project
        .run_with_stdin(&arguments, GOOD.as_bytes())
        .expect_code(0);
}

#[test]
fn sarif_has_what_its_readers_need() {
    let project = project();
    let arguments = [
        "post-edit",
        "--format",
        "sarif",
        "broken.py",
        "gone.py",
        "notes.xyz",
    ];
    let log = project.run(&arguments).expect_code(2).json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["tool"]["driver"]["name"], "claude-flow");
    assert_eq!(run["artifacts"].as_array().map(Vec::len), Some(3));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let notifications = run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(
        notifications.contains("syntax not checked"),
        "{notifications}"
    );
    let result = &run["results"][0];
    let rule = result["ruleIndex"]
        .as_u64()
        .and_then(|index| usize::try_from(index).ok());
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules[rule.expect("an index")]["id"], result["ruleId"]);
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "broken.py");
    assert_eq!(place["region"]["startLine"], 1);
    assert!(result["partialFingerprints"]["claudeFlowFinding/v1"].is_string());
}

#[test]
fn github_and_compact_have_one_line_for_each_finding() {
    let project = project();
    let ended = project
        .run(&["post-edit", "--format", "github", "broken.py"])
        .expect_code(1);
    assert_eq!(
        ended
            .stdout
            .matches("::error file=broken.py,line=1,")
            .count(),
        1
    );
    let ended = project
        .run(&["post-edit", "--format", "compact", "broken.py"])
        .expect_code(1);
    assert_eq!(ended.stdout.matches("broken.py:1:").count(), 1);
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn bad_use_and_bad_configuration_leave_standard_output_empty() {
    let project = project();
    project.write("bad.toml", "[limits]\ntime = 1\n");
    project.write("latin1.toml", b"# \xe9\n");
    let refused = |arguments: &[&str], expected: &str| {
        let ended = project.run(arguments).expect_code(2);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    };
    refused(&["post-edit"], "<FILE");
    refused(&["post-edit", "--nonsense", "good.py"], "--nonsense");
    refused(
        &["post-edit", "--minimum-coverage", "101", "good.py"],
        "0 to 100",
    );
    refused(
        &["post-edit", "--structured", "--format", "sarif", "good.py"],
        "--format",
    );
    refused(
        &[
            "post-edit",
            "--since-content",
            "a",
            "--git-base",
            "HEAD",
            "good.py",
        ],
        "--git-base",
    );
    refused(
        &[
            "post-edit",
            "--since-content",
            "good.py",
            "good.py",
            "broken.py",
        ],
        "2 are given",
    );
    refused(
        &["post-edit", "--stdin-path", "a.py", "good.py"],
        "--stdin-path",
    );
    refused(
        &["post-edit", "--config", "gone.toml", "good.py"],
        "gone.toml",
    );
    refused(
        &["post-edit", "--config", "bad.toml", "good.py"],
        "bad.toml:2:1",
    );
    refused(
        &["post-edit", "--config", "latin1.toml", "good.py"],
        "not UTF-8",
    );
    refused(
        &[
            "post-edit",
            "--structured",
            "--config",
            "bad.toml",
            "good.py",
        ],
        "bad.toml:2:1",
    );
}

#[test]
fn nearest_configuration_that_is_bad_fails_its_files_only() {
    let project = project();
    project.write("sub/claude-flow.toml", "[limits]\ntime = 1\n");
    project.write("sub/a.py", GOOD);
    let arguments = ["post-edit", "--structured", "good.py", "sub/a.py"];
    let ended = project.run(&arguments).expect_code(2);
    let document = document(&ended);
    assert_eq!(state(&document, 0, "syntax"), "clean");
    let error = document["files"][1]["error"].as_str().expect("an error");
    assert!(error.contains("claude-flow.toml:2:1"), "{error}");
}

#[test]
fn a_closed_pipe_is_quiet() {
    let project = project();
    let mut command = project.command();
    command
        .args(["post-edit", "broken.py"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().expect("the program ends"));
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.code, Some(1), "the verdict stays");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let project = project();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let mut command = project.command();
    command.args(["post-edit", "broken.py"]).stdout(full);
    let ended = Ended::of(&mut command).expect_code(2);
    assert!(ended.stderr.contains("standard output"), "{}", ended.stderr);
}

#[test]
fn hostile_names_reach_no_terminal() {
    let project = Project::new();
    project.write("a\u{1b}[2J\u{202e}.py", "x = \"\u{1b}]0;owned\u{7}\" (\n");
    let name = "a\u{1b}[2J\u{202e}.py";
    for format in ["human", "compact", "github", "json", "sarif"] {
        let ended = project.run(&["post-edit", "--format", format, name]);
        assert!(!ended.stdout.contains('\u{1b}'), "{format}: {ended:?}");
    }
    for arguments in [
        ["post-edit", "--config", name],
        ["post-edit", "--format", name],
    ] {
        let ended = project.run(&arguments).expect_code(2);
        assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn git_base_forgives_what_was_broken_before_and_nothing_else() {
    let project = Project::new();
    project.write("a.py", "def f(:\n    pass\n\n\nx = 1\n");
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let status = command
            .current_dir(project.path("."))
            .args(identity)
            .args(arguments)
            .status()
            .expect("`git` is on the PATH; `apt-get install git` brings it");
        assert!(status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "a.py"]);
    git(&["commit", "--quiet", "--message=x"]);
    let arguments = ["post-edit", "--git-base", "HEAD", "a.py"];
    project.write("a.py", "def f(:\n    pass\n\n\nx = 2\n");
    let ended = project.run(&arguments).expect_code(0);
    assert!(ended.stdout.contains("before the edit"), "{}", ended.stdout);
    project.write("b.py", "x = (\n");
    let arguments = ["post-edit", "--git-base", "HEAD", "a.py", "b.py"];
    project.run(&arguments).expect_code(1);
}
