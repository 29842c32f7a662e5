//! What the common loaders of YAML accept and reject.

use crate::syntax::tests;
use crate::{Finding, Outcome, Severity};

/// `expected`: rule and line of each finding.
#[track_caller]
fn check(text: &str, expected: &[(&str, usize)]) -> Vec<Finding> {
    tests::check("a.yaml", text, expected)
}

fn run(text: &str) -> Outcome {
    tests::run("a.yaml", text)
}

#[test]
fn streams_of_documents_are_clean() {
    for text in [
        "",
        "# only a comment\n",
        "a: 1\n---\nb: [c, {d: e}]\n...\n---\n- f\n-\t g\n",
        "a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n",
        "a: |\n  {{ b }}\nd: >-\n  e\n",
        "a: ${{ b.c }}\nd: \"{{ e }}\"\n",
        "? [a, b]\n: c\n? a\n: !!str d\n",
        "1: a\n\"1\": b\n",
    ] {
        check(text, &[]);
    }
}

#[test]
fn flow_collections_may_be_indented_too_little() {
    for text in [
        "a:\n  b: [\n  1,\n  # d: ]\n  2\n  ]\n",
        "a: {\nb: c, # é }\n}\nd: [\n]\n",
        "a:\n  b: \"c\n d\"\n",
    ] {
        check(text, &[]);
    }
    check("a: [\n1,\n2\nb: 3\n", &[("syntax/unclosed-bracket", 1)]);
    check(
        "a:\n  b: \"c\nd: \"e\"\n",
        &[("syntax/unterminated-literal", 2)],
    );
}

#[test]
fn mistakes_are_on_their_line() {
    for (text, rule, line) in [
        ("a: 1\nb: *c\n", "syntax/undefined-alias", 2),
        ("a:\n  b: 1\n  c\n    d: 2\n", "syntax/missing-token", 3),
        ("a:\n\tb: 1\n", "syntax/indentation", 2),
        ("a:\n  \t- b\n", "syntax/indentation", 2),
        ("a: b: c\n", "syntax/unexpected-token", 1),
        ("a: \"\\q\"\n", "syntax/invalid-escape", 1),
        ("é: ü\na: b: c\n", "syntax/unexpected-token", 2),
        ("a:\n  - b: {{ c }}/d\n", "syntax/unquoted-string", 2),
    ] {
        check(text, &[(rule, line)]);
    }
    let with_nul = format!("a\0: {}\n", "b".repeat(100));
    check(&with_nul, &[("syntax/invalid-character", 1)]);
}

#[test]
fn keys_that_occur_twice_are_a_warning() {
    let findings = check("a: 1\nb: 2\na: 3\n", &[("syntax/duplicate-key", 3)]);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert_eq!(findings[0].related[0].span, 0..1);
    check(
        "a: {b: 1, b: 2}\nc: {b: 1}\n",
        &[("syntax/duplicate-key", 1)],
    );
}

#[test]
fn templates_are_not_judged() {
    for text in [
        "{{- if .a }}\nb: c\n{{- end }}\n",
        "a: {{ .Values.b }}:c\n",
        "{% set a = 1 %}\nb: {{ a }}\n",
    ] {
        assert!(matches!(run(text), Outcome::NotRun { .. }), "{text}");
    }
}

#[test]
fn nesting_beyond_the_parser_is_not_judged() {
    let text = "[".repeat(100_000);
    assert!(matches!(run(&text), Outcome::NotRun { .. }));
    check(&"- ".repeat(10_000), &[]);
}
