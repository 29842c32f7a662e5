//! Which tests are chosen: never one too few, and few enough to be of use.

mod prop;

use claude_flow_checkers::affected::{Affected, Evidence, File, Graph, Seen};

fn affected(files: &[(&str, &str)], changed: &[&str]) -> Affected {
    let mut files: Vec<File<'_>> = files
        .iter()
        .map(|(path, text)| File::new(path, text))
        .collect();
    let gone = changed
        .iter()
        .filter(|path| !files.iter().any(|file| file.path == **path));
    let gone: Vec<File<'_>> = gone.map(|path| File::gone(path)).collect();
    files.extend(gone);
    Graph::new(&files).affected(changed)
}

/// Compares the tests that are chosen for one change, and the name of their evidence.
#[track_caller]
fn check(files: &[(&str, &str)], changed: &str, expected: &[(&str, &str)]) {
    let affected = affected(files, &[changed]);
    let mut found: Vec<(&str, &str)> = affected
        .tests
        .iter()
        .map(|test| (test.path.as_str(), test.evidence.name()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected, "of {changed}");
}

const JS_TEST: &str = "test('a', () => {});\n";

#[test]
fn scripts_are_followed_whatever_the_spelling() {
    let manifest =
        r#"{"name": "app", "dependencies": {"react": "1"}, "devDependencies": {"vitest": "1"}}"#;
    let files = [
        ("package.json", manifest),
        ("src/a.ts", "export const a = 1\n"),
        ("src/b/index.ts", "export * from '../a.js'\n"),
        (
            "src/own.test.ts",
            "import { a } from \"./a\"\nimport react from 'react'\ntest('a', () => {})\n",
        ),
        (
            "test/alias.test.ts",
            "import b from '@/b'\nimport { test } from 'vitest'\n",
        ),
        (
            "test/dynamic.test.ts",
            "const b = await import(/* it's late */ '../src/b')\n",
        ),
        ("test/far.test.ts", "vi.mock('../src/b/index.js')\n"),
        (
            "test/none.test.ts",
            "import fs from 'node:fs'\nimport path from 'path'\n// '../src/a isn't one\n",
        ),
    ];
    let all = [
        "src/own.test.ts",
        "test/alias.test.ts",
        "test/dynamic.test.ts",
        "test/far.test.ts",
    ];
    let all = all.map(|path| (path, "imports"));
    check(&files, "src/a.ts", &all);
    check(&files, "src/b/index.ts", &all[1..]);
    check(
        &files,
        "test/none.test.ts",
        &[("test/none.test.ts", "itself")],
    );
}

#[test]
fn what_a_script_computes_may_be_anything() {
    for computed in [
        "const it = require(name)\n",
        "const it = require('./plugins/' + name)\n",
        "const it = await import(\"./\" + name + \".js\")\n",
        "const it = require(`./plugins/` + name)\n",
        "const it = await import(`./${name}.js`)\n",
        "const all = import.meta.glob('./x/*.js')\n",
        "import it from 'nobody-declares-this'\n",
    ] {
        let files = [
            ("package.json", "{}"),
            ("a.js", "module.exports = 1\n"),
            ("b.test.js", "require('./c')\n"),
            ("c.js", computed),
            ("d.test.js", JS_TEST),
        ];
        check(&files, "a.js", &[("b.test.js", "computed")]);
    }
}

#[test]
fn packages_of_a_workspace_are_followed_by_their_names() {
    let files = [
        ("package.json", r#"{"workspaces": ["packages/*"]}"#),
        ("packages/a/lib/main.js", "module.exports = 1\n"),
        (
            "packages/a/package.json",
            r#"{"name": "@me/a", "main": "lib/main.js"}"#,
        ),
        ("packages/b/b.test.js", "const a = require('@me/a')\n"),
        ("packages/b/other.test.js", JS_TEST),
        ("packages/b/package.json", r#"{"name": "b"}"#),
    ];
    check(
        &files,
        "packages/a/lib/main.js",
        &[("packages/b/b.test.js", "imports")],
    );
}

#[test]
fn configuration_and_what_it_uses_concern_the_tests_below() {
    let files = [
        (
            "a/jest.config.js",
            "module.exports = { setupFiles: ['./setup.js'] }\n",
        ),
        ("a/one.test.js", JS_TEST),
        ("a/setup.js", "globalThis.a = 1\n"),
        ("b/package.json", "{}"),
        ("b/two.test.js", JS_TEST),
    ];
    for changed in ["a/setup.js", "a/jest.config.js"] {
        check(&files, changed, &[("a/one.test.js", "configuration")]);
    }
    check(
        &files,
        "b/package.json",
        &[("b/two.test.js", "configuration")],
    );
}

#[test]
fn what_python_computes_may_be_anything() {
    for (loader, evidence) in [
        ("it = import_module(\"plugins.\" + name)\n", "computed"),
        (
            "it = import_module('plugins.{}'.format(name))\n",
            "computed",
        ),
        ("it = import_module(\"plugins.%s\" % name)\n", "computed"),
        ("run([sys.executable, \"-m\", \"alpha\"])\n", "imports"),
    ] {
        let files = [
            ("alpha.py", "A = 1\n"),
            ("loader.py", loader),
            ("test_load.py", "import loader\ndef test_a(): pass\n"),
            ("test_other.py", "def test_a(): pass\n"),
        ];
        check(&files, "alpha.py", &[("test_load.py", evidence)]);
    }
}

#[test]
fn python_is_followed_whatever_the_spelling() {
    let test = "def test_a(): pass\n";
    let files = [
        ("conftest.py", "from pkg.fixtures import one\n"),
        ("pkg/__init__.py", ""),
        ("pkg/a.py", "A = 1\n"),
        (
            "pkg/b.py",
            "from . import (\n    c,  # it's\n    a as b,\n)\n",
        ),
        ("pkg/c.py", "C = 1\n"),
        ("pkg/fixtures.py", "one = 1\n"),
        ("tests/test_far.py", "import os, pkg.b as b\n"),
        (
            "tests/test_in_words.py",
            "import importlib\nb = importlib.import_module('pkg.b')\n",
        ),
        ("tests/test_none.py", test),
        (
            "tests/test_one_line.py",
            "try: from pkg.a import A; import json\nexcept ImportError: pass\n",
        ),
        (
            "tests/test_patched.py",
            "@mock.patch('pkg.a.A')\ndef test_a(): pass\n",
        ),
    ];
    let far = ("tests/test_far.py", "imports");
    let words = ("tests/test_in_words.py", "imports");
    let near = [
        ("tests/test_one_line.py", "imports"),
        ("tests/test_patched.py", "imports"),
    ];
    check(&files, "pkg/a.py", &[far, words, near[0], near[1]]);
    check(&files, "pkg/c.py", &[far, words]);
    let all = ["far", "in_words", "none", "one_line", "patched"]
        .map(|name| format!("tests/test_{name}.py"));
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|path| (path.as_str(), "configuration"))
        .collect();
    check(&files, "pkg/fixtures.py", &all);
    check(&files, "conftest.py", &all);
}

#[test]
fn a_package_runs_before_its_modules() {
    let files = [
        ("a/__init__.py", "X = 1\n"),
        ("a/b/__init__.py", ""),
        ("a/b/c.py", "C = 1\n"),
        ("test_c.py", "from a.b.c import C\n"),
        ("test_d.py", "def test_d(): pass\n"),
    ];
    check(&files, "a/__init__.py", &[("test_c.py", "imports")]);
}

#[test]
fn rust_links_packages_as_a_whole_and_tests_one_by_one() {
    let files = [
        (
            "a/Cargo.toml",
            "[package]\nname = \"a\"\n[dependencies]\nb = { path = \"../b\" }\n",
        ),
        ("a/src/lib.rs", "mod x;\n"),
        ("a/src/x.rs", "#[test]\nfn x() {}\n"),
        ("a/tests/common/mod.rs", "pub fn help() {}\n"),
        ("a/tests/one.rs", "mod common;\n#[test]\nfn one() {}\n"),
        (
            "a/tests/two.rs",
            "#[test]\nfn two() { include_str!(\"../data.txt\"); }\n",
        ),
        ("a/data.txt", ""),
        ("b/Cargo.toml", "[package]\nname = \"b\"\n"),
        ("b/src/lib.rs", "pub fn b() {}\n"),
        ("c/Cargo.toml", "[package]\nname = \"c\"\n"),
        ("c/tests/it.rs", "#[test]\nfn c() {}\n"),
    ];
    let own = ("a/src/x.rs", "imports");
    let (one, two) = (("a/tests/one.rs", "imports"), ("a/tests/two.rs", "imports"));
    check(&files, "b/src/lib.rs", &[own, one, two]);
    check(&files, "a/src/lib.rs", &[own, one, two]);
    check(&files, "a/tests/common/mod.rs", &[one]);
    check(&files, "a/data.txt", &[two]);
}

#[test]
fn go_links_packages() {
    let files = [
        ("go.mod", "module example.com/m\n"),
        ("a/a.go", "package a\nimport (\n\t\"example.com/m/b\"\n)\n"),
        ("a/a_test.go", "package a\n"),
        ("a/testdata/x.json", "{}"),
        ("b/b.go", "package b\n"),
        ("b/b_test.go", "package b\n"),
        ("c/c_test.go", "package c\n"),
    ];
    let (a, b) = (("a/a_test.go", "imports"), ("b/b_test.go", "imports"));
    check(&files, "b/b.go", &[a, b]);
    check(&files, "a/a.go", &[a]);
    check(&files, "a/testdata/x.json", &[a]);
}

#[test]
fn java_links_packages_and_dotted_names() {
    let files = [
        ("src/main/java/p/A.java", "package p;\nclass A {}\n"),
        ("src/main/java/q/B.java", "package q;\nclass B { p.A a; }\n"),
        ("src/test/java/p/ATest.java", "package p;\n"),
        ("src/test/java/q/BTest.java", "package q;\n"),
        ("src/test/java/r/CTest.java", "package r;\nimport q.B;\n"),
        ("src/test/java/s/DTest.java", "package s;\n"),
    ];
    let tests = ["p/ATest", "q/BTest", "r/CTest"].map(|it| format!("src/test/java/{it}.java"));
    let tests: Vec<(&str, &str)> = tests.iter().map(|it| (it.as_str(), "imports")).collect();
    check(&files, "src/main/java/p/A.java", &tests);
    check(&files, "src/main/java/p/Gone.java", &tests);
    check(&files, "src/main/java/q/B.java", &tests[1..]);
}

#[test]
fn c_takes_whoever_includes_a_header_for_what_implements_it() {
    let files = [
        ("include/sum.h", "int add(int, int);\n"),
        ("src/implementation.c", "#include \"sum.h\"\n"),
        ("src/lonely.c", "int lonely(void) { return 1; }\n"),
        ("test/other_test.c", "int main(void) { return 0; }\n"),
        ("test/sum_test.c", "#include <sum.h>\n"),
    ];
    check(
        &files,
        "src/implementation.c",
        &[("test/sum_test.c", "imports")],
    );
    let all = [
        ("test/other_test.c", "unnamed"),
        ("test/sum_test.c", "unnamed"),
    ];
    check(&files, "src/lonely.c", &all);
}

#[test]
fn data_that_nothing_names_concerns_every_test() {
    let files = [
        ("README.md", "# a\n"),
        ("cases/one.json", "{}"),
        ("cases/two.json", "{}"),
        ("test_a.py", "def test_a(): open('cases/one.json')\n"),
        ("test_b.py", "def test_b(): pass\n"),
    ];
    check(&files, "cases/one.json", &[("test_a.py", "imports")]);
    check(
        &files,
        "cases/two.json",
        &[("test_a.py", "unnamed"), ("test_b.py", "unnamed")],
    );
    check(&files, "README.md", &[]);
    assert!(affected(&files, &["README.md"]).doubts[0].contains("README.md"));
}

#[test]
fn names_are_compared_where_imports_are_not_read() {
    let files = [
        ("lib/a.rb", ""),
        ("spec/a_spec.rb", ""),
        ("spec/b_spec.rb", ""),
    ];
    check(&files, "lib/a.rb", &[("spec/a_spec.rb", "name")]);
    assert!(!affected(&files, &["lib/a.rb"]).doubts.is_empty());
}

#[test]
fn what_was_deleted_still_concerns_who_names_it() {
    let files = [
        ("test_a.py", "import gone\n"),
        ("test_b.py", "def test_b(): pass\n"),
    ];
    check(&files, "gone.py", &[("test_a.py", "imports")]);
}

#[test]
fn the_chain_leads_from_the_test_to_the_change() {
    let files = [
        ("a.py", "A = 1\n"),
        ("b.py", "import a\n"),
        ("test_b.py", "import b\n"),
    ];
    let affected = affected(&files, &["a.py"]);
    let chain = ["test_b.py", "b.py", "a.py"].map(str::to_owned).to_vec();
    assert_eq!(affected.tests[0].evidence, Evidence::Imports { chain });
}

#[test]
fn a_test_sees_what_it_imports_and_what_configures_it() {
    let files = [
        "a.py",
        "b.py",
        "conftest.py",
        "other.py",
        "pyproject.toml",
        "test_b.py",
    ];
    let texts = ["", "import a\n", "", "", "", "import b\n"];
    let files: Vec<File<'_>> = files
        .into_iter()
        .zip(texts)
        .map(|(path, text)| File::new(path, text))
        .collect();
    let seen = Graph::new(&files).seen(&["test_b.py"]);
    let expected = ["a.py", "b.py", "conftest.py", "pyproject.toml", "test_b.py"];
    assert_eq!(seen, Seen::Files(expected.map(str::to_owned).to_vec()));
    let computed = [File::new("test_a.py", "__import__(name)\n")];
    assert_eq!(Graph::new(&computed).seen(&["test_a.py"]), Seen::Everything);
}
