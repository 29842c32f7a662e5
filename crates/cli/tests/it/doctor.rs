//! `claude-flow doctor`.

use crate::program::{Ended, Project};

#[test]
fn an_empty_project_lacks_much_and_nothing_is_broken() {
    let ended = Project::new().run(&["doctor"]).expect_code(0);
    for expected in [
        "none found, so the defaults hold",
        "Python",
        "not installed: ",
        "`claude-flow init --harness NAME` installs one",
        "Sandbox",
        "`post-edit` runs those",
        "missing; would add: Python: lint and format",
    ] {
        assert!(
            ended.stdout.contains(expected),
            "{expected}: {}",
            ended.stdout
        );
    }
}

#[test]
fn what_init_wrote_is_found() {
    let project = Project::new();
    project.run(&["init", "--claude-code"]).expect_code(0);
    let report = project
        .run(&["doctor", "--format", "json"])
        .expect_code(0)
        .json();
    let path = report["configuration"]["path"].as_str().expect("a path");
    assert!(path.ends_with("claude-flow.toml"), "{path}");
    assert_eq!(report["hooks"][0]["installed"], true);
    assert_eq!(report["hooks"][1]["installed"], false);
    assert_eq!(report["checks"].as_array().map(Vec::len), Some(14));
}

#[test]
fn what_is_broken_is_named() {
    let project = Project::new();
    project.write("claude-flow.toml", "[limits]\ntime = 1\n");
    project.write(".claude/settings.json", "{\"hooks\": 1}");
    let ended = project.run(&["doctor"]).expect_code(2);
    assert!(
        ended.stdout.contains("claude-flow.toml:2:1"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("`hooks` is a number"),
        "{}",
        ended.stdout
    );
}

#[cfg(target_os = "linux")]
#[test]
fn level_of_the_sandbox_is_told_with_what_is_missing() {
    let report = Project::new()
        .run(&["doctor", "--format", "json"])
        .expect_code(0)
        .json();
    let sandbox = &report["sandbox"];
    let level = sandbox["level"].as_str().expect("the helper answers");
    assert!(["L1", "L2", "L3"].contains(&level), "{level}");
    let missing = sandbox["missing"].as_array().map_or(0, Vec::len);
    assert_eq!(missing == 0, level == "L3", "{sandbox}");
}

#[cfg(unix)]
#[test]
fn tools_are_found_on_path_and_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let trap = project.path("ran");
    for name in ["ruff", "gofmt", "mypy"] {
        project.write(
            &format!("bin/{name}"),
            format!("#!/bin/sh\ntouch {}\n", trap.display()),
        );
    }
    for name in ["ruff", "gofmt"] {
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path(&format!("bin/{name}")), executable)
            .expect("a file of ours");
    }
    let mut command = project.command();
    command
        .args(["doctor", "--format", "json"])
        .env("PATH", project.path("bin"));
    let report = Ended::of(&mut command).expect_code(0).json();
    let tools = report["tools"].as_array().expect("tools");
    let found: Vec<_> = tools
        .iter()
        .filter(|tool| tool["path"].is_string())
        .map(|tool| tool["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(found, ["ruff", "gofmt"], "mypy is not executable");
    assert!(!trap.exists());
}
