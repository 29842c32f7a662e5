//! What people and programs see of documents that hold one of everything.

use std::path::Path;

use anstream::StripStream;
use claude_flow::pipeline::document::{
    Baseline, CheckReport, Content, Document, FileReport, Position, Range, RelatedPlace,
    ReportedFinding, Request, Severity, State, SuggestedFix,
};
use insta::assert_snapshot;

use super::{Format, render};
use crate::report::Report;

/// As wide as a terminal is by default.
const WIDTH: usize = 80;

const PYTHON: &str = "def total(prices):\n    return sum(\n        price for price in prices\n\nprint(total([1, 2))\n";

/// One file of a document and its text.
struct File {
    report: FileReport,
    source: Option<Vec<u8>>,
}

fn check(name: &'static str, state: State, reason: Option<&str>) -> CheckReport {
    let is_made = matches!(state, State::Clean | State::Findings);
    CheckReport {
        name,
        engine: is_made.then(|| "parser 1.0".to_owned()),
        state,
        reason: reason.map(str::to_owned),
        duration_ns: is_made.then_some(1),
        run: None,
        findings: Vec::new(),
    }
}

/// A file whose text is clean, whose syntax has these findings, and for which nothing else is built.
fn file(path: &str, source: &[u8], findings: Vec<ReportedFinding>) -> File {
    let mut syntax = check("syntax", State::Clean, None);
    if !findings.is_empty() {
        syntax.state = State::Findings;
    }
    syntax.findings = findings;
    let mut checks = vec![check("text", State::Clean, None), syntax];
    let unbuilt = [
        "format", "lint", "types", "tests", "coverage", "tdd", "security",
    ];
    checks.extend(unbuilt.map(|name| check(name, State::NotRun, Some("not built yet"))));
    let report = FileReport {
        path: path.to_owned(),
        error: None,
        language: Some("Python"),
        detected_by: Some("extension"),
        content: Some(Content {
            blake3: blake3::hash(source).to_hex().to_string(),
            size_bytes: source.len() as u64,
        }),
        baseline: None,
        checks,
    };
    File {
        report,
        source: Some(source.to_vec()),
    }
}

fn unreadable(path: &str, error: &str) -> File {
    let mut unreadable = file(path, b"", Vec::new());
    unreadable.report.error = Some(error.to_owned());
    unreadable.report.language = None;
    unreadable.report.detected_by = None;
    unreadable.report.content = None;
    unreadable.report.checks = Vec::new();
    unreadable.source = None;
    unreadable
}

fn unknown_language() -> File {
    let mut unknown = file("notes.xyz", b"hello\n", Vec::new());
    unknown.report.language = None;
    unknown.report.detected_by = None;
    let reason = "the language is not known: no extension, name or first line tells it";
    unknown.report.checks[1] = check("syntax", State::NotRun, Some(reason));
    unknown
}

fn error(
    source: &[u8],
    rule: &str,
    message: &str,
    bytes: std::ops::Range<usize>,
) -> ReportedFinding {
    ReportedFinding {
        rule: rule.to_owned(),
        severity: Severity::Error,
        message: message.to_owned(),
        range: range(source, bytes),
        pre_existing: false,
        related: Vec::new(),
        help: None,
        fix: None,
        docs: None,
    }
}

fn range(source: &[u8], bytes: std::ops::Range<usize>) -> Range {
    Range {
        start: position(source, bytes.start),
        end: position(source, bytes.end),
    }
}

fn position(source: &[u8], byte: usize) -> Position {
    let before = String::from_utf8_lossy(&source[..byte]).into_owned();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    Position {
        line: u32::try_from(line).expect("small texts"),
        column: u32::try_from(column.chars().count() + 1).expect("small texts"),
        byte: byte as u64,
    }
}

/// The byte at which the text is found for the `nth` time, from 0.
fn find(text: &str, needle: &str, nth: usize) -> usize {
    let (byte, _) = text.match_indices(needle).nth(nth).expect("it is there");
    byte
}

