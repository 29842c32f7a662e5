//! `ShellCheck`.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Repair};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("shellcheck"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Shell]),
    program: Program {
        name: Cow::Borrowed("shellcheck"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[ConfigFile::data(".shellcheckrc")],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--format=json1", "--color=never", "--", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[Sign::new("does not exist", Why::Unable)],
    reader: Reader::Own(read),
    install: Cow::Borrowed("apt-get install shellcheck"),
    warm: None,
};

#[derive(Deserialize)]
struct Report {
    comments: Vec<Comment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    file: String,
    line: u64,
    end_line: u64,
    column: u64,
    end_column: u64,
    level: String,
    code: u32,
    message: String,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Fix {
    replacements: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    line: u64,
    end_line: u64,
    column: u64,
    end_column: u64,
    precedence: i64,
    replacement: String,
}

/// The code of a shell that is not known: then nothing was checked.
const UNKNOWN_SHELL: u32 = 2148;

/// The codes of what its parser rejects.
const SYNTAX: std::ops::Range<u32> = 1000..2000;

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let report: Report = json(output, TOOL.report)?;
    report.comments.into_iter().map(diagnostic).collect()
}

fn diagnostic(comment: Comment) -> Result<Diagnostic, Unread> {
    if comment.code == UNKNOWN_SHELL {
        return Err(Unread::new(Why::Unable, excerpt(&comment.message)));
    }
    let severity = match comment.level.as_str() {
        "error" if SYNTAX.contains(&comment.code) => Severity::Error,
        "error" | "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    let place = Place::at(comment.line, comment.column, Unit::Scalar);
    let mut diagnostic = Diagnostic::new(severity, comment.message)
        .in_file(comment.file)
        .at(place.to(comment.end_line, comment.end_column, Unit::Scalar))
        .of_rule(format!("SC{}", comment.code));
    diagnostic.docs = Some(format!(
        "https://www.shellcheck.net/wiki/SC{}",
        comment.code
    ));
    diagnostic.repair = comment.fix.map(|mut fix| {
        fix.replacements.sort_by_key(|it| it.precedence);
        Repair {
            message: "ShellCheck's fix".to_owned(),
            // Quotes change what is split, which is why they are asked for.
            is_safe: false,
            edits: fix.replacements.into_iter().map(edit).collect(),
        }
    });
    Ok(diagnostic)
}

fn edit(it: Part) -> Edit {
    let place = Place::at(it.line, it.column, Unit::Scalar);
    Edit {
        place: place.to(it.end_line, it.end_column, Unit::Scalar),
        text: it.replacement,
    }
}
