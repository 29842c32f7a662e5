//! `claude-flow init`: what it writes, what it leaves, and what it takes out again.

use claude_flow::pipeline::Config;

use crate::program::Project;

const SETTINGS: &str = ".claude/settings.json";

/// Installs twice and uninstalls; everything is as it was.
#[track_caller]
fn check_round_trip(settings: Option<&str>) {
    let project = Project::new();
    if let Some(settings) = settings {
        project.write(SETTINGS, settings);
    }
    let before = project.names();
    project.run(&["init", "--claude-code"]).expect_code(0);
    let installed = project.read(SETTINGS);
    assert!(installed.contains("\"claude-code\""), "{installed}");
    let again = project.run(&["init", "--claude-code"]).expect_code(0);
    assert!(
        again.stdout.contains("has the hook already"),
        "{}",
        again.stdout
    );
    assert_eq!(project.read(SETTINGS), installed, "idempotent");
    project.run(&["init", "--uninstall"]).expect_code(0);
    assert_eq!(project.names(), before, "no trace");
    if let Some(settings) = settings {
        assert_eq!(project.read(SETTINGS), settings, "byte for byte");
    }
}

#[test]
fn nothing_there_and_nothing_left() {
    check_round_trip(None);
}

#[test]
fn settings_come_back_byte_for_byte() {
    for settings in [
        "{}",
        "{}\n",
        "{\n  \"model\": \"x\"\n}\n",
        "{\n    \"four\": [1, 2],\n    \"hooks\": {}\n}",
        "{\n\t\"hooks\": {\n\t\t\"PostToolUse\": [\n\t\t\t{\"matcher\": \"Bash\", \"hooks\": []}\n\t\t]\n\t}\n}\n",
        "{\r\n  \"hooks\": {\r\n    \"Stop\": []\r\n  }\r\n}\r\n",
        "{\"one\":\"line\"}",
    ] {
        check_round_trip(Some(settings));
    }
}

#[test]
fn configuration_is_the_template_and_never_overwritten() {
    let project = Project::new();
    project.run(&["init"]).expect_code(0);
    assert_eq!(project.names(), ["claude-flow.toml"]);
    assert_eq!(project.read("claude-flow.toml"), Config::template());
    project.write("claude-flow.toml", "[checks]\ntext = false\n");
    let ended = project.run(&["init"]).expect_code(0);
    assert!(
        ended.stdout.contains("is there and left as it is"),
        "{}",
        ended.stdout
    );
    project.write("claude-flow.toml", "nonsense\n");
    let ended = project.run(&["init"]).expect_code(0);
    assert!(ended.stdout.contains("cannot be used"), "{}", ended.stdout);
    assert_eq!(project.read("claude-flow.toml"), "nonsense\n");
    let ended = project.run(&["init", "--uninstall"]).expect_code(0);
    assert!(
        ended.stdout.contains("was changed and is left"),
        "{}",
        ended.stdout
    );
    assert_eq!(project.names(), ["claude-flow.toml"]);
}

#[test]
fn dry_run_shows_and_changes_nothing() {
    let project = Project::new();
    project.write(SETTINGS, "{\n  \"a\": 1\n}\n");
    let before = project.names();
    let ended = project
        .run(&["init", "--claude-code", "--dry-run"])
        .expect_code(0);
    assert_eq!(project.names(), before);
    assert_eq!(project.read(SETTINGS), "{\n  \"a\": 1\n}\n");
    let settings = ended.stdout.split("--- .claude").nth(1).expect("a diff");
    insta::assert_snapshot!(settings);
}

