//! What decides, in the order in which it is asked.

use claude_flow_lang_detect::{Confidence, Evidence, Input, Language, Sibling, detect, examine};

/// Compares language and evidence; `None` is "not sure".
fn check(path: &str, content: &[u8], expected: Option<(Language, Evidence)>) {
    let found = detect(path, content).map(|found| (found.language, found.evidence));
    let text = String::from_utf8_lossy(content);
    assert_eq!(found, expected, "{path}: {text:?}");
}

fn check_all(evidence: Evidence, cases: &[(&str, &str, Language)]) {
    for (path, content, language) in cases {
        check(path, content.as_bytes(), Some((*language, evidence)));
    }
}

#[test]
fn modelines_of_both_editors_decide() {
    use Language as L;
    check_all(
        Evidence::Modeline,
        &[
            ("a", "# vim: ft=ruby\n", L::Ruby),
            ("a", "x\n\n/* vim: set ts=4 syntax=cpp: */\n", L::Cpp),
            ("a", "# vim600: set filetype=perl :\n", L::Perl),
            ("a", "1\n2\n3\n4\n// Vim: set ft=rust:\n5\n", L::Rust),
            ("a.py", "1\n2\n3\n4\n5\n6\n# vi: ft=ruby\n7\n8\n9", L::Ruby),
            ("a", "-*- mode: c++; tab-width: 2 -*-\n", L::Cpp),
            ("a.inc", "; -*- php -*-\n", L::Php),
            ("a.h", "// a.h - it   -*- C++ -*-\nint f();\n", L::Cpp),
            ("a.txt", ".. -*- mode: rst -*-\n", L::ReStructuredText),
            (
                "a",
                "x\n# Local Variables:\n# mode: python\n# End:\n",
                L::Python,
            ),
        ],
    );
}

#[test]
fn modelines_for_indentation_do_not_overrule_an_extension() {
    use Language as L;
    check_all(
        Evidence::Extension,
        &[
            (
                "a.js",
                "/* -*- Mode: C++; tab-width: 2 -*- */\n",
                L::JavaScript,
            ),
            ("a.py", "# -*- mode: java -*-\n", L::Python),
            ("a.py", "# -*- coding: utf-8 -*-\n", L::Python),
            ("a.go", "// an example: vim without a setting\n", L::Go),
        ],
    );
}

#[test]
fn whole_names_decide() {
    use Language as L;
    check_all(
        Evidence::FileName,
        &[
            ("tsconfig.json", "{}", L::JsonWithComments),
            ("x/tsconfig.build.json", "{}", L::JsonWithComments),
            (".vscode/settings.json", "{}", L::JsonWithComments),
            ("a\\.vscode\\settings.json", "{}", L::JsonWithComments),
            ("Cargo.lock", "", L::Toml),
            ("package-lock.json", "{}", L::Json),
            (".eslintrc", "{\"a\": 1}", L::JsonWithComments),
            (".eslintrc", "a: 1\n", L::Yaml),
            ("Dockerfile", "", L::Dockerfile),
            ("Dockerfile.dev", "FROM a\n", L::Dockerfile),
            ("build/Makefile.linux", "", L::Makefile),
            ("CMakeLists.txt", "", L::CMake),
            ("go.mod", "", L::GoModule),
            (".env.local", "A=1\n", L::Dotenv),
        ]
        .into_iter()
        .filter(|(path, ..)| *path != "package-lock.json")
        .collect::<Vec<_>>(),
    );
}

