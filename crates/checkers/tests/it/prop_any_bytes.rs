//! Any bytes in: no panic, no failure, and every span within the text.

use std::ops::Range;

use claude_flow_checkers::{Finding, LANGUAGES, Outcome, Source, syntax, text};
use claude_flow_lang_detect::Language;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::Fixture;

/// Long enough for nesting and recovery, short enough for thousands of runs.
const BYTES_MAX: usize = 2_000;

/// What brackets, quotes and comments are made of in all of the languages.
const SOUP: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "'''",
    "/*",
    "*/",
    "//",
    "#",
    "\\",
    "\n",
    "\r\n",
    " ",
    "\t",
    ",",
    ";",
    ":",
    "=",
    "-",
    "|",
    ">-",
    "${",
    "r#\"",
    "\"#",
    "f\"",
    "#if 0",
    "#endif",
    "<<<<<<< a\n",
    "=======\n",
    ">>>>>>> b\n",
    "a",
    "1",
    "if",
    "fn",
    "def f():",
    "class A",
    "&a",
    "*a",
    "!!x",
    "---",
    "\u{feff}",
    "\u{2028}",
    "é",
    "😀",
    "\0",
];

fn is_within(span: &Range<usize>, len: usize) -> bool {
    span.start <= span.end && span.end <= len
}

fn spans(finding: &Finding) -> impl Iterator<Item = &Range<usize>> {
    let related = finding.related.iter().map(|related| &related.span);
    let fix = finding.fix.iter().map(|fix| &fix.span);
    std::iter::once(&finding.span).chain(related).chain(fix)
}

fn check(language: Language, path: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let source = Source {
        path,
        language,
        bytes,
    };
    for outcome in [text(&source), syntax(&source)] {
        match outcome {
            Outcome::Checked { findings } => {
                for finding in &findings {
                    let outside = spans(finding).find(|span| !is_within(span, bytes.len()));
                    prop_assert!(
                        outside.is_none(),
                        "{outside:?} of {}: {finding:?}",
                        bytes.len()
                    );
                }
            }
            Outcome::NotRun { .. } => {}
            Outcome::Failed { reason } => prop_assert!(false, "{language}: {reason}"),
        }
    }
    Ok(())
}

/// A name that the language's files have.
fn path(language: Language) -> &'static str {
    match language {
        Language::C => "a.c",
        Language::Cpp => "a.cpp",
        Language::Go => "a.go",
        Language::Java => "A.java",
        Language::JavaScript => "a.js",
        Language::Json => "a.json",
        Language::JsonWithComments => "a.jsonc",
        Language::Json5 => "a.json5",
        Language::Python => "a.py",
        Language::Rust => "a.rs",
        Language::Toml => "a.toml",
        Language::Tsx => "a.tsx",
        Language::TypeScript => "a.ts",
        _ => "a.yaml",
    }
}

fn any_language() -> impl Strategy<Value = Language> {
    select(LANGUAGES.as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(
        language in any_language(),
        bytes in prop::collection::vec(any::<u8>(), 0..BYTES_MAX),
    ) {
        check(language, path(language), &bytes)?;
    }

    #[test]
    fn bracket_soup_is_survived(
        language in any_language(),
        words in prop::collection::vec(select(SOUP), 0..BYTES_MAX / 8),
    ) {
        check(language, path(language), words.concat().as_bytes())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A piece of a good file is replaced by a piece of another place or by soup.
    #[test]
    fn mutated_fixtures_are_survived(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0..40_usize, any::<Index>()), 1..4),
        word in select(SOUP),
    ) {
        let fixtures = Fixture::good();
        let fixture = which.get(&fixtures);
        let mut bytes = fixture.bytes.clone();
        for (at, len, from) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + len).min(bytes.len());
            let taken = from.index(fixture.bytes.len() + 1);
            let piece = &fixture.bytes[taken..(taken + len).min(fixture.bytes.len())];
            bytes.splice(start..end, piece.iter().copied().chain(word.bytes()));
        }
        check(fixture.language, &fixture.path, &bytes)?;
    }
}
