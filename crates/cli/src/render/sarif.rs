//! SARIF 2.1.0, the OASIS standard form of what static checks found.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use claude_flow::pipeline::document::{self, FileReport, ReportedFinding, Severity, State};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use serde_sarif::sarif::{
    Artifact, ArtifactChange, ArtifactContent, ArtifactLocation, Fix, Invocation, Location,
    Message, MultiformatMessageString, Notification, PhysicalLocation, Region, Replacement,
    ReportingDescriptor, ReportingDescriptorReference, Result as SarifResult, ResultLevel, Run,
    Sarif, Tool, ToolComponent,
};

use crate::report::{Report, all_findings, missed_checks, missed_reason, unbuilt_checks};

/// The name and version of the fingerprint; it rises when the same finding would get another value.
const FINGERPRINT: &str = "claudeFlowFinding/v1";

/// How much of a fingerprint is written, in hexadecimal digits.
const FINGERPRINT_DIGITS: usize = 32;

/// How much of the text around a finding goes into its fingerprint, in bytes each way.
const FINGERPRINT_BYTES_MAX: usize = 1_024;

/// The characters of a path that stand for themselves in a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The base of relative URIs: the directory of the run, which the reader knows.
const SOURCE_ROOT: &str = "%SRCROOT%";

/// Writes a log with one run.
pub(super) fn write(report: Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &log(report))?;
    out.write_all(b"\n")
}

fn log(report: Report<'_>) -> Sarif {
    let rules = Rules::of(report.document.files.iter().flat_map(all_findings));
    let driver = ToolComponent::builder()
        .name(report.document.tool.name)
        .version(report.document.tool.version)
        .semantic_version(report.document.tool.version)
        .rules(rules.descriptors())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind(json!("unicodeCodePoints"))
        .artifacts(artifacts(report))
        .invocations(vec![invocation(report)])
        .results(results(report, &rules))
        .build();
    Sarif::builder()
        .schema("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
        .version(json!("2.1.0"))
        .runs(vec![run])
        .build()
}

/// Every rule that has a finding, in the order of their names.
struct Rules<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Rules<'a> {
    fn of(findings: impl Iterator<Item = &'a ReportedFinding>) -> Self {
        let by_name: BTreeMap<&str, Option<&str>> = findings
            .map(|finding| (finding.rule.as_str(), finding.docs.as_deref()))
            .collect();
        Self(by_name.into_iter().collect())
    }

    fn index(&self, rule: &str) -> Option<i64> {
        let index = self.0.binary_search_by_key(&rule, |known| known.0).ok()?;
        i64::try_from(index).ok()
    }

    fn descriptors(&self) -> Vec<ReportingDescriptor> {
        let descriptor = |&(rule, docs): &(&str, Option<&str>)| {
            let words = rule.replace('/', ": ").replace('-', " ");
            let mut descriptor = ReportingDescriptor::builder()
                .id(rule)
                .short_description(MultiformatMessageString::builder().text(words).build())
                .build();
            descriptor.help_uri = docs.map(str::to_owned);
            descriptor
        };
        self.0.iter().map(descriptor).collect()
    }
}

fn artifacts(report: Report<'_>) -> Vec<Artifact> {
    let artifact = |(index, file): (usize, &FileReport)| {
        let mut artifact = Artifact::builder()
            .location(artifact_location(report, index, file))
            .roles(vec![json!("analysisTarget")])
            .build();
        if let Some(content) = &file.content {
            artifact.hashes = Some(BTreeMap::from([(
                "blake3".to_owned(),
                content.blake3.clone(),
            )]));
            artifact.length = signed(content.size_bytes);
        }
        artifact.source_language = file.language.map(str::to_lowercase);
        artifact
    };
    let files = report.document.files.iter().enumerate();
    files.map(artifact).collect()
}

