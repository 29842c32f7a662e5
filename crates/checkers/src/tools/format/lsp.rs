//! Diagnostics of the Language Server Protocol.

use serde::Deserialize;
use serde_json::Value;

use super::Defaults;
use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::Unread;
use crate::tools::place::{Place, Unit};

/// The least severity of the protocol.
const HINT: u8 = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LspDiagnostic {
    range: Range,
    severity: Option<u8>,
    code: Option<Value>,
    code_description: Option<CodeDescription>,
    message: String,
    #[serde(default)]
    related_information: Vec<Related>,
}

#[derive(Deserialize)]
struct CodeDescription {
    href: String,
}

#[derive(Deserialize)]
struct Related {
    location: Location,
    message: String,
}

#[derive(Deserialize)]
struct Location {
    uri: String,
    range: Range,
}

#[derive(Deserialize, Clone, Copy)]
pub(in crate::tools) struct Range {
    start: Position,
    end: Position,
}

#[derive(Deserialize, Clone, Copy)]
struct Position {
    line: u32,
    character: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Report {
    Message {
        method: String,
        params: Published,
    },
    Published(Published),
    Full {
        kind: String,
        items: Vec<LspDiagnostic>,
    },
    Bare(Vec<LspDiagnostic>),
}

#[derive(Deserialize)]
struct Published {
    uri: String,
    diagnostics: Vec<LspDiagnostic>,
}

/// Reads one JSON value, or several behind one another.
pub(super) fn read(
    report: &str,
    defaults: Defaults,
    request: &Request<'_>,
) -> Result<Vec<Diagnostic>, Unread> {
    let mut diagnostics = Vec::new();
    let mut has_any = false;
    for value in serde_json::Deserializer::from_str(report).into_iter::<Report>() {
        let report = value.map_err(|error| {
            Unread::not_understood(format!("its output is no list of LSP diagnostics: {error}"))
        })?;
        let (path, found) = match report {
            Report::Message { method, params } if method == "textDocument/publishDiagnostics" => {
                (params.uri, params.diagnostics)
            }
            Report::Message { method, .. } => {
                return Err(Unread::not_understood(format!(
                    "{method:?} brings no diagnostics"
                )));
            }
            Report::Published(published) => (published.uri, published.diagnostics),
            Report::Full { kind, items } if kind == "full" => (request.path.to_owned(), items),
            Report::Full { kind, .. } => {
                return Err(Unread::not_understood(format!(
                    "a report of kind {kind:?} is not a whole one"
                )));
            }
            Report::Bare(items) => (request.path.to_owned(), items),
        };
        has_any = true;
        diagnostics.extend(found.into_iter().map(|it| it.read(&path, defaults)));
    }
    if !has_any {
        return Err(Unread::not_understood(
            "its output is empty, not a list of diagnostics",
        ));
    }
    Ok(diagnostics)
}

/// Reads the answer to a request for the diagnostics of one text, which must be whole.
pub(in crate::tools) fn pulled(
    answer: &str,
    request: &Request<'_>,
) -> Result<Vec<Diagnostic>, Unread> {
    #[derive(Deserialize)]
    struct Pulled {
        kind: String,
        items: Option<Vec<LspDiagnostic>>,
    }
    let pulled: Pulled = serde_json::from_str(answer).map_err(|error| {
        Unread::not_understood(format!("its answer is no report of diagnostics: {error}"))
    })?;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Utf16,
    };
    match pulled.items {
        Some(items) if pulled.kind == "full" => {
            // A hint without a rule is for editors: ty greys out what is unused. No command tells it.
            let is_told = |it: &LspDiagnostic| it.severity != Some(HINT) || it.code.is_some();
            let items = items.into_iter().filter(is_told);
            Ok(items.map(|it| it.read(request.path, defaults)).collect())
        }
        _ => Err(Unread::not_understood(format!(
            "a report of kind {:?} is not a whole one",
            pulled.kind
        ))),
    }
}

impl LspDiagnostic {
    fn read(self, path: &str, defaults: Defaults) -> Diagnostic {
        let severity = match self.severity {
            Some(1) => Severity::Error,
            Some(2) => Severity::Warning,
            Some(_) => Severity::Info,
            None => defaults.severity,
        };
        let mut diagnostic = Diagnostic::new(severity, self.message)
            .in_file(path)
            .at(self.range.place());
        diagnostic.rule = self.code.and_then(|code| match code {
            Value::String(code) => Some(code),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        });
        diagnostic.docs = self.code_description.map(|it| it.href);
        let notes = self.related_information.into_iter().map(|related| Note {
            path: Some(related.location.uri),
            place: Some(related.location.range.place()),
            message: related.message,
        });
        diagnostic.notes = notes.collect();
        diagnostic
    }
}

impl Range {
    /// The protocol counts from 0, in UTF-16 unless the two sides agreed on something else.
    pub(in crate::tools) fn place(self) -> Place {
        let (start, end) = (self.start, self.end);
        Place::at(start.one_based().0, start.one_based().1, Unit::Utf16).to(
            end.one_based().0,
            end.one_based().1,
            Unit::Utf16,
        )
    }
}

impl Position {
    fn one_based(self) -> (u64, u64) {
        (u64::from(self.line) + 1, u64::from(self.character) + 1)
    }
}
