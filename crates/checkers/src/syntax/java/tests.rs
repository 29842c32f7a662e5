//! What javac's parser accepts and rejects, and where the blame lies.

use claude_flow_lang_detect::Language;

use crate::{Outcome, Source};

/// `expected`: the line and message of each finding, empty for a text that is Java.
fn check(text: &str, expected: &[(usize, &str)]) {
    check_file("A.java", text, expected);
}

fn check_file(path: &str, text: &str, expected: &[(usize, &str)]) {
    let source = Source {
        path,
        language: Language::Java,
        bytes: text.as_bytes(),
    };
    let Outcome::Checked { findings } = super::check(&source, text) else {
        panic!("not checked: {text}");
    };
    let found: Vec<(usize, &str)> = findings
        .iter()
        .map(|finding| {
            assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
            let line = text[..finding.span.start].matches('\n').count() + 1;
            (line, finding.message.as_str())
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// Statements in a method that begins on line 1; theirs is line 2.
fn check_statements(statements: &str, expected: &[(usize, &str)]) {
    let text = format!("class A {{ void m() {{\n{statements}\n}} }}\n");
    check(&text, expected);
}

/// Members of a class that begins on line 1; theirs is line 2.
fn check_members(members: &str, expected: &[(usize, &str)]) {
    check(&format!("class A {{\n{members}\n}}\n"), expected);
}

#[test]
fn casts_lambdas_and_parentheses_are_told_apart() {
    check_statements("x = (int) y; x = (A) (y); x = (A) !y; x = (A) - y;", &[]);
    check_statements("x = (A & B<C>) y; x = (A[]) y; x = (A<B>[]) y;", &[]);
    check_statements(
        "f(() -> 1, a -> b, (a) -> b, (a, b) -> { }, (int a) -> a);",
        &[],
    );
    check_statements(
        "f((final A a, B... b) -> a, (@X A a) -> a, (A<B> a, C[] c) -> a);",
        &[],
    );
    check_statements("f((var a, var b) -> a, (A) x -> x, (A) (x, y) -> x);", &[]);
    check_statements("x = (a) + b; x = (a < b) || (c > d); x = (a)[1];", &[]);
    let mixed = "either all parameters of a lambda have types or none has";
    check_statements("f((int a, b) -> a);", &[(2, mixed)]);
}

#[test]
fn type_arguments_are_told_from_comparisons() {
    check_statements("A<B<C<D>>> x = y; A<B>.C<D>[] z; boolean w = a < b;", &[]);
    check_statements(
        "x = A<B>::new; x = A<B>.C::d; x = A<B[]>[]::new; x = int[]::clone;",
        &[],
    );
    check_statements(
        "x = this.<A, B>f(); x = A.<B>g(); x = new <A>B<>(1) { };",
        &[],
    );
    check_statements(
        "x = a < b ? c > d : e >> f >>> g >= h; x >>>= 1; x >>= 2;",
        &[],
    );
    check_statements(
        "A<?> a; A<? extends B> b; A<? super @X C[]> c; A<int[]> d;",
        &[],
    );
    check_statements(
        "A<B<C> x = y;",
        &[(2, "expected `>` or `,` among the type arguments")],
    );
    check_statements(
        "a < b;",
        &[(2, "expected `>` or `,` among the type arguments")],
    );
}

#[test]
fn annotations_stand_wherever_types_do() {
    check_members("@A(b = @C({1, 2,}), d = \"\") int @E [] @F [] f;", &[]);
    check_members("void m(@A B @C [] @D ... e) throws @F G { }", &[]);
    check_members(
        "<@A T extends @B C> @D E m(A this, @F int g) { return (@H I) j; }",
        &[],
    );
    check_members(
        "class B { B(A A.this) { } } @interface C { int d() default 1; }",
        &[],
    );
    check_statements(
        "@A @B final int c = 1; Object o = new @A B @C [1] @D [2];",
        &[],
    );
    check_statements(
        "x = @A 1;",
        &[(2, "an annotation does not belong to an expression")],
    );
}

#[test]
fn words_are_names_where_a_release_lets_them() {
    check_statements(
        "int record = 1, sealed = 2, permits = 3, when = 4, module = 5;",
        &[],
    );
    check_statements(
        "var var = 1; record = 2; yield = 3; with.to(open, exports);",
        &[],
    );
    check_members("record record; var x; int yield() { return _; }", &[]);
    check_statements("yield(1); yield(1, 2); this.yield(3);", &[]);
    check("class var { } class record { } interface sealed { }", &[]);
}

#[test]
fn an_old_name_does_not_stand_beside_newer_syntax() {
    let message = "`var` is not a name here since Java 10";
    check_statements("var a = 1, b = 2;", &[]);
    check_statements(
        "var a = 1, b = 2; x = switch (a) { default -> 1; };",
        &[(2, message)],
    );
    let message = "`_` is not a name here since Java 9";
    check("record A(int _) { }", &[(1, message)]);
}

#[test]
fn statements_and_their_parts_are_complete() {
    check_statements(
        "for (;;) { } for (int i = 0, j; i < j; i++, j--) ; for (var x : y) z();",
        &[],
    );
    check_statements(
        "a: for (final A b : c) { break a; } do x(); while (y); ;",
        &[],
    );
    check_statements(
        "try (A a = b; c; d.e; var f = g;) { } catch (final A | B e) { } finally { }",
        &[],
    );
    check_statements("synchronized (a) { } assert a : b; throw new A(); ", &[]);
    check_statements(
        "class B { } enum C { D } interface E { } record F(int g) { }",
        &[],
    );
    check_statements(
        "try { }",
        &[(2, "`try` without `catch`, `finally` or resources")],
    );
    check_statements("x();\nelse y();", &[(3, "`else` without `if`")]);
    check_statements("x();\ncatch (A a) { }", &[(3, "`catch` without `try`")]);
    check_statements("x();\nfinally { }", &[(3, "`finally` without `try`")]);
    check_statements("x();\ncase 1: y();", &[(3, "`case` outside a `switch`")]);
    check_statements(
        "if (x) int y = 1;",
        &[(2, "a variable is declared in a block only")],
    );
    check_statements(
        "while (x) class B { }",
        &[(2, "a class is declared in a block only")],
    );
    check_statements("if (x)", &[(2, "expected a statement")]);
    check_statements(
        "do x(); while (y)",
        &[(2, "expected `;` after the `do` statement")],
    );
    check_statements("if x { }", &[(2, "expected `(` behind `if`")]);
}

#[test]
fn an_expression_alone_is_no_statement() {
    for statement in [
        "a;",
        "a + b;",
        "1;",
        "a.b;",
        "a[1];",
        "(a());",
        "a -> b;",
        "new int[1];",
    ] {
        check_statements(statement, &[(2, "not a statement")]);
    }
    check_statements(
        "a(); a = b; a += b; a++; --a; new A(); this.a(); new A().b = c;",
        &[],
    );
    check_statements("for (a; b; c()) { }", &[(2, "not a statement")]);
}

#[test]
fn switches_have_cases_with_arrows_or_with_colons() {
    check_statements(
        "switch (a) { case 1, 2 -> b(); case 3 -> { } default -> throw c; }",
        &[],
    );
    check_statements("switch (a) { case 1: case 2: b(); break; default: }", &[]);
    check_statements(
        "x = switch (a) { case 1 -> 2; default -> { yield 3; } };",
        &[],
    );
    check_statements(
        "x = switch (a) { case 1: yield -2; default: yield (3); };",
        &[],
    );
    let mixed = "a `switch` has `->` in all of its cases or in none";
    check_statements("switch (a) { case 1 -> b();\ncase 2: c(); }", &[(3, mixed)]);
    let rule = "behind `->` stands an expression, a block or `throw`";
    check_statements("switch (a) { case 1 -> return; }", &[(2, rule)]);
    check_statements(
        "switch (a) { case 1 b(); }",
        &[(2, "expected `:` or `->` behind the case")],
    );
    let start = "unexpected `b`, expected `case`, `default` or `}`";
    check_statements("switch (a) { b(); }", &[(2, start)]);
}

#[test]
fn patterns_of_every_release_are_read() {
    check_statements(
        "if (a instanceof B b && b.c() || a instanceof final D d) { }",
        &[],
    );
    check_statements(
        "if (a instanceof R(int b, S<T>(var c, _), U _) && b > c) { }",
        &[],
    );
    check_statements(
        "switch (a) { case B b when b.c() -> { } case R(var d) -> { } }",
        &[],
    );
    check_statements("switch (a) { case null, default -> { } }", &[]);
    check_statements(
        "switch (a) { case R<A>(_), S(int _) -> { } case T[] t -> { } }",
        &[],
    );
    check_statements(
        "switch (a) { case int i when i > 0 -> { } case long l -> { } }",
        &[],
    );
    check_statements(
        "switch (a) { case B b && b.c() -> { } case (D d) -> { } }",
        &[],
    );
    check_statements("for (R(var a, int b) : c) { }", &[]);
    let both = "a `case` is for constants or for patterns, not for both";
    check_statements("switch (a) { case B, C C -> { } }", &[(2, both)]);
    check_statements("switch (a) { case null, C c -> { } }", &[]);
    let guard = "a guard belongs to a pattern only";
    check_statements("switch (a) { case 1 when b -> { } }", &[(2, guard)]);
}

#[test]
fn members_have_types_and_names() {
    check_members(
        "static { } { } ; A() { } <T> A(T t) throws B, C { } abstract int d();",
        &[],
    );
    check_members(
        "int a, b[] = {1, 2,}, c = 3; int d()[] { return null; }",
        &[],
    );
    let no_type = "expected a return type before the method's name";
    check_members("foo() { }", &[(2, no_type)]);
    check_members("int a", &[(2, "expected `;` after the field")]);
    check_members("void a;", &[(2, "expected `(` behind the method's name")]);
    check_members("public public int a;", &[(2, "repeated modifier `public`")]);
    check_members(
        "void m(int... a, int b) { }",
        &[(2, "only the last parameter has `...`")],
    );
    check_members(
        "void m(int a int b) { }",
        &[(2, "expected `)` or `,` behind the parameter")],
    );
    check_members("if (a) { }", &[(2, "`if` outside a method")]);
    check_members(
        "int class;",
        &[(2, "expected a name, but `class` is a keyword")],
    );
    check_members("int enum;", &[(2, "the keyword `enum` is not a name")]);
}

#[test]
fn types_of_every_kind_are_declared() {
    check(
        "sealed interface A permits B, C { }\nnon-sealed class B implements A { }",
        &[],
    );
    check(
        "record A<T>(int b, T... c) implements D { A { } static int e; A(int f) { } }",
        &[],
    );
    check(
        "enum A implements B { C, @D E(1) { void f() { } }, ; int g; A() { } }",
        &[],
    );
    check(
        "enum A { , } enum B { ; } @interface C { @D int e() default 1; }",
        &[],
    );
    check(
        "interface A { int B = 1; default void c() { } private static void d() { } }",
        &[],
    );
    check(
        "class A extends B, C { }",
        &[(1, "expected `{` of the class body")],
    );
    check("record A { }", &[(1, "expected `(` before the parameters")]);
    check(
        "enum A { B C }",
        &[(1, "expected `,`, `;` or `}` behind the constant")],
    );
    check(
        "interface A { int b; }",
        &[(1, "expected `=` and the value of the constant")],
    );
    let permits = "`permits` belongs to a `sealed` type only";
    check("class A permits B { }", &[(1, permits)]);
    let fields = "a record has no fields but static ones";
    check("record A() { int b; }", &[(1, fields)]);
}

#[test]
fn array_creation_has_a_dimension_or_an_initialiser() {
    check_statements(
        "x = new int[] {1, 2}; x = new A[1][2][]; x = new A<?>[3]; x = new int[][] {{}};",
        &[],
    );
    let missing = "expected an array dimension or an initialiser";
    check_statements("x = new int[];", &[(2, missing)]);
    let both = "an array has a dimension or an initialiser, not both";
    check_statements("x = new int[1] {2};", &[(2, both)]);
}

#[test]
fn a_missing_token_is_missed_where_the_line_ends() {
    check_statements(
        "int a = 1\nb();",
        &[(2, "expected `;` after the declaration")],
    );
    check_statements("int a = 1 +\n;", &[(2, "expected an expression")]);
    check_statements("a.\n;", &[(2, "expected a name")]);
    check_statements("a(1 2);", &[(2, "expected `)` or `,` among the arguments")]);
    check_statements("a(,);", &[(2, "unexpected `,`, expected an expression")]);
    check_statements("return x\n", &[(2, "expected `;` after the statement")]);
}

#[test]
fn a_bracket_is_blamed_on_its_opener() {
    let text = "class A {\n    void m() {\n        if (a) {\n            b();\n    }\n\n    void n() { }\n}\n";
    check(text, &[(3, "`{` is never closed")]);
    check("class A { }\n}\n", &[(2, "unmatched `}`")]);
}

#[test]
fn an_error_before_the_blamed_bracket_is_reported_too() {
    let text = "class A {\n    int a = 1 2;\n    void m() {\n        b(;\n    }\n}\n";
    let first = (2, "expected `;` after the field");
    check(text, &[first, (4, "`(` is never closed")]);
}

#[test]
fn literals_are_well_formed() {
    check_statements(
        "a(0x1F, 0b10, 017, 1_000L, 1., .5f, 1e-3d, 0x1.8p3, 0xFFFF_FFFF, 0_7, 09.5);",
        &[],
    );
    check_statements(
        "a(-2147483648, -9223372036854775808L, 'a', '\\'', '\\377', \"\\s\\0\\u0041\");",
        &[],
    );
    check_statements("a(\"\"\"\n  b \\\n \"\" \\\"\"\" c\"\"\");", &[]);
    let underscore = "an underscore stands between digits only";
    check_statements("a(1_);", &[(2, underscore)]);
    check_statements("a(0x_1);", &[(2, underscore)]);
    check_statements("a(1._5);", &[(2, underscore)]);
    check_statements("a(0x);", &[(2, "hexadecimal number without digits")]);
    check_statements(
        "a(0b12);",
        &[(2, "a binary number has the digits 0 and 1 only")],
    );
    check_statements(
        "a(09);",
        &[(2, "an octal number has the digits 0 to 7 only")],
    );
    check_statements("a(1e);", &[(2, "exponent without digits")]);
    check_statements(
        "a(0x1.8);",
        &[(2, "hexadecimal fraction without its exponent `p`")],
    );
    check_statements("a(1e400);", &[(2, "the number is too large")]);
    check_statements("a(1e-50f);", &[(2, "the number is too small")]);
    check_statements(
        "a(4294967296);",
        &[(2, "the number does not fit into an `int`")],
    );
    let minimum = "the number is too large unless a minus stands before it";
    check_statements("a(2147483648);", &[(2, minimum)]);
    check_statements("a('');", &[(2, "empty character literal")]);
    check_statements("a('ab');", &[(2, "character literal is never closed")]);
    check_statements("a(\"\\q\");", &[(2, "illegal escape `\\q`")]);
    check_statements(
        "a(\"\"\"b\"\"\");",
        &[(2, "a text block begins on the line below its `\"\"\"`")],
    );
    check_statements("a(#);", &[(2, "illegal character `#`")]);
    check_statements("a..b();", &[(2, "unexpected `..`")]);
}

#[test]
fn unicode_escapes_are_translated_before_all_else() {
    check(
        "cl\\u0061ss \\uuu0041 \\u007b String b = \"\\u005c\"\"; char c = '\\u005c''; }",
        &[],
    );
    check("class A { // \\u000a int b;\n}", &[]);
    check(
        "class \\ud835\\udc00 { String größe = \"\\ud83d\\ude00\"; int ₤, a\u{300}; }",
        &[],
    );
    check("class A { String s = \"\\\\u004\"; }", &[]);
    let malformed = "a unicode escape is `\\u` and four hexadecimal digits";
    check("class A { }\n// \\u00g0\n", &[(2, malformed)]);
    check(
        "class A {\n\\u0069nt a\n}",
        &[(2, "expected `;` after the field")],
    );
    check("class A {\nint a², b;\n}", &[(2, "illegal character `²`")]);
}

#[test]
fn string_templates_of_the_previews_are_read() {
    check_statements(
        "x = STR.\"a \\{b + \"c\" + d(() -> { }) } \\{} e\"; y = STR.\"plain\";",
        &[],
    );
    check_statements("x = \"\\{a}\";", &[(2, "illegal escape `\\{`")]);
    check_statements("x = a.\"b\";", &[(2, "expected a name")]);
}

#[test]
fn compact_source_files_have_members_but_no_package() {
    check(
        "import module java.base;\nint a = 1, b;\nvoid main() { }\n<T> T f(T t) { return t; }",
        &[],
    );
    let outside = "unexpected `void`, expected `class`, `interface`, `enum` or `record`";
    check("package a;\nvoid main() { }", &[(2, outside)]);
    let prose = "unexpected `some`, expected `class`, `interface`, `enum` or `record`";
    check("class A { }\nsome words of prose", &[(2, prose)]);
}

#[test]
fn modules_have_directives() {
    let module = "@A open module a.b { requires static transitive c; requires transitive;\n\
                  exports d to e, f; opens g; uses h; provides i with j, k; }";
    check_file("module-info.java", module, &[]);
    check_file("package-info.java", "@A package b.c;\nimport d.*;\n", &[]);
    let expected = "unexpected `require`, expected a module directive or `}`";
    check_file(
        "module-info.java",
        "module a {\nrequire b;\n}",
        &[(2, expected)],
    );
    check_file(
        "module-info.java",
        "module a {\nprovides b c;\n}",
        &[(2, "expected `with` behind the service")],
    );
}

#[test]
fn files_begin_and_end_as_old_systems_leave_them() {
    check("class A { }\n\u{1a}", &[]);
    check("", &[]);
    check("// nothing", &[]);
    check(";import a.b;; class A { };", &[]);
    check_file(
        "script",
        "#!/usr/bin/java --source 25\nvoid main() { }",
        &[],
    );
    check(
        "#!/usr/bin/java\nclass A { }",
        &[(1, "illegal character `#`")],
    );
}

#[test]
fn flexible_constructors_are_ordinary_statements() {
    check_members(
        "A() { int b = 1; this(b); } A(int c) { d(); b.<E>super(c); }",
        &[],
    );
}

#[test]
fn nesting_beyond_the_limit_is_not_judged() {
    for (open, close) in [("(", ")"), ("a(", ")"), ("(A) (", ")"), ("new A[", "]")] {
        let value = |levels: usize| {
            format!(
                "class A {{ Object a = {}1{}; }}",
                open.repeat(levels),
                close.repeat(levels)
            )
        };
        check(&value(400), &[]);
        let text = value(100_000);
        let source = Source {
            path: "A.java",
            language: Language::Java,
            bytes: text.as_bytes(),
        };
        let expected = Outcome::not_run("nested deeper than 1000 levels at line 1");
        assert_eq!(super::check(&source, &text), expected, "{open}");
    }
}

#[test]
fn long_chains_are_no_nesting() {
    let long = |start: &str, link: &str, end: &str| {
        check_statements(&format!("{start}{}{end}", link.repeat(5_000)), &[]);
    };
    long("x = 1", " + 1", ";");
    long("x", ".y()", ";");
    long("x = ", "a ? b : ", "c;");
    long("x = ", "! ", "a;");
    long("x", " = x", ";");
    long("", "if (a) { } else ", "{ }");
}

#[test]
fn any_bytes_give_a_verdict() {
    let text =
        "class A<T> { int[] a = {1, 'b', \"c\\u0041\"}; void m() { for (var x : (A<B>) y) ; } }";
    for start in (0..text.len()).filter(|&at| text.is_char_boundary(at)) {
        for end in (start..text.len()).step_by(7) {
            let source = Source {
                path: "A.java",
                language: Language::Java,
                bytes: &text.as_bytes()[start..end],
            };
            super::check(&source, &text[start..end]);
        }
    }
}
