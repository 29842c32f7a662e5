//! What a configuration file may say, and what is told about one that says something else.

use std::fs;

use claude_flow_pipeline::document::{Severity, State};
use claude_flow_pipeline::{Config, Options, Pipeline};

use crate::{assert_valid, state};

fn check_error(text: &str, expected: &str) {
    let error = Config::parse(text, "c.toml".as_ref()).expect_err(text);
    assert_eq!(error.to_string(), expected, "{text}");
}

#[test]
fn mistakes_are_told_with_place_and_allowed_values() {
    for (text, expected) in [
        (
            "[limits]\nfile_size_bytes = 0",
            "c.toml:2:19: invalid value: integer `0`, expected an integer from 1 to 104857600",
        ),
        (
            "[limits]\ntime_ms = \"5 s\"",
            "c.toml:2:11: invalid type: string \"5 s\", expected an integer from 1 to 600000",
        ),
        (
            "limits.time_ms = 1.5",
            "c.toml:1:18: invalid type: floating point `1.5`, expected an integer from 1 to 600000",
        ),
        (
            "\n[limit]\ntime_ms = 1",
            "c.toml:2:2: unknown field `limit`, expected one of `limits`, `checks`, `files`, `report`, `tools`, `tests`, `daemon`, `certify`",
        ),
        (
            "[checks]\ntext = true\ntest = true",
            "c.toml:3:1: unknown field `test`, expected one of `text`, `syntax`, `format`, `lint`, `types`, `security`, `tests`, `coverage`",
        ),
        (
            "[checks]\nsyntax = \"yes\"",
            "c.toml:2:10: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "[report]\nseverity = \"fatal\"",
            "c.toml:2:12: invalid value: string \"fatal\", expected one of \"error\", \"warning\", \"info\"",
        ),
        (
            "[tests]\nrunner = \"karma\"",
            "c.toml:2:10: invalid value: string \"karma\", expected one of cargo-nextest, cargo-test, ctest, go-test, jest, junit-console, maven, mocha, node-test, pytest, unittest, vitest",
        ),
        (
            "[report]\nseverity = 1",
            "c.toml:2:12: invalid type: integer `1`, expected one of \"error\", \"warning\", \"info\"",
        ),
        (
            "[files]\nexclude = \"vendor\"",
            "c.toml:2:11: invalid type: string \"vendor\", expected a list of at most 1000 globs such as \"vendor/**\"",
        ),
        (
            "[files]\nexclude = [\n  \"ok\",\n  \"a[\",\n]",
            "c.toml:4:3: error parsing glob 'a[': unclosed character class; missing ']', expected a glob such as \"vendor/**\"",
        ),
    ] {
        check_error(text, expected);
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_place() {
    let error = Config::parse("[limits]\ntime_ms = \n", "c.toml".as_ref()).expect_err("no value");
    assert!(error.to_string().starts_with("c.toml:2:"), "{error}");
    let error =
        Config::parse("[limits]\ntime_ms = 1\ntime_ms = 2", "c.toml".as_ref()).expect_err("twice");
    assert!(error.to_string().starts_with("c.toml:3:"), "{error}");
}

#[test]
fn nearest_file_up_the_tree_holds() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    fs::create_dir_all(root.join("a/b/c")).expect("writable");
    fs::write(root.join("claude-flow.toml"), "[limits]\ntime_ms = 1").expect("writable");
    fs::write(
        root.join("a/b/claude-flow.toml"),
        "[report]\nseverity = \"warning\"",
    )
    .expect("writable");

    let (config, path) = Config::find(&root.join("a/b/c/no-such.py")).expect("valid");
    assert_eq!(config.severity(), Severity::Warning);
    assert_eq!(config.time_ms(), 5_000, "files are not merged");
    assert!(path.is_some_and(|path| path.ends_with("a/b/claude-flow.toml")));
    let (config, _) = Config::find(&root.join("a/b/../")).expect("valid");
    assert_eq!(config.time_ms(), 1);
    let (_, path) = Config::find("/".as_ref()).expect("valid");
    assert_eq!(path, None);
}

#[cfg(unix)]
#[test]
fn file_that_cannot_be_read_is_an_error_and_not_skipped() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("claude-flow.toml");
    let message = || {
        Config::find(directory.path())
            .expect_err("not readable")
            .to_string()
    };
    std::os::unix::fs::symlink("claude-flow.toml", &path).expect("writable");
    assert!(
        message().contains("a loop of symbolic links"),
        "{}",
        message()
    );
    fs::remove_file(&path).expect("removable");

    std::os::unix::fs::symlink("nowhere", &path).expect("writable");
    assert!(message().contains("does not exist"), "{}", message());
    fs::remove_file(&path).expect("removable");

    fs::create_dir(&path).expect("writable");
    assert!(message().contains("a directory"), "{}", message());
    fs::remove_dir(&path).expect("removable");

    fs::write(&path, vec![b'#'; 10_000_000]).expect("writable");
    assert!(message().contains("at most 1048576"), "{}", message());

    fs::write(&path, b"# \xFF\n").expect("writable");
    assert!(
        message().contains("claude-flow.toml:1:3: not UTF-8"),
        "{}",
        message()
    );
}

#[test]
fn unusable_nearest_configuration_makes_the_file_unreadable() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.py");
    fs::write(&file, "x = 1\n").expect("writable");
    fs::write(directory.path().join("claude-flow.toml"), "nonsense = 1").expect("writable");
    let document = Pipeline::with_nearest_config().check_paths(&[&file], &Options::default());
    assert_valid(&document);
    let error = document.files[0].error.as_deref().unwrap_or_default();
    assert!(
        error.contains("claude-flow.toml:1:1: unknown field `nonsense`"),
        "{error}"
    );
    assert_eq!(document.exit_status(), 2);
}

#[test]
fn excluded_and_switched_off_checks_say_so() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(directory.path().join("vendor/x")).expect("writable");
    fs::write(
        directory.path().join("claude-flow.toml"),
        "[files]\nexclude = [\"vendor/**\"]\n[checks]\ntext = false\nsyntax = false",
    )
    .expect("writable");
    let check = |name: &str| {
        let file = directory.path().join(name);
        fs::write(&file, "x = 1\n").expect("writable");
        let document = Pipeline::with_nearest_config().check_paths(&[&file], &Options::default());
        assert_valid(&document);
        state(&document, "syntax")
    };
    let excluded = "excluded by files.exclude in claude-flow.toml".to_owned();
    assert_eq!(check("vendor/x/a.py"), (State::NotRun, excluded));
    let off = "switched off by checks.syntax in claude-flow.toml".to_owned();
    assert_eq!(check("vendored.py"), (State::NotRun, off));
}
