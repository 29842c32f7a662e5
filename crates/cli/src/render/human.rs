//! For people: what is wrong, where, what to do, and what was not looked at.

mod excerpt;

use std::io::{self, Write};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use claude_flow::pipeline::document::{
    CheckReport, FileReport, ReportedFinding, Severity, State, SuggestedFix, Summary,
};

use self::excerpt::Excerpt;
use super::compact::severity_word;
use crate::report::{
    Report, all_findings, findings_worst_first, is_asked_for, missed_checks, missed_reason,
    new_findings, unbuilt_checks,
};
use crate::visible::{visible, visible_short};

/// How many findings of one file are shown; the rest is counted.
const FINDINGS_SHOWN_MAX: usize = 10;

/// The longest message that is written, in characters.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// The longest replacement that is shown as a changed line, in bytes.
const REPLACEMENT_BYTES_MAX: usize = 80;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const BLUE: Style = AnsiColor::Blue.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// The names of checks, by the reason why they are not built.
type Unbuilt<'a> = Vec<(&'a str, Vec<&'static str>)>;

/// Writes findings and a summary for each file, and one for all if there are several.
///
/// The output is styled; the writer strips what its reader cannot show.
pub(super) fn write(report: Report<'_>, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let renderer = Renderer::styled().term_width(width);
    let files = &report.document.files;
    let everywhere = unbuilt_everywhere(files);
    let mut needs_blank = false;
    for (file, source) in report.files_with_source() {
        let has_findings = new_findings(file).next().is_some();
        if needs_blank || (has_findings && !std::ptr::eq(file, &raw const files[0])) {
            writeln!(out)?;
        }
        write_findings(file, source.as_deref(), &renderer, out)?;
        write_verdict(file, out)?;
        if everywhere.is_none() && file.error.is_none() {
            write_unbuilt(&unbuilt_by_reason(file), out)?;
        }
        needs_blank = has_findings;
    }
    if files.len() > 1 {
        let partly = files
            .iter()
            .filter(|file| missed_checks(file).next().is_some());
        write_total(&report.document.summary, partly.count(), out)?;
        write_unbuilt(&everywhere.unwrap_or_default(), out)?;
    }
    Ok(())
}

fn write_findings(
    file: &FileReport,
    source: Option<&[u8]>,
    renderer: &Renderer,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = findings_worst_first(file);
    let shown = findings.len().min(FINDINGS_SHOWN_MAX);
    for finding in &findings[..shown] {
        write_finding(&file.path, finding, source, renderer, out)?;
    }
    let rest = &findings[shown..];
    if rest.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{DIM}… and {} more in {}: {}; `--format compact` lists all{DIM:#}\n",
        rest.len(),
        visible(&file.path),
        count_severities(rest.iter().copied()),
    )
}

fn write_finding(
    path: &str,
    finding: &ReportedFinding,
    source: Option<&[u8]>,
    renderer: &Renderer,
    out: &mut dyn Write,
) -> io::Result<()> {
    let start = finding.range.start;
    let style = severity_style(finding.severity);
    writeln!(
        out,
        "{BOLD}{}:{}:{}:{BOLD:#} {style}{}[{}]{style:#}: {BOLD}{}{BOLD:#}",
        visible(path),
        start.line,
        start.column,
        severity_word(finding.severity),
        visible(&finding.rule),
        visible_short(&finding.message, MESSAGE_CHARS_MAX),
    )?;
    let excerpt = source.and_then(|source| Excerpt::of(source, finding));
    let text = renderer.render(&[explanation(finding, excerpt.as_ref())]);
    if text.is_empty() {
        return writeln!(out);
    }
    writeln!(out, "{text}\n")
}

