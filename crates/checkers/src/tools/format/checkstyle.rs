//! The XML of checkstyle: `<file name>` with `<error line column severity message source>`.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::Defaults;
use super::lines::severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::limits::XML_DEPTH_MAX;
use crate::tools::output::Unread;
use crate::tools::place::Place;

/// Reads a report as a stream; a document type is skipped, and no entity but XML's own five is known.
pub(super) fn read(report: &str, defaults: Defaults) -> Result<Vec<Diagnostic>, Unread> {
    let mut reader = Reader::from_str(report);
    let mut diagnostics = Vec::new();
    let mut file = String::new();
    let mut depth = 0_usize;
    let mut is_whole = false;
    loop {
        let event = reader.read_event().map_err(|error| broken(&error))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let name = start.local_name();
                match (depth, name.as_ref()) {
                    (0, "checkstyle") => {}
                    (0, _) => return Err(broken(&"its root is not <checkstyle>")),
                    (_, "file") => file = attribute(start, "name")?.unwrap_or_default(),
                    (_, "error") => diagnostics.push(read_error(start, &file, defaults)?),
                    _ => {}
                }
                let is_start = matches!(event, Event::Start(_));
                is_whole |= depth == 0 && !is_start;
                depth += usize::from(is_start);
                if depth > XML_DEPTH_MAX {
                    return Err(broken(&"its elements nest too deeply"));
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                is_whole |= depth == 0;
            }
            Event::Eof if is_whole && depth == 0 => return Ok(diagnostics),
            Event::Eof => return Err(broken(&"it ends before </checkstyle>")),
            _ => {}
        }
    }
}

fn read_error(
    start: &BytesStart<'_>,
    file: &str,
    defaults: Defaults,
) -> Result<Diagnostic, Unread> {
    let number = |name: &str| -> Result<u64, Unread> {
        let value = attribute(start, name)?;
        Ok(value.and_then(|it| it.parse().ok()).unwrap_or(0))
    };
    let severity = match attribute(start, "severity")? {
        Some(name) => severity(&name, defaults.severity),
        None => defaults.severity,
    };
    let message = attribute(start, "message")?.unwrap_or_default();
    let mut diagnostic = Diagnostic::new(severity, message).in_file(file);
    let (line, column) = (number("line")?, number("column")?);
    // Line 0 is the file as a whole.
    diagnostic.place = (line > 0).then(|| Place::at(line, column, defaults.unit));
    diagnostic.rule = attribute(start, "source")?.filter(|source| !source.is_empty());
    Ok(diagnostic)
}

/// An attribute's text with XML's own entities resolved; any other entity is an error.
pub(in crate::tools) fn attribute(
    start: &BytesStart<'_>,
    name: &str,
) -> Result<Option<String>, Unread> {
    let found = start
        .try_get_attribute(name)
        .map_err(|error| broken(&error))?;
    let Some(found) = found else { return Ok(None) };
    let value = found
        .normalized_value(XmlVersion::Implicit1_0)
        .map_err(|error| broken(&error))?;
    Ok(Some(value.into_owned()))
}

fn broken(error: &dyn std::fmt::Display) -> Unread {
    Unread::not_understood(format!("its XML cannot be read: {error}"))
}
