use super::blank::Lines;
use super::pattern::matches;
use super::{Atom, EXTENSIONS, FAMILIES, Starts, family};
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

/// The lines that rules see, without blanks at their ends and without empty ones.
fn seen(text: &str, marks: &[&str], guards: &[&str]) -> Vec<String> {
    let mut lines = Lines::of(text.as_bytes(), marks, guards);
    let mut seen = Vec::new();
    while let Some(line) = lines.next() {
        let line = String::from_utf8_lossy(line).trim().to_owned();
        if !line.is_empty() {
            seen.push(line);
        }
    }
    seen
}

#[test]
fn comments_and_strings_are_left_out() {
    let marks = ["//", "/*", "\"", "'"];
    let text = "a // b\n/* c\nd */ e \"f\\\"g\" 'h'\n#include \"i.hpp\" // j\n\"open\nk /* l";
    let expected = ["a", "e", "#include \"i.hpp\" // j", "k"];
    assert_eq!(seen(text, &marks, &[]), expected);
    assert_eq!(seen("a--b\r\n--c", &["--"], &[]), ["a"]);
    assert_eq!(seen("x(*y\n*)z", &[], &[]), ["x(*y", "*)z"]);
    assert_eq!(seen("x(*y\n*)z", &["(*"], &[]), ["x", "z"]);
}

#[test]
fn what_another_compiler_sees_is_left_out() {
    let text = "#if X\n#ifdef __cplusplus\n#include <a>\nb\n#if Y\nc\n#endif\n#else\nd\n#endif\ne\n#endif\n";
    let seen = seen(text, &[], &["__cplusplus"]);
    let lines: Vec<&str> = seen
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with("#i") && !line.starts_with("#e"))
        .collect();
    assert_eq!(lines, ["d", "e"]);
    assert!(!seen.contains(&"#include <a>".to_owned()), "{seen:?}");
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

/// The quick look at two bytes must not pass over a rule that would match.
#[test]
fn every_rule_is_asked_where_its_text_begins() {
    for family in &FAMILIES {
        let starts = Starts::of(family.rules);
        for (index, rule) in family.rules.iter().enumerate() {
            let text = match rule.atoms.first() {
                Some(Atom::Text(text)) => *text,
                _ => "x",
            };
            let mut spellings = vec![text.to_owned()];
            if rule.ignores_case {
                spellings.extend([text.to_uppercase(), text.to_lowercase()]);
            }
            for spelling in spellings {
                for text in [spelling.clone(), format!("{spelling} y")] {
                    let asked = starts.at(text.as_bytes());
                    assert!(asked & (1 << index) != 0, "{text:?}: {rule:?}");
                }
            }
            let is_anywhere = starts.anywhere & (1 << index) != 0;
            assert_eq!(is_anywhere, rule.is_anywhere, "{rule:?}");
        }
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
