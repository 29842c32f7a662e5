//! GitHub's workflow commands: `::error file=a.py,line=1,col=2,endLine=1,endColumn=3,title=rule::message`.

use super::Defaults;
use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::output::{Unread, excerpt};
use crate::tools::place::Place;

pub(super) fn read(report: &str, defaults: Defaults) -> Result<Vec<Diagnostic>, Unread> {
    let mut diagnostics = Vec::new();
    let mut other = None;
    for line in report.lines() {
        match command(line, defaults) {
            Some(diagnostic) => diagnostics.push(diagnostic),
            None if line.trim().is_empty() || is_grouping(line) => {}
            None => other = other.or_else(|| Some(excerpt(line))),
        }
    }
    match other {
        Some(line) if diagnostics.is_empty() => Err(Unread::not_understood(format!(
            "its output holds no workflow command and says {line:?}"
        ))),
        _ => Ok(diagnostics),
    }
}

fn is_grouping(line: &str) -> bool {
    line.starts_with("::group::") || line.starts_with("::endgroup::")
}

fn command(line: &str, defaults: Defaults) -> Option<Diagnostic> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let severity = match name {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "notice" => Severity::Info,
        _ => return None,
    };
    let mut diagnostic = Diagnostic::new(severity, unescaped(message));
    let (mut line, mut column, mut end_line, mut end_column) = (None, None, None, None);
    for (key, value) in properties
        .split(',')
        .filter_map(|pair| pair.split_once('='))
    {
        let number = value.parse::<u64>().ok();
        match key.trim() {
            "file" => diagnostic.path = Some(unescaped(value)),
            "line" => line = number,
            "col" => column = number,
            "endLine" => end_line = number,
            "endColumn" => end_column = number,
            "title" => diagnostic.rule = Some(unescaped(value)),
            _ => {}
        }
    }
    diagnostic.place = line.filter(|line| *line > 0).map(|line| {
        let start = column.map_or(Place::line(line), |column| {
            Place::at(line, column, defaults.unit)
        });
        start.to(
            end_line.unwrap_or(line),
            end_column.unwrap_or(0),
            defaults.unit,
        )
    });
    Some(diagnostic)
}

fn unescaped(text: &str) -> String {
    // The percent sign last, so that an escaped one does not begin another escape.
    text.replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%3A", ":")
        .replace("%2C", ",")
        .replace("%25", "%")
}
