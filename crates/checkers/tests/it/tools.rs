//! The tools' descriptions and readers, on outputs that were recorded from the tools themselves.
//!
//! `fixtures/checkers/tools/TOOL/cases.toml` says what each project holds and what is to be found;
//! `TOOL/CASE.toml` beside it is what the tool printed. `cargo xtask tools --record` makes those anew.

mod formats;
mod invocations;
mod prop;
mod record;
mod settings;
mod warm;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use claude_flow_checkers::tools::{
    ConfigFile, Ended, Output, Reader, Reading, Request, TOOLS, Tool, Why, tool,
};
use claude_flow_checkers::{Finding, Outcome, Severity};
use serde::{Deserialize, Serialize};

use crate::{fixtures_dir, line_of};

/// Where the projects and caches stand in what was recorded.
const ROOT: &str = "/project";
const SCRATCH: &str = "/scratch";

/// What a person wrote about one tool.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// One project and what the tool finds in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The file that the tool is asked about.
    path: String,
    /// The project's files.
    files: BTreeMap<String, String>,
    /// The file of the project that is the tool's configuration.
    config: Option<String>,
    edition: Option<String>,
    /// Nothing for a clean file, the findings, or why there is no verdict.
    #[serde(default)]
    findings: Vec<Expected>,
    why: Option<String>,
    /// A part of the reason.
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    severity: String,
    line: usize,
    /// What the finding's span holds; an arrow and the rest of the line if it is empty.
    text: String,
    /// The whole file after the finding's fix.
    fixed: Option<String>,
}

/// What one run of the tool gave.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    version: String,
    command: String,
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Recorded {
    fn output(&self) -> Output<'_> {
        Output {
            ended: Ended::Exited(self.exit),
            stdout: self.stdout.as_bytes(),
            stderr: self.stderr.as_bytes(),
            is_truncated: false,
        }
    }
}

impl Case {
    fn content(&self) -> &str {
        self.files
            .get(&self.path)
            .unwrap_or_else(|| panic!("{}: no {}", self.name, self.path))
    }

    /// The configuration file's kind; its path below the root is in `config`.
    fn config_file(&self, tool: &Tool) -> Option<&'static ConfigFile> {
        let path = self.config.as_deref()?;
        let found = tool.config.files.iter().find(|file| file.name == path);
        assert!(
            found.is_some(),
            "{} has no configuration {path:?}",
            tool.name
        );
        found
    }

    fn request<'a>(
        &'a self,
        tool: &Tool,
        root: &'a str,
        scratch: &'a str,
        config: &'a str,
    ) -> Request<'a> {
        Request {
            root,
            path: &self.path,
            content: self.content().as_bytes(),
            scratch,
            config: self.config_file(tool).map(|file| (config, file)),
            edition: self.edition.as_deref(),
        }
    }
}

fn tool_dir(tool: &Tool) -> PathBuf {
    fixtures_dir()
        .join("checkers/tools")
        .join(tool.name.as_ref())
}

fn cases(tool: &Tool) -> Vec<Case> {
    let path = tool_dir(tool).join("cases.toml");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Cases =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    cases.case
}

fn recorded(tool: &Tool, case: &Case) -> Recorded {
    let path = tool_dir(tool).join(format!("{}.toml", case.name));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(tool: &Tool, case: &Case, output: &Output<'_>) -> (Reading, Outcome) {
    let config = format!("{ROOT}/{}", case.config.as_deref().unwrap_or_default());
    let request = case.request(tool, ROOT, SCRATCH, &config);
    let reading = tool.read(&request, output);
    let outcome = reading.outcome(tool, &request);
    (reading, outcome)
}

fn is_clean(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Checked { findings } if findings.is_empty())
}

/// A finding as `cases.toml` says it, without what its fix would give.
fn shown(found: &Finding, content: &str) -> String {
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let line = line_of(content.as_bytes(), found.span.start);
    let text = if found.span.is_empty() {
        let rest = content[found.span.start..].lines().next();
        format!("→{}", rest.unwrap_or_default())
    } else {
        content[found.span.clone()].to_owned()
    };
    format!(
        "{{ rule = {:?}, severity = {severity:?}, line = {line}, text = {text:?} }}",
        found.rule
    )
}

/// What is wrong with a finding, or nothing.
fn difference(expected: &Expected, found: &Finding, content: &str) -> Option<String> {
    let wanted = format!(
        "{{ rule = {:?}, severity = {:?}, line = {}, text = {:?} }}",
        expected.rule, expected.severity, expected.line, expected.text
    );
    let fixed = found.fix.as_ref().map(|fix| {
        let mut fixed = content.to_owned();
        fixed.replace_range(fix.span.clone(), &fix.replacement);
        fixed
    });
    let found = shown(found, content);
    if found != wanted {
        return Some(found);
    }
    (expected.fixed.is_some() && expected.fixed != fixed).then(|| format!("fixed: {fixed:?}"))
}

fn check(tool: &Tool, case: &Case) -> Result<(), String> {
    let recorded = recorded(tool, case);
    let (reading, outcome) = read(tool, case, &recorded.output());
    match (&outcome, &reading) {
        (Outcome::Checked { findings }, _) if case.why.is_none() => {
            let pairs = case.findings.iter().zip(findings);
            let mut differences: Vec<String> = pairs
                .filter_map(|(expected, found)| difference(expected, found, case.content()))
                .collect();
            for found in findings.iter().skip(case.findings.len()) {
                differences.push(format!("one more: {}", shown(found, case.content())));
            }
            if findings.len() < case.findings.len() {
                differences.push(format!(
                    "{} instead of {}",
                    findings.len(),
                    case.findings.len()
                ));
            }
            if differences.is_empty() {
                Ok(())
            } else {
                Err(differences.join("\n    "))
            }
        }
        (_, Reading::Unread(unread)) => {
            let why = format!("{:?}", unread.why);
            let is_right =
                case.why.as_deref() == Some(&why) && unread.reason.contains(&case.reason);
            if is_right {
                Ok(())
            } else {
                Err(format!("{why}: {}", unread.reason))
            }
        }
        _ => Err(format!("{outcome:?}")),
    }
}