/// Everything below a finding's first line.
fn explanation<'a>(finding: &'a ReportedFinding, excerpt: Option<&'a Excerpt>) -> Group<'a> {
    let mut group = Group::with_level(severity_level(finding.severity));
    if let Some(excerpt) = excerpt {
        group = group.element(
            Snippet::source(excerpt.text.as_str())
                .line_start(excerpt.line_start)
                .annotations(annotations(finding, excerpt)),
        );
    }
    for (index, related) in finding.related.iter().enumerate() {
        let is_drawn = excerpt.is_some_and(|excerpt| excerpt.related[index].is_some());
        if !is_drawn {
            let start = related.range.start;
            let text = visible_short(&related.message, MESSAGE_CHARS_MAX);
            group = group.element(Level::NOTE.message(format!(
                "{text} (line {}, column {})",
                start.line, start.column
            )));
        }
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(visible_short(help, MESSAGE_CHARS_MAX)));
    }
    if let Some(fix) = &finding.fix {
        let message = visible_short(&fix.message, MESSAGE_CHARS_MAX);
        group = group.element(Level::HELP.with_name("fix").message(message));
        if let Some(patch) = excerpt.and_then(|excerpt| fix_patch(fix, excerpt)) {
            group = group.element(patch);
        }
    }
    if let Some(docs) = &finding.docs {
        group = group.element(Level::NOTE.with_name("see").message(visible(docs)));
    }
    group
}

fn annotations<'a>(finding: &'a ReportedFinding, excerpt: &'a Excerpt) -> Vec<Annotation<'a>> {
    let primary = AnnotationKind::Primary.span(excerpt.primary.clone());
    let related = finding.related.iter().zip(&excerpt.related);
    let related = related.filter_map(|(related, span)| {
        let label = visible_short(&related.message, MESSAGE_CHARS_MAX);
        Some(
            AnnotationKind::Context
                .span(span.clone()?)
                .label(Some(label)),
        )
    });
    std::iter::once(primary).chain(related).collect()
}

/// The changed line, if the fix changes one line that the excerpt shows.
fn fix_patch<'a>(fix: &SuggestedFix, excerpt: &'a Excerpt) -> Option<Snippet<'a, Patch<'a>>> {
    let is_short = fix.replacement.len() <= REPLACEMENT_BYTES_MAX;
    if !is_short || fix.replacement.contains(['\n', '\r']) {
        return None;
    }
    let span = excerpt.fix.clone()?;
    let line_index = excerpt.text[..span.start].matches('\n').count();
    let line_begin = excerpt.text[..span.start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let line_end = excerpt.text[span.end..]
        .find('\n')
        .map_or(excerpt.text.len(), |newline| span.end + newline);
    let replacement = visible(&fix.replacement).into_owned();
    Some(
        Snippet::source(&excerpt.text[line_begin..line_end])
            .line_start(excerpt.line_start + line_index)
            .patch(Patch::new(
                span.start - line_begin..span.end - line_begin,
                replacement,
            )),
    )
}

/// One line that says what is known about the file, and lines for what is not known.
fn write_verdict(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let path = visible(&file.path);
    if let Some(error) = &file.error {
        return writeln!(
            out,
            "{BOLD}{path}:{BOLD:#} {RED}not checked{RED:#}: {}",
            visible(error)
        );
    }
    let (style, verdict) = verdict_words(file);
    write!(out, "{BOLD}{path}:{BOLD:#} {style}{verdict}{style:#}")?;
    let clean = clean_checks(file);
    if !clean.is_empty() {
        write!(out, "; {} clean", clean.join(" and "))?;
    }
    if let Some(language) = file.language {
        write!(out, " ({language})")?;
    }
    let pre_existing = all_findings(file).filter(|f| f.pre_existing).count();
    if pre_existing > 0 {
        let noun = plural(pre_existing as u64, "finding");
        write!(
            out,
            "; {pre_existing} {noun} from before the edit not counted"
        )?;
    }
    writeln!(out)?;
    let asked_for = unbuilt_checks(file).filter(|check| is_asked_for(check));
    for check in missed_checks(file).chain(asked_for) {
        let (name, reason) = (check.name, missed_reason(check));
        let reason = visible(&reason);
        writeln!(out, "  {YELLOW}not checked{YELLOW:#}: {name} ({reason})")?;
    }
    for check in withheld_checks(file) {
        let reason = check.reason.as_deref().unwrap_or_default();
        writeln!(out, "  {DIM}{}: {}{DIM:#}", check.name, visible(reason))?;
    }
    Ok(())
}

fn write_unbuilt(unbuilt: &Unbuilt<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (reason, names) in unbuilt {
        let reason = visible(reason);
        let names = names.join(", ");
        writeln!(out, "  {DIM}not checked: {names} ({reason}){DIM:#}")?;
    }
    Ok(())
}

fn verdict_words(file: &FileReport) -> (Style, String) {
    if let Some(worst) = new_findings(file).map(|finding| finding.severity).min() {
        let words = count_severities(new_findings(file));
        return (severity_style(worst), words);
    }
    let missed: Vec<&str> = missed_checks(file).map(|check| check.name).collect();
    if !missed.is_empty() {
        let words = format!("{} not checked", missed.join(" and "));
        return (YELLOW, words.to_uppercase());
    }
    if all_findings(file).next().is_some() {
        return (GREEN, "nothing new".to_owned());
    }
    if withheld_checks(file).next().is_some() {
        return (BLUE, "nothing to report".to_owned());
    }
    if clean_checks(file).is_empty() {
        return (YELLOW, "NOT CHECKED".to_owned());
    }
    (GREEN, "ok".to_owned())
}

fn clean_checks(file: &FileReport) -> Vec<&'static str> {
    let clean = file
        .checks
        .iter()
        .filter(|check| check.state == State::Clean);
    clean.map(|check| check.name).collect()
}

