//! What `gofmt` accepts and rejects.

use claude_flow_lang_detect::Language;

use crate::{Outcome, Source, syntax};

/// `expected`: the line and message of the one error, or `None` for valid Go.
fn check(text: &str, expected: Option<(usize, &str)>) {
    let source = Source {
        path: "a.go",
        language: Language::Go,
        bytes: text.as_bytes(),
    };
    let Outcome::Checked { findings } = syntax(&source) else {
        panic!("go is checked")
    };
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            let line = text[..finding.span.start].matches('\n').count() + 1;
            (line, finding.message.as_str())
        })
        .collect();
    assert_eq!(found, Vec::from_iter(expected), "{text}");
}

fn check_body(body: &str, expected: Option<(usize, &str)>) {
    check(&format!("package p; func f() {{\n{body}\n}}\n"), expected);
}

#[test]
fn new_and_old_syntax_is_accepted() {
    for body in [
        "for range 10 { }",
        "for i := range f { _ = i }",
        "for k, v = range m {}; for range ch {}; for i := 0; i < n; i++ {}; for ; ; {}; for {}",
        "if v, ok := x.(T); ok {} else if (T{1}).f() {} else {}",
        "switch x := y.(type) { case int, *T: default: }; switch { case a: fallthrough; case b: }",
        "switch x := f(); x {}; switch f(); {}; switch ; {}",
        "select { case v := <-c: case c <- 1: case <-c: default: }",
        "L: for { break L; continue L }; goto L; M:",
        "go func() {}(); defer (f)()",
        "x := []T{{1, 2}, {a: 1}}; y := map[string][]int{\"a\": {1}}; z := [...]int{1: 2}",
        "a[1:2:3] = b[:]; f(a...); new(int); make([]int, 3); p := new(f(1))",
        "x := G[int, string]{}; G[int](1); f[map[string]int]()",
        "var c <-chan int = (<-chan int)(x); <-c; c <- <-d",
        "if (x == T{}) {}; for _, v := range []int{1} { _ = v }",
        "x.y.z[0]().w++; a, b = b, a; a &^= 1; a <<= 2",
        "struct{}{}.f(); func() {}(); interface{}(x).(T).g()",
        "_ = 0x1p-2 + 0b1_0 + 0o7 + 1_000 + .5 + 1e3i + 'a' + '\\u00e9' + 089i",
        "type T = struct{ a, b int; *E; p.Q `tag`; G[int]; f []int; g [2]int }",
    ] {
        check_body(body, None);
    }
    for file in [
        "package p\n\nimport (\n\t. \"a\"\n\t_ \"b\"\n\tc \"d\"\n)\n",
        "package p\ntype Set[T comparable] = map[T]struct{}\ntype A[N int, M ~[]N] struct{}\n",
        "package p\ntype A [N]int\ntype B [N * 2]int\ntype C[P *T,] int\ntype D[P *T | *U] int\n",
        "package p\ntype I interface {\n\t~int | ~string\n\tm(a, b int) (c int, err error)\n\tfmt.Stringer\n}\n",
        "package p\nfunc (r *T[K, V]) m(a, b int, c ...func(int) string) (x, y int)\n",
        "package p\nfunc F[K comparable, V int | string](m map[K]V, f func(K) bool, _ [2]int) []V { return nil }\n",
        "package p\nconst (\n\ta = iota\n\tb\n\tc, d int = 1, 2\n)\nvar x, y = f()\nvar z T\n",
    ] {
        check(file, None);
    }
}

#[test]
fn broken_statements_name_what_does_not_fit() {
    check_body(
        "x := 1 2",
        Some((2, "unexpected a literal at the end of the statement")),
    );
    check_body(
        "return return x",
        Some((2, "expected an expression, found `return`")),
    );
    check_body(
        "a, b",
        Some((2, "expected `:=`, `=` or `,` after the list of expressions")),
    );
    check_body(
        "x.y := 1",
        Some((2, "what stands left of `:=` has to be a name")),
    );
    check_body(
        "if {\n}",
        Some((2, "expected a condition after `if`, found `{`")),
    );
    check_body(
        "if x := 1 {\n}",
        Some((2, "`if` needs an expression before its block")),
    );
    check_body(
        "if x\n{\n}",
        Some((3, "the `{` of `if` has to stand on the line before")),
    );
    check_body(
        "if x {\n}\nelse {\n}",
        Some((
            4,
            "unexpected `else`: `else` follows the `}` of its `if` on the same line",
        )),
    );
    check_body(
        "defer f",
        Some((2, "the expression after `defer` has to be a call")),
    );
    check_body("x := a +\nif b {\n}", Some((2, "expected an expression")));
    check_body("f(a\n)", Some((2, "expected `,` or `)` in the arguments")));
    check_body(
        "x := T{\n\ta: 1\n}",
        Some((3, "expected `,` or `}` in the composite literal")),
    );
    check_body(
        "for i := 0; i < 3 {\n}",
        Some((2, "expected `;` after the condition of `for`, found `{`")),
    );
    check_body(
        "y := x.(type)",
        Some((2, "`.(type)` outside a type switch")),
    );
}

#[test]
fn broken_declarations_name_what_does_not_fit() {
    check(
        "import \"a\"\n",
        Some((
            1,
            "expected `package` and the package's name, found `import`",
        )),
    );
    check(
        "package p\nvar a int\nimport \"a\"\n",
        Some((
            3,
            "unexpected `import`: imports come before other declarations",
        )),
    );
    check(
        "package p\nx := 1\n",
        Some((2, "unexpected `x` outside a function body")),
    );
    check(
        "package p\nfunc f(a int, string) {}\n",
        Some((2, "mixed named and unnamed parameters")),
    );
    check(
        "package p\nfunc func f() {}\n",
        Some((2, "expected the function's name, found `func`")),
    );
    check(
        "package p\nvar a = 'ab'\n",
        Some((2, "more than one character in a rune literal")),
    );
    check("package p\nvar a = \"\\q\"\n", Some((2, "unknown escape")));
    check("package p\nvar a = 089\n", Some((2, "malformed number")));
    check(
        "package p\nvar a = @\n",
        Some((2, "unexpected character `@`")),
    );
    check("package p\nfunc f() {\n", Some((2, "`{` is never closed")));
}

#[test]
fn deep_nesting_is_refused_and_long_chains_are_not() {
    let deep = format!(
        "package p; var a = {}1{}",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let source = Source {
        path: "a.go",
        language: Language::Go,
        bytes: deep.as_bytes(),
    };
    assert!(matches!(syntax(&source), Outcome::NotRun { .. }));
    check(
        &format!("package p; var a = {}1", "- ".repeat(100_000)),
        None,
    );
    check(
        &format!("package p; var a = 1{}", " + 1".repeat(100_000)),
        None,
    );
    check_body(
        &format!("if a {{}}{}", " else if a {}".repeat(100_000)),
        None,
    );
}
