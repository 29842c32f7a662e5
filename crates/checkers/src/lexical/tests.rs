//! Literals and comments that are easily mistaken.

use claude_flow_lang_detect::Language;

use super::{Kind, lex};

/// `expected`: brackets in order, then the texts at which something unterminated begins.
fn check(language: Language, text: &str, brackets: &str, unterminated: &[&str]) {
    let lexed = lex(text, language);
    let found: String = lexed
        .tokens
        .iter()
        .filter(|token| matches!(token.kind, Kind::Open | Kind::Close))
        .map(|token| &text[token.start..token.end])
        .collect();
    assert_eq!(found, brackets, "{text}");
    let found: Vec<_> = lexed
        .unterminated
        .iter()
        .map(|problem| problem.what)
        .collect();
    assert_eq!(found, unterminated, "{text}");
}

#[test]
fn brackets_in_literals_and_comments_do_not_count() {
    check(
        Language::C,
        "f(\"(\\\"(\", '(', 1'000); // (\n/* ( */",
        "()",
        &[],
    );
    check(Language::Cpp, "auto s = R\"x()\" ( )x\"; f();", "()", &[]);
    check(
        Language::C,
        "#define A (\n#define B \\\n (\nf();",
        "()",
        &[],
    );
    check(
        Language::Rust,
        "fn f<'a>(c: char) { '(' ; '\\'' ; r#\"(\"# ; r#fn; /* /* ( */ ( */ }",
        "(){}",
        &[],
    );
    check(Language::Go, "f(`(`, '(', \"(\")", "()", &[]);
    check(
        Language::Java,
        "f(\"\"\"\n ( \" ( \\\"\"\" ( \"\"\", '(')",
        "()",
        &[],
    );
    check(
        Language::Python,
        "f('(', \"\"\"(\n\"\"\", f'{x['(']}', rb'(') # (",
        "()",
        &[],
    );
    check(
        Language::JavaScript,
        "f(`(${g({a: `)`})}(`, /[/(]\\(/, a / b / (1))",
        "(())",
        &[],
    );
    check(Language::Tsx, "<p>don't {f()} it's</p>", "{()}", &[]);
    check(
        Language::Toml,
        "a = '(\\'\nb = \"\"\"(\"\"\"\"\nc = [1]",
        "[]",
        &[],
    );
}

#[test]
fn what_does_not_end_is_named() {
    check(Language::C, "f(\"abc);\ng();", "(()", &["string"]);
    check(
        Language::C,
        "char c = 'a;\ng();",
        "()",
        &["character literal"],
    );
    check(
        Language::Rust,
        "let c = '\\n;\ng();",
        "()",
        &["character literal"],
    );
    check(Language::Rust, "let s = \"abc;\ng();", "", &["string"]);
    check(
        Language::Python,
        "a = '''x\ny\n",
        "",
        &["triple-quoted string"],
    );
    check(
        Language::JavaScript,
        "a = `x${b}\n",
        "",
        &["template literal"],
    );
    check(Language::Go, "/* x", "", &["block comment"]);
}

#[test]
fn deep_templates_and_open_ends_take_no_recursion() {
    let nested = "`${".repeat(100_000);
    assert_eq!(lex(&nested, Language::JavaScript).unterminated.len(), 1);
    for language in crate::LANGUAGES {
        for text in [
            "'", "\"", "\\", "'\\", "`${", "r#", "R\"(", "0'", "/", "#", "\"\"\"\\",
        ] {
            lex(text, language);
        }
    }
}
