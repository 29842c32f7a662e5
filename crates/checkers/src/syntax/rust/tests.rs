//! What `rustc` accepts and rejects while it parses.

use crate::Finding;
use crate::syntax::tests;

/// `expected`: rule and line of each finding.
#[track_caller]
fn check(text: &str, expected: &[(&str, usize)]) -> Vec<Finding> {
    tests::check("a.rs", text, expected)
}

#[track_caller]
fn check_clean(texts: &[&str]) {
    tests::check_clean("a.rs", texts);
}

#[test]
fn any_edition_is_clean() {
    check_clean(&[
        "fn f() { let async = 1; let dyn = dyn::g(); try(x); }\n",
        "trait T { fn f(&self, u64, &'static str) -> u64; fn g(Option<Box<A>>) {} }\n",
        "fn f() { async move { x.await? }; if let Some(a) = b && a > 1 {} }\n",
        "macro_rules! m { ($a:expr) => { z\"x\" } }\n",
        "fn f() -> impl Sized + use<'_> { gen::h(); unsafe extern \"C\" {} }\n",
        "#!/usr/bin/env run\nfn main() {}\n",
        "use a::{self, b::c};\nuse self::d::crate_;\n",
        "fn f(a: Box<dyn Fn(&str) -> &str + Send>) { match a { 1..=2 | 3.. => {} _ => {} } }\n",
    ]);
}

#[test]
fn attributes_are_tokens_to_the_parser() {
    check_clean(&[
        "#![cfg_attr(all(a, b), cfg_attr(version(\"1.78\"), feature(c)))]\nfn f() {}\n",
        "#[cfg(accessible(a::b))]\nfn f() {}\n",
    ]);
}

#[test]
fn line_ends_of_windows_are_clean_and_counted() {
    check(
        "fn f() {\r\n    let a = \"b\\\r\n        c\";\r\n}\r\n",
        &[],
    );
    let findings = check(
        "fn f() {\r\n    let = 1;\r\n}\r\n",
        &[("syntax/missing-token", 2)],
    );
    assert_eq!(findings[0].span, 18..19);
}

#[test]
fn what_is_missing_is_missing_where_it_would_be_typed() {
    for (text, line) in [
        ("fn f() {\n    let a = 1\n    let b = 2;\n}\n", 2),
        ("struct A {\n    a: u8\n    b: u8,\n}\n", 2),
        ("fn f() {\n    let a = 1 +\n    ;\n}\n", 2),
        ("fn f() {\n    match a {\n        1 2,\n    }\n}\n", 3),
    ] {
        check(text, &[("syntax/missing-token", line)]);
    }
}

#[test]
fn what_is_too_much_is_reported_where_it_stands() {
    check(
        "fn f() {}\n\nbogus text here\n",
        &[("syntax/unexpected-token", 3)],
    );
    check("fn f() {}\n\n$\n", &[("syntax/unexpected-token", 3)]);
}

#[test]
fn angle_brackets_that_stay_open_are_reported_at_their_start() {
    let text = "struct A {\n    a: B<C<u8>,\n    b: u8,\n}\n";
    check(text, &[("syntax/unclosed-bracket", 2)]);
}

#[test]
fn escapes_are_validated() {
    check(
        "const A: &str = \"\\q\";\n",
        &[("syntax/invalid-escape", 1)],
    );
    check("const A: char = 'ab';\n", &[("syntax/early-error", 1)]);
}

#[test]
fn documentation_of_nothing_is_an_error() {
    check(
        "impl A {\n    fn f() {}\n    /// b\n}\n",
        &[("syntax/dangling-doc", 3)],
    );
    check("fn f() {}\n/// b\n", &[("syntax/dangling-doc", 2)]);
    check_clean(&[
        "m! { /// b\n}\n",
        "impl A {\n    fn f() {}\n    //// b\n}\n",
        "fn f() {\n    // b\n}\n",
    ]);
}
