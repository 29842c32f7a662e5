//! Why something failed, told from the words of the runners.
//!
//! The first line that names a kind of error decides; the words are those of the runners in
//! `fixtures/checkers/reports`.

use super::model::{Failure, Reason, cut};

/// How many lines of a message are looked at.
const LINES_MAX: usize = 400;

/// The classes of errors that tell more than that there was one.
const CLASSES: &[(Reason, &[&str])] = &[
    (
        Reason::Assertion,
        &[
            "AssertionError",
            "AssertionFailedError",
            "ComparisonFailure",
            "ERR_ASSERTION",
            "JestAssertionError",
            "MultipleFailuresError",
        ],
    ),
    (
        Reason::Syntax,
        &["IndentationError", "SyntaxError", "TabError"],
    ),
    (
        Reason::MissingSymbol,
        &[
            "AttributeError",
            "ClassNotFoundException",
            "ImportError",
            "ModuleNotFoundError",
            "NameError",
            "NoClassDefFoundError",
            "NoSuchFieldError",
            "NoSuchMethodError",
            "ReferenceError",
        ],
    ),
    (Reason::TimedOut, &["TimeoutError", "TimeoutException"]),
];

/// What a line has in it that tells the reason; the first that fits decides.
///
/// `STACK_TRACE_ERROR` is what vitest's JSON says of a test that timed out.
const PHRASES: &[(Reason, &[&str])] = &[
    (
        Reason::TimedOut,
        &[
            "Error: STACK_TRACE_ERROR",
            "Exceeded timeout of",
            "Test timed out in",
            "Timeout (>",
            "Timeout of ",
            "test timed out after",
            "testTimeoutFailure",
            "time limit exceeded",
            "timed out after",
        ],
    ),
    (
        Reason::MissingSymbol,
        &[
            " is not a constructor",
            " is not a function",
            " is not defined",
            " is not in std",
            "Cannot find module",
            "Cannot find package",
            "Failed to resolve import",
            "No module named",
            "cannot find symbol",
            "cannot import name",
            "does not provide an export named",
            "has no attribute",
            "has no field or method",
            "has no member named",
            "no required module provides package",
            "undefined reference to",
            "undefined: ",
            "was not declared in this scope",
        ],
    ),
    (
        Reason::Syntax,
        &[
            "Unexpected token",
            "[ERROR] COMPILATION ERROR : syntax",
            "invalid JS syntax",
            "invalid syntax",
            "syntax error",
        ],
    ),
    (
        Reason::Crashed,
        &[
            "(signal: ",
            "Fatal Python error",
            "SIGABRT",
            "SIGSEGV",
            "Segmentation fault",
            "Subprocess aborted",
            "The forked VM terminated",
            "Worker exited unexpectedly",
            "Worker terminated",
        ],
    ),
    (
        Reason::Assertion,
        &[
            "Expected equality of these values",
            "assertion `left",
            "assertion failed",
            "expect(received)",
            "test did not panic as expected",
        ],
    ),
];

/// rustc's codes for names that are not there.
const RUST_MISSING: &[&str] = &[
    "E0405", "E0407", "E0412", "E0422", "E0423", "E0424", "E0425", "E0426", "E0432", "E0433",
    "E0437", "E0438", "E0463", "E0531", "E0559", "E0560", "E0574", "E0576", "E0583", "E0599",
    "E0603", "E0609", "E0610",
];

/// What rustc calls an error of the grammar, which has no code.
const RUST_SYNTAX: &[&str] = &[
    "error: expected ",
    "error: mismatched closing delimiter",
    "error: this file contains an unclosed delimiter",
    "error: unexpected ",
    "error: unknown start of token",
    "error: unterminated ",
];

/// The reason that a class of errors or a message tells, or else a fallback.
pub(super) fn of(kind: &str, message: &str, fallback: Reason) -> Reason {
    if let Some(reason) = of_class(kind) {
        return reason;
    }
    let mut lines = message.lines().take(LINES_MAX);
    lines.find_map(of_line).unwrap_or(fallback)
}

/// What a runner says beside its report of code that does not load, compile or stay alive.
pub(super) fn of_log(log: &str) -> Option<Failure> {
    let mut compiles = true;
    for line in log.lines() {
        let reason = of_line(line).filter(|reason| {
            // Tests that failed are the report's to tell.
            !matches!(reason, Reason::Assertion | Reason::Error | Reason::TimedOut)
        });
        if let Some(reason) = reason {
            return Some(of_place(reason, line));
        }
        compiles &= !line.contains("could not compile") && !line.contains("COMPILATION ERROR");
    }
    (!compiles).then(|| of_place(Reason::Compile, "the code does not compile"))
}

