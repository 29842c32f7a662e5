//! What goes in comes out again, byte for byte.

use super::{Placement, SettingsError, Uninstalled};
use crate::hook::Harness;
use clap::ValueEnum;

const CLAUDE: &Placement = Placement::of(Harness::ClaudeCode);

/// Installs, looks whether it is valid and whole, and uninstalls.
#[track_caller]
fn check_round_trip(text: &str) {
    let installed = CLAUDE
        .install(text)
        .expect("a good file")
        .expect("not in there yet");
    let value: serde_json::Value = serde_json::from_str(installed.trim_start_matches('\u{feff}'))
        .unwrap_or_else(|error| panic!("{error}: {installed}"));
    let groups = value["hooks"]["PostToolUse"].as_array().expect("a list");
    let last = groups.last().expect("our group");
    assert_eq!(last["hooks"][0]["command"], "claude-flow");
    assert_eq!(last["hooks"][0]["args"][1], "claude-code");
    assert_eq!(CLAUDE.install(&installed), Ok(None), "idempotent");
    assert_eq!(CLAUDE.is_installed(&installed), Ok(true));
    let left = CLAUDE.uninstall(&installed).expect("a good file");
    assert_eq!(
        left,
        Some(Uninstalled::Text(text.to_owned())),
        "{installed}"
    );
    assert_eq!(CLAUDE.uninstall(text), Ok(None));
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let refused = |error: SettingsError| error.to_string();
    let error = CLAUDE
        .install(text)
        .map_err(refused)
        .expect_err("a bad file");
    assert!(error.contains(expected), "{error}");
    assert!(CLAUDE.uninstall(text).is_err() || !text.contains("claude-flow"));
}

#[test]
fn empty_objects_come_back() {
    for text in [
        "{}",
        "{}\n",
        "{ }",
        "{\n}\n",
        "{\r\n}\r\n",
        "\u{feff}{}\n",
        "\n {} \n",
    ] {
        check_round_trip(text);
    }
}

#[test]
fn other_keys_keep_their_order_and_their_bytes() {
    check_round_trip("{\n  \"z\": 1,\n  \"a\": [1,2 , 3],\n\n  \"m\": {\"x\":1e5}\n}\n");
    check_round_trip("{\n    \"four\": {\n        \"deep\": true\n    }\n}");
    check_round_trip("{\n\t\"tab\": null\n}\n");
    check_round_trip("{\r\n  \"crlf\": \"\\u00e9é\"\r\n}\r\n");
    check_round_trip("{\"one\":1,\"line\":[]}");
    check_round_trip("{\"one\":1,\n\"column\":2}\n");
    check_round_trip("{ \"spaced\" : 1 }\n");
}

#[test]
fn other_hooks_stay() {
    check_round_trip("{\n  \"hooks\": {}\n}\n");
    check_round_trip("{\n  \"hooks\": {\n  }\n}\n");
    check_round_trip("{\n  \"hooks\": {\n    \"PostToolUse\": []\n  },\n  \"a\": 1\n}\n");
    check_round_trip("{\"a\":1,\"hooks\":{}}");
    check_round_trip("{\"a\":1,\"hooks\":{\"PostToolUse\":[]}}");
    check_round_trip("{\"a\":1,\"hooks\":{\"Stop\":[]}}");
    check_round_trip(
        "{\n  \"hooks\": {\n    \"Stop\": [],\n    \"PostToolUse\": [\n      {\n        \"matcher\": \"Bash\",\n        \"hooks\": [{\"type\": \"command\", \"command\": \"echo claude-flow\"}]\n      }\n    ]\n  }\n}\n",
    );
    check_round_trip("{\"hooks\":{\"PostToolUse\":[{\"matcher\":\"\"}]}}");
}

#[test]
fn a_file_of_ours_goes_as_a_whole() {
    assert_eq!(
        CLAUDE.uninstall(&CLAUDE.new_file()),
        Ok(Some(Uninstalled::File))
    );
    assert_eq!(CLAUDE.install(&CLAUDE.new_file()), Ok(None));
    insta::assert_snapshot!(CLAUDE.new_file());
}

#[test]
fn a_hook_among_others_is_taken_out_alone() {
    let text = r#"{"hooks":{"PostToolUse":[{"matcher":"Edit","hooks":[{"type":"command","command":"a"},{"type":"command","command":"/usr/bin/claude-flow hook claude-code"},{"type":"command","command":"b"}]}]}}"#;
    let expected = r#"{"hooks":{"PostToolUse":[{"matcher":"Edit","hooks":[{"type":"command","command":"a"},{"type":"command","command":"b"}]}]}}"#;
    assert_eq!(CLAUDE.install(text), Ok(None));
    assert_eq!(
        CLAUDE.uninstall(text),
        Ok(Some(Uninstalled::Text(expected.to_owned())))
    );
}

