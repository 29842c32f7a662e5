//! Runs the program over the files of the corpora and counts how its checks ended.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::fetch;
use super::list::{Corpora, Known};
use crate::Ended;

/// Files a call: few enough for one command line, enough that starting the program costs nothing.
const BATCH_FILES: usize = 400;

/// Unexplained errors and broken checks that are printed; all of them are in the report.
const SHOWN_MAX: usize = 40;

/// The part of the program's document that is read here.
#[derive(Debug, Deserialize)]
struct Document {
    files: Vec<FileReport>,
}

#[derive(Debug, Deserialize)]
struct FileReport {
    path: String,
    error: Option<String>,
    language: Option<String>,
    checks: Vec<CheckReport>,
}

#[derive(Debug, Deserialize)]
struct CheckReport {
    name: String,
    state: String,
    reason: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    rule: String,
    severity: String,
    message: String,
    range: Range,
}

#[derive(Debug, Deserialize)]
struct Range {
    start: Position,
}

#[derive(Debug, Deserialize)]
struct Position {
    line: u32,
}

/// What is counted for one language.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Counts {
    pub(crate) files: u64,
    pub(crate) lines: u64,
    /// Files of which `text` and `syntax` found everything in order.
    pub(crate) clean: u64,
    /// Files with an unexplained error finding.
    pub(crate) with_errors: u64,
    /// Files with error findings that `[[known]]` explains.
    pub(crate) known: u64,
    /// Files with a part that was not understood.
    pub(crate) not_understood: u64,
    /// Files that a check broke on, or the whole program.
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) unreadable: u64,
    /// Files whose syntax was not checked, by reason.
    pub(crate) not_run: BTreeMap<String, u64>,
    /// The program's own time, all its processes added up.
    pub(crate) time_ns: u64,
}

/// One thing to look at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) language: String,
    /// Below the corpora's folder.
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) rule: String,
    pub(crate) message: String,
    /// The line itself, cut to what a screen shows.
    pub(crate) text: String,
    /// Why this is as it should be, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// Everything that a run found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) program: String,
    pub(crate) languages: BTreeMap<String, Counts>,
    pub(crate) errors: Vec<Entry>,
    pub(crate) broken: Vec<Entry>,
    pub(crate) not_understood: Vec<Entry>,
    pub(crate) known: Vec<Entry>,
}

/// Checks every file, prints the figures and writes `report.json`.
pub(crate) fn all(program: &Path, dir: &Path, corpora: &Corpora) -> Result<Ended> {
    let started = Instant::now();
    let known = KnownGlobs::new(&corpora.known)?;
    let mut batches = Vec::new();
    for package in &corpora.packages {
        let home = dir.join(&package.folder).join(package.dir_name());
        if home.is_dir() {
            for batch in fetch::files_below(&home)?.chunks(BATCH_FILES) {
                batches.push(batch.to_vec());
            }
        }
    }
    let report = Mutex::new(Report {
        program: version(program)?,
        ..Report::default()
    });
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = batches.get(index) else {
                    return Ok(());
                };
                if std::io::stderr().is_terminal() {
                    eprint!("\r{}/{} batches", index + 1, batches.len());
                }
                let part = Part::checked(program, dir, batch, &known)?;
                report
                    .lock()
                    .map_err(|_| anyhow::anyhow!("another worker panicked"))?
                    .add(part);
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.unwrap_or_else(|_| bail!("a worker panicked")))
            .collect()
    });
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    results.into_iter().collect::<Result<()>>()?;
    let mut report = report
        .into_inner()
        .map_err(|_| anyhow::anyhow!("a worker panicked"))?;
    report.sort();
    let place = dir.join("report.json");
    fs::write(&place, serde_json::to_string_pretty(&report)?)
        .with_context(|| format!("writing {}", place.display()))?;
    print(&report, &place, started.elapsed());
    let is_well = report.errors.is_empty() && report.broken.is_empty();
    Ok(if is_well {
        Ended::Well
    } else {
        Ended::WithFindings
    })
}

