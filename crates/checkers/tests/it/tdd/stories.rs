//! The script of the labelled edit histories: each story is told for five languages.
//!
//! A label says what somebody who watched would say; it is written from the story.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One edit history and what is true of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) name: String,
    /// Whether it is a refactoring, a deletion or a renaming, of which none is a violation.
    pub(super) is_harmless: bool,
    pub(super) verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    pub(super) phase: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A recorded edit.
    Write {
        path: String,
        content: String,
    },
    /// What was there before anybody recorded, or is changed behind the recorder's back.
    Put {
        path: String,
        content: String,
    },
    Delete {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    /// A run of all tests; `copy` has the contents that differ from the workspace's.
    Run {
        results: Vec<TestResult>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        suites: Vec<TestResult>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy: Option<BTreeMap<String, Option<String>>>,
        /// What the tests do not see.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        blind: Vec<String>,
    },
}

/// A test or a suite; it passed if there is no reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TestResult {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
}

/// What a story looks like in a language.
struct Language {
    name: &'static str,
    source: &'static str,
    test: &'static str,
    other: &'static str,
    moved: &'static str,
    moved_test: &'static str,
    comment: &'static str,
    function: fn(&str, &str) -> String,
    case: fn(&str, &str) -> String,
    around_source: fn(&str) -> String,
    around_tests: fn(&str) -> String,
    /// A missing function keeps the whole file from loading or compiling.
    is_compiled: bool,
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        source: "calc.py",
        test: "test_calc.py",
        other: "text.py",
        moved: "arithmetic.py",
        moved_test: "test_arithmetic.py",
        comment: "# Sums and more.\n",
        function: |name, body| format!("def {name}(a, b):\n    return {body}\n\n\n"),
        case: |name, holds| format!("def test_{name}():\n    assert {holds}\n\n\n"),
        around_source: str::to_owned,
        around_tests: |text| format!("import calc\nfrom calc import *\n\n\n{text}"),
        is_compiled: true,
    },
    Language {
        name: "typescript",
        source: "src/calc.ts",
        test: "src/calc.test.ts",
        other: "src/text.ts",
        moved: "src/arithmetic.ts",
        moved_test: "src/arithmetic.test.ts",
        comment: "// Sums and more.\n",
        function: |name, body| {
            format!("export function {name}(a: number, b: number) {{\n  return {body};\n}}\n\n")
        },
        case: |name, holds| {
            format!("test('{name}', () => {{\n  expect({holds}).toBe(true);\n}});\n\n")
        },
        around_source: str::to_owned,
        around_tests: |text| {
            format!("import * as calc from './calc';\nconst {{ add, sub }} = calc;\n\n{text}")
        },
        is_compiled: false,
    },
    Language {
        name: "rust",
        source: "src/lib.rs",
        test: "tests/calc.rs",
        other: "src/text.rs",
        moved: "src/arithmetic.rs",
        moved_test: "tests/arithmetic.rs",
        comment: "// Sums and more.\n",
        function: |name, body| {
            format!("pub fn {name}(a: i64, b: i64) -> i64 {{\n    {body}\n}}\n\n")
        },
        case: |name, holds| format!("#[test]\nfn {name}() {{\n    assert!({holds});\n}}\n\n"),
        around_source: str::to_owned,
        around_tests: |text| format!("use calc::*;\n\n{text}"),
        is_compiled: true,
    },
    Language {
        name: "go",
        source: "calc.go",
        test: "calc_test.go",
        other: "text.go",
        moved: "arithmetic.go",
        moved_test: "arithmetic_test.go",
        comment: "// Sums and more.\n",
        function: |name, body| format!("func {name}(a, b int) int {{\n\treturn {body}\n}}\n\n"),
        case: |name, holds| {
            format!(
                "func Test_{name}(t *testing.T) {{\n\tif !({holds}) {{\n\t\tt.Fail()\n\t}}\n}}\n\n"
            )
        },
        around_source: |text| format!("package calc\n\n{text}"),
        around_tests: |text| format!("package calc\n\nimport \"testing\"\n\n{text}"),
        is_compiled: true,
    },
    Language {
        name: "java",
        source: "src/main/java/Calc.java",
        test: "src/test/java/CalcTest.java",
        other: "src/main/java/Text.java",
        moved: "src/main/java/Arithmetic.java",
        moved_test: "src/test/java/ArithmeticTest.java",
        comment: "// Sums and more.\n",
        function: |name, body| {
            format!("    static int {name}(int a, int b) {{\n        return {body};\n    }}\n\n")
        },
        case: |name, holds| {
            format!("    @Test\n    void {name}() {{\n        assertTrue({holds});\n    }}\n\n")
        },
        around_source: |text| format!("class Calc {{\n{text}}}\n"),
        around_tests: |text| format!("class CalcTest extends Calc {{\n{text}}}\n"),
        is_compiled: true,
    },
];

