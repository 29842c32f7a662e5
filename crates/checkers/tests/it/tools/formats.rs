//! The general formats, through a tool of the settings that prints them.

use claude_flow_checkers::tools::{Ended, Output, Reading, Request, Settings};
use claude_flow_checkers::{Finding, Outcome, Severity};

const CONTENT: &str = "a\nx = 'é😀' + b\nc\n";

#[derive(serde::Deserialize)]
struct File {
    tools: Settings,
}

/// What a report in a format says of the content, or why it says nothing.
fn read(format: &str, report: &str) -> Result<Vec<Finding>, String> {
    let settings = format!(
        "[tools.t]\ncommand = [\"t\"]\nfiles = [\"*\"]\nformat = \"{format}\"\nscope = \"project\"\n"
    );
    let file: File = toml::from_str(&settings).expect("these settings are right");
    let tool = file.tools.tools().next().expect("there is one tool");
    let request = Request {
        root: "/project",
        path: "a.py",
        content: CONTENT.as_bytes(),
        scratch: "/scratch",
        config: None,
        edition: None,
    };
    let is_empty = report.is_empty();
    let output = Output {
        ended: Ended::Exited(i32::from(!is_empty)),
        stdout: report.as_bytes(),
        stderr: b"",
        is_truncated: false,
    };
    // A clean report goes with 0, one of findings with 1: a reader that mixes them up is not hidden.
    let reading = match tool.read(&request, &output) {
        Reading::Unread(_) => tool.read(
            &request,
            &Output {
                ended: Ended::Exited(0),
                ..output
            },
        ),
        understood @ Reading::Understood { .. } => understood,
    };
    match reading.outcome(tool, &request) {
        Outcome::Checked { findings } => Ok(findings),
        Outcome::NotRun { reason } | Outcome::Failed { reason } => Err(reason),
    }
}

fn found(format: &str, report: &str, rule: &str, severity: Severity, text: &str) -> Finding {
    let findings = read(format, report).unwrap_or_else(|reason| panic!("{format}: {reason}"));
    let [finding] = findings.as_slice() else {
        panic!("{format}: {findings:?}");
    };
    let spanned = &CONTENT[finding.span.clone()];
    assert_eq!(
        (finding.rule.as_ref(), finding.severity, spanned),
        (rule, severity, text),
        "{format}"
    );
    finding.clone()
}

fn nothing(format: &str, report: &str, why: &str) {
    let reason = read(format, report).expect_err(report);
    assert!(reason.contains(why), "{format}: {reason}");
}

const SARIF: &str = r#"{ "version": "2.1.0", "runs": [{
    "tool": { "driver": { "name": "t", "rules": [{ "id": "no-b", "helpUri": "https://x/no-b" }] } },
    "columnKind": "utf16CodeUnits",
    "results": [{ "ruleIndex": 0, "level": "error", "message": { "text": "there is a b" }, "locations": [{
        "physicalLocation": {
            "artifactLocation": { "uri": "file:///project/a.py" },
            "region": { "startLine": 2, "startColumn": 13, "endColumn": 14 } } }] }] }] }"#;

/// Catches columns in the wrong unit, rules by index, and runs that scanned nothing.
#[test]
fn sarif_is_read() {
    let finding = found("sarif", SARIF, "lint/t/no-b", Severity::Error, "b");
    assert_eq!(finding.docs.as_deref(), Some("https://x/no-b"));
    assert_eq!(
        read(
            "sarif",
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[]}]}"#
        ),
        Ok(vec![])
    );
    nothing("sarif", r#"{"version":"2.1.0","runs":[]}"#, "no run");
    nothing(
        "sarif",
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}}}]}"#,
        "nothing was scanned",
    );
    nothing("sarif", "{}", "no SARIF");
    nothing(
        "sarif",
        &SARIF.replace(
            "\"results\"",
            "\"invocations\": [{\"executionSuccessful\": false}], \"results\"",
        ),
        "not successful",
    );
    nothing("sarif", &SARIF[..SARIF.len() - 2], "no SARIF");
    nothing(
        "sarif",
        &SARIF.replace("\"startLine\": 2", "\"startLine\": 99"),
        "another content",
    );
}

