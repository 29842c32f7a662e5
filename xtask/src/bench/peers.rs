//! Runs `benches/peers`: each figure from several fresh processes, because many rings keep
//! one of several speeds for as long as their process lives.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::machine::{self, Machine};
use super::table;
use crate::workspace::{self, cargo};
use crate::{Ended, tool};

/// Fresh processes for each figure.
const PROCESSES: usize = 7;
const PROCESSES_QUICK: usize = 3;

/// What a process gets before it counts as hanging; the longest measures for three seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// The version of the JSON that is written.
const SCHEMA_VERSION: u32 = 1;

/// What is asked for on the command line.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) areas: Vec<String>,
    /// Measures whose names begin so; all with none.
    pub(super) measure: Option<String>,
    pub(super) is_quick: bool,
    pub(super) json: Option<PathBuf>,
}

/// A line of `peers list`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Listed {
    Entry(Entry),
    LeftOut { left_out: String, why: String },
}

/// One that takes part in a measure.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    measure: String,
    area: String,
    about: String,
    who: String,
    role: Role,
}

/// What somebody is in a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Ours,
    Peer,
    Floor,
}

/// The line of `peers run`.
#[derive(Debug, Deserialize)]
struct Ran {
    figures: Vec<RanFigure>,
}

#[derive(Debug, Deserialize)]
struct RanFigure {
    name: String,
    unit: String,
    is_higher_better: bool,
    rounds: Vec<f64>,
}

/// One figure of one measure with everybody who takes part.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) measure: String,
    pub(super) about: String,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) is_higher_better: bool,
    /// The best first.
    pub(super) rows: Vec<Row>,
}

/// What somebody reached.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) who: String,
    pub(super) role: Role,
    /// The median round of each process, in ascending order.
    pub(super) processes: Vec<f64>,
    /// The rounds of all processes, in ascending order.
    pub(super) rounds: Vec<f64>,
}

impl Row {
    pub(super) fn median(&self) -> f64 {
        median(&self.processes)
    }
}

/// Somebody who could not be measured.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    pub(super) measure: String,
    pub(super) who: String,
    pub(super) why: String,
    /// Processes that failed, of those that were started.
    pub(super) failed: usize,
    pub(super) started: usize,
}

/// All figures with the circumstances that they were made in.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema_version: u32,
    pub(super) machine: Machine,
    pub(super) processes_each: usize,
    pub(super) figures: Vec<Figure>,
    pub(super) failures: Vec<Failure>,
    pub(super) left_out: BTreeMap<String, String>,
    pub(super) verdicts: Vec<table::Verdict>,
}

pub(super) fn run(options: &Options) -> Result<Ended> {
    let program = build()?;
    let mut machine = Machine::read()?;
    let (entries, left_out) = list(&program, options)?;
    let processes_each = if options.is_quick {
        PROCESSES_QUICK
    } else {
        PROCESSES
    };
    let (figures, failures) = measure(&program, &entries, processes_each, options.is_quick)?;
    machine.load_after = machine::load();
    let targets = fs::read_to_string(workspace::root().join("benches/peers/targets.toml"))
        .context("reading the targets")?;
    let measured: Vec<&str> = entries.iter().map(|entry| entry.measure.as_str()).collect();
    let report = Report {
        schema_version: SCHEMA_VERSION,
        machine,
        processes_each,
        verdicts: table::verdicts(&targets, &measured, &figures)?,
        figures,
        failures,
        left_out,
    };
    table::print(&report);
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let is_met = report
        .verdicts
        .iter()
        .all(table::Verdict::is_met_or_unknown);
    Ok(if is_met {
        Ended::Well
    } else {
        Ended::WithFindings
    })
}

