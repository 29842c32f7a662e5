//! Answers to the programs that drive an agent, each by its own contract.

mod call;
mod context;
mod contract;
mod edit;
mod patch;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use claude_flow::pipeline::document::Document;
#[cfg(target_os = "linux")]
use claude_flow::pipeline::document::FileReport;

use self::call::Call;
use self::contract::Contract;

/// A program that drives an agent and calls hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Harness {
    /// Claude Code: answers `PostToolUse` after an edit and `PostToolBatch` after several
    ClaudeCode,
    /// `OpenAI`'s Codex CLI: answers `PostToolUse` after `apply_patch`
    Codex,
    /// Cursor: answers `postToolUse` after an edit
    Cursor,
    /// Gemini CLI: answers `AfterTool` after an edit
    Gemini,
    /// GitHub Copilot in the terminal and in VS Code: answers `postToolUse` after an edit
    Copilot,
}

impl Harness {
    /// The one that is called, if the arguments are those of a hook and nothing else.
    pub(crate) fn only_argument(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.skip(1);
        let (command, name) = (arguments.next()?, arguments.next()?);
        if command != "hook" || arguments.next().is_some() {
            return None;
        }
        Self::from_str(name.to_str()?, false).ok()
    }

    /// What it is called in the arguments.
    #[cfg(target_os = "linux")]
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The answer to a payload; never an error, because an answer that the harness cannot read
    /// breaks the agent's turn.
    pub(crate) fn respond(self, payload: &[u8], workspace: &dyn Workspace) -> Answer {
        // Cursor replays the hooks of Claude Code beside its own.
        let is_claude = self == Self::ClaudeCode;
        if is_claude && workspace.is_cursor() {
            return Answer::silent();
        }
        let contract = self.contract();
        match Call::read(payload, contract) {
            Ok(call) if is_claude && call.is_from_cursor => Answer::silent(),
            Ok(call) => respond_to_call(&call, contract, workspace),
            Err(reason) => Answer::only_stderr(reason),
        }
    }

    fn contract(self) -> &'static Contract {
        match self {
            Self::ClaudeCode => &contract::CLAUDE_CODE,
            Self::Codex => &contract::CODEX,
            Self::Cursor => &contract::CURSOR,
            Self::Gemini => &contract::GEMINI,
            Self::Copilot => &contract::COPILOT,
        }
    }
}

fn respond_to_call(call: &Call, contract: &Contract, workspace: &dyn Workspace) -> Answer {
    let questions = call.edits.iter().map(|edit| Question {
        path: edit.path.clone(),
        before: edit.before(&|| workspace.read(&edit.path)),
    });
    let documents = workspace.check(questions.collect());
    let shown: Vec<_> = call.edits.iter().map(|edit| call.shown(edit)).collect();
    let told: Vec<_> = documents
        .iter()
        .zip(&shown)
        .filter_map(|(document, shown)| Some((document.files.first()?, &**shown)))
        .collect();
    let unread: Vec<_> = told
        .iter()
        .filter_map(|(file, shown)| {
            Some(format!("{shown} was not checked: {}", file.error.as_ref()?))
        })
        .collect();
    let text = context::of_files(&told, call.left_out);
    Answer {
        stdout: text.map(|text| (contract.answer)(&call.event, &text).to_string()),
        stderr: (!unread.is_empty()).then(|| unread.join("; ")),
    }
}

/// What is told to an agent of Claude Code that wants to end its turn; nothing if nothing is broken.
///
/// `left_out` more files were broken and not looked at again.
#[cfg(target_os = "linux")]
pub(crate) fn answer_to_stop(files: &[(&FileReport, &str)], left_out: usize) -> Answer {
    if files.is_empty() {
        return Answer::silent();
    }
    let text = context::of_files(files, left_out).unwrap_or_default();
    let text = format!("files that this session edited are still broken\n{text}");
    Answer {
        stdout: Some((contract::CLAUDE_CODE.answer)("Stop", &text).to_string()),
        stderr: None,
    }
}

/// What is told to an agent of Claude Code when its session begins.
#[cfg(target_os = "linux")]
pub(crate) fn answer_to_session_start(text: &str) -> Answer {
    let text = crate::visible::visible(text);
    Answer {
        stdout: Some((contract::CLAUDE_CODE.answer)("SessionStart", &text).to_string()),
        stderr: None,
    }
}

/// The world as far as an answer depends on it.
pub(crate) trait Workspace {
    /// Whether Cursor is calling.
    fn is_cursor(&self) -> bool;

    /// The file as it is now, if it is readable and not too large to be compared.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;

    /// The verdicts on the files, in their order, one for each.
    fn check(&self, questions: Vec<Question>) -> Vec<Document>;
}

/// A file to be checked.
#[derive(Debug)]
pub(crate) struct Question {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its content before the edit, if that is known.
    pub(crate) before: Option<Vec<u8>>,
}

/// What goes to the harness.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// One JSON document for standard output, or nothing.
    pub(crate) stdout: Option<String>,
    /// One line for standard error: what was wrong with the payload.
    pub(crate) stderr: Option<String>,
}

impl Answer {
    /// Nothing to say.
    fn silent() -> Self {
        Self::default()
    }

    /// Nothing for the agent, a line for whoever looks for the reason.
    pub(crate) fn only_stderr(line: impl Into<String>) -> Self {
        Self {
            stdout: None,
            stderr: Some(line.into()),
        }
    }
}

#[cfg(test)]
mod tests;