#[test]
fn first_lines_decide() {
    use Language as L;
    let cases: &[(&str, &str, Language)] = &[
        ("a", "#!/bin/sh\n", L::Shell),
        ("a", "#!/usr/bin/env -S python3 -u\n", L::Python),
        ("a", "#!/usr/bin/env -S uv run --script\n", L::Python),
        ("a", "#!/usr/bin/env -S npx tsx\n", L::TypeScript),
        (
            "a",
            "#!/usr/bin/env -S deno run --allow-net\n",
            L::TypeScript,
        ),
        ("a.js", "#!/usr/bin/env -S deno run\n", L::JavaScript),
        ("a.js", "#!/usr/bin/env bun\n", L::JavaScript),
        ("a", "#!/usr/bin/env -S cargo +nightly -Zscript\n", L::Rust),
        (
            "a",
            "///usr/bin/env jbang \"$0\" \"$@\" ; exit $?\n",
            L::Java,
        ),
        ("a", "#!/usr/bin/env jbang\n", L::Java),
        ("a", "\u{feff}#!/usr/bin/perl -w\n", L::Perl),
        ("a", "#!/usr/bin/python3.12\r\nimport a\r\n", L::Python),
        ("a", "#!/usr/bin/env FOO=1 ruby\n", L::Ruby),
        ("a.pl", "#!/usr/bin/swipl\n", L::Prolog),
        ("a.txt", "#!/usr/bin/env node\n", L::JavaScript),
        ("a", "#!/bin/sh\n# x \\\nexec tclsh \"$0\" \"$@\"\n", L::Tcl),
        (
            "a",
            "#!/bin/sh\n'''exec' /usr/bin/python3 \"$0\" \"$@\"\n",
            L::Python,
        ),
        ("a", "#!/bin/sh\nexec python3 other.py\n", L::Shell),
        ("a", "#!/usr/bin/make -f\n", L::Makefile),
    ];
    check_all(Evidence::Shebang, cases);
    check("a", b"#!", None);
    check("a", b"#!/usr/bin/env", None);
    check("a", b"#!/no/such/thing\n", None);
}

#[test]
fn extensions_decide_in_any_case_and_the_longest_one_first() {
    use Language as L;
    check_all(
        Evidence::Extension,
        &[
            ("a.PY", "", L::Python),
            ("a.d.ts", "", L::TypeScript),
            ("a.d.mts", "", L::TypeScript),
            ("a.jsx", "", L::JavaScript),
            ("a.tsx", "", L::Tsx),
            ("a.blade.php", "<?php\n", L::Blade),
            ("a.h.in", "", L::C),
            ("a.C", "", L::Cpp),
            ("a.H", "", L::Cpp),
            ("a.cc", "", L::Cpp),
            ("config.py.in", "", L::Python),
            ("a.rs.orig", "", L::Rust),
            ("a.go~", "", L::Go),
            ("a.c.bak", "", L::C),
            ("src\\a.java", "", L::Java),
            ("a.json", "{}", L::Json),
            ("a.ndjson", "{}", L::Json),
            ("a.yaml", "a: \0\n", L::Yaml),
            ("a.rst", "", L::ReStructuredText),
        ],
    );
    check("a.unknown", b"hello", None);
    check(".gitignored", b"x", None);
    check("", b"", None);
    check("a.", b"", None);
}

#[test]
fn formats_that_share_an_extension_are_told_by_their_first_bytes() {
    let xml = Some((Language::Xml, Evidence::Header));
    check(
        "a_de.ts",
        b"<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n<TS/>",
        xml,
    );
    check(
        "a_de.ts",
        b"\xEF\xBB\xBF<!DOCTYPE TS>\n<TS version=\"2.1\">",
        xml,
    );
    check(
        "map.tsx",
        b"<?xml version=\"1.0\"?>\n<tileset name=\"a\"/>",
        xml,
    );
    check("mind.mm", b"<map version=\"1.0.1\">\n</map>", xml);
    check("a.rs", b"<?xml version=\"1.0\"?>", xml);
    let mut stream = vec![0_u8; 188 * 5];
    stream.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
    for name in ["a.ts", "a.mts", "a.cts", "a.tsx"] {
        check(name, &stream, None);
    }
    let typescript = Some((Language::TypeScript, Evidence::Extension));
    check("a.ts", b"let a = <string>b;\n", typescript);
}