fn version(program: &Path) -> Result<String> {
    crate::tool::stdout(Command::new(program).arg("--version")).map(|line| line.trim().to_owned())
}

/// The globs of `[[known]]`, ready to match.
struct KnownGlobs(Vec<(glob::Pattern, String)>);

impl KnownGlobs {
    fn new(known: &[Known]) -> Result<Self> {
        let compile = |entry: &Known| {
            let glob = glob::Pattern::new(&entry.path)
                .with_context(|| format!("understanding the glob {:?}", entry.path))?;
            Ok((glob, entry.cause.clone()))
        };
        known.iter().map(compile).collect::<Result<_>>().map(Self)
    }

    fn cause(&self, path: &str) -> Option<String> {
        let found = self.0.iter().find(|(glob, _)| glob.matches(path));
        found.map(|(_, cause)| cause.clone())
    }
}

/// What one call of the program said.
struct Part(Report);

impl Part {
    fn checked(program: &Path, dir: &Path, files: &[PathBuf], known: &KnownGlobs) -> Result<Self> {
        let started = Instant::now();
        let mut report = Report::default();
        match call(program, files)? {
            Ok(document) => {
                let share = nanoseconds(started.elapsed()) / (files.len() as u64).max(1);
                for file in document.files {
                    count(&mut report, dir, &file, share, known);
                }
            }
            // One file broke the program: ask about each alone, so that it is known which.
            Err(_) if files.len() > 1 => {
                for file in files {
                    let alone = std::slice::from_ref(file);
                    report.add(Self::checked(program, dir, alone, known)?);
                }
            }
            Err(how) => {
                let file = files.first().context("a batch has a file")?;
                report.languages.entry("?".into()).or_default().failed += 1;
                report.broken.push(Entry {
                    language: "?".into(),
                    path: below(dir, &file.to_string_lossy()),
                    line: 1,
                    rule: "program".into(),
                    message: how,
                    text: String::new(),
                    cause: None,
                });
            }
        }
        Ok(Self(report))
    }
}

/// Calls the program; the inner error says how it died or what it printed instead of a document.
fn call(program: &Path, files: &[PathBuf]) -> Result<Result<Document, String>> {
    let output = Command::new(program)
        .args(["post-edit", "--format", "json", "--"])
        .args(files)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    Ok(serde_json::from_slice(&output.stdout).map_err(|error| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or_default();
        format!("{}, no document ({error}): {last}", output.status)
    }))
}