fn of_place(reason: Reason, line: &str) -> Failure {
    Failure {
        reason,
        message: cut(line.trim()),
        expected: None,
        actual: None,
    }
}

fn of_class(class: &str) -> Option<Reason> {
    let class = class.rsplit(['.', ':', '$']).next().unwrap_or(class);
    CLASSES
        .iter()
        .find_map(|(reason, classes)| classes.contains(&class).then_some(*reason))
}

fn of_line(line: &str) -> Option<Reason> {
    let line = line.trim_start();
    let line = line.strip_prefix("E ").unwrap_or(line).trim_start();
    let line = line.strip_prefix("cause: ").unwrap_or(line);
    // `TypeError` is said of what is missing and of much else.
    let class = word_before_colon(line);
    let of_class = of_class(class);
    if of_class.is_some() {
        return of_class;
    }
    if let Some(code) = line.strip_prefix("error[E") {
        let code = code.split(']').next().unwrap_or_default();
        let is_missing = RUST_MISSING.iter().any(|it| &it[1..] == code);
        return Some(if is_missing {
            Reason::MissingSymbol
        } else {
            Reason::Compile
        });
    }
    if RUST_SYNTAX.iter().any(|it| line.starts_with(it)) {
        return Some(Reason::Syntax);
    }
    if line.starts_with("assert ") {
        return Some(Reason::Assertion);
    }
    let of_phrase = PHRASES.iter().find_map(|(reason, phrases)| {
        let has = phrases.iter().any(|phrase| line.contains(phrase));
        has.then_some(*reason)
    });
    let is_thrown = class.len() > "Error".len() && class.ends_with("Error")
        || class.len() > "Exception".len() && class.ends_with("Exception")
        || line.starts_with("panic: ");
    of_phrase.or_else(|| is_thrown.then_some(Reason::Error))
}

/// `RuntimeError` of `failed on setup with "RuntimeError: no`, `AssertionError` of `AssertionError [ERR_ASSERTION]: no`.
fn word_before_colon(line: &str) -> &str {
    let head = line.split(':').next().unwrap_or_default().trim_end();
    let head = head.split(" [").next().unwrap_or_default();
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    head.rsplit(|it| !is_part(it)).next().unwrap_or_default()
}

/// The expected and the actual value that a message tells.
pub(super) fn values(message: &str) -> (Option<String>, Option<String>) {
    let lines: Vec<&str> = message.lines().take(LINES_MAX).collect();
    let of_labels = LABELS.iter().find_map(|(expected, actual)| {
        let after = |label: &str| {
            let mut of = lines.iter().filter_map(|it| it.trim().strip_prefix(label));
            of.next().map(|it| cut(it.trim().trim_end_matches(',')))
        };
        Some((after(expected)?, after(actual)?))
    });
    let of_lines = || lines.iter().find_map(|line| of_sentence(line.trim()));
    match of_labels.or_else(of_lines) {
        Some((expected, actual)) => (Some(expected), Some(actual)),
        None => (None, None),
    }
}

/// What stands before the expected and the actual value, each on its own line.
const LABELS: &[(&str, &str)] = &[
    ("Expected: ", "Received: "),
    ("Expected: ", "Actual: "),
    ("right: ", "left: "),
    ("expected: ", "actual  : "),
    ("expected: ", "actual: "),
];

/// `expected: <4> but was: <3>`, `expected 3 to be 4`, `assert 3 == 4`.
fn of_sentence(line: &str) -> Option<(String, String)> {
    if let Some((_, rest)) = line.split_once("expected:")
        && let Some((expected, actual)) = rest.split_once(" but was:")
    {
        let value = |text: &str| {
            let text = text.trim();
            let inner = text.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
            cut(inner.unwrap_or(text))
        };
        return Some((value(expected), value(actual)));
    }
    let line = line.strip_prefix("AssertionError: ").unwrap_or(line);
    if let Some(rest) = line.strip_prefix("expected ") {
        let rest = rest.split(" // ").next().unwrap_or(rest);
        let verbs = [
            " to deeply equal ",
            " to strictly equal ",
            " to equal ",
            " to be ",
        ];
        let (actual, expected) = verbs.iter().find_map(|verb| rest.split_once(verb))?;
        return Some((cut(expected), cut(actual)));
    }
    let (actual, expected) = line.strip_prefix("assert ")?.split_once(" == ")?;
    Some((cut(expected), cut(actual)))
}
