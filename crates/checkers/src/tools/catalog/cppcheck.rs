//! Cppcheck.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Sign, Tool, Words,
};

use quick_xml::Reader as XmlReader;
use quick_xml::events::{BytesStart, Event};

use crate::tools::format::attribute;
use crate::tools::limits::XML_DEPTH_MAX;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("cppcheck"),
    check: Check::Lint,
    files: Files::Languages(&[Language::C, Language::Cpp]),
    program: Program {
        name: Cow::Borrowed("cppcheck"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "--quiet",
            "--xml",
            "--enable=warning,style,performance,portability",
            "--inline-suppr",
            "--error-exitcode=1",
            "{path}",
        ]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stderr,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("could not find or open any of the paths", Why::Unable),
        Sign::new("unrecognized command line option", Why::BadConfiguration),
        Sign::new("Failed to load", Why::BadConfiguration),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("apt-get install cppcheck"),
    warm: None,
};

/// Reads the XML as a stream: version 2, no document type, no entity but XML's own.
fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let text = output.text(TOOL.report)?;
    let mut reader = XmlReader::from_str(text);
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut is_whole = false;
    loop {
        let event = reader.read_event();
        let event = event
            .map_err(|error| Unread::not_understood(format!("its XML cannot be read: {error}")))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let name = start.local_name().as_ref().to_owned();
                let parent = path.last().map_or("", String::as_str);
                match (parent, name.as_str()) {
                    ("", "results") if attribute(start, "version")?.as_deref() == Some("2") => {}
                    ("", _) => return Err(Unread::not_understood("its XML is not of version 2")),
                    ("errors", "error") => diagnostics.push(diagnostic(start)?),
                    ("error", "location") => {
                        if let Some(diagnostic) = diagnostics.last_mut() {
                            add_location(start, diagnostic)?;
                        }
                    }
                    _ => {}
                }
                if matches!(event, Event::Start(_)) {
                    path.push(name);
                }
                if path.len() > XML_DEPTH_MAX {
                    return Err(Unread::not_understood(
                        "the elements of its XML nest too deeply",
                    ));
                }
            }
            Event::End(_) => {
                path.pop();
                is_whole |= path.is_empty();
            }
            Event::Eof if is_whole && path.is_empty() => return Ok(diagnostics),
            Event::Eof => return Err(Unread::not_understood("its XML ends before </results>")),
            _ => {}
        }
    }
}

fn diagnostic(start: &BytesStart<'_>) -> Result<Diagnostic, Unread> {
    let severity = match attribute(start, "severity")?.as_deref() {
        Some("error") => Severity::Error,
        Some("information") => Severity::Info,
        _ => Severity::Warning,
    };
    let message = attribute(start, "msg")?.unwrap_or_default();
    let rule = attribute(start, "id")?.unwrap_or_default();
    if rule == "failedToLoadCfg" || rule == "internalError" || rule == "cppcheckError" {
        return Err(Unread::new(Why::Crashed, excerpt(&message)));
    }
    Ok(Diagnostic::new(severity, message).of_rule(rule))
}

/// The first location is where it is, the others explain it.
fn add_location(start: &BytesStart<'_>, to: &mut Diagnostic) -> Result<(), Unread> {
    let number = |name: &str| -> Result<u64, Unread> {
        Ok(attribute(start, name)?
            .and_then(|it| it.parse().ok())
            .unwrap_or(0))
    };
    let path = attribute(start, "file")?;
    let (line, column) = (number("line")?, number("column")?);
    let place = (line > 0).then(|| Place::at(line, column, Unit::Byte));
    if to.path.is_none() {
        (to.path, to.place) = (path, place);
    } else {
        let message = attribute(start, "info")?.unwrap_or_default();
        to.notes.push(Note {
            path,
            place,
            message,
        });
    }
    Ok(())
}