fn python_findings() -> Vec<ReportedFinding> {
    let source = PYTHON.as_bytes();
    let close = find(PYTHON, "))", 0);
    let mut unclosed = error(
        source,
        "syntax/unclosed-bracket",
        "`[` is closed by `)`",
        close..close + 1,
    );
    let open = find(PYTHON, "[", 0);
    unclosed.related.push(RelatedPlace {
        message: "the bracket is opened here".to_owned(),
        range: range(source, open..open + 1),
    });
    unclosed.fix = Some(SuggestedFix {
        message: "insert the missing `]`".to_owned(),
        range: range(source, close..close),
        replacement: "]".to_owned(),
    });
    let sum = find(PYTHON, "(", 1);
    let mut second = error(
        source,
        "syntax/unclosed-bracket",
        "`(` is never closed",
        sum..sum + 1,
    );
    second.help = Some("write `)` after the last argument".to_owned());
    second.docs = Some("https://docs.python.org/3/reference/".to_owned());
    let mut warning = error(source, "text/tabs", "tabs and blanks are mixed", 19..23);
    warning.severity = Severity::Warning;
    vec![warning, second, unclosed]
}

fn document(files: &[File]) -> Document {
    let reports = files.iter().map(|file| file.report.clone()).collect();
    let mut document = Document::new(Request::default(), reports);
    document.tool.version = "0.0.0";
    document
}

fn styled(files: &[File], format: Format) -> Vec<u8> {
    let document = document(files);
    let source = |report: &FileReport| {
        let file = files.iter().find(|file| file.report == *report)?;
        file.source.clone()
    };
    let report = Report {
        document: &document,
        source: &source,
        directory: Path::new("/work"),
    };
    let mut out = Vec::new();
    render(report, format, WIDTH, &mut out).expect("a vector takes everything");
    out
}

fn text(files: &[File], format: Format) -> String {
    use std::io::Write;
    let mut plain = StripStream::new(Vec::new());
    plain
        .write_all(&styled(files, format))
        .expect("a vector takes everything");
    String::from_utf8(plain.into_inner()).expect("output is text")
}

fn json(files: &[File], format: Format) -> serde_json::Value {
    serde_json::from_slice(&styled(files, format)).expect("output is JSON")
}

/// Nothing that a terminal would obey.
fn is_harmless(text: &str) -> bool {
    text.chars()
        .all(|c| c == '\n' || (!c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c)))
}

#[test]
fn human_findings_show_place_excerpt_help_and_fix() {
    let files = [file("src/total.py", PYTHON.as_bytes(), python_findings())];
    assert_snapshot!(text(&files, Format::Human));
}

#[test]
fn human_clean_file_says_what_was_not_checked() {
    let files = [file("src/a.py", b"a = 1\n", Vec::new())];
    assert_snapshot!(text(&files, Format::Human));
}

#[test]
fn human_colours() {
    let mut broken = file("src/total.py", PYTHON.as_bytes(), python_findings());
    broken.report.checks[1].findings.truncate(1);
    let files = [
        broken,
        file("src/a.py", b"a = 1\n", Vec::new()),
        unknown_language(),
    ];
    let out = String::from_utf8(styled(&files, Format::Human)).expect("output is text");
    assert_snapshot!(out.replace('\u{1b}', "␛"));
}

#[test]
fn human_unknown_language_is_loud() {
    let out = text(&[unknown_language()], Format::Human);
    assert!(!out.contains("ok"), "{out}");
    assert_snapshot!(out);
}

#[test]
fn human_several_files_end_with_a_total() {
    let mut slow = file("slow.py", b"a\n", Vec::new());
    slow.report.checks[1] = check("syntax", State::TimedOut, Some("no answer after 5 s"));
    let mut broken = file("broken.py", b"a\n", Vec::new());
    broken.report.checks[1] = check("syntax", State::Failed, Some("parser panicked"));
    let mut stale = file("stale.py", b"a\n", Vec::new());
    stale.report.checks[1] = check("syntax", State::Stale, Some("the file changed meanwhile"));
    let files = [
        file("good.py", b"a = 1\n", Vec::new()),
        slow,
        broken,
        stale,
        unreadable("gone.py", "no such file; check the path"),
        file("src/total.py", PYTHON.as_bytes(), python_findings()),
    ];
    assert_snapshot!(text(&files, Format::Human));
}