#[test]
fn what_was_added_after_ours_stays() {
    let installed = CLAUDE
        .install("{\n  \"a\": 1\n}\n")
        .expect("good")
        .expect("new");
    let more = installed.replace("\n  }\n}\n", "\n  },\n  \"b\": 2\n}\n");
    assert_ne!(installed, more);
    let left = CLAUDE.uninstall(&more);
    let expected = "{\n  \"a\": 1,\n  \"b\": 2\n}\n".to_owned();
    assert_eq!(left, Ok(Some(Uninstalled::Text(expected))));
}

#[test]
fn other_programs_hooks_are_not_ours() {
    let text = r#"{"hooks":{"PostToolUse":[{"hooks":[{"command":"claude-flow","args":["hook","other"]},{"command":"not-claude-flow hook claude-code"},{"command":7}]}]}}"#;
    assert_eq!(CLAUDE.uninstall(text), Ok(None));
    check_round_trip(text);
}

#[test]
fn layout_follows_the_file() {
    let installed = CLAUDE
        .install("{\n\t\"a\": 1\n}\n")
        .expect("good")
        .expect("new");
    assert!(
        installed.contains("\n\t\t\t{\n\t\t\t\t\"matcher\""),
        "{installed}"
    );
    let installed = CLAUDE
        .install("{\r\n    \"a\": 1\r\n}")
        .expect("good")
        .expect("new");
    assert_eq!(
        installed.matches('\n').count(),
        installed.matches("\r\n").count()
    );
    assert!(
        installed.contains("\r\n    \"hooks\": {\r\n        \"Post"),
        "{installed}"
    );
}

#[test]
fn what_claude_code_would_not_read_is_refused() {
    check_refused("", "it is empty");
    check_refused("{\n  // mine\n  \"a\": 1\n}", "line 2 has a comment");
    check_refused("{\"a\": 1 /* x */}", "line 1 has a comment");
    check_refused("{\"a\": 1,}", "line 1, column");
    check_refused("{\"a\" 1}", "line 1, column");
    check_refused("[]", "`the top level` is an array, and has to be an object");
    check_refused(
        "{\"hooks\": \"x\"}",
        "`hooks` is a string, and has to be an object",
    );
    check_refused(
        "{\"hooks\": {\"PostToolUse\": {}}}",
        "`hooks.PostToolUse` is an object, and has to be an array",
    );
    check_refused(
        "{\"hooks\": {\"PostToolUse\": [1]}}",
        "`hooks.PostToolUse[0]` is a number",
    );
    check_refused(
        "{\"hooks\": {\"PostToolUse\": [{\"hooks\": null}]}}",
        "`hooks.PostToolUse[0].hooks` is null",
    );
    check_refused(
        "{\"hooks\": {\"PostToolUse\": [{\"hooks\": [true]}]}}",
        "`hooks.PostToolUse[0].hooks[0]` is a boolean",
    );
    check_refused("{\"hooks\": {}, \"hooks\": {}}", "`hooks` is there twice");
    check_refused(&"[".repeat(100_000), "line 1");
}

#[test]
fn every_harness_has_its_own_form_and_gives_it_back() {
    for harness in Harness::value_variants() {
        let place = Placement::of(*harness);
        let new = place.new_file();
        assert_eq!(place.uninstall(&new), Ok(Some(Uninstalled::File)));
        assert_eq!(place.is_installed(&new), Ok(true));
        insta::assert_snapshot!(place.harness, new);
        for text in [
            "{\n  \"version\": 1,\n  \"hooks\": {}\n}\n".to_owned(),
            format!("{{\"version\":1,\"hooks\":{{\"{}\":[]}}}}", place.event),
            "{\"version\":1}\n".to_owned(),
        ] {
            let installed = place
                .install(&text)
                .expect("a good file")
                .expect("not in there");
            assert_eq!(place.is_installed(&installed), Ok(true), "{installed}");
            let left = place.uninstall(&installed);
            assert_eq!(left, Ok(Some(Uninstalled::Text(text))), "{installed}");
        }
    }
}

#[test]
fn a_handler_among_others_in_a_list_without_groups_is_taken_out_alone() {
    let place = Placement::of(Harness::Cursor);
    let others = r#"{"version":1,"hooks":{"postToolUse":[{"command":"a"},{"command":"b"}]}}"#;
    let with = r#"{"version":1,"hooks":{"postToolUse":[{"command":"a"},{"command":"claude-flow hook cursor"},{"command":"b"}]}}"#;
    let left = place.uninstall(with);
    assert_eq!(left, Ok(Some(Uninstalled::Text(others.to_owned()))));
}