/// What was run, and a notification for each check that says nothing about its file.
fn invocation(report: Report<'_>) -> Invocation {
    let summary = &report.document.summary;
    let mut notifications = Vec::new();
    for (index, file) in report.document.files.iter().enumerate() {
        let location = [location(report, index, file, None)];
        if let Some(error) = &file.error {
            let text = format!("the file could not be read: {error}");
            notifications.push(notification("error", "unreadable", text, &location));
            continue;
        }
        for check in missed_checks(file) {
            let level = match check.state {
                State::NotRun => "warning",
                _ => "error",
            };
            let text = format!("{} not checked: {}", check.name, missed_reason(check));
            notifications.push(notification(level, check.name, text, &location));
        }
    }
    notifications.extend(unbuilt_notifications(report));
    Invocation::builder()
        .execution_successful(summary.unreadable == 0 && summary.broken_checks == 0)
        .tool_execution_notifications(notifications)
        .build()
}

/// One notification for each planned check and reason: what this version cannot do is not said
/// again for each file.
fn unbuilt_notifications(report: Report<'_>) -> Vec<Notification> {
    let mut files_by_check: BTreeMap<(&str, String), Vec<Location>> = BTreeMap::new();
    for (index, file) in report.document.files.iter().enumerate() {
        for check in unbuilt_checks(file) {
            let locations = files_by_check
                .entry((check.name, missed_reason(check)))
                .or_default();
            locations.push(location(report, index, file, None));
        }
    }
    let is_everywhere = |locations: &[Location]| locations.len() == report.document.files.len();
    let notification = |((name, reason), locations): ((&str, String), Vec<Location>)| {
        let text = format!("{name} not checked: {reason}");
        let locations = if is_everywhere(&locations) {
            Vec::new()
        } else {
            locations
        };
        notification("note", name, text, &locations)
    };
    files_by_check.into_iter().map(notification).collect()
}

/// No location means the whole run.
fn notification(level: &str, id: &str, text: String, locations: &[Location]) -> Notification {
    let mut notification = Notification::builder()
        .level(json!(level))
        .descriptor(ReportingDescriptorReference::builder().id(id).build())
        .message(message(text))
        .build();
    notification.locations = (!locations.is_empty()).then(|| locations.to_vec());
    notification
}

fn results(report: Report<'_>, rules: &Rules<'_>) -> Vec<SarifResult> {
    // The standard wants a baseline state on all results of a run or on none.
    let has_baseline = report
        .document
        .files
        .iter()
        .any(|file| file.baseline.is_some());
    let mut results = Vec::new();
    for (index, (file, source)) in report.files_with_source().enumerate() {
        let mut fingerprints = Fingerprints::default();
        for finding in all_findings(file) {
            let mut result = result(report, index, file, finding);
            result.rule_index = rules.index(&finding.rule);
            let value = fingerprints.next(report, file, finding, source.as_deref());
            result.partial_fingerprints = Some(BTreeMap::from([(FINGERPRINT.to_owned(), value)]));
            if has_baseline {
                let state = if finding.pre_existing {
                    "unchanged"
                } else {
                    "new"
                };
                result.baseline_state = Some(json!(state));
            }
            results.push(result);
        }
    }
    results
}

fn result(
    report: Report<'_>,
    index: usize,
    file: &FileReport,
    finding: &ReportedFinding,
) -> SarifResult {
    let text = match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    let level = match finding.severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
        Severity::Info => ResultLevel::Note,
    };
    let place = location(report, index, file, Some(finding.range));
    let mut result = SarifResult::builder()
        .rule_id(finding.rule.as_str())
        .level(level)
        .message(message(text))
        .locations(vec![place])
        .build();
    let related = finding.related.iter().zip(1_i64..).map(|(related, id)| {
        let mut place = location(report, index, file, Some(related.range));
        place.id = Some(id);
        place.message = Some(message(related.message.clone()));
        place
    });
    result.related_locations = Some(related.collect()).filter(|all: &Vec<_>| !all.is_empty());
    result.fixes = finding.fix.as_ref().map(|fix| {
        let inserted = ArtifactContent::builder()
            .text(fix.replacement.as_str())
            .build();
        let replacement = Replacement::builder()
            .deleted_region(region(fix.range))
            .inserted_content(inserted)
            .build();
        let change = ArtifactChange::builder()
            .artifact_location(artifact_location(report, index, file))
            .replacements(vec![replacement])
            .build();
        let description = message(fix.message.clone());
        vec![
            Fix::builder()
                .description(description)
                .artifact_changes(vec![change])
                .build(),
        ]
    });
    result
}