/// Catches the protocol's counting from 0, and partial reports taken for whole ones.
#[test]
fn lsp_diagnostics_are_read() {
    let item = r#"{"range":{"start":{"line":1,"character":12},"end":{"line":1,"character":13}},"severity":2,"code":"no-b","message":"m"}"#;
    let published = format!(r#"{{"uri":"file:///project/a.py","diagnostics":[{item}]}}"#);
    for report in [
        format!("[{item}]"),
        published.clone(),
        format!(
            r#"{{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":{published}}}"#
        ),
        format!(r#"{{"kind":"full","items":[{item}]}}"#),
    ] {
        found("lsp", &report, "lint/t/no-b", Severity::Warning, "b");
    }
    assert_eq!(read("lsp", "[]"), Ok(vec![]));
    nothing("lsp", "", "empty");
    nothing(
        "lsp",
        r#"{"kind":"unchanged","items":[]}"#,
        "not a whole one",
    );
    nothing("lsp", &published[..published.len() - 1], "no list");
}

/// Catches a reader that expands entities, or that takes a half document for a whole one.
#[test]
fn checkstyle_xml_is_read() {
    let report = "<?xml version=\"1.0\"?><checkstyle version=\"8\"><file name=\"/project/a.py\">\
        <error line=\"2\" column=\"12\" severity=\"error\" message=\"a &lt;b&gt;\" source=\"no-b\"/></file></checkstyle>";
    let finding = found("checkstyle", report, "lint/t/no-b", Severity::Error, "");
    assert_eq!(
        (finding.span.start, finding.message.as_str()),
        (17, "a <b>")
    );
    assert_eq!(read("checkstyle", "<checkstyle></checkstyle>"), Ok(vec![]));
    assert_eq!(read("checkstyle", "<checkstyle/>"), Ok(vec![]));
    nothing(
        "checkstyle",
        "<checkstyle><file name=\"a.py\">",
        "ends before",
    );
    nothing("checkstyle", "<html></html>", "root");
    nothing("checkstyle", "", "ends before");
    let bomb = report.replace("a &lt;b&gt;", "&lol;");
    let bomb = bomb.replace("?><", "?><!DOCTYPE checkstyle [<!ENTITY lol \"lol\">]><");
    nothing("checkstyle", &bomb, "XML");
    nothing(
        "checkstyle",
        &format!("<checkstyle>{}", "<a>".repeat(40)),
        "deeply",
    );
}

/// Catches escapes that are not undone, and other output taken for clean.
#[test]
fn github_annotations_are_read() {
    let report = "::group::x\n::error file=a.py,line=2,col=12,endColumn=13,title=no-b::50%25 of it%0Ais b\n::endgroup::\n";
    let finding = found("github", report, "lint/t/no-b", Severity::Error, "b");
    assert_eq!(finding.message, "50% of it\nis b");
    nothing("github", "all is well\n", "all is well");
}

/// Catches a message that swallows its rule, and output that is not understood.
#[test]
fn gnu_lines_are_read() {
    found(
        "gnu",
        "a.py:2:12: warning: there is a b [no-b]\n",
        "lint/t/no-b",
        Severity::Warning,
        "",
    );
    found(
        "gnu",
        "/project/a.py:2: there is a b\n",
        "lint/t",
        Severity::Warning,
        "x = 'é😀' + b",
    );
    let finding = found(
        "gnu",
        "a.py:2:12: error: b\na.py:1:1: note: a is here\n    code\n",
        "lint/t",
        Severity::Error,
        "",
    );
    assert_eq!(finding.related.len(), 1);
    nothing("gnu", "no such option\n", "no such option");
}

/// Catches a diff of another content that is offered as a fix, and one that is cut off.
#[test]
fn unified_diffs_are_read() {
    let report = "--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n a\n-x = 'é😀' + b\n+x = 'é😂' + b\n c\n";
    let finding = found("diff", report, "lint/t", Severity::Warning, "😀");
    let fix = finding.fix.expect("a diff is a fix");
    assert_eq!((fix.span, fix.replacement.as_str()), (9..13, "😂"));
    assert_eq!(read("diff", ""), Ok(vec![]));
    nothing("diff", &report.replace(" c\n", ""), "ends within");
    nothing(
        "diff",
        &report.replace(" a\n", " z\n"),
        "not one of this content",
    );
    nothing("diff", "Segmentation fault\n", "no diff");
    nothing("diff", "--- a.py\n+++ a.py\n", "no hunk");
    nothing("diff", "--- a.py\n", "no hunk");
}

/// Catches edits that do not lead to the formatted text, or that are larger than they must be.
#[test]
fn formatted_text_is_compared() {
    let after = CONTENT
        .replace("é😀' + b", "é😂'+b")
        .replace("c\n", "c\nd\n");
    let findings = read("formatted", &after).expect("it is another text");
    let fixes = findings
        .iter()
        .rev()
        .map(|finding| finding.fix.clone().expect("each has one"));
    let mut edited = CONTENT.to_owned();
    for fix in fixes {
        assert!(fix.span.len() < 12, "{fix:?}");
        edited.replace_range(fix.span, &fix.replacement);
    }
    assert_eq!(edited, after);
    assert_eq!(read("formatted", CONTENT), Ok(vec![]));
    nothing("formatted", "", "no text");
}