fn count(report: &mut Report, dir: &Path, file: &FileReport, time_ns: u64, known: &KnownGlobs) {
    let language = file.language.clone().unwrap_or_else(|| "unknown".into());
    let path = below(dir, &file.path);
    let content = fs::read(&file.path).unwrap_or_default();
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    let cause = known.cause(&path);
    let entry = |line: u32, rule: &str, message: &str| Entry {
        language: language.clone(),
        path: path.clone(),
        line,
        rule: rule.to_owned(),
        message: message.to_owned(),
        text: excerpt(&lines, line),
        cause: cause.clone(),
    };
    let mut errors = Vec::new();
    let mut unclear = Vec::new();
    let mut broken = Vec::new();
    let (mut is_timed_out, mut not_run) = (false, None);
    for check in &file.checks {
        let reason = check.reason.clone().unwrap_or_default();
        match check.state.as_str() {
            "not_run" if check.name == "syntax" => not_run = Some(reason),
            "failed" | "stale" => broken.push(entry(1, &check.name, &reason)),
            "timed_out" => {
                is_timed_out = true;
                broken.push(entry(1, &check.name, &format!("timed out: {reason}")));
            }
            _ => {}
        }
        for finding in &check.findings {
            let found = entry(finding.range.start.line, &finding.rule, &finding.message);
            match finding.severity.as_str() {
                "error" => errors.push(found),
                "info" if check.name == "syntax" => unclear.push(found),
                _ => {}
            }
        }
    }
    let counts = report.languages.entry(language.clone()).or_default();
    counts.files += 1;
    counts.time_ns += time_ns;
    counts.lines += lines.len() as u64;
    counts.unreadable += u64::from(file.error.is_some());
    counts.timed_out += u64::from(is_timed_out);
    counts.failed += u64::from(!broken.is_empty() && !is_timed_out);
    counts.not_understood += u64::from(!unclear.is_empty());
    let is_known = cause.is_some() && !errors.is_empty();
    counts.known += u64::from(is_known);
    counts.with_errors += u64::from(!is_known && !errors.is_empty());
    let is_whole = file.error.is_none() && not_run.is_none();
    let is_clean = is_whole && errors.is_empty() && unclear.is_empty() && broken.is_empty();
    counts.clean += u64::from(is_clean);
    if let Some(reason) = not_run {
        *counts.not_run.entry(reason).or_default() += 1;
    }
    let place = if is_known {
        &mut report.known
    } else {
        &mut report.errors
    };
    place.extend(errors);
    report.not_understood.extend(unclear);
    report.broken.extend(broken);
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn below(dir: &Path, path: &str) -> String {
    let relative = Path::new(path).strip_prefix(dir);
    relative.map_or_else(|_| path.to_owned(), |it| it.to_string_lossy().into_owned())
}

fn excerpt(lines: &[&[u8]], line: u32) -> String {
    let index = (line as usize).saturating_sub(1);
    let text = lines.get(index).copied().unwrap_or_default();
    String::from_utf8_lossy(text)
        .trim()
        .chars()
        .take(160)
        .collect()
}

impl Report {
    fn add(&mut self, part: Part) {
        let Part(other) = part;
        for (language, counts) in other.languages {
            self.languages.entry(language).or_default().add(counts);
        }
        self.errors.extend(other.errors);
        self.broken.extend(other.broken);
        self.not_understood.extend(other.not_understood);
        self.known.extend(other.known);
    }

    /// Puts everything into the order of paths, since workers end in any order.
    fn sort(&mut self) {
        let lists = [
            &mut self.errors,
            &mut self.broken,
            &mut self.not_understood,
            &mut self.known,
        ];
        for list in lists {
            list.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        }
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.lines += other.lines;
        self.clean += other.clean;
        self.with_errors += other.with_errors;
        self.known += other.known;
        self.not_understood += other.not_understood;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.unreadable += other.unreadable;
        self.time_ns += other.time_ns;
        for (reason, count) in other.not_run {
            *self.not_run.entry(reason).or_default() += count;
        }
    }
}

fn print(report: &Report, place: &Path, elapsed: Duration) {
    for (title, list) in [("broken check", &report.broken), ("error", &report.errors)] {
        for entry in list.iter().take(SHOWN_MAX) {
            println!(
                "{title}: {}:{}: {}: {}",
                entry.path, entry.line, entry.rule, entry.message
            );
        }
        if list.len() > SHOWN_MAX {
            println!("… and {} more", list.len() - SHOWN_MAX);
        }
    }
    println!(
        "\n{:<19} {:>7} {:>9} {:>7} {:>6} {:>6} {:>7} {:>7} {:>6} {:>7} {:>7}",
        "language",
        "files",
        "lines",
        "clean",
        "errors",
        "known",
        "unclear",
        "not run",
        "failed",
        "timeout",
        "files/s"
    );
    for (language, counts) in &report.languages {
        println!(
            "{language:<19} {:>7} {:>9} {:>7} {:>6} {:>6} {:>7} {:>7} {:>6} {:>7} {:>7}",
            counts.files,
            counts.lines,
            counts.clean,
            counts.with_errors,
            counts.known,
            counts.not_understood,
            counts.not_run.values().sum::<u64>(),
            counts.failed,
            counts.timed_out,
            counts.files * 1_000_000_000 / counts.time_ns.max(1),
        );
    }
    for (language, counts) in &report.languages {
        for (reason, count) in &counts.not_run {
            println!("not run: {language}: {count} × {reason}");
        }
    }
    println!(
        "\n{} in {:.0} s; all findings: {}",
        report.program,
        elapsed.as_secs_f64(),
        place.display()
    );
}