#[test]
fn headers_are_read_without_comments_strings_and_guarded_regions() {
    let content = |language| Some((language, Evidence::Content));
    for (text, language) in [
        ("int f(void);\n", Language::C),
        ("/* class A {}; namespace b */\nint f(void);\n", Language::C),
        (
            "// std::string\nconst char *a = \"std::string\";\n",
            Language::C,
        ),
        (
            "#ifdef __cplusplus\nextern \"C\" {\n#include <string>\nnamespace a {}\n#endif\nint f(void);\n",
            Language::C,
        ),
        (
            "#if defined(__cplusplus) && 1\n#define CAST(a) static_cast<int>(a)\n#else\n#define CAST(a) ((int)(a))\n#endif\n",
            Language::C,
        ),
        (
            "#ifdef __OBJC__\n@class NSString;\n#else\ntypedef void NSString;\n#endif\n",
            Language::C,
        ),
        (
            "#ifndef __cplusplus\n#error C++\n#endif\nclass A;\n",
            Language::Cpp,
        ),
        ("#include <vector>\n", Language::Cpp),
        ("#include \"a.hpp\"\n", Language::Cpp),
        ("struct A { std::string b; };\n", Language::Cpp),
        ("template <typename T> struct A;\n", Language::Cpp),
        ("void f() noexcept;\n", Language::Cpp),
        ("int class_of(int namespace_id);\n", Language::C),
        ("struct a { int template; int new; };\n", Language::C),
        (
            "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n",
            Language::ObjectiveC,
        ),
        ("@class A;\n", Language::ObjectiveC),
    ] {
        check("a.h", text.as_bytes(), content(language));
    }
}

#[test]
fn ambiguous_extensions_are_decided_by_the_content() {
    use Language as L;
    check_all(
        Evidence::Content,
        &[
            (
                "a.m",
                "#import \"A.h\"\n@implementation A\n@end\n",
                L::ObjectiveC,
            ),
            ("a.m", "function y = f(x)\n  y = x + 1;\nend\n", L::Matlab),
            ("a.m", ":- module a.\n:- interface.\n", L::Mercury),
            ("a.pl", ":- module(a, [b/1]).\nb(X) :- c(X).\n", L::Prolog),
            ("a.pl", "use strict;\nmy $a = 1;\n", L::Perl),
            ("a.t", "use v6;\nuse Test;\nplan 1;\n", L::Raku),
            ("a.v", "module a(input b);\nendmodule\n", L::Verilog),
            (
                "a.v",
                "Require Import List.\nLemma a : True.\n",
                L::RocqProver,
            ),
            ("a.fs", "module A\nlet f x = x + 1\n", L::FSharp),
            ("a.fs", ": square ( n -- n ) dup * ;\n", L::Forth),
            ("a.fs", "#version 330\nvoid main() {}\n", L::Glsl),
            (
                "a.cls",
                "\\NeedsTeXFormat{LaTeX2e}\n\\ProvidesClass{a}\n",
                L::TeX,
            ),
            (
                "a.cls",
                "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\nEND\n",
                L::VisualBasic60,
            ),
            ("a.cls", "public with sharing class A {\n}\n", L::Apex),
            ("a.inc", "<?php\necho 1;\n", L::Php),
            ("a.inc", "#declare A = 1;\n", L::PovRaySdl),
            ("a.inc", "procedure A;\nbegin\nend;\n", L::Pascal),
            (
                "a.sql",
                "create function f() returns int as $$ begin end $$ language plpgsql;\n",
                L::PLpgSQL,
            ),
            ("a.sql", "DECLARE @a nvarchar(10)\nGO\n", L::Tsql),
            ("a.r", "REBOL [Title: \"a\"]\n", L::Rebol),
            (
                "a.pp",
                "class a ( $b ) {\n  file { 'c': ensure => present }\n}\n",
                L::Puppet,
            ),
            ("a.pp", "unit a;\ninterface\nuses b;\n", L::Pascal),
            ("a.ex", "defmodule A do\nend\n", L::Elixir),
            (
                "a.sc",
                "SinOsc : UGen {\n\t*ar { arg freq;\n\t\t^this.multiNew('audio', freq)\n\t}\n}\n",
                L::SuperCollider,
            ),
            ("a.cl", "__kernel void f(__global int *a) {}\n", L::OpenCL),
            ("a.mod", "MODULE a;\nEND a.\n", L::Modula2),
            ("a.1", ".TH A 1\n.SH NAME\n", L::RoffManpage),
        ],
    );
}

