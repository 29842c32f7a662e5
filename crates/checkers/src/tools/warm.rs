//! Tools that are started once and asked many times: what is said to each, and how its answers are read.

mod lsp;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use super::diagnostic::Diagnostic;
use super::format::pulled;
use super::invocation::Request;
use super::output::{Ended, Output, Unread};
use super::reading::Reading;
use super::tool::Tool;

/// How a tool answers without being started for each question.
#[derive(Debug, Clone, Copy)]
pub struct Warm {
    /// What answers; several tools may share one.
    pub server: &'static Server,
    /// What it is asked.
    pub question: Question,
}

/// A program that stays.
#[derive(Debug)]
pub struct Server {
    /// Its name, unique among servers.
    pub name: &'static str,
    /// How it is started.
    pub start: Start,
    /// Files whose change makes it start anew, in the directory of the file and in those above it, on top
    /// of the tool's configuration; a `*` stands for one name.
    pub inputs: &'static [&'static str],
    /// What a configuration that counts must not hold: by these words it refers to more than is looked at
    /// before each question, so that the tool is run anew instead.
    pub unless_configuration_holds: &'static [&'static str],
    /// Endings of the names of files that it reads on its own and has to be told of when they change.
    pub watches: &'static [&'static str],
}

/// How a server is started and spoken with.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// It is the tool itself, and speaks the Language Server Protocol.
    Protocol {
        /// The arguments behind the executable.
        arguments: &'static [&'static str],
    },
    /// A script of ours that loads the tool and does what its command would do.
    ///
    /// One line asks and one line answers, each a JSON value. Whatever is out of the ordinary the script
    /// leaves to the command.
    Script {
        /// What runs the script.
        interpreter: Interpreter,
        /// The arguments behind the interpreter, the script among them.
        arguments: &'static [&'static str],
    },
}

/// What runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpreter {
    /// The Node that is found in `PATH`.
    Node,
    /// The Python that is installed beside the tool.
    Python,
}

/// What a server is asked about a file.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    /// What is wrong with the text.
    ///
    /// A server says nothing both of a file without mistakes and of one that it does not look at.
    Diagnostics {
        /// A text with a mistake that the tool finds wherever it looks at all.
        mistake: &'static str,
        /// A diagnostic as the tool tells it when it is run.
        translate: fn(Diagnostic) -> Diagnostic,
    },
    /// How the text would be laid out.
    ///
    /// A server says nothing of a text that needs no change, of one that it cannot parse and of one that
    /// it does not look at.
    Formatting {
        /// What no formatter leaves at the end of a text.
        untidy_end: &'static str,
    },
    /// What its command would print.
    Command,
}

/// One message to a server: what is asked or told, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The method.
    pub method: &'static str,
    /// The parameters, as JSON.
    pub params: String,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Something that is the tool's last word.
    Reading(Reading),
    /// Nothing. It means "clean" only if the server says something of [`Warm::untidy`].
    Silent,
}

/// What a script's line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What the command would have said.
    Reading(Reading),
    /// It is left to the command.
    Undone,
    /// It is no answer to the question: the script is of no more use.
    Lost,
}

/// A script's line; without an exit code the script says in `cold` why it leaves it to the command.
#[derive(Deserialize)]
struct Answered {
    id: u64,
    exit: Option<i32>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

impl Warm {
    /// A text of which the server has something to say if its silence about `content` means "clean".
    #[must_use]
    pub fn untidy(&self, content: &str) -> Option<String> {
        match self.question {
            Question::Diagnostics { mistake, .. } => Some(mistake.to_owned()),
            Question::Formatting { untidy_end } => Some(format!("{content}{untidy_end}")),
            Question::Command => None,
        }
    }

    /// True if an answer to [`Warm::untidy`] holds for the path, whatever its content.
    #[must_use]
    pub const fn is_same_for_every_content(&self) -> bool {
        matches!(self.question, Question::Diagnostics { .. })
    }

    /// True if it is given the text and does not look for it on the disk, whatever its command does.
    #[must_use]
    pub const fn takes_text(&self) -> bool {
        matches!(self.server.start, Start::Protocol { .. })
    }
}

impl Server {
    /// What it is asked first.
    #[must_use]
    pub fn initialize(root: &str) -> Message {
        lsp::initialize(root)
    }

