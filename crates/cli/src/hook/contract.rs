//! What each harness sends and wants to hear.
//!
//! All of them are answered with exit code 0 and at most one JSON object on standard output: other exit
//! codes are shown to nobody, or to the agent as a failure of its edit.
//!
//! # Source
//!
//! The hooks references of Claude Code, Codex CLI, Cursor, Gemini CLI, GitHub Copilot CLI and VS Code.

use serde_json::{Value, json};

/// One harness's contract.
#[derive(Debug)]
pub(super) struct Contract {
    /// The events that are answered; a payload that may name none stands for the first.
    pub(super) events: &'static [&'static str],
    /// The events that only a daemon answers.
    pub(super) session_events: &'static [&'static str],
    /// Whether a payload may come without the name of its event.
    pub(super) is_event_optional: bool,
    /// The tools that edit files.
    pub(super) tools: &'static [&'static str],
    /// The answer to an event that tells the agent's model a text.
    pub(super) answer: fn(&str, &str) -> Value,
}

pub(super) const CLAUDE_CODE: Contract = Contract {
    events: &["PostToolUse", "PostToolBatch"],
    session_events: &["Stop", "SessionStart"],
    is_event_optional: false,
    tools: &["Edit", "Write", "MultiEdit", "NotebookEdit"],
    answer: nested,
};

/// Unknown fields in the answer are refused, so it holds nothing else.
pub(super) const CODEX: Contract = Contract {
    events: &["PostToolUse"],
    session_events: &[],
    is_event_optional: false,
    tools: &["apply_patch", "Edit", "Write"],
    answer: nested,
};

/// What `afterFileEdit` is answered is ignored, so only `postToolUse` is of use.
pub(super) const CURSOR: Contract = Contract {
    events: &["postToolUse"],
    session_events: &[],
    is_event_optional: false,
    tools: &[
        "Write",
        "Edit",
        "MultiEdit",
        "StrReplace",
        "ApplyPatch",
        "EditNotebook",
    ],
    answer: |_, text| json!({ "additional_context": text }),
};

pub(super) const GEMINI: Contract = Contract {
    events: &["AfterTool"],
    session_events: &[],
    is_event_optional: false,
    tools: &["write_file", "replace"],
    answer: nested,
};

/// The terminal's form of the payload names no event; VS Code's names `PostToolUse`.
pub(super) const COPILOT: Contract = Contract {
    events: &["postToolUse", "PostToolUse"],
    session_events: &[],
    is_event_optional: true,
    tools: &[
        "edit",
        "create",
        "str_replace_editor",
        "apply_patch",
        "editFiles",
        "create_file",
        "replace_string_in_file",
        "multi_replace_string_in_file",
        "insert_edit_into_file",
        "edit_notebook_file",
    ],
    answer: |event, text| match event {
        "PostToolUse" => nested(event, text),
        _ => json!({ "additionalContext": text }),
    },
};

/// The form that Claude Code began with.
fn nested(event: &str, text: &str) -> Value {
    let output = json!({ "hookEventName": event, "additionalContext": text });
    json!({ "hookSpecificOutput": output })
}
