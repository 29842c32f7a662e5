//! Text that is made to overflow a stack.

use claude_flow_lang_detect::Language;

use super::{Levels, too_deep};
use crate::{Outcome, Severity, Source, syntax};

/// Any outcome will do: an overflow would abort the whole test program.
fn check(language: Language, text: &str) -> Outcome {
    let outcome = syntax(&Source {
        path: "a",
        language,
        bytes: text.as_bytes(),
    });
    if let Outcome::Failed { reason } = &outcome {
        assert!(reason.contains("panicked"), "{reason}");
    }
    outcome
}

fn nested(before: &str, open: &str, within: &str, close: &str, count: usize) -> String {
    format!(
        "{before}{}{within}{}",
        open.repeat(count),
        close.repeat(count)
    )
}

#[test]
fn brackets_beyond_the_limit_are_judged_by_the_grammar() {
    for (language, before) in [
        (Language::JavaScript, ""),
        (Language::TypeScript, ""),
        (Language::Tsx, ""),
        (Language::Rust, "const A: B = "),
    ] {
        let end = if language == Language::Rust { ";" } else { "" };
        let text = nested(before, "(", "1", ")", 100_000) + end;
        let Outcome::Checked { findings } = check(language, &text) else {
            panic!("the grammar of {language} judges")
        };
        assert_eq!(findings[0].rule, "syntax/limited");
        assert_eq!(findings[0].severity, Severity::Info);
        let Outcome::Checked { findings } = check(language, &text.replace("))", ")")) else {
            panic!("the grammar of {language} judges")
        };
        assert_eq!(findings[0].severity, Severity::Error);
    }
}

#[test]
fn brackets_that_comments_close_have_a_stack() {
    for (language, before, open) in [
        (Language::JavaScript, "", "[/*]*/"),
        (Language::JavaScript, "", "f(/*)*/"),
        (Language::JavaScript, "", "{/*}*/"),
        (Language::TypeScript, "let a: ", "[/*]*/"),
        (Language::TypeScript, "let a: ", "A<"),
        (Language::Tsx, "a = ", "<b>"),
        (Language::Python, "", "f( #)\n"),
        (Language::Python, "", "[ #]\n"),
    ] {
        check(language, &nested(before, open, "", "", 20_000));
    }
    // rust-analyzer takes quadratic time for these.
    for open in ["{/*}*/", "(/*)*/", "loop{/*}*/"] {
        check(Language::Rust, &nested("fn f() {", open, "", "", 3_000));
    }
}

#[test]
fn chains_without_brackets_have_a_stack() {
    for open in [
        "!",
        "- ",
        "a=>",
        "async a=>",
        "a?b:",
        "a=",
        "a+",
        "a.",
        "a??",
        "a**",
        "typeof ",
        "new ",
        "do ",
        "if(1)",
        "for(;;)",
        "else if(a){}",
        "await ",
        "`${",
        "@a ",
    ] {
        check(Language::JavaScript, &nested("", open, "1", "", 20_000));
    }
    for open in [
        "keyof ",
        "readonly ",
        "B extends C?D:",
        "()=>",
        "new ()=>",
        "B|",
        "typeof ",
    ] {
        check(
            Language::TypeScript,
            &nested("type A = ", open, "B", "", 20_000),
        );
    }
    for open in [
        "not ",
        "-",
        "lambda:",
        "1 if 1 else ",
        "1+",
        "a.",
        "a**",
        "\"a\"if\"\"else",
    ] {
        check(Language::Python, &nested("", open, "a", "", 20_000));
    }
    for open in [
        "!",
        "&",
        "*",
        "a=",
        "1+",
        "return ",
        "break ",
        "|a|",
        "..",
        "if a {} else ",
    ] {
        check(Language::Rust, &nested("fn f() {", open, "{}", "", 3_000));
    }
}

#[test]
fn deep_rust_is_not_left_to_a_small_stack() {
    // rust-analyzer drops its trees in a thread of its own, which overflows beyond 20,000 levels.
    for _ in 0..3 {
        check(Language::Rust, &nested("fn f() {", "!", "1}", "", 30_000));
    }
}

#[test]
fn ordinary_code_gets_a_small_stack() {
    let levels = Levels::of(b"/* a in b */ if (a == b) { return f(not, \"x\" + 1); } // of it");
    assert_eq!(
        levels,
        Levels {
            brackets: 3,
            tokens: 7
        }
    );
    assert_eq!(Levels::of(b"not not not x").tokens, 3);
    assert_eq!(Levels::of(b"a as b is c").tokens, 2);
}

#[test]
fn depth_is_counted_where_it_is_exceeded() {
    assert_eq!(too_deep(&"()".repeat(5_000)), None);
    assert_eq!(too_deep(&"(".repeat(1_001)), Some(1_000));
}
