//! Where a person would look.

use claude_flow_lang_detect::Language;

use super::diagnose;

/// `expected`: rule and line, or `None` if everything balances.
fn check(language: Language, text: &str, expected: Option<(&str, usize)>) {
    let found = diagnose(text, language).map(|finding| {
        let line = text[..finding.span.start].matches('\n').count() + 1;
        (finding.rule.into_owned(), line)
    });
    assert_eq!(
        found.as_ref().map(|(rule, line)| (rule.as_str(), *line)),
        expected,
        "{text}"
    );
}

#[test]
fn balanced_text_has_no_cause() {
    check(Language::C, "int f(void) { return a[0]; }\n", None);
    check(
        Language::C,
        "#if A\nint f(int a) {\n#else\nint f(void) {\n#endif\n}\n",
        None,
    );
    check(Language::C, "#if 0\n)\n#endif\nint a;\n", None);
}

#[test]
fn indentation_tells_which_block_lacks_its_closer() {
    let text = "fn a() {\n    if x {\n        y();\n}\n\nfn b() {\n    z();\n}\n";
    check(Language::Rust, text, Some(("syntax/unclosed-bracket", 2)));
    let text =
        "class A {\n    void m() {\n        x();\n\n    void n() {\n        y();\n    }\n}\n";
    check(Language::Java, text, Some(("syntax/unclosed-bracket", 2)));
    let text = "describe('a', () => {\n  it('b', () => {\n    if (c) {\n      d();\n  });\n});\n";
    check(
        Language::JavaScript,
        text,
        Some(("syntax/unclosed-bracket", 3)),
    );
}

#[test]
fn a_comment_behind_a_closer_names_its_block() {
    let text = "namespace a {\nnamespace b {\nint c;\n}  // namespace a\n";
    check(Language::Cpp, text, Some(("syntax/unclosed-bracket", 2)));
}

#[test]
fn a_condition_over_several_lines_is_not_taken_for_indentation() {
    let text = "void f() {\n    if (a &&\n            b) {\n        c();\n    }\n    g(1;\n}\n";
    check(Language::C, text, Some(("syntax/unclosed-bracket", 6)));
}

#[test]
fn one_closer_too_many_is_found_where_it_is() {
    let text =
        "class A {\n    void m() {\n        x();\n    }\n    }\n\n    void n() {\n    }\n}\n";
    check(Language::Java, text, Some(("syntax/unmatched-bracket", 5)));
    check(
        Language::C,
        "int f(void) {\n    g(a));\n}\n",
        Some(("syntax/unmatched-bracket", 2)),
    );
    check(
        Language::JavaScript,
        "x('a', () => {\n  g(a));\n});\n",
        Some(("syntax/unmatched-bracket", 2)),
    );
}

#[test]
fn the_wrong_closer_is_named_with_its_opener() {
    check(
        Language::Go,
        "var a = f(1, 2]\n",
        Some(("syntax/mismatched-bracket", 1)),
    );
    check(
        Language::Json,
        "{\n  \"a\": [\n    1\n  },\n  \"b\": 2\n}\n",
        Some(("syntax/mismatched-bracket", 4)),
    );
    check(
        Language::Python,
        "a = f([1, 2)\nb = 1\n",
        Some(("syntax/unclosed-bracket", 1)),
    );
}

#[test]
fn python_statements_end_an_open_bracket() {
    let text = "a = f(1,\n\ndef g():\n    return (1)\n";
    check(Language::Python, text, Some(("syntax/unclosed-bracket", 1)));
}

#[test]
fn literals_that_do_not_end_come_before_what_they_swallow() {
    check(
        Language::C,
        "f(\"a);\n",
        Some(("syntax/unterminated-literal", 1)),
    );
    check(
        Language::C,
        "f(a));\nchar *s = \"a;\n",
        Some(("syntax/unmatched-bracket", 1)),
    );
    check(
        Language::Go,
        "f()\n/* g()\n",
        Some(("syntax/unterminated-comment", 2)),
    );
}

#[test]
fn odd_indentation_of_braces_is_not_blamed_for_a_parenthesis() {
    let text = "class A {\n    int[] a =\n            {\n        1,\n    };\n\n    void m() {\n        f(1;\n    }\n}\n";
    check(Language::Java, text, Some(("syntax/unclosed-bracket", 8)));
    let text = "class A {\n    int[] a = {\n        1,\n        };\n\n    void m() {\n        f(1));\n    }\n}\n";
    check(Language::Java, text, Some(("syntax/unmatched-bracket", 7)));
}