/// What is not built and is the same for several files: that is said once for all of them.
fn unbuilt_everywhere(files: &[FileReport]) -> Option<Unbuilt<'_>> {
    let (first, rest) = files.split_first()?;
    let first = unbuilt_by_reason(first);
    let is_same = |file: &FileReport| file.error.is_some() || unbuilt_by_reason(file) == first;
    (!rest.is_empty() && rest.iter().all(is_same)).then_some(first)
}

/// The checks that found something that is not told for its severity.
fn withheld_checks(file: &FileReport) -> impl Iterator<Item = &CheckReport> {
    file.checks
        .iter()
        .filter(|check| check.state == State::Findings && check.reason.is_some())
}

/// The planned checks that nobody asked for, those with the same reason together, in the order of
/// the document.
fn unbuilt_by_reason(file: &FileReport) -> Unbuilt<'_> {
    let mut groups = Unbuilt::new();
    for check in unbuilt_checks(file).filter(|check| !is_asked_for(check)) {
        let reason = check.reason.as_deref().unwrap_or("no reason given");
        // What follows a colon is different for each check and says no more than its name does.
        let reason = reason.split_once(':').map_or(reason, |(main, _)| main);
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(check.name),
            None => groups.push((reason, vec![check.name])),
        }
    }
    groups
}

fn write_total(summary: &Summary, partly_checked: usize, out: &mut dyn Write) -> io::Result<()> {
    let style = match summary {
        s if s.errors + s.unreadable > 0 => RED,
        s if s.warnings > 0 || partly_checked > 0 => YELLOW,
        _ => BOLD,
    };
    let counts = [
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.infos, "note"),
    ];
    let counts = counts.map(|(count, noun)| format!("{count} {}", plural(count, noun)));
    let files = plural(summary.files, "file");
    write!(
        out,
        "\n{style}{} {files}: {}{style:#}",
        summary.files,
        counts.join(", ")
    )?;
    let rest = [
        (summary.unreadable, "unreadable"),
        (partly_checked as u64, "only partly checked"),
        (summary.pre_existing, "from before the edit"),
    ];
    for (count, words) in rest.into_iter().filter(|(count, _)| *count > 0) {
        write!(out, ", {count} {words}")?;
    }
    writeln!(out)
}

fn count_severities<'a>(findings: impl Iterator<Item = &'a ReportedFinding>) -> String {
    let mut counts = [0_u64; 3];
    for finding in findings {
        counts[match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        }] += 1;
    }
    let counted: Vec<String> = counts
        .into_iter()
        .zip(["error", "warning", "note"])
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {}", plural(count, noun)))
        .collect();
    counted.join(", ")
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Info => BLUE,
    }
}

fn severity_level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    }
}
