//! Runs the benchmarks several times and prints one table.

mod machine;
mod peers;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;
use serde::{Deserialize, Serialize};

use self::machine::Machine;
use crate::workspace::{cargo, release_program, target_dir};
use crate::{Ended, tool};

pub(crate) const HELP: &str = "\
cargo xtask bench [AREA...] [--quick] [--json FILE]
cargo xtask bench ringbuf|msgpool|executor... --peers [--measure NAME] [--quick] [--json FILE]

Areas, all without one named:
  checkers   the in-process checks of a file of 1,000 lines, by language
  sandbox    what a sandboxed /bin/true takes at each level, beside a plain one
  post-edit  the program as a whole process on the same files, beside /bin/true and Node.js
  hook       the hook as a whole process, with the daemon and without it
  consensus  processor time of a decision by all replicas of a group, on one core
  detect     the language of a file, the projects of a directory, the program's first answer

Each area runs three times; p50 and p95 are the medians of the runs', the spread is
how far apart the runs' p50 are, in per cent of the median.

With --peers an area is measured beside its rivals by benches/peers: each figure comes
from seven fresh processes, in turn with the rivals', and the ratios wanted are judged.

  --quick         one run with fewer samples, no spread; three processes with --peers
  --measure NAME  only the measures whose names begin so; `peers list` names them
  --json FILE     also write the figures with commit, rustc, processor, cores and load

Exit code: 0 measured, 1 a ratio wanted was missed, 2 could not measure.
";

const RUNS: usize = 3;

/// The version of the JSON that is written.
const SCHEMA_VERSION: u32 = 1;

/// What can be measured, with the function that runs it once.
const AREAS: &[(&str, Measure)] = &[
    ("checkers", checkers),
    ("post-edit", post_edit),
    ("hook", hook),
    ("sandbox", sandbox),
    ("consensus", consensus),
    ("detect", detect),
];

type Measure = fn(is_quick: bool) -> Result<Vec<Run>>;

/// The figures of one benchmark from one run.
#[derive(Debug, Clone, Deserialize)]
struct Run {
    name: String,
    samples: u64,
    min_ns: u64,
    p50_ns: u64,
    p95_ns: u64,
}

/// The figures of one benchmark from all runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) area: String,
    pub(crate) name: String,
    pub(crate) runs: usize,
    pub(crate) samples: u64,
    pub(crate) min_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p95_ns: u64,
    /// Between the runs' medians; none with one run.
    pub(crate) spread_percent: Option<f64>,
}

/// A measurement with the circumstances that it was made in.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    machine: Machine,
    pub(crate) figures: Vec<Figure>,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let (mut is_quick, mut json, mut areas) = (false, None::<PathBuf>, Vec::new());
    let (mut is_with_peers, mut only) = (false, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => is_quick = true,
            Long("json") => json = Some(parser.value()?.into()),
            Long("peers") => is_with_peers = true,
            Long("measure") => only = Some(parser.value()?.string()?),
            Value(area) => areas.push(area.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if is_with_peers {
        return peers::run(&peers::Options {
            areas,
            measure: only,
            is_quick,
            json,
        });
    }
    ensure!(only.is_none(), "--measure goes with --peers");
    let report = measure(&areas, is_quick)?;
    print(&report);
    if let Some(path) = json {
        fs::write(&path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Ended::Well)
}

/// Measures the areas named, or all of them.
pub(crate) fn measure(areas: &[String], is_quick: bool) -> Result<Report> {
    let names: Vec<&str> = AREAS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = areas.iter().find(|area| !names.contains(&area.as_str())) {
        bail!(
            "there is no area {unknown:?}; choose of {}",
            names.join(", ")
        );
    }
    let mut machine = Machine::read()?;
    let mut figures = Vec::new();
    let total = if is_quick { 1 } else { RUNS };
    for (area, once) in AREAS {
        if !areas.is_empty() && !areas.iter().any(|it| it == area) {
            continue;
        }
        let mut runs = Vec::new();
        for number in 1..=total {
            eprintln!("{area}: run {number} of {total}");
            runs.push(once(is_quick)?);
        }
        figures.extend(merged(area, &runs)?);
    }
    machine.load_after = machine::load();
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        machine,
        figures,
    })
}