/// Catches any reader that misunderstands what its tool really prints.
#[test]
fn recorded_outputs_are_read_as_a_person_reads_them() {
    record::record_if_asked();
    let mut wrong = Vec::new();
    for tool in TOOLS {
        for case in cases(tool) {
            if let Err(difference) = check(tool, &case) {
                wrong.push(format!("{}/{}:\n    {difference}", tool.name, case.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Catches edits that do not lead to what the formatter printed.
#[test]
fn the_edits_of_a_formatter_give_what_it_printed() {
    let formatters = TOOLS
        .iter()
        .filter(|tool| matches!(tool.reader, Reader::Formatter(_)));
    for tool in formatters {
        let cases = cases(tool);
        let case = cases
            .iter()
            .find(|case| case.name == "finding")
            .expect("every tool has one");
        let recorded = recorded(tool, case);
        let (_, Outcome::Checked { findings }) = read(tool, case, &recorded.output()) else {
            panic!("{}: nothing was read", tool.name);
        };
        let mut content = case.content().to_owned();
        for finding in findings.iter().rev() {
            let fix = finding.fix.as_ref().expect("every change is a fix");
            content.replace_range(fix.span.clone(), &fix.replacement);
        }
        assert_eq!(content, recorded.stdout, "{}", tool.name);
    }
}

/// Catches a tool whose description or reader nobody has seen at work.
#[test]
fn every_tool_has_a_clean_case_a_finding_and_a_failure() {
    for tool in TOOLS {
        let cases = cases(tool);
        let has = |name: &str| cases.iter().any(|case| case.name == name);
        assert!(has("clean") && has("finding"), "{}", tool.name);
        assert!(
            cases.len() >= 3,
            "{} has only {} cases",
            tool.name,
            cases.len()
        );
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        for entry in fs::read_dir(tool_dir(tool))
            .expect("the folder has the cases")
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().replace(".toml", "");
            assert!(
                name == "cases" || names.contains(&name.as_str()),
                "{}/{name} is of no case",
                tool.name
            );
        }
    }
}

/// Catches an output that was cut off, or a tool that was killed, and that reads as clean.
#[test]
fn what_is_not_whole_is_never_clean() {
    for tool in TOOLS {
        for case in cases(tool) {
            let recorded = recorded(tool, &case);
            let whole = recorded.output();
            let broken = [
                Output {
                    is_truncated: true,
                    ..whole
                },
                Output {
                    ended: Ended::Signalled(9),
                    ..whole
                },
                Output {
                    ended: Ended::Exited(-1),
                    ..whole
                },
                Output {
                    stdout: b"Segmentation fault\n",
                    stderr: b"",
                    ..whole
                },
                Output {
                    stdout: b"",
                    stderr: b"Segmentation fault\n",
                    ended: Ended::Exited(139),
                    ..whole
                },
            ];
            for output in &broken {
                let (_, outcome) = read(tool, &case, output);
                // The nonsense is on the stream that some tools leave empty when all is well.
                let is_silent = output.stdout == b"Segmentation fault\n"
                    && case.why.is_none()
                    && case.findings.is_empty();
                assert!(
                    is_silent || !is_clean(&outcome),
                    "{}/{}: {:?}",
                    tool.name,
                    case.name,
                    output.ended
                );
            }
        }
    }
}

/// Catches a report of findings of which a part reads as clean.
#[test]
fn a_part_of_a_report_of_findings_is_never_clean() {
    for tool in TOOLS {
        for case in cases(tool).iter().filter(|case| case.name == "finding") {
            let recorded = recorded(tool, case);
            let whole = recorded.output();
            for cut in 0..100 {
                let stdout = &whole.stdout[..whole.stdout.len() * cut / 100];
                let stderr = &whole.stderr[..whole.stderr.len() * cut / 100];
                let (_, outcome) = read(
                    tool,
                    case,
                    &Output {
                        stdout,
                        stderr,
                        ..whole
                    },
                );
                assert!(!is_clean(&outcome), "{}: {cut} % of it", tool.name);
            }
        }
    }
}

/// Catches a project's file that is said to be plain data although the tool runs what it names.
#[test]
fn configuration_that_runs_something_is_code() {
    let code = |name: &str, file: &str| {
        let tool = tool(name).expect("it is in the catalog");
        let file = tool.config.files.iter().find(|it| it.name == file);
        file.expect("it is one of its files").is_code || tool.runs_code.is_some()
    };
    assert!(code("eslint", "eslint.config.js"));
    assert!(code("prettier", ".prettierrc"), "it may name plugins");
    assert!(code("mypy", "mypy.ini"), "it may name plugins");
    assert!(code("cargo-check", "Cargo.toml"), "build scripts");
    assert!(!code("ruff-check", "ruff.toml"));
    assert!(!code("tsc", "tsconfig.json"));
}

/// Catches a broken configuration that counts as "not the project's tool", or the other way round.
#[test]
fn reasons_tell_what_was_not_made_from_what_broke() {
    assert!(Why::Ignored.is_not_run() && Why::NotConfigured.is_not_run());
    assert!(!Why::BadConfiguration.is_not_run() && !Why::Truncated.is_not_run());
}
