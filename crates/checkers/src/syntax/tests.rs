//! How the front ends' tests ask: a file's name and its text in, rules and lines out.

use claude_flow_lang_detect::detect;

use super::syntax;
use crate::{Finding, Outcome, Source};

pub(super) fn run(path: &str, text: &str) -> Outcome {
    let bytes = text.as_bytes();
    let language = detect(path, bytes).expect("a known extension").language;
    syntax(&Source {
        path,
        language,
        bytes,
    })
}

/// `expected`: rule and line of each finding.
#[track_caller]
pub(super) fn check(path: &str, text: &str, expected: &[(&str, usize)]) -> Vec<Finding> {
    let Outcome::Checked { findings } = run(path, text) else {
        panic!("{path} is checked: {text}")
    };
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            let line = text[..finding.span.start].matches('\n').count() + 1;
            (&*finding.rule, line)
        })
        .collect();
    assert_eq!(found, expected, "{path}: {text}");
    findings
}

#[track_caller]
pub(super) fn check_clean(path: &str, texts: &[&str]) {
    for text in texts {
        check(path, text, &[]);
    }
}
