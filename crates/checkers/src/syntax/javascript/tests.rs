//! What engines and `tsc` accept and reject.

use crate::Outcome;
use crate::syntax::tests::{check, check_clean, run};

#[test]
fn a_js_file_may_be_a_module_or_a_script() {
    check_clean(
        "a.js",
        &[
            "#!/usr/bin/env node\nimport a from 'a'; await a;\n",
            "return 1;\n",
            "with (a) { b = 010 + '\\07'; }\n",
            "<!-- old\nvar await = 1;\n",
            "new.target;\n",
            "const a = <A.B b={1} {...c}>d</A.B>;\n",
            "@a class B { @c d; #e = 1; static { this.#e; } }\n",
            "using a = b(); for await (const c of d) ;\n",
        ],
    );
}

#[test]
fn the_extension_decides_what_is_neither() {
    check("a.mjs", "with (a) {}\n", &[("syntax/early-error", 1)]);
    check("a.mjs", "let a;\nreturn a;\n", &[("syntax/typescript", 2)]);
    check("a.cjs", "return 1;\n", &[]);
    check(
        "a.js",
        "import a from 'a';\nwith (a) {}\n",
        &[("syntax/early-error", 2)],
    );
}

#[test]
fn every_dialect_of_typescript_is_clean() {
    check_clean(
        "a.ts",
        &[
            "enum A { B = 1 << 2, C = 'd'.length }\n",
            "type A<T> = T extends (infer U extends string)[] ? `${U}x` : never;\n",
            "abstract class A<in out T> { abstract b(): void; declare c: T; accessor d = 1; }\n",
            "function f(a: string): void;\nfunction f(a: any) {}\n",
            "const a = <T,>(b: T) => b satisfies T as unknown;\n",
            "namespace A { export const b = 1; }\nnamespace A { export const c = 1; }\n",
            "class A {}\ninterface A { b: 1 }\nfunction B() {}\nnamespace B {}\n",
            "import type { A } from 'a'; export type { A };\n",
            "import b = require('b'); export = b;\n",
            "let a = <any>b;\n",
        ],
    );
    check_clean("a.tsx", &["const a = <T,>(b: T) => <A<T> c={b}>{b}</A>;\n"]);
    check_clean(
        "a.d.ts",
        &["declare const a: number;\nexport function b(): void;\nexport default a;\n"],
    );
    check_clean("a.cts", &["import a = require('a');\nexport = a;\n"]);
}

#[test]
fn redeclarations_name_both_places() {
    let findings = check(
        "a.js",
        "let a = 1;\nlet a = 2;\n",
        &[("syntax/redeclaration", 2)],
    );
    assert_eq!(findings[0].related[0].span, 4..5);
    check("a.mjs", "export { a };\n", &[("syntax/early-error", 1)]);
}

#[test]
fn what_is_missing_is_missing_where_it_would_be_typed() {
    for (text, line) in [
        ("f(a\n  b);\n", 1),
        ("const a = b +\nconst c = 1;\n", 1),
        ("const a = [1\n  // two\n  2];\n", 1),
        ("const a = b &&\n\n}\n", 1),
        ("a b\n", 1),
    ] {
        let Outcome::Checked { findings } = run("a.js", text) else {
            panic!("javascript is checked")
        };
        let found = text[..findings[0].span.start].matches('\n').count() + 1;
        assert_eq!(found, line, "{text}: {findings:?}");
    }
}

#[test]
fn an_element_is_to_blame_if_its_end_fits_one_further_out() {
    check(
        "a.jsx",
        "a = <b>\n  <i>\n  c\n</b>;\n",
        &[("syntax/mismatched-tag", 2)],
    );
    check(
        "a.jsx",
        "a = <b>\n  c\n</d>;\n",
        &[("syntax/mismatched-tag", 3)],
    );
}

#[test]
fn early_errors_are_all_reported() {
    let text = "break;\nfor (;;) { let b; let b; }\nlet c; let c;\n";
    let expected = [
        ("syntax/early-error", 1),
        ("syntax/redeclaration", 2),
        ("syntax/redeclaration", 3),
    ];
    check("a.js", text, &expected);
}

#[test]
fn regular_expressions_are_parsed() {
    check("a.js", "a = /(?<b>[c-d])\\k<b>/v;\n", &[]);
    check("a.js", "a = /(/;\n", &[("syntax/invalid-regex", 1)]);
}

#[test]
fn flow_is_not_judged() {
    let outcome = run("a.js", "// @flow\nconst a: ?number = (b: any);\n");
    assert!(matches!(outcome, Outcome::NotRun { .. }), "{outcome:?}");
    check("a.js", "// @flow\nconst a = 1;\n", &[]);
}