#[test]
fn human_findings_from_before_the_edit_are_only_counted() {
    let mut findings = python_findings();
    findings[1].pre_existing = true;
    findings[2].pre_existing = true;
    findings.remove(0);
    let out = text(
        &[file("src/total.py", PYTHON.as_bytes(), findings)],
        Format::Human,
    );
    assert_snapshot!(out);
}

#[test]
fn human_many_findings_are_counted_beyond_ten() {
    let source = "(\n".repeat(25);
    let findings = (0..25)
        .map(|line| {
            error(
                source.as_bytes(),
                "syntax/unclosed-bracket",
                "`(` is never closed",
                line * 2..line * 2 + 1,
            )
        })
        .collect();
    let out = text(&[file("a.py", source.as_bytes(), findings)], Format::Human);
    assert_eq!(out.matches("error[").count(), 10);
    assert!(out.contains("… and 15 more in a.py: 15 errors"), "{out}");
}

#[test]
fn human_long_line_is_cut_around_the_place() {
    let source = format!("{}HERE{}", "abc ".repeat(200_000), " xyz".repeat(200_000));
    let at = find(&source, "HERE", 0);
    let findings = vec![error(
        source.as_bytes(),
        "syntax/x",
        "this is wrong",
        at..at + 4,
    )];
    let out = text(&[file("a.py", source.as_bytes(), findings)], Format::Human);
    assert!(out.lines().all(|line| line.chars().count() < 160), "{out}");
    assert_snapshot!(out);
}

#[test]
fn human_far_and_outside_places_are_told_in_words() {
    let source = format!("({}\n)]\n", "\n".repeat(500));
    let end = source.len() - 2;
    let mut finding = error(
        source.as_bytes(),
        "syntax/x",
        "`]` closes nothing",
        end..end + 1,
    );
    finding.related.push(RelatedPlace {
        message: "the last bracket was opened here".to_owned(),
        range: range(source.as_bytes(), 0..1),
    });
    let mut outside = finding.clone();
    outside.range.start.byte = 1_000_000;
    outside.range.end.byte = 1_000_001;
    let files = [file("a.py", source.as_bytes(), vec![finding, outside])];
    assert_snapshot!(text(&files, Format::Human));
}

#[test]
fn human_places_at_line_ends_and_in_odd_bytes_have_a_caret() {
    let source = b"caf\xc3\xa9(\r\n\xff\xfe)\t|x\n";
    let findings = vec![
        error(source, "syntax/x", "expected `)`", 6..6),
        error(source, "syntax/x", "expected `)` before the line end", 7..7),
        error(source, "text/invalid-utf8", "not UTF-8", 8..9),
        error(source, "syntax/x", "stray `|`", 12..13),
        error(source, "syntax/x", "the file ends too early", 15..15),
    ];
    assert_snapshot!(text(&[file("a.py", source, findings)], Format::Human));
}

#[test]
fn human_without_source_has_no_excerpt() {
    let mut gone = file("src/total.py", PYTHON.as_bytes(), python_findings());
    gone.source = None;
    assert_snapshot!(text(&[gone], Format::Human));
}

#[test]
fn human_lone_carriage_returns_end_lines() {
    let source = b"a\rb(\rc]\n";
    let mut finding = error(source, "syntax/x", "`]` closes nothing", 6..7);
    finding.range.start.line = 3;
    finding.related.push(RelatedPlace {
        message: "opened here".to_owned(),
        range: range(source, 3..4),
    });
    finding.related[0].range.start.line = 2;
    let out = text(&[file("a.py", source, vec![finding])], Format::Human);
    assert_snapshot!(out);
}

#[test]
fn stale_findings_are_not_shown_as_current() {
    let mut stale = file("src/total.py", PYTHON.as_bytes(), python_findings());
    let reason = "the file changed on disk while it was checked; check it again";
    stale.report.checks[1].state = State::Stale;
    stale.report.checks[1].reason = Some(reason.to_owned());
    for format in [Format::Human, Format::Compact, Format::Github] {
        let out = text(
            &[File {
                report: stale.report.clone(),
                source: stale.source.clone(),
            }],
            format,
        );
        assert!(!out.contains("unclosed"), "{out}");
        assert!(out.contains("out of date"), "{out}");
    }
    let log = json(&[stale], Format::Sarif);
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(
        log["runs"][0]["invocations"][0]["executionSuccessful"],
        false
    );
}

