//! The part of the Language Server Protocol, version 3.17, that is spoken with a server.

use claude_flow_lang_detect::Language;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Change, Message};
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{LspRange, formatted as compared};
use crate::tools::invocation::Request;
use crate::tools::output::Unread;
use crate::tools::place::Text;

/// What a URI's path may hold as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// The only version of a text that a server sees: each text is opened anew.
const VERSION: u32 = 1;

fn uri(path: &str) -> String {
    format!("file://{}", utf8_percent_encode(path, PATH))
}

fn file(request: &Request<'_>) -> String {
    let root = request.root.trim_end_matches('/');
    uri(&format!("{root}/{}", request.path))
}

fn message(method: &'static str, params: &Value) -> Message {
    Message {
        method,
        params: params.to_string(),
    }
}

/// No `workspace/configuration`: a server that asks for its settings answers the first questions before it
/// has them.
pub(super) fn initialize(root: &str) -> Message {
    let root = uri(root);
    message(
        "initialize",
        &json!({
            "processId": null,
            "clientInfo": {"name": "claude-flow"},
            "rootUri": root,
            "workspaceFolders": [{"uri": root, "name": "root"}],
            "capabilities": {
                "general": {"positionEncodings": ["utf-16"]},
                "workspace": {
                    "workspaceFolders": true,
                    "didChangeWatchedFiles": {"dynamicRegistration": true},
                    // Without it oxlint publishes, and answers every question with an empty list.
                    "diagnostics": {"refreshSupport": true},
                },
                "textDocument": {
                    "diagnostic": {"dynamicRegistration": false},
                    "publishDiagnostics": {"relatedInformation": true, "codeDescriptionSupport": true},
                    "formatting": {"dynamicRegistration": false},
                },
            },
        }),
    )
}

pub(super) fn initialized() -> Message {
    message("initialized", &json!({}))
}

pub(super) fn open(request: &Request<'_>, language: Option<Language>, text: &str) -> Message {
    let document = json!({
        "uri": file(request),
        "languageId": language_id(language),
        "version": VERSION,
        "text": text,
    });
    message("textDocument/didOpen", &json!({"textDocument": document}))
}

pub(super) fn close(request: &Request<'_>) -> Message {
    about("textDocument/didClose", request)
}

pub(super) fn pull(request: &Request<'_>) -> Message {
    about("textDocument/diagnostic", request)
}

fn about(method: &'static str, request: &Request<'_>) -> Message {
    message(method, &json!({"textDocument": {"uri": file(request)}}))
}

pub(super) fn format(request: &Request<'_>) -> Message {
    let params = json!({
        "textDocument": {"uri": file(request)},
        // A formatter with a configuration of its own does not ask for them.
        "options": {"tabSize": 4, "insertSpaces": true},
    });
    message("textDocument/formatting", &params)
}

pub(super) fn changed<'a>(changes: impl Iterator<Item = (&'a str, Change)>) -> Message {
    let changes: Vec<Value> = changes
        .map(|(path, change)| {
            let kind = match change {
                Change::Created => 1,
                Change::Changed => 2,
                Change::Deleted => 3,
            };
            json!({"uri": uri(path), "type": kind})
        })
        .collect();
    message(
        "workspace/didChangeWatchedFiles",
        &json!({"changes": changes}),
    )
}

/// An error or a warning for the user's eyes.
pub(super) fn is_complaint(method: &str, params: &str) -> bool {
    #[derive(Deserialize)]
    struct Shown {
        #[serde(rename = "type")]
        kind: u32,
    }
    let is_shown = method == "window/showMessage" || method == "window/showMessageRequest";
    is_shown && serde_json::from_str::<Shown>(params).is_ok_and(|shown| shown.kind <= 2)
}

pub(super) fn reply(method: &str, params: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Asked {
        items: Vec<serde::de::IgnoredAny>,
    }
    match method {
        "client/registerCapability"
        | "client/unregisterCapability"
        | "window/workDoneProgress/create"
        | "workspace/diagnostic/refresh" => Some("null".to_owned()),
        "workspace/configuration" => {
            let asked: Asked = serde_json::from_str(params).ok()?;
            Some(json!(vec![Value::Null; asked.items.len()]).to_string())
        }
        _ => None,
    }
}

/// One edit of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextEdit {
    range: LspRange,
    new_text: String,
}

/// What would change; nothing for an answer without edits.
pub(super) fn formatted(answer: &str, request: &Request<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let edits: Option<Vec<TextEdit>> = serde_json::from_str(answer).map_err(|error| {
        Unread::not_understood(format!("its answer is no list of edits: {error}"))
    })?;
    let text = Text::new(request.content);
    let place = |edit: TextEdit| Some((text.span(&edit.range.place())?, edit.new_text));
    let edits = edits.unwrap_or_default().into_iter().map(place);
    let mut edits = edits
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Unread::not_understood("it edits a place that the text does not have"))?;
    // A stable sort: insertions at one place keep the server's order.
    edits.sort_by_key(|(span, _)| span.start);
    let mut after = Vec::with_capacity(request.content.len());
    let mut at = 0;
    for (span, new_text) in edits {
        let kept = request.content.get(at..span.start);
        after.extend(kept.ok_or_else(|| Unread::not_understood("its edits overlap"))?);
        after.extend(new_text.as_bytes());
        at = span.end;
    }
    after.extend(&request.content[at..]);
    compared(request.content, &after)
}

fn language_id(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Tsx) => "typescriptreact",
        Some(Language::TypeScript) => "typescript",
        Some(Language::JavaScript) => "javascript",
        Some(Language::Python) => "python",
        _ => "plaintext",
    }
}
