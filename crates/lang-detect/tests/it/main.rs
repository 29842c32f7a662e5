//! Behaviour of the detection, by example.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "project")]
mod projects;

use claude_flow_lang_detect::{Evidence, Language, detect};

fn check(path: &str, content: &str, expected: Option<(Language, Evidence)>) {
    let found = detect(path, content.as_bytes()).map(|found| (found.language, found.evidence));
    assert_eq!(found, expected, "{path}");
}

fn check_language(path: &str, content: &str, expected: Language) {
    assert_eq!(
        detect(path, content.as_bytes()).unwrap().language,
        expected,
        "{path}"
    );
}

#[test]
fn extension_decides_for_ordinary_files() {
    for (path, language) in [
        ("a.js", Language::JavaScript),
        ("a.jsx", Language::JavaScript),
        ("a.cjs", Language::JavaScript),
        ("a.d.ts", Language::TypeScript),
        ("a.mts", Language::TypeScript),
        ("a.TSX", Language::Tsx),
        ("src/lib.rs", Language::Rust),
        ("a.pyi", Language::Python),
        ("a_test.go", Language::Go),
        ("A.java", Language::Java),
        ("a.c", Language::C),
        ("a.C", Language::Cpp),
        ("a.cppm", Language::Cpp),
        ("dir.py/a.yml", Language::Yaml),
        ("Cargo.toml", Language::Toml),
        ("a.json5", Language::Json5),
    ] {
        check(path, "", Some((language, Evidence::Extension)));
    }
}

#[test]
fn whole_name_beats_extension() {
    check(
        "p/tsconfig.base.json",
        "",
        Some((Language::JsonWithComments, Evidence::FileName)),
    );
    check(
        ".vscode/settings.json",
        "",
        Some((Language::JsonWithComments, Evidence::FileName)),
    );
    check(
        "poetry.lock",
        "",
        Some((Language::Toml, Evidence::FileName)),
    );
    check(
        "package.json",
        "",
        Some((Language::Json, Evidence::Extension)),
    );
}

#[test]
fn shebang_decides_where_the_name_does_not() {
    for (first, language) in [
        ("#!/usr/bin/python3.12\n", Language::Python),
        (
            "\u{feff}#!/usr/bin/env -S uv run --script\n",
            Language::Python,
        ),
        (
            "#!/usr/bin/env -S FOO=1 node --harmony\n",
            Language::JavaScript,
        ),
        ("#!/usr/bin/env -S npx tsx\n", Language::TypeScript),
        (
            "#!/usr/bin/env -S deno run --allow-read\n",
            Language::TypeScript,
        ),
        ("#!/usr/bin/env -S cargo -Zscript\n", Language::Rust),
        ("#! /usr/bin/env jbang\n", Language::Java),
    ] {
        check("bin/tool", first, Some((language, Evidence::Shebang)));
    }
    check("bin/tool", "#!/bin/sh\n", None);
}

#[test]
fn header_is_cpp_only_for_words_that_are_cpp() {
    check_language("a.h", "#pragma once\nint f(void);\n", Language::C);
    check_language(
        "a.h",
        "// class of things\nint class_of(int x);\n",
        Language::C,
    );
    check_language(
        "a.h",
        "#ifdef __cplusplus\nnamespace a {\n#endif\nint f(void);\n",
        Language::C,
    );
    check_language(
        "a.h",
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n",
        Language::C,
    );
    check_language("a.h", "namespace a {\nint f();\n}\n", Language::Cpp);
    check_language("a.h", "#include <vector>\n", Language::Cpp);
    check("a.h", "@interface A : NSObject\n@end\n", None);
}

#[test]
fn shared_ts_extension_is_not_taken_for_typescript() {
    check("a.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n", None);
    let mut stream = vec![0_u8; 188 * 5];
    stream.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
    assert!(detect("a.ts", &stream).is_none());
    check(
        "a.ts",
        "G(1)\n",
        Some((Language::TypeScript, Evidence::Extension)),
    );
}

#[test]
fn unknown_files_are_not_guessed() {
    check("notes.txt", "class A {}", None);
    check(".gitignore", "", None);
    check("", "", None);
}
