//! Help, version, schema, completions.

use crate::program::Project;

const COMMANDS: &[&str] = &[
    "bus",
    "certify",
    "completions",
    "consensus",
    "daemon",
    "detect",
    "doctor",
    "events",
    "hook",
    "init",
    "post-edit",
    "schema",
    "secrets",
    "tdd",
    "test",
    "trust",
    "watch",
];

#[test]
fn every_command_has_help_with_examples() {
    let project = Project::new();
    let help = project.run(&["--help"]).expect_code(0);
    assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
    for command in COMMANDS {
        assert!(help.stdout.contains(command), "{command}");
        let help = project.run(&[command, "--help"]).expect_code(0);
        assert!(
            help.stdout.contains("Examples:\n  claude-flow"),
            "{}",
            help.stdout
        );
    }
}

#[test]
fn post_edit_help_tells_the_exit_status() {
    let help = Project::new().run(&["post-edit", "--help"]).expect_code(0);
    insta::assert_snapshot!(help.stdout);
}

#[test]
fn version_is_the_packages() {
    let version = Project::new().run(&["--version"]).expect_code(0).stdout;
    assert_eq!(
        version,
        format!("claude-flow {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn schema_is_a_json_schema() {
    let schema = Project::new().run(&["schema"]).expect_code(0).json();
    jsonschema::validator_for(&schema).expect("it is a schema");
}

#[test]
fn completions_know_the_commands() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.run(&["completions", shell]).expect_code(0).stdout;
        assert!(script.contains("post-edit"), "{shell}");
    }
}

#[test]
fn no_command_is_bad_use() {
    let ended = Project::new().run(&[]).expect_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("Usage:"), "{}", ended.stderr);
}
