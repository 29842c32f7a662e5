//! Any bytes, any exit code: no panic, every span within the text, and never clean by accident.

use claude_flow_checkers::Outcome;
use claude_flow_checkers::Severity;
use claude_flow_checkers::tools::{
    Ended, Format, FormatReader, Output, Reading, Request, TOOLS, Tool, Unit,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{ROOT, SCRATCH, cases, is_clean, recorded};

const CONTENT: &[u8] = "a = 'é😀'\r\n\tb(1)\n\nc".as_bytes();

fn request() -> Request<'static> {
    Request {
        root: ROOT,
        path: "a.py",
        content: CONTENT,
        scratch: SCRATCH,
        config: None,
        edition: None,
    }
}

fn check_spans(outcome: &Outcome, len: usize) -> Result<(), TestCaseError> {
    let Outcome::Checked { findings } = outcome else {
        return Ok(());
    };
    for finding in findings {
        let related = finding.related.iter().map(|it| &it.span);
        let fix = finding.fix.iter().map(|it| &it.span);
        for span in related.chain(fix).chain([&finding.span]) {
            prop_assert!(span.start <= span.end && span.end <= len, "{finding:?}");
        }
    }
    Ok(())
}

fn any_tool() -> impl Strategy<Value = &'static Tool> {
    select(TOOLS)
}

/// What reports are made of, so that chance gets past the first character.
const SOUP: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "\"",
    ":",
    ",",
    "\n",
    " ",
    "a.py",
    "1",
    "0",
    "-1",
    "99999999999999999999",
    "error",
    "warning",
    "::error file=a.py,line=1::",
    "a.py:1:2: ",
    "a.py(1,2): error TS1: x",
    "@@ -1,2 +1,2 @@\n",
    "--- a.py\n",
    "+++ a.py\n",
    "+",
    "-",
    "<checkstyle>",
    "</checkstyle>",
    "<file name=\"a.py\">",
    "<error line=\"1\" column=\"9\" message=\"&lol;\"/>",
    "<!DOCTYPE a [",
    "<results version=\"2\">",
    "é😀",
    "\u{feff}",
    "\r",
    "^",
    "null",
    "\"runs\"",
    "\"results\"",
];

fn any_output() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(select(SOUP), 0..60).prop_map(|words| words.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_output_is_survived(
        tool in any_tool(),
        stdout in any_output(),
        stderr in any_output(),
        exit in prop_oneof![0..4, Just(101), Just(-1)],
    ) {
        let output = Output { ended: Ended::Exited(exit), stdout: &stdout, stderr: &stderr, is_truncated: false };
        let reading = tool.read(&request(), &output);
        let is_silent = matches!(&reading, Reading::Understood { diagnostics, .. } if diagnostics.is_empty());
        let outcome = reading.outcome(tool, &request());
        check_spans(&outcome, CONTENT.len())?;
        // What it finds in other files alone is nothing against this one, and ends as findings do.
        let codes = if is_silent { &tool.exits.clean } else { &tool.exits.findings };
        prop_assert!(!is_clean(&outcome) || codes.contains(&exit), "{}: {exit}", tool.name);
    }

    #[test]
    fn any_report_of_a_general_format_is_survived(
        which in 0..7_usize,
        report in prop::collection::vec(select(SOUP), 0..60),
    ) {
        let format = [Format::Sarif, Format::Lsp, Format::Checkstyle, Format::Github, Format::Gnu, Format::Diff, Format::Formatted];
        let reader = FormatReader { format: format[which].clone(), severity: Severity::Warning, unit: Unit::Scalar };
        let report = report.concat();
        let read = reader.read(&report, &request());
        // Only blank text may be an empty report of the line formats; the others have to say something.
        let is_line_format = (3..6).contains(&which);
        if read.as_ref().is_ok_and(Vec::is_empty) && is_line_format {
            prop_assert!(report.lines().all(|line| line.trim().is_empty()), "{report:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// A report of findings of which any bytes are changed is never a clean one.
    #[test]
    fn a_damaged_report_of_findings_is_never_clean(
        tool in any_tool(),
        cuts in prop::collection::vec((any::<Index>(), 0..20_usize, any::<u8>()), 1..4),
    ) {
        let cases = cases(tool);
        let case = cases.iter().find(|case| case.name == "finding").expect("every tool has one");
        let recorded = recorded(tool, case);
        let mut streams = [recorded.stdout.clone().into_bytes(), recorded.stderr.clone().into_bytes()];
        for stream in &mut streams {
            for (at, len, byte) in &cuts {
                let start = at.index(stream.len() + 1);
                let end = (start + len).min(stream.len());
                stream.splice(start..end, [*byte]);
            }
        }
        let output = Output { stdout: &streams[0], stderr: &streams[1], ..recorded.output() };
        let request = Request { content: case.content().as_bytes(), path: &case.path, ..request() };
        let reading = tool.read(&request, &output);
        let is_empty = matches!(&reading, Reading::Understood { diagnostics, .. } if diagnostics.is_empty());
        prop_assert!(!is_empty, "{}: {output:?}", tool.name);
        let outcome = reading.outcome(tool, &request);
        check_spans(&outcome, request.content.len())?;
    }
}
