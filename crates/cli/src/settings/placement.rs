//! Where each harness looks for hooks, and how it wants them written.

use serde_json::{Value, json};

use crate::hook::Harness;

/// The program as the settings name it; found on the harness's PATH.
const PROGRAM: &str = "claude-flow";

/// How long the harness waits, in seconds; the checks themselves end sooner.
const TIMEOUT_S: u64 = 10;

/// One harness's settings file.
#[derive(Debug)]
pub(crate) struct Placement {
    /// The file, in the project's directory.
    pub(crate) path: &'static str,
    /// The argument after `hook` that makes the program answer this harness.
    pub(crate) harness: &'static str,
    /// What the file calls the event after an edit.
    pub(super) event: &'static str,
    /// Whether the event's list holds groups of handlers, and not the handlers themselves.
    pub(super) has_groups: bool,
    /// What a file has besides the hooks: the first member, if any.
    pub(super) version: Option<u64>,
    entry: fn(&Placement) -> Value,
}

impl Placement {
    /// The file of one harness.
    pub(crate) const fn of(harness: Harness) -> &'static Self {
        match harness {
            Harness::ClaudeCode => &CLAUDE_CODE,
            Harness::Codex => &CODEX,
            Harness::Cursor => &CURSOR,
            Harness::Gemini => &GEMINI,
            Harness::Copilot => &COPILOT,
        }
    }

    /// What is added to the list of the event.
    pub(super) fn entry(&self) -> Value {
        (self.entry)(self)
    }

    fn command(&self) -> String {
        format!("{PROGRAM} hook {}", self.harness)
    }
}

const CLAUDE_CODE: Placement = Placement {
    path: ".claude/settings.json",
    harness: "claude-code",
    event: "PostToolUse",
    has_groups: true,
    version: None,
    entry: |place| {
        let arguments = ["hook", place.harness];
        let handler = json!({
            "type": "command", "command": PROGRAM, "args": arguments, "timeout": TIMEOUT_S,
        });
        json!({ "matcher": "Edit|Write|MultiEdit|NotebookEdit", "hooks": [handler] })
    },
};

const CODEX: Placement = Placement {
    path: ".codex/hooks.json",
    harness: "codex",
    event: "PostToolUse",
    has_groups: true,
    version: None,
    entry: |place| {
        let handler =
            json!({ "type": "command", "command": place.command(), "timeout": TIMEOUT_S });
        json!({ "matcher": "apply_patch|Edit|Write", "hooks": [handler] })
    },
};

/// Cursor refuses a file without a version, or with an event that it does not know.
const CURSOR: Placement = Placement {
    path: ".cursor/hooks.json",
    harness: "cursor",
    event: "postToolUse",
    has_groups: false,
    version: Some(1),
    entry: |place| json!({ "command": place.command(), "matcher": "Write", "timeout": TIMEOUT_S }),
};

/// Gemini counts the time in milliseconds.
const GEMINI: Placement = Placement {
    path: ".gemini/settings.json",
    harness: "gemini",
    event: "AfterTool",
    has_groups: true,
    version: None,
    entry: |place| {
        let handler = json!({
            "name": PROGRAM, "type": "command", "command": place.command(),
            "timeout": TIMEOUT_S * 1000,
        });
        json!({ "matcher": "write_file|replace", "hooks": [handler] })
    },
};

/// VS Code reads this file too.
const COPILOT: Placement = Placement {
    path: ".github/hooks/claude-flow.json",
    harness: "copilot",
    event: "postToolUse",
    has_groups: false,
    version: Some(1),
    entry: |place| {
        json!({
            "type": "command", "bash": place.command(), "powershell": place.command(),
            "timeoutSec": TIMEOUT_S,
        })
    },
};