/// Gives each finding of a file a value that does not change when lines are added above it.
#[derive(Default)]
struct Fingerprints {
    /// How often each text was seen: equal findings on equal lines are told apart by their order.
    seen: BTreeMap<[u8; 32], u32>,
}

impl Fingerprints {
    fn next(
        &mut self,
        report: Report<'_>,
        file: &FileReport,
        finding: &ReportedFinding,
        source: Option<&[u8]>,
    ) -> String {
        let line = source.and_then(|source| line_around(source, finding.range.start.byte));
        let line = line.unwrap_or(finding.message.as_bytes());
        let uri = uri(report, file).0;
        let mut hasher = blake3::Hasher::new();
        // Each part is preceded by its length, so that no two lists of parts read the same.
        for part in [finding.rule.as_bytes(), uri.as_bytes(), line.trim_ascii()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let count = self.seen.entry(*hasher.finalize().as_bytes()).or_insert(0);
        hasher.update(&count.to_le_bytes());
        *count += 1;
        hasher.finalize().to_hex()[..FINGERPRINT_DIGITS].to_owned()
    }
}

/// The line of a byte, of a long line only the part near the byte.
fn line_around(source: &[u8], byte: u64) -> Option<&[u8]> {
    let byte = usize::try_from(byte).ok()?;
    let before = source.get(byte.saturating_sub(FINGERPRINT_BYTES_MAX)..byte)?;
    let after = source.get(byte..source.len().min(byte + FINGERPRINT_BYTES_MAX))?;
    let is_newline = |&byte: &u8| byte == b'\n';
    let back = before.iter().rev().position(is_newline);
    let start = byte - back.unwrap_or(before.len());
    let end = byte + after.iter().position(is_newline).unwrap_or(after.len());
    Some(&source[start..end])
}

fn location(
    report: Report<'_>,
    index: usize,
    file: &FileReport,
    range: Option<document::Range>,
) -> Location {
    let mut place = PhysicalLocation::builder()
        .artifact_location(artifact_location(report, index, file))
        .build();
    place.region = range.map(region);
    Location::builder().physical_location(place).build()
}

fn artifact_location(report: Report<'_>, index: usize, file: &FileReport) -> ArtifactLocation {
    let (uri, is_relative) = uri(report, file);
    let mut location = ArtifactLocation::builder().uri(uri).build();
    location.index = i64::try_from(index).ok();
    location.uri_base_id = is_relative.then(|| SOURCE_ROOT.to_owned());
    location
}

/// The URI of a file, and whether it is relative: it is for everything below the directory of the run.
fn uri(report: Report<'_>, file: &FileReport) -> (String, bool) {
    let path = Path::new(&file.path);
    let path = path.strip_prefix(report.directory).unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    let text = path.to_string_lossy();
    let text = if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    };
    let encoded = utf8_percent_encode(&text, PATH).to_string();
    if path.is_absolute() {
        (
            format!("file:///{}", encoded.trim_start_matches('/')),
            false,
        )
    } else {
        (encoded, true)
    }
}

fn region(range: document::Range) -> Region {
    let mut region = Region::builder()
        .start_line(i64::from(range.start.line))
        .start_column(i64::from(range.start.column))
        .end_line(i64::from(range.end.line))
        .end_column(i64::from(range.end.column))
        .build();
    region.byte_offset = signed(range.start.byte);
    region.byte_length = signed(range.end.byte.saturating_sub(range.start.byte));
    region
}

fn message(text: String) -> Message {
    Message::builder().text(text).build()
}

fn signed(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}
