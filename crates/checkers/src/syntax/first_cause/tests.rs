//! Which of a parser's errors are reported.

use claude_flow_lang_detect::Language;

use super::{Recovery, merge, missing_before, missing_operand};
use crate::Finding;

/// `errors` and `expected` are the offsets at which errors start.
fn check(text: &str, recovery: Recovery, errors: &[usize], expected: &[usize]) {
    let errors = errors
        .iter()
        .map(|&at| Finding::error("syntax/x", "x", at..at + 1))
        .collect();
    let found = merge(text, Language::JavaScript, errors, recovery);
    let starts: Vec<_> = found.iter().map(|finding| finding.span.start).collect();
    assert_eq!(starts, expected, "{text}");
}

#[test]
fn a_parser_that_stops_has_one_error() {
    check("a\nb\nc\nd\ne\nf\n", Recovery::Stops, &[8, 0], &[0]);
}

#[test]
fn errors_within_three_lines_follow_from_the_first() {
    check(
        "a\nb\nc\nd\ne\nf\ng\n",
        Recovery::Resumes,
        &[0, 0, 2, 6, 8],
        &[0, 8],
    );
    check(
        "a\nb\nc\nd\ne\nf\ng",
        Recovery::Independent,
        &[0, 2],
        &[0, 2],
    );
}

#[test]
fn errors_at_the_end_of_the_text_follow_from_the_first() {
    check("a\nb\nc\nd\ne\nf\ng\n", Recovery::Resumes, &[0, 13], &[0]);
}

#[test]
fn errors_before_a_lexical_cause_stay() {
    check("a a\n\n\n\n(\nb b\n", Recovery::Resumes, &[2, 11], &[2, 7]);
}

#[test]
fn a_markdown_fence_is_the_cause_of_everything() {
    check("\n```js\na b\n", Recovery::Resumes, &[8], &[1]);
}

#[test]
fn what_is_missing_stands_behind_the_previous_token() {
    let text = "a // b\n\n  c";
    assert_eq!(
        missing_before(text, 10..11, std::slice::from_ref(&(2..6))),
        1..1
    );
    assert_eq!(missing_before("a c", 2..3, &[]), 2..3);
    assert_eq!(missing_operand("a +\nb", 4..5, &[]), Some(("+", 3..3)));
    assert_eq!(missing_operand("a++\nb", 4..5, &[]), None);
}
