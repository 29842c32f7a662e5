//! A result document together with the texts that it speaks about.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use claude_flow::pipeline::document::{CheckReport, Document, FileReport, ReportedFinding, State};

/// The largest file that is read again to show an excerpt, in bytes.
const SOURCE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a renderer needs.
#[derive(Clone, Copy)]
pub(crate) struct Report<'a> {
    /// The verdict.
    pub(crate) document: &'a Document,
    /// Gives the text of a file of the document where it is at hand; called once for each file that
    /// is shown, so that only one text is held at a time.
    pub(crate) source: &'a dyn Fn(&FileReport) -> Option<Vec<u8>>,
    /// The directory that relative paths start from.
    pub(crate) directory: &'a Path,
}

impl<'a> Report<'a> {
    /// Each file with its text, if something in it has to be shown.
    pub(crate) fn files_with_source(
        self,
    ) -> impl Iterator<Item = (&'a FileReport, Option<Vec<u8>>)> {
        self.document.files.iter().map(move |file| {
            let has_findings = all_findings(file).next().is_some();
            (file, has_findings.then(|| (self.source)(file)).flatten())
        })
    }
}

/// Reads a file of a document again; `None` if it is no longer what was checked.
///
/// An excerpt of another content than the one that was checked would point at the wrong text.
pub(crate) fn read_source(file: &FileReport) -> Option<Vec<u8>> {
    let content = file.content.as_ref()?;
    if content.size_bytes > SOURCE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    let on_disk = File::open(Path::new(&file.path)).ok()?;
    let read = on_disk
        .take(content.size_bytes + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    let is_same = u64::try_from(read).is_ok_and(|read| read == content.size_bytes)
        && blake3::hash(&bytes).to_hex().as_str() == content.blake3;
    is_same.then_some(bytes)
}

/// A file's findings, the worst kinds first, each kind in the order of the text.
pub(crate) fn findings_worst_first(file: &FileReport) -> Vec<&ReportedFinding> {
    let mut findings: Vec<&ReportedFinding> = new_findings(file).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// A file's findings that the edit brought, in the order of the checks.
pub(crate) fn new_findings(file: &FileReport) -> impl Iterator<Item = &ReportedFinding> {
    all_findings(file).filter(|finding| !finding.pre_existing)
}

/// A file's findings, those included that were there before the edit.
///
/// What a check found in a content that is no longer on disk is left out: it would be taken for
/// something that is wrong now.
pub(crate) fn all_findings(file: &FileReport) -> impl Iterator<Item = &ReportedFinding> {
    file.checks
        .iter()
        .filter(|check| check.state == State::Findings)
        .flat_map(|check| &check.findings)
}

/// The checks that a reader could take for made although they say nothing about the file.
///
/// What this version cannot do at all is in [`unbuilt_checks`].
pub(crate) fn missed_checks(file: &FileReport) -> impl Iterator<Item = &CheckReport> {
    file.checks
        .iter()
        .filter(|check| is_missing(check) && !is_unbuilt(check))
}

/// The checks that are planned and not built yet, or switched off.
pub(crate) fn unbuilt_checks(file: &FileReport) -> impl Iterator<Item = &CheckReport> {
    file.checks
        .iter()
        .filter(|check| is_missing(check) && is_unbuilt(check))
}

/// What was asked for and is among the checks that are not built yet.
pub(crate) fn is_asked_for(check: &CheckReport) -> bool {
    let reason = check.reason.as_deref().unwrap_or_default();
    reason.ends_with("could not be checked")
}

/// Why a check says nothing about its file, in words.
pub(crate) fn missed_reason(check: &CheckReport) -> String {
    let reason = check.reason.as_deref().unwrap_or("no reason given");
    match check.state {
        State::NotRun => reason.to_owned(),
        state => format!("{}: {reason}", state_words(state)),
    }
}

/// The state in words.
fn state_words(state: State) -> &'static str {
    match state {
        State::Clean => "clean",
        State::Findings => "findings",
        State::NotRun => "not checked",
        State::TimedOut => "timed out",
        State::Failed => "failed",
        State::Stale => "out of date",
    }
}

fn is_missing(check: &CheckReport) -> bool {
    !matches!(check.state, State::Clean | State::Findings)
}

/// The checks that look at every file in this version are never taken for unbuilt: that one of
/// them was not made is news.
fn is_unbuilt(check: &CheckReport) -> bool {
    check.state == State::NotRun && !matches!(check.name, "text" | "syntax")
}
