//! The project's own tools: run only where they may be, and never taken for clean when they are not.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::program::{Ended, Project};

/// A project with one tool of its own, which is a shell script.
fn project(script: &str, keys: &str) -> Project {
    let project = Project::new();
    project.write("work/a.txt", "one\ntwo\n");
    project.write(
        "work/claude-flow.toml",
        format!(
            "[limits]\ntool_time_ms = 2000\n\n[tools.mine]\ncommand = [\"./lint\", \"{{path}}\"]\n\
             files = [\"*.txt\"]\nformat = \"gnu\"\n{keys}\n"
        ),
    );
    project.write("work/lint", format!("#!/bin/sh\n{script}\n"));
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.path("work/lint"), executable).expect("a file of ours");
    project
}

fn check(project: &Project, arguments: &[&str]) -> (Value, Ended) {
    let mut command = project.command();
    command
        .env("PATH", "/usr/bin:/bin")
        .args(["post-edit", "--format", "json", "work/a.txt"])
        .args(arguments);
    let ended = Ended::of(&mut command);
    let document = ended.json();
    let checks = document["files"][0]["checks"].as_array().expect("a list");
    let lint = checks.iter().find(|check| check["name"] == "lint");
    (lint.expect("an entry for each check").clone(), ended)
}

/// Trusts the project, runs the script, and compares state and a part of the reason.
#[track_caller]
fn check_state(script: &str, keys: &str, code: i32, state: &str, reason: &str) -> Value {
    let project = project(script, keys);
    project.run(&["trust", "work"]).expect_code(0);
    let (lint, ended) = check(&project, &[]);
    assert_eq!(lint["state"], state, "{lint}");
    let told = lint["reason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "{lint}");
    ended.expect_code(code);
    lint
}

#[test]
fn nothing_of_a_project_runs_before_it_is_trusted() {
    let project = project("touch /tmp/never", "");
    let (lint, _) = check(&project, &[]);
    assert_eq!(lint["state"], "not_run");
    let reason = lint["reason"].as_str().expect("a reason");
    assert!(reason.contains("`claude-flow trust` lets"), "{reason}");
    assert_eq!(lint["engine"], Value::Null);
}

#[test]
fn the_output_decides_and_not_the_exit_code() {
    for code in [0, 1] {
        let script = format!("echo \"$1:2:1: error: not two\"; exit {code}");
        let lint = check_state(&script, "", 1, "findings", "");
        assert_eq!(lint["engine"], "mine");
        let finding = &lint["findings"][0];
        assert_eq!(finding["message"], "not two");
        assert_eq!(finding["range"]["start"]["line"], 2);
        assert_eq!(finding["severity"], "error");
    }
    check_state("exit 0", "", 0, "clean", "");
}

#[test]
fn what_broke_is_never_clean() {
    check_state("exit 7", "", 2, "failed", "exit code 7");
    check_state("kill -9 $$", "", 2, "failed", "signal 9");
    check_state("echo nonsense", "", 2, "failed", "nonsense");
    check_state("printf '\\377\\376'", "", 2, "failed", "UTF-8");
    check_state(
        "echo \"$1:99:1: error: where\"",
        "",
        2,
        "failed",
        "another content",
    );
    check_state(
        "while :; do :; done",
        "",
        2,
        "timed_out",
        "limits.tool_time_ms",
    );
    check_state("sleep 60 & wait", "", 2, "timed_out", "limits.tool_time_ms");
}

#[test]
fn what_is_missing_or_switched_off_is_said() {
    let project = project("exit 0", "");
    project.run(&["trust", "work"]).expect_code(0);
    fs::remove_file(project.path("work/lint")).expect("a file of ours");
    let (lint, ended) = check(&project, &[]);
    assert_eq!(lint["state"], "not_run");
    assert!(
        lint["reason"]
            .as_str()
            .is_some_and(|it| it.contains("not installed")),
        "{lint}"
    );
    ended.expect_code(0);
    let (lint, _) = check(&project, &["--no-tools"]);
    assert_eq!(lint["reason"], "switched off by --no-tools");
    project.write("work/claude-flow.toml", "[checks]\nlint = false\n");
    let (lint, _) = check(&project, &[]);
    assert_eq!(
        lint["reason"],
        "switched off by checks.lint in claude-flow.toml"
    );
}

#[test]
fn a_tool_cannot_change_the_project_nor_see_the_home() {
    let script = "echo x > a.txt 2>/dev/null && echo \"$1:1:1: error: wrote\"\n\
         cat $OLDHOME/.ssh/id 2>/dev/null && echo \"$1:1:1: error: read\"\n\
         cat ../home/.ssh/id 2>/dev/null && echo \"$1:1:1: error: read\"\nexit 0";
    let project = project(script, "");
    project.write("home/.ssh/id", "secret\n");
    project.run(&["trust", "work"]).expect_code(0);
    let (lint, _) = check(&project, &[]);
    assert_eq!(lint["state"], "clean", "{lint}");
    assert_eq!(project.read("work/a.txt"), "one\ntwo\n");
}

#[test]
fn what_was_found_before_the_edit_does_not_count() {
    // It reads the text from its standard input, so it can look at the earlier one too.
    let script = "n=0; while read -r line; do n=$((n+1)); case $line in *bad*) \
        echo \"$1:$n:1: error: bad\";; esac; done; exit 0";
    let project = project(script, "stdin = true");
    project.write("work/a.txt", "bad\ntwo\nbad\n");
    project.write("before.txt", "bad\ntwo\n");
    project.run(&["trust", "work"]).expect_code(0);
    let (lint, ended) = check(&project, &["--since-content", "before.txt"]);
    ended.expect_code(1);
    let counted: Vec<_> = lint["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| finding["pre_existing"].as_bool())
        .collect();
    assert_eq!(counted, [Some(true), Some(false)], "{lint}");
}

#[test]
fn a_bad_description_names_its_line() {
    let project = project("exit 0", "format = \"xml\"");
    let ended = project.run(&["post-edit", "work/a.txt"]).expect_code(2);
    assert!(
        ended.stdout.contains("claude-flow.toml:"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_content_that_is_not_on_the_disk_is_not_judged_by_what_is() {
    let project = project("exit 0", "");
    project.run(&["trust", "work"]).expect_code(0);
    let mut command = project.command();
    command.env("PATH", "/usr/bin:/bin").args([
        "post-edit",
        "--format",
        "json",
        "--stdin-path",
        "work/a.txt",
    ]);
    let document = Ended::of(&mut command).json();
    let checks = document["files"][0]["checks"].as_array().expect("a list");
    let lint = checks.iter().find(|check| check["name"] == "lint");
    let lint = lint.expect("an entry for each check");
    assert_eq!(lint["state"], "not_run", "{lint}");
}

#[test]
fn a_run_over_the_project_that_is_silent_of_a_file_does_not_call_it_clean() {
    let keys = "scope = \"project\"";
    check_state("exit 0", keys, 0, "not_run", "whether it looked at it");
    check_state("echo 'a.txt:1:1: error: bad'", keys, 1, "findings", "");
}

#[test]
fn a_configuration_above_the_trusted_directory_runs_nothing() {
    let project = project("exit 0", "");
    project.write("work/inner/.git/HEAD", "ref: refs/heads/main\n");
    project.write("work/inner/a.txt", "one\n");
    project.run(&["trust", "work/inner"]).expect_code(0);
    let mut command = project.command();
    command.env("PATH", "/usr/bin:/bin").args([
        "post-edit",
        "--format",
        "json",
        "work/inner/a.txt",
    ]);
    let document = Ended::of(&mut command).json();
    let checks = document["files"][0]["checks"].as_array().expect("a list");
    assert!(
        checks.iter().all(|check| check["engine"] != "mine"),
        "{checks:?}"
    );
}

#[test]
fn what_a_flag_asks_for_in_vain_is_told_beside_what_a_tool_says() {
    let project = project("exit 0", "");
    project.run(&["trust", "work"]).expect_code(0);
    let mut command = project.command();
    let arguments = [
        "post-edit",
        "--format",
        "json",
        "--rust-strict",
        "work/a.txt",
    ];
    command.env("PATH", "/usr/bin:/bin").args(arguments);
    let document = Ended::of(&mut command).json();
    let checks = document["files"][0]["checks"].as_array().expect("a list");
    let lint = checks.iter().filter(|check| check["name"] == "lint");
    let states: Vec<_> = lint.map(|check| check["state"].as_str()).collect();
    assert_eq!(states, [Some("not_run"), Some("clean")]);
}
