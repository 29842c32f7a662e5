//! `compile_commands.json`.

use claude_flow_lang_detect::{CompileCommands, Evidence, Input, Language, examine};

fn check(commands: &str, path: &str, expected: (Language, Evidence)) {
    let commands = CompileCommands::parse(commands);
    let input = Input {
        compile_commands: Some(&commands),
        ..Input::new(path, b"int f(void);\n")
    };
    let answer = examine(&input);
    assert_eq!(
        (answer.language, answer.evidence),
        (Some(expected.0), Some(expected.1)),
        "{path}"
    );
}

#[test]
fn headers_follow_the_sources_that_are_compiled() {
    let commands = r#"[
        {"directory": "/p", "file": "/p/src/a.cc", "arguments": ["c++", "-c", "src/a.cc"]},
        {"directory": "/p", "file": "/p/lib/b.c", "command": "cc -DX=\"file\" -c lib/b.c"}
    ]"#;
    let told = |language| (language, Evidence::CompileCommands);
    check(commands, "include/a.h", told(Language::Cpp));
    check(commands, "include/b.h", told(Language::C));
    check(commands, "src/other.h", told(Language::Cpp));
    check(
        commands,
        "include/other.h",
        (Language::C, Evidence::Content),
    );
}

#[test]
fn a_told_language_comes_before_the_extension() {
    let commands = r#"[{"file": "a.c", "command": "clang -x c++ -c a.c"},
        {"file": "b.c", "arguments": ["clang", "-xobjective-c", "b.c"]}]"#;
    check(commands, "a.c", (Language::Cpp, Evidence::CompileCommands));
    check(
        commands,
        "b.c",
        (Language::ObjectiveC, Evidence::CompileCommands),
    );
    check(commands, "c.c", (Language::C, Evidence::Extension));
}

#[test]
fn broken_texts_say_nothing() {
    for text in [
        "",
        "[",
        "{\"file\"",
        "{\"file\": \"a.cc",
        "\"\\",
        "[{\"file\": 1}]",
    ] {
        check(text, "a.h", (Language::C, Evidence::Content));
    }
}
