//! Tests and what they test.

use claude_flow_lang_detect::test_files::{is_test, sources_of, tests_of};

/// A source and its tests find each other among files that only look like it.
fn check(source: &str, test: &str, others: &[&str]) {
    let mut files = vec![source, test];
    files.extend(others);
    assert_eq!(
        tests_of(source, &files).first(),
        Some(&test),
        "tests of {source}"
    );
    assert_eq!(
        sources_of(test, &files).first(),
        Some(&source),
        "sources of {test}"
    );
    assert!(is_test(test, None) && !is_test(source, None));
}

#[test]
fn conventions_of_each_ecosystem_are_known() {
    check(
        "src/app.ts",
        "src/app.test.ts",
        &["src/app.css", "src/map.ts", "other/app.ts"],
    );
    check(
        "src/app.tsx",
        "src/__tests__/app.test.tsx",
        &["lib/app.tsx"],
    );
    check("lib/a.js", "test/a.js", &["lib/b.js", "test/b.js"]);
    check(
        "src/button/index.ts",
        "src/button/button.spec.ts",
        &["src/link/index.ts"],
    );
    check(
        "pkg/core/server.py",
        "tests/core/test_server.py",
        &["pkg/web/server.py", "tests/web/test_server.py"],
    );
    check("pkg/a.py", "pkg/a_test.py", &["pkg/b.py"]);
    check(
        "net/http/server.go",
        "net/http/server_test.go",
        &["net/smtp/server.go"],
    );
    check(
        "src/parse.rs",
        "src/parse/tests.rs",
        &["src/lex.rs", "src/lex/tests.rs"],
    );
    check("src/parse.rs", "tests/parse.rs", &["tests/lex.rs"]);
}

#[test]
fn conventions_of_compiled_languages_are_known() {
    check(
        "core/src/main/java/a/b/Foo.java",
        "core/src/test/java/a/b/FooTest.java",
        &[
            "web/src/main/java/a/b/Foo.java",
            "web/src/test/java/a/b/FooTest.java",
        ],
    );
    check(
        "src/main/kotlin/a/Foo.kt",
        "src/test/kotlin/a/FooSpec.kt",
        &[],
    );
    check(
        "src/queue.cc",
        "src/queue_unittest.cc",
        &["src/queue.proto"],
    );
    check("src/queue.c", "tests/test_queue.c", &["tests/test_stack.c"]);
    check("src/Queue.cpp", "test/QueueTest.cpp", &[]);
    check(
        "src/Http/Request.php",
        "tests/Http/RequestTest.php",
        &["tests/Cli/RequestTest.php"],
    );
    check(
        "lib/a/user.rb",
        "spec/a/user_spec.rb",
        &["spec/b/user_spec.rb"],
    );
    check("app/models/user.rb", "test/models/user_test.rb", &[]);
    check("Src/Parser.cs", "Tests/ParserTests.cs", &[]);
    check(
        "Sources/App/Parser.swift",
        "Tests/AppTests/ParserTests.swift",
        &[],
    );
    check("lib/a/b.ex", "test/a/b_test.exs", &[]);
}

#[test]
fn conventions_of_other_languages_are_known() {
    check("lib/parser.dart", "test/parser_test.dart", &[]);
    check(
        "src/queue.lua",
        "spec/queue_spec.lua",
        &["spec/stack_spec.lua"],
    );
    check("src/Data/Queue.hs", "test/Data/QueueSpec.hs", &[]);
    check(
        "src/queue.erl",
        "test/queue_SUITE.erl",
        &["test/stack_SUITE.erl"],
    );
    check(
        "src/a/core.clj",
        "test/a/core_test.clj",
        &["test/b/core_test.clj"],
    );
    check("src/queue.zig", "src/queue_test.zig", &[]);
    check("Sources/Kit/Queue.m", "Tests/QueueTests.m", &[]);
    check(
        "src/Parser.fs",
        "tests/ParserTests.fs",
        &["tests/LexerTests.fs"],
    );
    check(
        "src/main/scala/a/Foo.scala",
        "src/test/scala/a/FooSuite.scala",
        &[],
    );
    // The way of a path is no part of it.
    check("src\\app.ts", "src\\app.test.ts", &["other\\app.ts"]);
}

#[test]
fn names_that_only_look_like_tests_are_none() {
    for path in [
        "src/latest.go",
        "src/contest.py",
        "src/Latest.java",
        "src/testimony.py",
        "src/attest.rs",
        "src/Testimony.java",
        "lib/protest.rb",
        "src/test.css",
        "README.md",
    ] {
        assert!(!is_test(path, None), "{path}");
    }
}

#[test]
fn every_test_of_a_source_is_found_the_nearest_first() {
    let files = ["e2e/app.spec.ts", "src/app.spec.ts", "src/__tests__/app.ts"];
    assert_eq!(
        tests_of("src/app.ts", &files),
        ["src/app.spec.ts", "src/__tests__/app.ts", "e2e/app.spec.ts"]
    );
    assert!(tests_of("src/app.spec.ts", &files).is_empty());
    assert!(sources_of("src/app.ts", &files).is_empty());
}