/// Builds the rivals, which are a workspace of their own, and says where the program is.
fn build() -> Result<PathBuf> {
    let dir = workspace::root().join("benches/peers");
    let mut command = cargo();
    command.current_dir(&dir);
    tool::run(command.args(["build", "--release", "--locked"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| dir.join("target"), |path| dir.join(path));
    let program = target.join("release").join("peers");
    ensure!(program.is_file(), "the build made no {}", program.display());
    Ok(program)
}

fn list(program: &PathBuf, options: &Options) -> Result<(Vec<Entry>, BTreeMap<String, String>)> {
    let text = tool::stdout(Command::new(program).arg("list"))?;
    let (mut entries, mut left_out) = (Vec::new(), BTreeMap::new());
    for line in text.lines() {
        match serde_json::from_str(line).context("understanding peers list")? {
            Listed::Entry(entry) => entries.push(entry),
            Listed::LeftOut { left_out: who, why } => {
                left_out.insert(who, why);
            }
        }
    }
    let begin = options.measure.as_deref().unwrap_or_default();
    entries.retain(|entry| options.areas.contains(&entry.area) && entry.measure.starts_with(begin));
    if entries.is_empty() {
        bail!(
            "no measure of {} begins with {begin:?}; {} list names them all",
            options.areas.join(", "),
            program.display()
        );
    }
    Ok((entries, left_out))
}

/// Runs everybody of a measure in turn, as often as asked for, so that a disturbance of the
/// machine strikes ours and the rivals alike.
fn measure(
    program: &PathBuf,
    entries: &[Entry],
    processes_each: usize,
    is_quick: bool,
) -> Result<(Vec<Figure>, Vec<Failure>)> {
    let (mut figures, mut failures) = (Vec::new(), Vec::new());
    for entries in entries.chunk_by(|a, b| a.measure == b.measure) {
        let mut own = Vec::new();
        for number in 1..=processes_each {
            for (index, entry) in entries.iter().enumerate() {
                eprint!(
                    "\r\x1b[K{}: process {number} of {processes_each}, {} of {}: {}",
                    entry.measure,
                    index + 1,
                    entries.len(),
                    entry.who
                );
                match one(program, entry, is_quick)? {
                    Ok(ran) => add(&mut own, entry, ran),
                    Err(why) => add_failure(&mut failures, entry, why, processes_each),
                }
            }
        }
        for figure in &mut own {
            figure.finish();
        }
        figures.extend(own);
    }
    eprintln!("\r\x1b[K");
    Ok((figures, failures))
}

/// The figures of one process, or why there are none.
fn one(program: &PathBuf, entry: &Entry, is_quick: bool) -> Result<Result<Ran, String>> {
    let mut command = Command::new(program);
    command.args(["run", &entry.measure, &entry.who]);
    command.args(is_quick.then_some("--quick"));
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = tool::shown(&command);
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {shown}"))?;
    let start = Instant::now();
    // It prints one line, which a pipe holds: nothing must be read while it runs.
    while child.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!("hangs: no end after {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or_default();
        return Ok(Err(format!("{}: {last}", output.status)));
    }
    let ran = serde_json::from_slice(&output.stdout);
    Ok(Ok(ran.with_context(|| format!("understanding {shown}"))?))
}

fn add(figures: &mut Vec<Figure>, entry: &Entry, ran: Ran) {
    for mut ran in ran.figures {
        let known = figures.iter().position(|figure| figure.name == ran.name);
        let index = known.unwrap_or_else(|| {
            figures.push(Figure {
                measure: entry.measure.clone(),
                about: entry.about.clone(),
                name: ran.name,
                unit: ran.unit,
                is_higher_better: ran.is_higher_better,
                rows: Vec::new(),
            });
            figures.len() - 1
        });
        let rows = &mut figures[index].rows;
        let known = rows.iter().position(|row| row.who == entry.who);
        let index = known.unwrap_or_else(|| {
            rows.push(Row {
                who: entry.who.clone(),
                role: entry.role,
                processes: Vec::new(),
                rounds: Vec::new(),
            });
            rows.len() - 1
        });
        ran.rounds.sort_by(f64::total_cmp);
        rows[index].processes.push(median(&ran.rounds));
        rows[index].rounds.append(&mut ran.rounds);
    }
}

fn add_failure(failures: &mut Vec<Failure>, entry: &Entry, why: String, started: usize) {
    let mut known = failures.iter_mut();
    let known = known.find(|it| it.measure == entry.measure && it.who == entry.who);
    if let Some(failure) = known {
        failure.failed += 1;
    } else {
        failures.push(Failure {
            measure: entry.measure.clone(),
            who: entry.who.clone(),
            why,
            failed: 1,
            started,
        });
    }
}

impl Figure {
    fn finish(&mut self) {
        for row in &mut self.rows {
            row.processes.sort_by(f64::total_cmp);
            row.rounds.sort_by(f64::total_cmp);
        }
        self.rows.sort_by(|a, b| a.median().total_cmp(&b.median()));
        if self.is_higher_better {
            self.rows.reverse();
        }
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
