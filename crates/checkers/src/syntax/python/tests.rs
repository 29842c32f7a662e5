//! What `CPython` accepts and rejects.

use crate::Finding;
use crate::syntax::tests;

/// `expected`: rule and line of each finding.
#[track_caller]
fn check(text: &str, expected: &[(&str, usize)]) -> Vec<Finding> {
    tests::check("a.py", text, expected)
}

#[track_caller]
fn check_clean(texts: &[&str]) {
    tests::check_clean("a.py", texts);
}

fn check_each(rule: &str, texts: &[(&str, usize)]) {
    for &(text, line) in texts {
        check(text, &[(rule, line)]);
    }
}

#[test]
fn newest_and_oldest_python_3_is_clean() {
    check_clean(&[
        "",
        "match x:\n    case {'a': [b, *_], **rest} if b: pass\n    case _: pass\n",
        "type A[*Ts, **P, T: int = str] = dict[T, P]\n",
        "def f[T](a, /, b: T, *, c) -> T: return lambda: (yield)\n",
        "print(f'{f'{x!r:>{w}}'}', t'{a}')\n",
        "try:\n    pass\nexcept A, B:\n    pass\n",
        "with (open(a) as b, open(c)):\n    pass\n",
        "async def f():\n    async with a: return [x async for x in y]\n",
        "if (n := len(a)) > 1: pass\n",
        "lazy import a\n",
        "from __future__ import annotations\nimport a\n",
        "def f():\n    x: (yield)\n",
        "class A:\n    __class__ = 1\n    def f(self):\n        nonlocal __class__\n",
    ]);
}

#[test]
fn statements_outside_their_place_are_errors() {
    check_each(
        "syntax/misplaced-statement",
        &[
            ("x = 1\nreturn 1\n", 2),
            ("class A:\n    yield 1\n", 2),
            ("[(yield 1) for x in y]\n", 1),
            ("def f():\n    await x\n", 2),
            ("async def f():\n    lambda: await x\n", 2),
            ("def f():\n    return [x async for x in y]\n", 2),
            ("def f():\n    async with a:\n        pass\n", 2),
            ("for x in y:\n    pass\nelse:\n    break\n", 4),
            ("while 1:\n    def f():\n        continue\n", 3),
            ("import a\nfrom __future__ import annotations\n", 2),
            ("def f():\n    from a import *\n", 2),
            ("async def f():\n    yield from x\n", 2),
            ("async def f():\n    yield 1\n    return 2\n", 3),
            ("while 1:\n    try: pass\n    except* A: break\n", 3),
        ],
    );
    check_clean(&["while 1:\n    try: pass\n    except* A:\n        for b in c: break\n"]);
}

#[test]
fn names_used_against_their_scope_are_errors() {
    check_each(
        "syntax/scope",
        &[
            ("nonlocal x\n", 1),
            ("def f():\n    nonlocal x\n", 2),
            ("def f(x):\n    global x\n", 2),
            ("def f(x):\n    def g(x):\n        nonlocal x\n", 3),
            ("def f():\n    print(x)\n    global x\n", 2),
            (
                "def f(x):\n    def g():\n        x = 1\n        nonlocal x\n",
                3,
            ),
            ("def f():\n    global x\n    x: int = 1\n", 3),
            (
                "def f():\n    global x\n    def g():\n        nonlocal x\n",
                4,
            ),
        ],
    );
    check_clean(&[
        "def f():\n    import x.y\n    def g():\n        nonlocal x\n",
        "def f():\n    try: pass\n    except A as e: pass\n    def g():\n        nonlocal e\n",
        "def f():\n    for x in y: pass\n    class C:\n        def g(self):\n            nonlocal x\n",
        "def f():\n    global x\n    [x for x in y]\n",
        "global x\nx: int = 1\n",
    ]);
}

#[test]
fn names_bound_twice_are_errors() {
    check_each(
        "syntax/redeclaration",
        &[
            ("def f(a, a): pass\n", 1),
            ("lambda a, *a: 1\n", 1),
            ("f(a=1, a=2)\n", 1),
            ("match x:\n    case [a, a]: pass\n", 2),
            ("def f[T, T](): pass\n", 1),
        ],
    );
}

#[test]
fn targets_that_cannot_be_assigned_are_errors() {
    check_each(
        "syntax/invalid-target",
        &[
            ("f() = 1\n", 1),
            ("1 += 1\n", 1),
            ("*a = b\n", 1),
            ("__debug__ = 1\n", 1),
            ("x.__debug__ = 1\n", 1),
            ("f(__debug__=1)\n", 1),
        ],
    );
}

#[test]
fn expressions_where_they_have_no_meaning_are_errors() {
    check_each(
        "syntax/invalid-expression",
        &[
            ("[(a := 0) for a in b]\n", 1),
            ("*a\n", 1),
            ("f'{*a}'\n", 1),
            ("x += *a\n", 1),
            ("f((a)=1)\n", 1),
            ("match x:\n    case a | a: pass\n", 2),
            ("match x:\n    case _: pass\n    case 1: pass\n", 2),
            ("match x:\n    case f'': pass\n", 2),
        ],
    );
}

#[test]
fn what_is_missing_is_missing_where_it_would_be_typed() {
    check_each(
        "syntax/missing-token",
        &[
            ("x = [\n    1\n    2,\n]\n", 2),
            ("def f()\n    pass\n", 1),
            ("x = 1 +\ny = 2\n", 1),
            ("if x\n    pass\n", 1),
        ],
    );
    check(
        "try:\n    pass\n\nx = 1\n",
        &[("syntax/unexpected-token", 1)],
    );
    check(
        "def f():\n    # why\n\nx = 1\n",
        &[("syntax/unexpected-token", 1)],
    );
    check("@a\nx = 1\n", &[("syntax/unexpected-token", 1)]);
}

#[test]
fn indentation_errors_are_on_the_line_that_is_indented() {
    check("\n\n    x = 1\n", &[("syntax/indentation", 3)]);
    check("if x:\n        a\n    b\n", &[("syntax/indentation", 3)]);
}

#[test]
fn statements_of_python_2_come_with_advice() {
    let findings = check("x = 1\nprint 'a'\n", &[("syntax/missing-token", 2)]);
    let help = findings[0].help.as_deref();
    assert!(
        help.is_some_and(|help| help.contains("Python 2")),
        "{help:?}"
    );
}

#[test]
fn nesting_beyond_the_tokenizer_of_cpython_is_an_error() {
    let nested = |depth: usize| "(".repeat(depth) + "1" + &")".repeat(depth);
    check(&nested(200), &[]);
    check(&nested(201), &[("syntax/nesting", 1)]);
    let indented = |depth: usize| {
        let lines = (0..depth).map(|level| " ".repeat(level) + "if 1:\n");
        lines.collect::<String>() + &" ".repeat(depth) + "pass\n"
    };
    check(&indented(99), &[]);
    check(&indented(100), &[("syntax/nesting", 101)]);
}