#[test]
fn files_around_decide_where_the_content_does_not() {
    let plain = b"int f(void);\n";
    let check = |siblings: &[&str], expected: (Language, Evidence)| {
        let siblings: Vec<Sibling<'_>> = siblings.iter().map(|it| Sibling::new(it)).collect();
        let input = Input {
            siblings: &siblings,
            ..Input::new("include/a.h", plain)
        };
        let answer = examine(&input);
        assert_eq!(
            (answer.language, answer.evidence),
            (Some(expected.0), Some(expected.1))
        );
    };
    let by_siblings = |language| (language, Evidence::Siblings);
    check(&[], (Language::C, Evidence::Content));
    check(&["src/a.cpp"], by_siblings(Language::Cpp));
    check(
        &["src/a.c", "src/b.cpp", "src/c.cpp"],
        by_siblings(Language::C),
    );
    check(
        &[
            "include/b.hpp",
            "include/c.hpp",
            "src/x.c",
            "src/y.c",
            "src/z.c",
        ],
        by_siblings(Language::Cpp),
    );
    check(&["src/a.m"], by_siblings(Language::ObjectiveC));
    check(&["README.md", "setup.py"], (Language::C, Evidence::Content));
    let told = Input {
        siblings: &[Sibling {
            path: "include/b.h",
            language: Some(Language::Cpp),
        }],
        ..Input::new("include/a.h", plain)
    };
    assert_eq!(examine(&told).language, Some(Language::Cpp));
    let spoken = Input {
        siblings: &[Sibling::new("include/a.c")],
        ..Input::new("include/a.h", b"class A {};\n")
    };
    assert_eq!(
        examine(&spoken).evidence,
        Some(Evidence::Content),
        "the content comes first"
    );
}

/// What lies in a folder for C++ and says nothing itself is told as C++, unless neighbours say more.
#[test]
fn folders_decide_where_nothing_else_does() {
    let header = Input::new("include/spdlog/tweakme.h", b"#define A 1\n");
    let told = examine(&header);
    assert_eq!(told.language, Some(Language::Cpp));
    assert_eq!(told.evidence, Some(Evidence::Folder));
    assert_eq!(told.confidence, Confidence::Low);
    let neighbours = [
        Sibling::new("include/spdlog/a.c"),
        Sibling::new("include/spdlog/b.c"),
    ];
    let told = examine(&Input {
        siblings: &neighbours,
        ..header
    });
    assert_eq!(told.evidence, Some(Evidence::Siblings));
    assert_eq!(told.language, Some(Language::C));
}

#[test]
fn answers_carry_what_else_it_could_be() {
    let answer = examine(&Input::new("a.h", b"int f(void);\n"));
    assert_eq!(answer.confidence, Confidence::Low);
    let others: Vec<Language> = answer.runners_up.iter().collect();
    assert_eq!(others, [Language::Cpp, Language::ObjectiveC]);
    let sure = examine(&Input::new("a.rs", b"fn main() {}\n"));
    assert_eq!(sure.confidence, Confidence::High);
    assert!(sure.runners_up.is_empty());
}

#[test]
fn likeness_is_told_by_examine_alone() {
    let rust = b"use std::collections::HashMap;\n\npub fn count(words: &[&str]) -> HashMap<String, usize> {\n    let mut counts = HashMap::new();\n    for word in words {\n        *counts.entry((*word).to_owned()).or_insert(0) += 1;\n    }\n    counts\n}\n";
    let answer = examine(&Input::new("clipboard", rust));
    assert_eq!(answer.language, Some(Language::Rust));
    assert_eq!(answer.evidence, Some(Evidence::Classifier));
    assert_eq!(detect("clipboard", rust), None);
    let prose = examine(&Input::new("clipboard", b"buy milk\n"));
    assert_eq!(prose.language, None, "too little to tell");
}
