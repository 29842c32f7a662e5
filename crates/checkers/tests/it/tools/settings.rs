//! `[tools.<name>]`: what is allowed, and that an error is about the value that is wrong.

use claude_flow_checkers::Outcome;
use claude_flow_checkers::tools::{Ended, Output, Request, Settings};

#[derive(serde::Deserialize)]
struct File {
    tools: Settings,
}

const GOOD: &str = r#"[tools.mine]
command = ["./scripts/lint", "--json", "{path}"]
files = ["src/**/*.py"]
format = "regex"
pattern = '^(?P<line>\d+) (?P<rule>\w+) (?P<message>.+)$'
exit_findings = [3]
"#;

fn parse(text: &str) -> Result<Settings, toml::de::Error> {
    toml::from_str::<File>(text).map(|file| file.tools)
}

/// `from` in the good settings is replaced by `to`; the error is to blame `line` and to say `what`.
fn check(from: &str, to: &str, line: usize, what: &str) {
    assert!(GOOD.contains(from), "{from:?}");
    let text = GOOD.replace(from, to);
    let error = parse(&text).expect_err(to);
    let start = error
        .span()
        .unwrap_or_else(|| panic!("{error} has no place"))
        .start;
    let found = text[..start].matches('\n').count() + 1;
    assert!(
        found == line && error.message().contains(what),
        "line {found}: {}",
        error.message()
    );
}

/// Catches an own tool whose report or arguments are not taken as the settings say.
#[test]
fn an_own_tool_is_asked_and_read_as_the_settings_say() {
    let settings = parse(GOOD).expect("it is right");
    let tool = settings.tools().next().expect("there is one");
    assert!(tool.files.contains("src/a/b.py", None) && !tool.files.contains("b.py", None));
    let request = Request {
        root: "/project",
        path: "src/a.py",
        content: b"a\nb\n",
        scratch: "/scratch",
        config: None,
        edition: None,
    };
    assert_eq!(tool.invocation(&request).arguments, ["--json", "src/a.py"]);
    let output = Output {
        ended: Ended::Exited(3),
        stdout: b"2 no-b there is a b\n",
        stderr: b"",
        is_truncated: false,
    };
    let reading = tool.read(&request, &output);
    let Outcome::Failed { reason } = reading.outcome(tool, &request) else {
        panic!("`no-b` is no word of the pattern, so nothing was understood: {reading:?}");
    };
    assert!(reason.contains("no finding"), "{reason}");
    let output = Output {
        stdout: b"2 nob there is a b\n",
        ..output
    };
    let Outcome::Checked { findings } = tool.read(&request, &output).outcome(tool, &request) else {
        panic!("the line matches");
    };
    assert_eq!(
        (findings[0].rule.as_ref(), findings[0].span.clone()),
        ("lint/mine/nob", 2..3)
    );
}

/// Catches an error that blames another line, or that does not say what is allowed.
#[test]
fn an_error_names_the_line() {
    check("format", "fromat", 4, "unknown field `fromat`");
    check("\"regex\"", "\"xml\"", 4, "`sarif`");
    check(r"\d+) ", "\\d+ ", 5, "unclosed group");
    check("?P<line>", "?P<row>", 5, "the groups are path, line");
    check("?P<message>", "?:", 5, "(?P<message>…) is missing");
    check("src/**/*.py", "src/[", 3, "unclosed character class");
    check("[3]", "[\"3\"]", 6, "expected i32");
    check(
        "[\"./scripts/lint\", \"--json\", \"{path}\"]",
        "[]",
        2,
        "no executable",
    );
    check("mine", "eslint", 1, "known already");
    check("mine", "\"a b\"", 1, "letters, digits");
    check("\"regex\"", "\"gnu\"", 1, "needs the format \"regex\"");
}
