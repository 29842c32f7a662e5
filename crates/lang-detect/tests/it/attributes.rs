//! `.gitattributes`.

use claude_flow_lang_detect::{Attributes, Confidence, Evidence, Input, Language, examine};

/// Which paths a pattern matches.
fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let mut attributes = Attributes::default();
    attributes.add("", &format!("{pattern} linguist-vendored\n"));
    for path in matching {
        assert_eq!(attributes.of(path).vendored, Some(true), "{pattern} {path}");
    }
    for path in others {
        assert_eq!(attributes.of(path).vendored, None, "{pattern} {path}");
    }
}

#[test]
fn patterns_match_as_in_git() {
    check("*.c", &["a.c", "x/y/a.c", "x\\a.c"], &["a.cc", "a.c/b"]);
    check("/*.c", &["a.c"], &["x/a.c"]);
    check("x/*.c", &["x/a.c"], &["a.c", "y/x/a.c", "x/y/a.c"]);
    check("x/**", &["x/a", "x/y/b"], &["x", "y/x/a"]);
    check("**/x/a", &["x/a", "y/x/a", "y/z/x/a"], &["x/b", "xx/a"]);
    check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/x/c", "b"]);
    check(
        "a/**/b/**/c",
        &["a/b/c", "a/x/b/y/z/c", "a/b/b/c"],
        &["a/c"],
    );
    check("x/", &[], &["x/a", "x"]);
    check("[ab].c", &["a.c", "b.c"], &["c.c", "ab.c"]);
    check("[!ab].c", &["c.c"], &["a.c"]);
    check("[a-c[:digit:]].c", &["b.c", "7.c"], &["d.c"]);
    check("a?c", &["abc"], &["ac", "a/c"]);
    check("a\\*b", &["a*b"], &["axb"]);
    check("\"a b\"", &["a b"], &["a"]);
    check("\"a\\tb\"", &["a\tb"], &["atb"]);
    check("[", &["["], &["a"]);
    check("a*b*c", &["abc", "axbxbc"], &["abd"]);
}

#[test]
fn last_match_and_inner_files_hold() {
    let mut attributes = Attributes::default();
    attributes.add(
        "",
        "# comment\n[attr]mine linguist-generated\n*.x linguist-language=Python linguist-generated\n!neg linguist-vendored\n/a/*.x -linguist-generated\n",
    );
    attributes.add(
        "a/b",
        "*.x !linguist-language linguist-documentation=true\n",
    );
    let of = |path| attributes.of(path);
    assert_eq!(of("q.x").language, Some(Language::Python));
    assert_eq!(of("q.x").generated, Some(true));
    assert_eq!(of("a/q.x").generated, Some(false));
    assert_eq!(of("a/b/q.x").language, None);
    assert_eq!(of("a/b/q.x").documentation, Some(true));
    assert_eq!(of("neg").vendored, None);
}

#[test]
fn overrides_come_before_everything() {
    let mut attributes = Attributes::default();
    attributes.add(
        "",
        "*.h linguist-language=Objective-C++\n*.rs linguist-language=no-such\n",
    );
    let ask = |path, content| {
        examine(&Input {
            attributes: Some(&attributes),
            ..Input::new(path, content)
        })
    };
    let answer = ask("a.h", b"// -*- C -*-\n");
    assert_eq!(answer.language, Some(Language::ObjectiveCpp));
    assert_eq!(answer.evidence, Some(Evidence::Override));
    assert_eq!(answer.confidence, Confidence::Certain);
    assert_eq!(
        ask("a.rs", b"").language,
        Some(Language::Rust),
        "an unknown name says nothing"
    );
}
