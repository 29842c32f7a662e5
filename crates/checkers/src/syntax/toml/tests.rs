//! What TOML 1.1 allows.

use crate::syntax::tests;
use crate::{Finding, Outcome, Severity};

/// `expected`: rule and line of each finding.
#[track_caller]
fn check(text: &str, expected: &[(&str, usize)]) -> Vec<Finding> {
    tests::check("a.toml", text, expected)
}

fn run(text: &str) -> Outcome {
    tests::run("a.toml", text)
}

#[test]
fn version_1_1_is_clean() {
    for text in [
        "",
        "a = { b = 1,\n  c = 2, # d\n}\n",
        "a = \"\\e[0m \\x41\"\nb = 07:32\n",
        "[a.b]\nc.d = 1\n[a]\n[[e]]\nf = 1\n[[e]]\nf = 1\n",
        "a = '''\n'b''''\nc = 0xdead_beef\nd = -inf\ne = 1979-05-27 07:32:00Z\n",
    ] {
        check(text, &[]);
    }
}

#[test]
fn a_key_that_is_defined_twice_names_the_first() {
    for (text, line, first) in [
        ("a = 1\na = 2\n", 2, 0..1),
        ("a.b = 1\nc = 1\na.\"b\" = 2\n", 3, 2..3),
        ("[a]\n[b]\n[a]\n", 3, 1..2),
        ("a = { b = 1, b = 2 }\n", 1, 6..7),
        ("[[a]]\nb = 1\n[[a]]\nb = 1\nb = 2\n", 5, 18..19),
        ("a = [{ b = 1 }, { b = 1, b = 2 }]\n", 1, 18..19),
    ] {
        let findings = check(text, &[("syntax/duplicate-key", line)]);
        let related: Vec<_> = findings[0]
            .related
            .iter()
            .map(|it| it.span.clone())
            .collect();
        assert_eq!(related, [first], "{text}");
    }
}

#[test]
fn mistakes_are_on_their_line() {
    for (text, rule, line) in [
        ("a = [\n  1\n  2\n]\n", "syntax/missing-token", 2),
        ("a = 1\nb =\nc = 1\n", "syntax/missing-token", 2),
        ("a = 1\nb = c\n", "syntax/unquoted-string", 2),
        ("a = \"\\q\"\n", "syntax/invalid-escape", 1),
        ("a = 1\nb = 01\n", "syntax/invalid-number", 2),
        (
            "a = 1\nb = \"\"\"c\nd = 1\n",
            "syntax/unterminated-literal",
            2,
        ),
        ("a = [1,\nb = 2\n", "syntax/unclosed-bracket", 1),
    ] {
        check(text, &[(rule, line)]);
    }
}

#[test]
fn numbers_beyond_64_bits_are_a_warning() {
    let findings = check(
        "a = 99999999999999999999\n",
        &[("syntax/invalid-number", 1)],
    );
    assert_eq!(findings[0].severity, Severity::Warning);
}

#[test]
fn nesting_beyond_the_parser_is_not_judged() {
    let arrays = format!("a = {}{}\n", "[".repeat(81), "]".repeat(81));
    let keys = format!("{}a = 1\n", "a.".repeat(81));
    for text in [arrays, keys] {
        assert!(matches!(run(&text), Outcome::NotRun { .. }), "{text}");
    }
    check(&format!("a = {}{}\n", "[".repeat(79), "]".repeat(79)), &[]);
}