/// Every history, in a fixed order.
pub(super) fn histories() -> Vec<History> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        for story in STORIES {
            let mut told = Telling {
                language,
                steps: Vec::new(),
            };
            (story.tell)(&mut told);
            all.push(History {
                name: format!("{}/{}", language.name, story.name),
                is_harmless: story.is_harmless,
                verdict: story.verdict.to_owned(),
                rule: story.rule.map(str::to_owned),
                phase: story.phase.to_owned(),
                steps: told.steps,
            });
        }
    }
    all
}

/// A story as it is written down.
struct Telling {
    language: &'static Language,
    steps: Vec<Step>,
}

type Parts = &'static [(&'static str, &'static str)];

const ADD: (&str, &str) = ("add", "a + b");
const SUB: (&str, &str) = ("sub", "a - b");
const ADDS: (&str, &str) = ("adds", "add(1, 2) == 3");
const SUBTRACTS: (&str, &str) = ("subtracts", "sub(3, 2) == 1");

impl Telling {
    fn text_of_source(&self, functions: Parts) -> String {
        let text: String = functions
            .iter()
            .map(|(name, body)| (self.language.function)(name, body))
            .collect();
        (self.language.around_source)(&text)
    }

    fn text_of_tests(&self, cases: Parts) -> String {
        let text: String = cases
            .iter()
            .map(|(name, holds)| (self.language.case)(name, holds))
            .collect();
        (self.language.around_tests)(&text)
    }

    fn write(&mut self, path: &str, content: String) {
        self.steps.push(Step::Write {
            path: path.to_owned(),
            content,
        });
    }

    fn source(&mut self, functions: Parts) {
        let text = self.text_of_source(functions);
        self.write(self.language.source, text);
    }

    fn tests(&mut self, cases: Parts) {
        let text = self.text_of_tests(cases);
        self.write(self.language.test, text);
    }

    fn put(&mut self, path: &str, content: String) {
        self.steps.push(Step::Put {
            path: path.to_owned(),
            content,
        });
    }

    /// A project with `add` and its test, seen green.
    fn green_project(&mut self) {
        self.project(&[ADD], &[ADDS]);
        self.run(&[], &["adds"]);
    }

    fn project(&mut self, functions: Parts, cases: Parts) {
        let text = self.text_of_source(functions);
        self.put(self.language.source, text);
        let text = self.text_of_tests(cases);
        self.put(self.language.test, text);
    }

    fn run(&mut self, failing: &[(&str, &str, &str)], passing: &[&str]) {
        self.run_in(failing, passing, None);
    }

    fn run_in(
        &mut self,
        failing: &[(&str, &str, &str)],
        passing: &[&str],
        copy: Option<BTreeMap<String, Option<String>>>,
    ) {
        let mut results: Vec<_> = failing.iter().map(|it| failed(*it)).collect();
        results.extend(passing.iter().map(|name| TestResult {
            name: (*name).to_owned(),
            reason: None,
            message: String::new(),
        }));
        self.steps.push(Step::Run {
            results,
            suites: Vec::new(),
            copy,
            blind: Vec::new(),
        });
    }

    /// The run of tests that use a function which is not there.
    fn run_missing(&mut self, test: &str, function: &str, passing: &[&str]) {
        let message = format!("cannot find `{function}` in this scope");
        if self.language.is_compiled {
            let suites = vec![failed((self.language.test, "missing_symbol", &message))];
            self.steps.push(Step::Run {
                results: Vec::new(),
                suites,
                copy: None,
                blind: Vec::new(),
            });
        } else {
            self.run(&[(test, "missing_symbol", &message)], passing);
        }
    }

    fn source_of(&self, functions: Parts) -> BTreeMap<String, Option<String>> {
        [(
            self.language.source.to_owned(),
            Some(self.text_of_source(functions)),
        )]
        .into()
    }
}

fn failed((name, reason, message): (&str, &str, &str)) -> TestResult {
    TestResult {
        name: name.to_owned(),
        reason: Some(reason.to_owned()),
        message: message.to_owned(),
    }
}

const fn asserted(name: &str) -> (&str, &'static str, &'static str) {
    (name, "assertion", "it does not hold")
}

