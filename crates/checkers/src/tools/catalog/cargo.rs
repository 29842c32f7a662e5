//! What cargo prints with `--message-format=json`: one message a line, and at the end how it went.

use std::path::Path;

use serde::Deserialize;

use super::json_lines;
use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Note, Repair};
use crate::tools::invocation::Request;
use crate::tools::output::{Ended, Output, Stream, Unread, Why};
use crate::tools::place::{Place, Unit};

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Item,
        manifest_path: String,
    },
    BuildFinished {
        success: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Item {
    message: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Span>,
    children: Vec<Item>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// Lines and columns count from 1, columns in characters.
#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u64,
    line_end: u64,
    column_start: u64,
    column_end: u64,
    is_primary: bool,
    label: Option<String>,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
}

impl Span {
    fn place(&self) -> Place {
        let place = Place::at(self.line_start, self.column_start, Unit::Scalar);
        place.to(self.line_end, self.column_end, Unit::Scalar)
    }
}

/// How Clippy begins the help that is nothing but a link.
const LINK: &str = "for further information visit ";

/// Reads the messages; a target and its tests say the same twice, which is kept once.
pub(super) fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let lines: Vec<Line> = json_lines(output.text(Stream::Stdout)?)?;
    let Some(Line::BuildFinished { success }) = lines.last() else {
        return Err(Unread::not_understood(format!(
            "it did not say that it has finished{}",
            output.complaint()
        )));
    };
    let success = *success;
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for line in lines {
        let Line::CompilerMessage {
            message,
            manifest_path,
        } = line
        else {
            continue;
        };
        if let Some(found) = diagnostic(message, &manifest_path)?
            && !diagnostics.contains(&found)
        {
            diagnostics.push(found);
        }
    }
    let has_error = diagnostics.iter().any(|it| it.severity == Severity::Error);
    if success == has_error || (output.ended == Ended::Exited(0)) != success {
        let reason = format!("its messages contradict how it ended{}", output.complaint());
        return Err(Unread::new(Why::ExitCode, reason));
    }
    Ok(diagnostics)
}

fn diagnostic(message: Item, manifest: &str) -> Result<Option<Diagnostic>, Unread> {
    let severity = match message.level.as_str() {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "error: internal compiler error" => {
            return Err(Unread::new(Why::Crashed, message.message));
        }
        // "2 warnings emitted", and how to ask for an explanation.
        "failure-note" => return Ok(None),
        _ => Severity::Info,
    };
    let Some(primary) = message.spans.iter().find(|span| span.is_primary) else {
        let is_summary = message.children.is_empty() && message.code.is_none();
        let plain = Diagnostic::new(severity, message.message);
        return Ok((!is_summary).then_some(plain));
    };
    let path = |span: &Span| absolute(&span.file_name, manifest);
    let mut diagnostic = Diagnostic::new(severity, message.message)
        .in_file(path(primary))
        .at(primary.place());
    diagnostic.rule = message.code.map(|it| it.code);
    let labelled = message.spans.iter().filter(|span| !span.is_primary);
    let notes = labelled.map(|span| Note {
        path: Some(path(span)),
        place: Some(span.place()),
        message: span.label.clone().unwrap_or_default(),
    });
    diagnostic.notes = notes.collect();
    let label = primary.label.as_deref().filter(|label| !label.is_empty());
    let helps = message
        .children
        .iter()
        .filter(|child| child.level == "help");
    let helps = helps.map(|child| child.message.as_str());
    let (links, helps): (Vec<&str>, Vec<&str>) = helps.partition(|help| help.starts_with(LINK));
    diagnostic.docs = links.first().map(|link| link[LINK.len()..].to_owned());
    diagnostic.help = label.into_iter().chain(helps).next().map(str::to_owned);
    let suggestions = message
        .children
        .iter()
        .filter_map(|child| repair(child, primary));
    diagnostic.repair = suggestions.into_iter().next();
    Ok(Some(diagnostic))
}

/// The edits of a suggestion in the file of the finding.
fn repair(child: &Item, primary: &Span) -> Option<Repair> {
    let edits: Vec<Edit> = child
        .spans
        .iter()
        .map(|span| {
            let text = span.suggested_replacement.clone()?;
            let is_here = span.file_name == primary.file_name;
            is_here.then(|| Edit {
                place: span.place(),
                text,
            })
        })
        .collect::<Option<_>>()?;
    let is_safe =
        |span: &Span| span.suggestion_applicability.as_deref() == Some("MachineApplicable");
    (!edits.is_empty()).then(|| Repair {
        message: child.message.clone(),
        is_safe: child.spans.iter().all(is_safe),
        edits,
    })
}

/// rustc prints paths relative to the workspace, wherever that is above the package.
fn absolute(file: &str, manifest: &str) -> String {
    let package = Path::new(manifest).parent().unwrap_or(Path::new(""));
    let file = Path::new(file);
    let outermost_first = package.ancestors().collect::<Vec<_>>().into_iter().rev();
    let workspace = outermost_first.into_iter().find(|ancestor| {
        let below = package.strip_prefix(ancestor).unwrap_or(Path::new(""));
        file.starts_with(below)
    });
    let path = workspace.unwrap_or(package).join(file);
    path.to_string_lossy().into_owned()
}
