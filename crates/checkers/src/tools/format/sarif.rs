//! SARIF 2.1.0.

use serde_sarif::sarif::{
    ArtifactLocation, Fix, Location, Region, Result as SarifResult, ResultLevel, Run, Sarif,
};

use super::{Defaults, count};
use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Note, Repair};
use crate::tools::output::{Unread, Why};
use crate::tools::place::{Place, Point, Unit};

pub(super) fn read(report: &str, defaults: Defaults) -> Result<Vec<Diagnostic>, Unread> {
    let log: Sarif = serde_json::from_str(report)
        .map_err(|error| Unread::not_understood(format!("its output is no SARIF: {error}")))?;
    if log.runs.is_empty() {
        return Err(Unread::not_understood("its SARIF holds no run"));
    }
    let mut diagnostics = Vec::new();
    for run in &log.runs {
        read_run(run, defaults, &mut diagnostics)?;
    }
    Ok(diagnostics)
}

fn read_run(run: &Run, defaults: Defaults, to: &mut Vec<Diagnostic>) -> Result<(), Unread> {
    let invocations = run.invocations.as_deref().unwrap_or_default();
    if invocations.iter().any(|it| !it.execution_successful) {
        return Err(Unread::new(
            Why::Crashed,
            "its SARIF says that the execution was not successful",
        ));
    }
    // The standard: absent results mean that nothing was scanned.
    let Some(results) = &run.results else {
        return Err(Unread::not_understood(
            "its SARIF has no results, which means that nothing was scanned",
        ));
    };
    let unit = match run.column_kind.as_ref().and_then(|kind| kind.as_str()) {
        Some("utf16CodeUnits") => Unit::Utf16,
        Some("unicodeCodePoints") => Unit::Scalar,
        _ => defaults.unit,
    };
    for result in results {
        if result
            .suppressions
            .as_ref()
            .is_some_and(|it| !it.is_empty())
        {
            continue;
        }
        to.push(read_result(result, run, Defaults { unit, ..defaults }));
    }
    Ok(())
}

fn read_result(result: &SarifResult, run: &Run, defaults: Defaults) -> Diagnostic {
    let severity = match &result.level {
        Some(ResultLevel::Error) => Severity::Error,
        Some(ResultLevel::Warning) => Severity::Warning,
        Some(ResultLevel::Note | ResultLevel::None) => Severity::Info,
        None => defaults.severity,
    };
    let message = result
        .message
        .text
        .clone()
        .or_else(|| result.message.markdown.clone());
    let mut diagnostic = Diagnostic::new(severity, message.unwrap_or_default());
    let index = result
        .rule_index
        .and_then(|index| usize::try_from(index).ok());
    let rules = run.tool.driver.rules.as_deref().unwrap_or_default();
    let descriptor = match (&result.rule_id, index) {
        (Some(id), _) => rules.iter().find(|rule| rule.id == *id),
        (None, Some(index)) => rules.get(index),
        (None, None) => None,
    };
    diagnostic.rule = result
        .rule_id
        .clone()
        .or_else(|| descriptor.map(|it| it.id.clone()));
    diagnostic.docs = descriptor
        .and_then(|it| it.help_uri.clone())
        .filter(|uri| !uri.is_empty());
    if let Some(location) = result.locations.iter().flatten().next() {
        (diagnostic.path, diagnostic.place) = located(location, defaults.unit);
    }
    let related = result.related_locations.iter().flatten().map(|location| {
        let (path, place) = located(location, defaults.unit);
        let message = location.message.as_ref().and_then(|it| it.text.clone());
        Note {
            path,
            place,
            message: message.unwrap_or_default(),
        }
    });
    diagnostic.notes = related.collect();
    diagnostic.repair = result
        .fixes
        .iter()
        .flatten()
        .next()
        .and_then(|fix| repair(fix, diagnostic.path.as_deref()?, defaults.unit));
    diagnostic
}

fn located(location: &Location, unit: Unit) -> (Option<String>, Option<Place>) {
    let Some(physical) = &location.physical_location else {
        return (None, None);
    };
    let path = physical.artifact_location.as_ref().and_then(uri);
    (
        path,
        physical
            .region
            .as_ref()
            .and_then(|region| place(region, unit)),
    )
}

/// The path of a location: its percent signs decoded, its base left to the root.
fn uri(location: &ArtifactLocation) -> Option<String> {
    let uri = location.uri.as_deref()?;
    if uri.starts_with("file://") {
        return Some(uri.to_owned());
    }
    let decoded = percent_encoding::percent_decode_str(uri).decode_utf8();
    Some(decoded.map_or_else(|_| uri.to_owned(), std::borrow::Cow::into_owned))
}

fn place(region: &Region, unit: Unit) -> Option<Place> {
    if let Some(line) = region.start_line {
        let line = count(line);
        let start = match region.start_column {
            Some(column) => Place::at(line, count(column), unit),
            None => Place::line(line),
        };
        let end_line = region.end_line.map_or(line, count);
        return Some(start.to(end_line, region.end_column.map_or(0, count), unit));
    }
    let offset = |at: i64, unit| Point::Offset {
        at: count(at),
        unit,
    };
    let (start, length, unit) = match (region.byte_offset, region.char_offset) {
        (Some(at), _) => (at, region.byte_length, Unit::Byte),
        (None, Some(at)) => (at, region.char_length, unit),
        (None, None) => return None,
    };
    Some(Place {
        start: offset(start, unit),
        end: length.map(|length| offset(start.saturating_add(length), unit)),
    })
}

/// SARIF does not tell whether a fix is safe, so it is taken for advice.
fn repair(fix: &Fix, path: &str, unit: Unit) -> Option<Repair> {
    let [change] = fix.artifact_changes.as_slice() else {
        return None;
    };
    if uri(&change.artifact_location).as_deref() != Some(path) {
        return None;
    }
    let edits = change.replacements.iter().map(|replacement| {
        let inserted = replacement.inserted_content.as_ref();
        Some(Edit {
            place: place(&replacement.deleted_region, unit)?,
            text: inserted.and_then(|it| it.text.clone()).unwrap_or_default(),
        })
    });
    let message = fix.description.as_ref().and_then(|it| it.text.clone());
    Some(Repair {
        message: message.unwrap_or_else(|| "the tool's fix".to_owned()),
        is_safe: false,
        edits: edits.collect::<Option<Vec<_>>>()?,
    })
}