/// A story and its label.
struct Story {
    name: &'static str,
    is_harmless: bool,
    verdict: &'static str,
    rule: Option<&'static str>,
    phase: &'static str,
    tell: fn(&mut Telling),
}

const fn story(
    name: &'static str,
    verdict: &'static str,
    rule: Option<&'static str>,
    phase: &'static str,
    tell: fn(&mut Telling),
) -> Story {
    Story {
        name,
        is_harmless: false,
        verdict,
        rule,
        phase,
        tell,
    }
}

const fn harmless(
    name: &'static str,
    verdict: &'static str,
    phase: &'static str,
    tell: fn(&mut Telling),
) -> Story {
    Story {
        name,
        is_harmless: true,
        verdict,
        rule: None,
        phase,
        tell,
    }
}

const ZERO: (&str, &str) = ("adds_nothing", "add(1, 0) == 1");
const WRONG_ADD: (&str, &str) = ("add", "a - b");
const BIG: (&str, &str) = ("adds_much", "add(9, 9) == 10");
const CAPPED: (&str, &str) = ("add", "a + b > 10 ? 10 : a + b");

const STORIES: &[Story] = &[
    story(
        "a test fails, the code follows",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "a test asks for what is not there",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, SUBTRACTS]);
            it.run_missing("subtracts", "sub", &["adds"]);
            it.source(&[ADD, SUB]);
            it.run(&[], &["adds", "subtracts"]);
        },
    ),
    story(
        "the first attempt does not do",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, SUBTRACTS]);
            it.run_missing("subtracts", "sub", &["adds"]);
            it.source(&[ADD, ("sub", "a + b")]);
            it.run(&[asserted("subtracts")], &["adds"]);
            it.source(&[ADD, SUB]);
            it.run(&[], &["adds", "subtracts"]);
        },
    ),
    story(
        "a new project begins with a test",
        "compliant",
        None,
        "green",
        |it| {
            it.tests(&[ADDS]);
            it.run_missing("adds", "add", &[]);
            it.source(&[ADD]);
            it.run(&[], &["adds"]);
        },
    ),
    story(
        "a new project begins with three tests",
        "violation",
        Some("one-failing-test"),
        "green",
        |it| {
            it.tests(&[ADDS, SUBTRACTS, ZERO]);
            let missing = ["adds", "subtracts", "adds_nothing"];
            if it.language.is_compiled {
                it.run_missing("adds", "add", &[]);
            } else {
                it.run(
                    &missing.map(|name| (name, "missing_symbol", "`add` is not a function")),
                    &[],
                );
            }
            it.source(&[ADD, SUB]);
            it.run(&[], &missing);
        },
    ),
    story(
        "the code comes before its test",
        "violation",
        Some("test-first"),
        "green",
        |it| {
            it.green_project();
            it.source(&[ADD, SUB]);
            it.tests(&[ADDS, SUBTRACTS]);
            it.run(&[], &["adds", "subtracts"]);
        },
    ),
    story(
        "the code comes before its test, nothing is run",
        "not_established",
        None,
        "unknown",
        |it| {
            it.green_project();
            it.source(&[ADD, SUB]);
            it.tests(&[ADDS, SUBTRACTS]);
        },
    ),
    story(
        "a function that nobody asked for",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.source(&[ADD, SUB]);
            it.run(&[], &["adds"]);
        },
    ),
    story(
        "two tests at once",
        "violation",
        Some("one-failing-test"),
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG, ZERO]);
            it.run(
                &[asserted("adds_much"), asserted("adds_nothing")],
                &["adds"],
            );
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much", "adds_nothing"]);
        },
    ),
    story(
        "a second test while the first one fails",
        "violation",
        Some("one-failing-test"),
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            it.tests(&[ADDS, BIG, ZERO]);
            it.run(
                &[asserted("adds_much"), asserted("adds_nothing")],
                &["adds"],
            );
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much", "adds_nothing"]);
        },
    ),
    story(
        "a test that is not well-formed",
        "violation",
        Some("right-reason"),
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, ("broken", "add(1,")]);
            let suites = vec![failed((it.language.test, "syntax", "invalid syntax"))];
            it.steps.push(Step::Run {
                results: Vec::new(),
                suites,
                copy: None,
                blind: Vec::new(),
            });
            it.source(&[CAPPED]);
            it.tests(&[ADDS, BIG]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "a test is mended, fails and drives",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, ("broken", "add(1,")]);
            let suites = vec![failed((it.language.test, "syntax", "invalid syntax"))];
            it.steps.push(Step::Run {
                results: Vec::new(),
                suites,
                copy: None,
                blind: Vec::new(),
            });
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "a test that crashes",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[("adds_much", "crashed", "SIGSEGV")], &["adds"]);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "a test fails and waits",
        "not_established",
        None,
        "red",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
        },
    ),
    story(
        "a test is not run yet",
        "not_established",
        None,
        "unknown",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
        },
    ),
    story(
        "the change is not run yet",
        "not_established",
        None,
        "red",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            it.source(&[CAPPED]);
        },
    ),
    story(
        "a bug that a test had found all along",
        "compliant",
        None,
        "green",
        |it| {
            it.project(&[WRONG_ADD], &[ADDS]);
            it.run(&[asserted("adds")], &[]);
            it.source(&[ADD]);
            it.run(&[], &["adds"]);
        },
    ),
    story(
        "a test of what is there",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, ZERO]);
            it.run(&[], &["adds", "adds_nothing"]);
        },
    ),
    story(
        "test first, but never seen to fail",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "test first, shown in a copy",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
            let copy = it.source_of(&[ADD]);
            it.run_in(&[asserted("adds_much")], &["adds"], Some(copy));
        },
    ),
    story(
        "code first, nothing shows it",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.source(&[CAPPED]);
            it.tests(&[ADDS, BIG]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "code first, shown in a copy",
        "violation",
        Some("test-first"),
        "green",
        |it| {
            it.green_project();
            it.source(&[CAPPED]);
            it.tests(&[ADDS, BIG]);
            it.run(&[], &["adds", "adds_much"]);
            let copy = it.source_of(&[ADD]);
            it.run_in(&[asserted("adds_much")], &["adds"], Some(copy));
        },
    ),
    story(
        "the test changes after it failed",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            it.source(&[CAPPED]);
            it.tests(&[ADDS, ("adds_much", "add(9, 9) > 0")]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "an edit behind the recorder's back",
        "not_established",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            let text = it.text_of_source(&[CAPPED]);
            it.put(it.language.source, text);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    story(
        "other code changes while a test fails",
        "violation",
        Some("refactor-on-green"),
        "green",
        |it| {
            let other = it.text_of_source(&[("join", "a + b")]);
            it.put(it.language.other, other);
            it.project(&[ADD], &[ADDS]);
            let blind = vec![it.language.other.to_owned()];
            let run = |it: &mut Telling, failing: &[(&str, &str, &str)], passing: &[&str]| {
                it.run(failing, passing);
                let Some(Step::Run { blind: none, .. }) = it.steps.last_mut() else {
                    return;
                };
                none.clone_from(&blind);
            };
            run(it, &[], &["adds"]);
            it.tests(&[ADDS, BIG]);
            run(it, &[asserted("adds_much")], &["adds"]);
            let other = it.text_of_source(&[("join", "b + a")]);
            it.write(it.language.other, other);
            it.source(&[CAPPED]);
            run(it, &[], &["adds", "adds_much"]);
        },
    ),
    story("two rounds", "compliant", None, "green", |it| {
        it.green_project();
        it.tests(&[ADDS, SUBTRACTS]);
        it.run_missing("subtracts", "sub", &["adds"]);
        it.source(&[ADD, SUB]);
        it.run(&[], &["adds", "subtracts"]);
        it.tests(&[ADDS, SUBTRACTS, BIG]);
        it.run(&[asserted("adds_much")], &["adds", "subtracts"]);
        it.source(&[CAPPED, SUB]);
        it.run(&[], &["adds", "subtracts", "adds_much"]);
    }),
    story(
        "another test has failed all along",
        "compliant",
        None,
        "red",
        |it| {
            it.project(&[ADD], &[ADDS, ZERO]);
            it.run(&[asserted("adds_nothing")], &["adds"]);
            it.tests(&[ADDS, ZERO, BIG]);
            it.run(
                &[asserted("adds_nothing"), asserted("adds_much")],
                &["adds"],
            );
            it.source(&[CAPPED]);
            it.run(&[asserted("adds_nothing")], &["adds", "adds_much"]);
        },
    ),
    story("cases of one test", "compliant", None, "green", |it| {
        it.green_project();
        it.tests(&[ADDS, BIG]);
        it.run(
            &[asserted("adds_much[1]"), asserted("adds_much[2]")],
            &["adds"],
        );
        it.source(&[CAPPED]);
        it.run(&[], &["adds", "adds_much[1]", "adds_much[2]"]);
    }),
    story(
        "a comment while a test fails",
        "compliant",
        None,
        "green",
        |it| {
            it.green_project();
            it.tests(&[ADDS, BIG]);
            it.run(&[asserted("adds_much")], &["adds"]);
            let text = it.language.comment.to_owned() + &it.text_of_source(&[ADD]);
            it.write(it.language.source, text);
            it.source(&[CAPPED]);
            it.run(&[], &["adds", "adds_much"]);
        },
    ),
    harmless("a function is extracted", "compliant", "green", |it| {
        it.green_project();
        it.source(&[("add", "total(a, b)"), ("total", "a + b")]);
        it.run(&[], &["adds"]);
    }),
    harmless(
        "a function is renamed with its tests",
        "compliant",
        "green",
        |it| {
            it.green_project();
            it.source(&[("plus", "a + b")]);
            it.tests(&[("adds", "plus(1, 2) == 3")]);
            it.run(&[], &["adds"]);
        },
    ),
    harmless(
        "a function and its test are renamed",
        "compliant",
        "green",
        |it| {
            it.green_project();
            it.source(&[("plus", "a + b")]);
            it.tests(&[("pluses", "plus(1, 2) == 3")]);
            it.run(&[], &["pluses"]);
        },
    ),
    harmless(
        "a refactoring breaks and is mended",
        "compliant",
        "green",
        |it| {
            it.green_project();
            it.source(&[WRONG_ADD]);
            it.run(&[asserted("adds")], &[]);
            it.source(&[("add", "b + a")]);
            it.run(&[], &["adds"]);
        },
    ),
    harmless(
        "a refactoring is under way",
        "not_established",
        "refactor",
        |it| {
            it.green_project();
            it.source(&[("add", "b + a")]);
        },
    ),
    harmless(
        "code first, a copy shows that the test needs none of it",
        "compliant",
        "green",
        |it| {
            it.green_project();
            it.source(&[("add", "b + a")]);
            it.tests(&[ADDS, ZERO]);
            it.run(&[], &["adds", "adds_nothing"]);
            let copy = it.source_of(&[ADD]);
            it.run_in(&[], &["adds", "adds_nothing"], Some(copy));
        },
    ),
    harmless(
        "dead code and its test are deleted",
        "compliant",
        "green",
        |it| {
            it.project(&[ADD, SUB], &[ADDS, SUBTRACTS]);
            it.run(&[], &["adds", "subtracts"]);
            it.source(&[ADD]);
            it.tests(&[ADDS]);
            it.run(&[], &["adds"]);
        },
    ),
    harmless(
        "a test and what it tests are deleted",
        "compliant",
        "green",
        |it| {
            it.project(&[ADD, SUB], &[ADDS, SUBTRACTS]);
            it.run(&[], &["adds", "subtracts"]);
            it.tests(&[ADDS]);
            it.source(&[ADD]);
            it.run(&[], &["adds"]);
        },
    ),
    harmless("files are deleted", "compliant", "green", |it| {
        it.green_project();
        let (source, test) = (it.language.source, it.language.test);
        it.steps.push(Step::Delete {
            path: source.to_owned(),
        });
        it.steps.push(Step::Delete {
            path: test.to_owned(),
        });
    }),
    harmless("files are renamed", "compliant", "green", |it| {
        it.green_project();
        let names = [
            (it.language.source, it.language.moved),
            (it.language.test, it.language.moved_test),
        ];
        for (from, to) in names {
            it.steps.push(Step::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
        it.run(&[], &["adds"]);
    }),
    harmless(
        "a file is moved by writing and deleting",
        "compliant",
        "green",
        |it| {
            it.green_project();
            let text = it.text_of_source(&[ADD]);
            it.write(it.language.moved, text);
            it.steps.push(Step::Delete {
                path: it.language.source.to_owned(),
            });
            it.run(&[], &["adds"]);
        },
    ),
    harmless("documentation", "compliant", "green", |it| {
        it.green_project();
        it.write("README.md", "# Calc\n".to_owned());
        it.write("docs/usage.md", "Add.\n".to_owned());
    }),
    harmless(
        "settings and what programs write",
        "compliant",
        "green",
        |it| {
            it.green_project();
            it.write("settings.toml", "level = 3\n".to_owned());
            it.write("package-lock.json", "{}\n".to_owned());
            it.write(
                "src/api.pb.go",
                "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage src\n".to_owned(),
            );
            it.write("Makefile", "all:\n\ttrue\n".to_owned());
        },
    ),
];