    /// What it is told when it has answered that.
    #[must_use]
    pub fn initialized() -> Message {
        lsp::initialized()
    }

    /// What it is told of a text before it is asked about it.
    #[must_use]
    pub fn open(request: &Request<'_>, language: Option<Language>, text: &str) -> Message {
        lsp::open(request, language, text)
    }

    /// What it is told when no more is asked about the text.
    #[must_use]
    pub fn close(request: &Request<'_>) -> Message {
        lsp::close(request)
    }

    /// What it is told of files that changed on the disk, by their absolute paths.
    #[must_use]
    pub fn changed<'a>(changes: impl Iterator<Item = (&'a str, Change)>) -> Message {
        lsp::changed(changes)
    }

    /// True if it says that something is wrong with what it was started with.
    ///
    /// Servers go on with settings of their own when they cannot read the project's: ruff, ty and oxlint do.
    #[must_use]
    pub fn is_complaint(method: &str, params: &str) -> bool {
        lsp::is_complaint(method, params)
    }

    /// What it is answered when it asks something itself; `None` if there is no such method.
    #[must_use]
    pub fn reply(method: &str, params: &str) -> Option<String> {
        lsp::reply(method, params)
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Created,
    /// It has another content.
    Changed,
    /// It is gone.
    Deleted,
}

impl Tool {
    /// The question, for a tool that can be kept warm.
    #[must_use]
    pub fn question(&self, request: &Request<'_>) -> Option<Message> {
        let warm = self.warm.as_ref()?;
        Some(match warm.question {
            Question::Diagnostics { .. } => lsp::pull(request),
            Question::Formatting { .. } => lsp::format(request),
            Question::Command => return None,
        })
    }

    /// Reads the answer to [`Tool::question`]; any text gives an [`Answer`], never a panic.
    #[must_use]
    pub fn read_answer(&self, request: &Request<'_>, answer: &str) -> Answer {
        match self.answered(request, answer) {
            Ok(diagnostics) if diagnostics.is_empty() => Answer::Silent,
            Ok(diagnostics) => Answer::Reading(Reading::understood(diagnostics, request)),
            Err(unread) => Answer::Reading(Reading::Unread(unread)),
        }
    }

    /// The line that asks a script what the command would print; `id` has to come back with the answer.
    #[must_use]
    pub fn line(&self, request: &Request<'_>, executable: &str, id: u64) -> Option<String> {
        let invocation = self.invocation(request);
        let stdin = invocation.stdin.map(std::str::from_utf8).transpose().ok()?;
        let asked = serde_json::json!({
            "id": id,
            "tool": self.name,
            "executable": executable,
            "arguments": invocation.arguments,
            "stdin": stdin,
        });
        Some(asked.to_string())
    }

    /// Reads the answer to [`Tool::line`]; any text gives a [`Line`], never a panic.
    #[must_use]
    pub fn read_line(&self, request: &Request<'_>, line: &str, id: u64) -> Line {
        let answered: Answered = match serde_json::from_str(line) {
            Ok(answered) => answered,
            Err(_) => return Line::Lost,
        };
        if answered.id != id {
            return Line::Lost;
        }
        let Some(exit) = answered.exit else {
            return Line::Undone;
        };
        let output = Output {
            ended: Ended::Exited(exit),
            stdout: answered.stdout.as_bytes(),
            stderr: answered.stderr.as_bytes(),
            is_truncated: false,
        };
        Line::Reading(self.read(request, &output))
    }

    fn answered(&self, request: &Request<'_>, answer: &str) -> Result<Vec<Diagnostic>, Unread> {
        match self.warm.as_ref().map(|warm| warm.question) {
            None | Some(Question::Command) => Err(Unread::not_understood("it is no server")),
            Some(Question::Diagnostics { translate, .. }) => {
                let found = pulled(answer, request)?;
                Ok(found.into_iter().map(translate).collect())
            }
            Some(Question::Formatting { .. }) => lsp::formatted(answer, request),
        }
    }
}

/// A diagnostic without the help that a server appends to its message; returns that help.
pub(super) fn split_help(diagnostic: &mut Diagnostic) -> Option<String> {
    let (message, help) = diagnostic.message.split_once("\nhelp: ")?;
    let help = help.to_owned();
    diagnostic.message = message.trim_end().to_owned();
    Some(help)
}