#[test]
fn refused_settings_leave_everything_alone() {
    let project = Project::new();
    for (settings, expected) in [
        ("{\n  // mine\n}", "line 2 has a comment"),
        ("{\"a\": 1,}", "line 1, column"),
        (
            "{\"hooks\": []}",
            "`hooks` is an array, and has to be an object",
        ),
        ("", "it is empty"),
    ] {
        project.write(SETTINGS, settings);
        let ended = project.run(&["init", "--claude-code"]).expect_code(2);
        assert!(ended.stderr.contains("settings.json"), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(project.read(SETTINGS), settings);
        assert!(!project.path("claude-flow.toml").exists(), "all or nothing");
    }
    project.write(SETTINGS, b"{\"a\": \"\xff\"}");
    let ended = project.run(&["init", "--claude-code"]).expect_code(2);
    assert!(ended.stderr.contains("not UTF-8"), "{}", ended.stderr);
}

#[test]
fn a_directory_that_is_none_is_named() {
    let project = Project::new();
    project.write("file", "");
    for name in ["gone", "file"] {
        let ended = project.run(&["init", name]).expect_code(2);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
    std::fs::create_dir_all(project.path(SETTINGS)).expect("a directory can be made");
    let ended = project.run(&["init", "--claude-code"]).expect_code(2);
    assert!(ended.stderr.contains("no regular file"), "{}", ended.stderr);
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{Project, SETTINGS};

    #[test]
    fn links_are_followed_and_permissions_kept() {
        let project = Project::new();
        project.write("shared/settings.json", "{}\n");
        let private = fs::Permissions::from_mode(0o640);
        let target = project.path("shared/settings.json");
        fs::set_permissions(&target, private).expect("a file of ours");
        fs::create_dir(project.path(".claude")).expect("a directory can be made");
        symlink("../shared/settings.json", project.path(SETTINGS)).expect("a link can be made");
        project.run(&["init", "--claude-code"]).expect_code(0);
        assert!(project.path(SETTINGS).is_symlink(), "the link stays");
        assert!(project.read("shared/settings.json").contains("claude-flow"));
        let mode = fs::metadata(&target)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640);
        project.run(&["init", "--uninstall"]).expect_code(0);
        assert_eq!(project.read("shared/settings.json"), "{}\n");
        assert!(project.path(SETTINGS).is_symlink());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        let project = Project::new();
        fs::create_dir(project.path(".claude")).expect("a directory can be made");
        symlink("gone.json", project.path(SETTINGS)).expect("a link can be made");
        let ended = project.run(&["init", "--claude-code"]).expect_code(2);
        assert!(ended.stderr.contains("symbolic link"), "{}", ended.stderr);
        assert!(!project.path("claude-flow.toml").exists());
    }

    #[test]
    fn new_files_are_as_readable_as_any_other() {
        let project = Project::new();
        project.run(&["init", "--claude-code"]).expect_code(0);
        project.write("other", "");
        let mode = |name: &str| {
            let metadata = fs::metadata(project.path(name)).expect("it is there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode("claude-flow.toml"), mode("other"));
        assert_eq!(mode(SETTINGS), mode("other"));
    }
}

#[test]
fn hook_alone_is_taken_out_and_the_configuration_stays() {
    let project = Project::new();
    project.run(&["init", "--claude-code"]).expect_code(0);
    let hook_alone = ["init", "--claude-code", "--uninstall"];
    project.run(&hook_alone).expect_code(0);
    assert_eq!(project.names(), ["claude-flow.toml"]);
}

#[test]
fn every_harness_is_installed_and_taken_out_without_a_trace() {
    let project = Project::new();
    project.write(".github/workflows/ci.yml", "on: push\n");
    project.write(".gemini/settings.json", "{\"theme\": \"dark\"}\n");
    let before = project.names();
    let all = [
        "init",
        "--harness",
        "claude-code",
        "codex",
        "cursor",
        "gemini",
        "copilot",
    ];
    project.run(&all).expect_code(0);
    let installed = project.names();
    for path in [
        ".claude/settings.json",
        ".codex/hooks.json",
        ".cursor/hooks.json",
    ] {
        assert!(installed.contains(&path.to_owned()), "{path}");
    }
    let again = project.run(&all).expect_code(0);
    assert_eq!(
        again.stdout.matches("has the hook already").count(),
        5,
        "{}",
        again.stdout
    );
    assert_eq!(project.names(), installed);
    let one = project
        .run(&["init", "--harness", "codex", "--uninstall"])
        .expect_code(0);
    assert!(
        one.stdout.contains(".codex/hooks.json removed"),
        "{}",
        one.stdout
    );
    assert!(!project.path(".codex").exists());
    project.run(&["init", "--uninstall"]).expect_code(0);
    assert_eq!(project.names(), before);
    assert_eq!(
        project.read(".gemini/settings.json"),
        "{\"theme\": \"dark\"}\n"
    );
}