fn merged(area: &str, runs: &[Vec<Run>]) -> Result<Vec<Figure>> {
    let first = runs.first().context("there was no run")?;
    let mut figures = Vec::new();
    for (index, run) in first.iter().enumerate() {
        let same: Vec<&Run> = runs.iter().filter_map(|runs| runs.get(index)).collect();
        ensure!(
            same.len() == runs.len() && same.iter().all(|it| it.name == run.name),
            "the runs of {area} measured different things"
        );
        let medians = sorted(&same, |it| it.p50_ns);
        figures.push(Figure {
            area: area.to_owned(),
            name: run.name.clone(),
            runs: runs.len(),
            samples: same.iter().map(|it| it.samples).sum(),
            min_ns: same.iter().map(|it| it.min_ns).min().unwrap_or_default(),
            p50_ns: median(&medians),
            p95_ns: median(&sorted(&same, |it| it.p95_ns)),
            spread_percent: (runs.len() > 1).then(|| spread_percent(&medians)),
        });
    }
    Ok(figures)
}

fn sorted(runs: &[&Run], figure: impl Fn(&Run) -> u64) -> Vec<u64> {
    let mut figures: Vec<u64> = runs.iter().map(|run| figure(run)).collect();
    figures.sort_unstable();
    figures
}

fn median(sorted: &[u64]) -> u64 {
    sorted[sorted.len() / 2]
}

fn spread_percent(sorted: &[u64]) -> f64 {
    let width = sorted[sorted.len() - 1] - sorted[0];
    nanoseconds(width) / nanoseconds(median(sorted).max(1)) * 100.0
}

/// Exact up to 104 days.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 nanoseconds are longer than any benchmark"
)]
const fn nanoseconds(time_ns: u64) -> f64 {
    time_ns as f64
}

/// Criterion's samples, which it keeps in a folder of ours so that no older run is read.
fn checkers(is_quick: bool) -> Result<Vec<Run>> {
    let home = target_dir().join("bench/criterion");
    if home.is_dir() {
        fs::remove_dir_all(&home).context("removing the last run")?;
    }
    let mut command = cargo();
    command.args(["bench", "--quiet", "-p", "claude-flow-benches"]);
    command.args(["--bench", "checkers", "--", "--noplot"]);
    if is_quick {
        command.args([
            "--sample-size",
            "20",
            "--warm-up-time",
            "0.2",
            "--measurement-time",
            "0.5",
        ]);
    }
    command.env("CRITERION_HOME", &home);
    command.stdout(std::process::Stdio::null());
    tool::run(&mut command)?;
    let mut runs = Vec::new();
    let group = home.join("checkers");
    let entries = fs::read_dir(&group).with_context(|| format!("listing {}", group.display()))?;
    for entry in entries {
        let sample = entry?.path().join("new/sample.json");
        if sample.is_file() {
            runs.push(criterion_run(&sample)?);
        }
    }
    ensure!(
        !runs.is_empty(),
        "criterion left no samples in {}",
        group.display()
    );
    runs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(runs)
}

#[derive(Deserialize)]
struct CriterionSample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

