//! Texts with one thing wrong each.

use claude_flow_lang_detect::Language;

use crate::{Outcome, Severity, Source, plain_text, text};

fn check(language: Language, bytes: &[u8], expected: &[(&str, Severity, usize)]) {
    let Outcome::Checked { findings } = text(&Source {
        path: "a",
        language,
        bytes,
    }) else {
        panic!("text is always checked")
    };
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.rule.as_ref(), finding.severity, finding.span.start))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn sound_text_is_clean() {
    check(Language::Python, b"a = 1\n", &[]);
    check(Language::Python, b"", &[]);
    check(Language::Go, b"a\r\nb\r\n", &[]);
}

#[test]
fn a_whole_conflict_is_an_error_and_a_lone_marker_is_not() {
    let conflict = b"a = 1\n<<<<<<< HEAD\nb = 2\n=======\nb = 3\n>>>>>>> other\n";
    check(
        Language::Python,
        conflict,
        &[("text/conflict-marker", Severity::Error, 6)],
    );
    check(Language::Python, b"'''\nTitle\n=======\n'''\n", &[]);
    check(Language::Python, b"x = 1 <<<<<<< 2\n", &[]);
}

#[test]
fn bytes_that_are_no_utf8_are_an_error_where_the_language_wants_utf8() {
    check(
        Language::Rust,
        b"// \xff\n",
        &[("text/invalid-utf8", Severity::Error, 3)],
    );
    check(
        Language::C,
        b"/* \xe9t\xe9 */\n",
        &[("text/invalid-utf8", Severity::Warning, 3)],
    );
    check(
        Language::Python,
        b"# -*- coding: latin-1 -*-\n# \xe9\n",
        &[],
    );
    check(
        Language::Python,
        b"# -*- coding: utf-8 -*-\n# \xe9\n",
        &[("text/invalid-utf8", Severity::Error, 26)],
    );
}

#[test]
fn marks_and_stray_bytes_are_named() {
    check(
        Language::Java,
        b"\xEF\xBB\xBFclass A {}",
        &[("text/byte-order-mark", Severity::Error, 0)],
    );
    check(
        Language::Rust,
        b"\xEF\xBB\xBFfn f() {}",
        &[("text/byte-order-mark", Severity::Info, 0)],
    );
    check(
        Language::Json,
        b"[\"\0\"]",
        &[("text/nul-byte", Severity::Error, 2)],
    );
    check(
        Language::Go,
        b"\xFF\xFEa\0",
        &[("text/encoding", Severity::Warning, 0)],
    );
    check(
        Language::Go,
        b"a\nb\r\nc\n",
        &[("text/mixed-line-endings", Severity::Warning, 3)],
    );
}

#[test]
fn plain_text_of_an_unknown_language_has_warnings_at_most() {
    let conflict = b"a\r\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n";
    let Outcome::Checked { findings } = plain_text(conflict) else {
        panic!("it is text");
    };
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (&*finding.rule, finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ("text/mixed-line-endings", Severity::Warning),
            ("text/conflict-marker", Severity::Warning),
        ]
    );
}

#[test]
fn content_that_is_no_text_is_not_called_clean() {
    for bytes in [&b"\x89PNG\r\n\x1a\n\x00"[..], b"caf\xE9", b"\xFF\xFEa\x00"] {
        assert!(
            matches!(plain_text(bytes), Outcome::NotRun { .. }),
            "{bytes:?}"
        );
    }
    let nothing_odd = Outcome::Checked {
        findings: Vec::new(),
    };
    assert_eq!(plain_text(b"heading\n=======\n"), nothing_odd);
}
