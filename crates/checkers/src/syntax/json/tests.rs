//! What RFC 8259 and its relatives accept and reject.

use crate::syntax::tests::{check, check_clean, run};
use crate::{Outcome, Severity};

/// That a text has an error, whatever its rule.
fn check_broken(path: &str, texts: &[&str]) {
    for text in texts {
        let outcome = run(path, text);
        let Outcome::Checked { findings } = outcome else {
            panic!("{path} is checked: {text}")
        };
        let is_broken = findings
            .iter()
            .any(|finding| finding.severity == Severity::Error);
        assert!(is_broken, "{text:?}");
    }
}

#[test]
fn what_the_rfc_allows_is_clean() {
    check_clean(
        "a.json",
        &[
            "[]",
            "{}",
            " [ ] ",
            "\t\n\r[]\n",
            "null",
            "true",
            "-1",
            "\"\"",
            "0",
            "-0",
            "0e1",
            "0e+1",
            "1E22",
            "1E-2",
            "123.456789",
            "20e1",
            "-123",
            "-0.0",
            "[[]   ]",
            "[\"\"]",
            "[null, 1, \"1\", {}]",
            "[1,null,null,null,2]",
            "{\"\":0}",
            "{\"a\\u0000b\":42}",
            "{\"a\":[]}",
            "{\n\"a\": \"b\"\n}",
            "[\"\\u0060\\u012a\\u12AB\"]",
            "[\"\\uD801\\udc37\"]",
            "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
            "[\"\\\\u0000\"]",
            "[\"a/*b*/c/*d//e\"]",
            "[\"é\u{2028}\"]",
            "[\"\u{7f}\"]",
            "[\"\\uDADA\"]",
            "[\"\\uDd1e\\uD834\"]",
            "[1e9999]",
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of texts")]
fn what_the_rfc_forbids_is_an_error() {
    check_broken(
        "a.json",
        &[
            "",
            " ",
            "[1 true]",
            "[a",
            "[\"\": 1]",
            "[\"a\",",
            "[,1]",
            "[1,,2]",
            "[\"x\"]]",
            "[\"\",]",
            "[\"x\"",
            "[3[4]]",
            "[,]",
            "[-]",
            "[1:2]",
            "[++1]",
            "[+1]",
            "[+Inf]",
            "[-01]",
            "[-1.0.]",
            "[-2.]",
            "[-NaN]",
            "[.-1]",
            "[.2e-3]",
            "[0.1.2]",
            "[0.3e+]",
            "[0.e1]",
            "[0E+]",
            "[0e]",
            "[1.0e-]",
            "[1 000.0]",
            "[1eE2]",
            "[2.e3]",
            "[9.e+]",
            "[Inf]",
            "[NaN]",
            "[0x1]",
            "[1+2]",
            "[Infinity]",
            "[-012]",
            "[-1x]",
            "[012]",
            "[1_000]",
            "[1.2a-3]",
            "{\"x\", null}",
            "{\"x\"::\"b\"}",
            "{\"a\":\"a\" 123}",
            "{key: 'value'}",
            "{\"a\" b}",
            "{:\"b\"}",
            "{\"a\" \"b\"}",
            "{\"a\":",
            "{\"a\"",
            "{1:1}",
            "{\"id\":0,,,}",
            "{'a':0}",
            "{\"id\":0,}",
            "{\"a\":\"b\"}/**/",
            "{\"a\":\"b\"}//",
            "{\"a\":\"b\"}#",
            "{\"a\":true} \"x\"",
            "[\"\\uD800\\u\"]",
            "[\"\\u00A\"]",
            "[\"\\u12G4\"]",
            "[\"\\a\"]",
            "[\"\\x00\"]",
            "[\"\\\"]",
            "[\"a\u{1}b\"]",
            "[\"new\nline\"]",
            "[\"\t\"]",
            "[\\u0020\"x\"]",
            "\"",
            "['x']",
            "[\u{c}]",
            "[\u{a0}]",
            "[\u{2060}]",
            "<null>",
            "[1]x",
            "[True]",
            "[nul]",
            "[truex]",
            "{} {}",
            "*",
            "{\"a\": 1 }}",
            "[\"a\u{1f}a\"]",
        ],
    );
}

#[test]
fn nesting_has_no_limit() {
    check(
        "a.json",
        &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        &[],
    );
    check(
        "a.json",
        &format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)),
        &[],
    );
}

#[test]
fn json_lines_are_documents() {
    check("a.jsonl", "{\"a\": 1}\n\n[2]\r\n3\n", &[]);
    let expected = [("syntax/missing-token", 1), ("syntax/trailing-comma", 3)];
    check("a.ndjson", "{\"a\": 1\n[2]\n[3,]\n", &expected);
    check(
        "a.jsonl",
        "{\n\"a\": 1}\n",
        &[("syntax/missing-token", 1), ("syntax/unexpected-token", 2)],
    );
}

#[test]
fn comments_and_trailing_commas_depend_on_the_dialect() {
    let text = "// a\n{\"b\": [1, 2,], /* c */ \"d\": 3,}\n";
    check("a.jsonc", text, &[]);
    check("a.jsonc", "", &[]);
    check("a.jsonc", "{a: 1}", &[("syntax/unexpected-token", 1)]);
    let expected = [
        ("syntax/comment", 1),
        ("syntax/trailing-comma", 2),
        ("syntax/trailing-comma", 2),
    ];
    check("a.json", text, &expected);
    check("a.jsonc", "{,}", &[("syntax/missing-token", 1)]);
}

#[test]
fn a_comment_that_ends_in_a_string_is_to_blame() {
    let text = "{\n  /* \"a\": 1,\n  \"b\": {\"**/c\": 2}\n}\n";
    check("a.jsonc", text, &[("syntax/unterminated-comment", 2)]);
}

#[test]
fn json5_allows_what_ecmascript_does() {
    check_clean(
        "a.json5",
        &[
            "{a: 1, $b_1: 'c\\\nd', 'é': +.5, ü: 0xDEADbeef, \"e\": [NaN, -Infinity,],}",
            "// a\n\u{feff}\u{a0}['\\x41\\u0041\\v\\0\\'\\\"\\a']",
            "5.",
            "{true: null, null: true}",
        ],
    );
    check_broken(
        "a.json5",
        &[
            "", "{a-b: 1}", "{1a: 1}", "[0x]", "[.]", "[+-1]", "[010]", "'a\nb'", "'\\1'",
            "'\\x4'", "[1,,2]", "# a\n1", "[- 1]",
        ],
    );
}

#[test]
fn keys_that_occur_twice_are_a_warning() {
    let text = "{\"a\": 1, \"b\": {\"a\": 2},\n\"a\": 3}";
    let findings = check("a.json", text, &[("syntax/duplicate-key", 2)]);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert_eq!(findings[0].related[0].span, 1..4);
}

#[test]
fn what_is_missing_is_missing_where_it_would_be_typed() {
    check(
        "a.json",
        "{\n  \"a\": 1\n  \"b\": 2\n}\n",
        &[("syntax/missing-token", 2)],
    );
    check(
        "a.json",
        "{\n  \"a\":\n  \"b\": 2\n}\n",
        &[("syntax/missing-token", 3)],
    );
    check(
        "a.json",
        "[\n  1,\n  \"b,\n  2\n]\n",
        &[("syntax/unterminated-literal", 3)],
    );
}

#[test]
fn a_comment_of_one_byte_before_an_error_is_survived() {
    check_broken("a.json", &["#\n("]);
}