fn criterion_run(path: &Path) -> Result<Run> {
    let sample: CriterionSample = read_json(path)?;
    let pairs = sample.times.iter().zip(&sample.iters);
    let mut each: Vec<u64> = pairs.map(|(time, count)| whole(time / count)).collect();
    each.sort_unstable();
    ensure!(!each.is_empty(), "{} is empty", path.display());
    let name = path.ancestors().nth(2).and_then(Path::file_name);
    Ok(Run {
        name: name.unwrap_or_default().to_string_lossy().into_owned(),
        samples: each.len() as u64,
        min_ns: each[0],
        p50_ns: median(&each),
        p95_ns: each[(each.len() * 95 / 100).min(each.len() - 1)],
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measured time is positive and far below 2^64 ns"
)]
fn whole(time_ns: f64) -> u64 {
    time_ns.round() as u64
}

fn post_edit(is_quick: bool) -> Result<Vec<Run>> {
    let program = release_program()?;
    let runs = if is_quick { "20" } else { "60" };
    written_figures("post_edit", &["--runs", runs], |command| {
        command.env("CLAUDE_FLOW_PROGRAM", program);
    })
}

fn hook(is_quick: bool) -> Result<Vec<Run>> {
    let program = release_program()?;
    let runs = if is_quick { "100" } else { "500" };
    written_figures("hook", &["--runs", runs], |command| {
        command.env("CLAUDE_FLOW_PROGRAM", program);
    })
}

fn sandbox(is_quick: bool) -> Result<Vec<Run>> {
    let runs = if is_quick { "50" } else { "200" };
    written_figures("sandbox", &["--runs", runs], |_| {})
}

/// Runs a benchmark that writes its figures to a file, and reads them.
fn written_figures(
    bench: &str,
    arguments: &[&str],
    change: impl FnOnce(&mut Command),
) -> Result<Vec<Run>> {
    let dir = target_dir().join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let json = dir.join(format!("{bench}.json"));
    let mut command = cargo();
    command.args(["bench", "--quiet", "-p", "claude-flow-benches"]);
    command.args(["--bench", bench, "--", "--json"]).arg(&json);
    command.args(arguments);
    change(&mut command);
    command.stdout(std::process::Stdio::null());
    tool::run(&mut command)?;
    read_json(&json)
}

fn consensus(is_quick: bool) -> Result<Vec<Run>> {
    let decisions = if is_quick { "100" } else { "1000" };
    written_figures("consensus", &["--decisions", decisions], |_| {})
}

fn detect(is_quick: bool) -> Result<Vec<Run>> {
    let program = release_program()?;
    let runs = if is_quick { "10" } else { "100" };
    written_figures("lang_detect", &["--runs", runs], |command| {
        command.env("CLAUDE_FLOW_PROGRAM", program);
    })
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("understanding {}", path.display()))
}

fn print(report: &Report) {
    println!("{}\n", report.machine);
    println!(
        "{:<10} {:<24} {:>10} {:>10} {:>10} {:>8} {:>8}",
        "area", "what", "min", "p50", "p95", "spread", "samples"
    );
    // Groups stay together, in the order in which they were measured.
    let mut by_area = BTreeMap::<usize, Vec<&Figure>>::new();
    for figure in &report.figures {
        let index = AREAS.iter().position(|(name, _)| *name == figure.area);
        by_area
            .entry(index.unwrap_or(usize::MAX))
            .or_default()
            .push(figure);
    }
    for figure in by_area.into_values().flatten() {
        let spread = figure
            .spread_percent
            .map_or_else(|| "–".to_owned(), |per_cent| format!("{per_cent:.1} %"));
        println!(
            "{:<10} {:<24} {:>10} {:>10} {:>10} {:>8} {:>8}",
            figure.area,
            figure.name,
            milliseconds(figure.min_ns),
            milliseconds(figure.p50_ns),
            milliseconds(figure.p95_ns),
            spread,
            figure.samples
        );
    }
}

pub(crate) fn milliseconds(time_ns: u64) -> String {
    format!("{:.3} ms", nanoseconds(time_ns) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::{Run, merged};

    fn run(p50_ns: u64, p95_ns: u64, min_ns: u64) -> Vec<Run> {
        vec![Run {
            name: "a".to_owned(),
            samples: 10,
            min_ns,
            p50_ns,
            p95_ns,
        }]
    }

    /// A mean would let one disturbed run move the figure.
    #[test]
    fn figures_are_the_medians_of_the_runs() {
        let figures = merged(
            "x",
            &[run(100, 150, 90), run(1_000, 9_000, 95), run(110, 160, 80)],
        )
        .expect("the runs measured the same");
        let figure = &figures[0];
        assert_eq!(
            (figure.p50_ns, figure.p95_ns, figure.min_ns),
            (110, 160, 80)
        );
        assert_eq!(figure.samples, 30);
        let spread = figure.spread_percent.expect("three runs have a spread");
        assert!((spread - 900.0 / 110.0 * 100.0).abs() < 0.01, "{spread}");
    }

    #[test]
    fn runs_of_different_things_are_refused() {
        let mut other = run(1, 1, 1);
        other[0].name = "b".to_owned();
        assert!(merged("x", &[run(1, 1, 1), other]).is_err());
        assert!(merged("x", &[run(1, 1, 1), Vec::new()]).is_err());
    }
}
