use super::blank::{Style, comments_and_strings, guarded_regions};
use super::pattern::matches;
use super::{Atom, EXTENSIONS, FAMILIES, family};
use crate::Language;

fn check(atoms: &[Atom], text: &str, expected: bool) {
    assert_eq!(matches(atoms, false, text.as_bytes()), expected, "{text:?}");
}

#[test]
fn patterns_match_whole_words_and_go_on_behind_anything() {
    check(
        &[Atom::Text("class"), Atom::Blanks, Atom::Word],
        "class  A",
        true,
    );
    check(
        &[Atom::Text("class"), Atom::Blanks, Atom::Word],
        "class 1",
        false,
    );
    check(&[Atom::Text("begin")], "beginning", false);
    check(&[Atom::Text("begin")], "begin;", true);
    check(&[Atom::Text(":=")], ":=x", true);
    check(
        &[Atom::Word, Atom::MaybeBlanks, Atom::Text("=")],
        "a=",
        true,
    );
    check(&[Atom::Capital], "a", false);
    check(&[Atom::Digits, Atom::End], "12 \t", true);
    let later = [Atom::Text("a"), Atom::Any, Atom::Text("b"), Atom::End];
    check(&later, "a b b", true);
    check(&later, "a b c", false);
    check(&later, "a xb", false);
    let twice = [Atom::Any, Atom::Text("("), Atom::Any, Atom::Text(")")];
    check(&twice, "f(a)", true);
    check(&twice, ")(", false);
}

#[test]
fn comments_strings_and_regions_are_blanked_in_place() {
    let style = Style::of(&["//", "/*", "\"", "'"]);
    let text = b"a // b\n/* c\nd */ e \"f\\\"g\" 'h'\n#include \"i.hpp\"\n\"open\nj";
    let blanked = comments_and_strings(text, style);
    assert_eq!(blanked.len(), text.len());
    let words: Vec<&[u8]> = blanked
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(words, [&b"a"[..], b"e", b"#include", b"\"i.hpp\"", b"j"]);
    let mut guarded =
        b"#if X\n#ifdef __cplusplus\n#include <a>\nb\n#if Y\nc\n#endif\n#else\nd\n#endif\ne\n#endif\n".to_vec();
    guarded_regions(&mut guarded, &["__cplusplus"]);
    let text = String::from_utf8_lossy(&guarded);
    assert!(
        !text.contains("<a>") && !text.contains('b') && !text.contains("c\n"),
        "{text}"
    );
    assert!(text.contains("\nd\n") && text.contains("\ne\n"), "{text}");
}

/// A family whose rules name a language that its extensions cannot be is a mistake in the data.
#[test]
fn rules_name_languages_of_their_extensions() {
    for (extension, index) in EXTENSIONS {
        if extension.starts_with('*') {
            continue;
        }
        let family = &FAMILIES[usize::from(index)];
        let known = crate::language::with_extension(extension);
        assert!(
            !known.is_empty(),
            ".{extension} is no extension of the data"
        );
        let is_known = known
            .iter()
            .any(|language| family.rules.iter().any(|rule| rule.language == *language))
            || family
                .default
                .is_some_and(|default| known.contains(&default));
        assert!(is_known, ".{extension}: no rule for {known:?}");
    }
}

#[test]
fn equal_points_decide_nothing() {
    let family = family("pl").expect("it is in the data");
    assert_eq!(family.decide(b"hello\n"), None);
    let verdict = family.decide(b"use strict;\n").expect("a decisive line");
    assert_eq!(verdict.language, Language::Perl);
    assert!(verdict.is_clear);
}