#[test]
fn human_what_was_asked_for_and_is_not_built_stands_out() {
    let mut asked = file("a.py", b"a = 1\n", Vec::new());
    for check in &mut asked.report.checks[2..] {
        check.reason = Some(format!("not built yet: no {} is made", check.name));
    }
    let reason = "not built yet: the threshold of 80 % could not be checked";
    asked.report.checks[6].reason = Some(reason.to_owned());
    asked.report.checks[2].reason = Some("switched off by --no-format".to_owned());
    asked.report.checks[1].state = State::Findings;
    asked.report.checks[1].reason =
        Some("2 less severe than report.severity in claude-flow.toml left out".to_owned());
    assert_snapshot!(text(&[asked], Format::Human));
}

fn hostile() -> File {
    let source = "x = \"\u{1b}]0;owned\u{7}\u{202e}\" \u{9b}2J(\n";
    let at = find(source, "(", 0);
    let mut finding = error(
        source.as_bytes(),
        "syntax/x\u{1b}[2J",
        "unexpected \u{1b}[31m`(`\r\u{202e}\n::error::owned",
        at..at + 1,
    );
    finding.help = Some("remove \u{1b}[0m".to_owned());
    file(
        "::error::a,b:c%\u{1b}[2J\u{202e}.py\n::x::",
        source.as_bytes(),
        vec![finding],
    )
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    for format in [Format::Human, Format::Compact, Format::Github] {
        let out = text(&[hostile()], format);
        assert!(is_harmless(&out), "{format:?}: {out:?}");
    }
    assert_snapshot!(text(&[hostile()], Format::Human));
}

#[test]
fn compact_has_one_line_for_each_finding() {
    let files = [
        file("src/total.py", PYTHON.as_bytes(), python_findings()),
        unknown_language(),
        unreadable("gone.py", "no such file"),
    ];
    assert_snapshot!(text(&files, Format::Compact));
}

#[test]
fn github_annotations_are_escaped() {
    let files = [
        file("src/total.py", PYTHON.as_bytes(), python_findings()),
        unknown_language(),
        unreadable("gone.py", "no such file"),
        hostile(),
    ];
    assert_snapshot!(text(&files, Format::Github));
}

#[test]
fn json_is_the_document() {
    let files = [file("src/total.py", PYTHON.as_bytes(), python_findings())];
    let expected = serde_json::to_value(document(&files)).expect("a document has a JSON form");
    assert_eq!(json(&files, Format::Json), expected);
    assert_eq!(text(&files, Format::Json).lines().count(), 1);
}

#[test]
fn sarif_holds_rules_places_artifacts_and_notifications() {
    let mut named = file("src/a b:ü#.py", PYTHON.as_bytes(), python_findings());
    named.report.checks[1].findings[0].pre_existing = true;
    named.report.baseline = Some(Baseline {
        origin: "git",
        name: "HEAD".to_owned(),
        blake3: "0".repeat(64),
    });
    let files = [
        named,
        file("/work/src/in.py", b"", Vec::new()),
        file("/elsewhere/out.py", b"", Vec::new()),
        unreadable("./gone.py", "no such file"),
    ];
    let log = json(&files, Format::Sarif);
    assert_snapshot!(serde_json::to_string_pretty(&log).expect("a value is JSON"));
}

#[test]
fn sarif_fingerprints_survive_lines_added_above() {
    let fingerprints = |source: &str| -> Vec<String> {
        let findings = (0..3)
            .map(|nth| find(source, "((", nth))
            .map(|at| error(source.as_bytes(), "syntax/x", "m", at..at + 1))
            .collect();
        let log = json(&[file("a.py", source.as_bytes(), findings)], Format::Sarif);
        let results = log["runs"][0]["results"]
            .as_array()
            .expect("results")
            .clone();
        let value = |result: &serde_json::Value| {
            result["partialFingerprints"]["claudeFlowFinding/v1"]
                .as_str()
                .expect("a fingerprint")
                .to_owned()
        };
        results.iter().map(value).collect()
    };
    let before = fingerprints("a((\nb((\na((\n");
    assert_eq!(before, fingerprints("# one\n# two\n  a((\nb((\na((\n"));
    assert_ne!(before[0], before[1]);
    assert_ne!(before[0], before[2], "equal lines are told apart");
}
