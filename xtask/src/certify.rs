//! Claim → command → evidence → pass, fail or SKIPPED.
//!
//! SKIPPED never counts as a pass, and nothing here edits code, fixtures or baselines.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use lexopt::prelude::*;
use serde::Serialize;

use crate::bench::{self, Figure, milliseconds};
use crate::workspace::{cargo, target_dir};
use crate::{Ended, tidy, tool, workspace};

pub(crate) const HELP: &str = "\
cargo xtask certify [--quick]

Makes each claim of the table true or says that it is not: runs its command, keeps what
the command printed in target/certify, and prints PASS, FAIL or SKIPPED with the evidence.

  --quick  fewer samples in benchmarks, no corpora

Exit code: 0 every claim passed, 1 a claim failed or was skipped, 2 could not run.
";

/// What the whole certificate will have and this one has not.
const NOT_AVAILABLE: &[&str] = &[
    "validators in processes of their own",
    "votes and agreement on the evidence",
    "a level (PLATINUM, GOLD, SILVER, BRONZE)",
    "a signature",
];

const IN_PROCESS_P50_NS_MAX: u64 = 5_000_000;
const PROCESS_P50_NS_MAX: u64 = 10_000_000;

struct Claim {
    name: &'static str,
    text: &'static str,
    /// As a person repeats it.
    command: &'static str,
    judge: fn(&Run) -> Result<Judgement>,
}

/// What a judge may use.
struct Run {
    is_quick: bool,
    /// Where evidence is kept.
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verdict {
    Pass,
    Fail,
    Skipped,
}

/// A verdict with what it rests on.
#[derive(Debug, Serialize)]
struct Judgement {
    verdict: Verdict,
    evidence: String,
}

#[derive(Debug, Serialize)]
struct Judged {
    name: &'static str,
    claim: &'static str,
    command: &'static str,
    #[serde(flatten)]
    judgement: Judgement,
}

const CLAIMS: &[Claim] = &[
    Claim {
        name: "tidy",
        text: "the workspace keeps its conventions",
        command: "cargo xtask tidy",
        judge: tidy_claim,
    },
    Claim {
        name: "fixtures",
        text: "every fixture gets its verdict, on the right lines",
        command: "cargo test -p claude-flow-checkers --test it fixtures::",
        judge: |run| suite(run, "fixtures"),
    },
    Claim {
        name: "mutants",
        text: "at least 99 % of mutants are flagged, in every language",
        command: "cargo test -p claude-flow-checkers --test it mutants::",
        judge: |run| suite(run, "mutants"),
    },
    Claim {
        name: "any-bytes",
        text: "any bytes are survived, and every span lies within the text",
        command: "cargo test -p claude-flow-checkers --test it prop_any_bytes::",
        judge: |run| suite(run, "prop_any_bytes"),
    },
    Claim {
        name: "real-code",
        text: "no unexplained error in the corpora of real code",
        command: "cargo xtask corpus --offline",
        judge: corpus_claim,
    },
    Claim {
        name: "in-process",
        text: "1,000 lines are checked in process within 5 ms at p50, in every language",
        command: "cargo xtask bench checkers",
        judge: |run| bench_claim(run, "checkers", "", IN_PROCESS_P50_NS_MAX),
    },
    Claim {
        name: "process",
        text: "post-edit as a whole process takes less than 10 ms at p50, in every language",
        command: "cargo xtask bench post-edit",
        judge: |run| bench_claim(run, "post-edit", "post-edit ", PROCESS_P50_NS_MAX),
    },
];

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    let mut is_quick = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => is_quick = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let run = Run {
        is_quick,
        dir: target_dir().join("certify"),
    };
    fs::create_dir_all(&run.dir).with_context(|| format!("making {}", run.dir.display()))?;
    let mut judged = Vec::new();
    for (index, claim) in CLAIMS.iter().enumerate() {
        eprintln!(
            "[{}/{}] {}: {}",
            index + 1,
            CLAIMS.len(),
            claim.name,
            claim.command
        );
        // A judge that breaks has proved nothing.
        let judgement = (claim.judge)(&run).unwrap_or_else(|error| Judgement {
            verdict: Verdict::Fail,
            evidence: format!("could not be judged: {error:#}"),
        });
        println!("{:<8} {}: {}", judgement.verdict, claim.name, claim.text);
        println!(
            "         {}",
            judgement.evidence.replace('\n', "\n         ")
        );
        judged.push(Judged {
            name: claim.name,
            claim: claim.text,
            command: claim.command,
            judgement,
        });
    }
    let place = run.dir.join("claims.json");
    fs::write(&place, serde_json::to_string_pretty(&judged)?)
        .with_context(|| format!("writing {}", place.display()))?;
    Ok(conclude(&judged, &place))
}

fn conclude(judged: &[Judged], place: &Path) -> Ended {
    let count = |verdict| {
        let same = judged.iter().filter(|it| it.judgement.verdict == verdict);
        same.count()
    };
    println!();
    for missing in NOT_AVAILABLE {
        println!("not available: {missing}");
    }
    let (passed, failed) = (count(Verdict::Pass), count(Verdict::Fail));
    println!(
        "{passed} passed, {failed} failed, {} skipped",
        count(Verdict::Skipped)
    );
    println!("evidence: {}", place.display());
    if passed == judged.len() {
        Ended::Well
    } else {
        Ended::WithFindings
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skipped => "SKIPPED",
        })
    }
}

fn verdict(is_true: bool) -> Verdict {
    if is_true {
        Verdict::Pass
    } else {
        Verdict::Fail
    }
}

fn tidy_claim(_: &Run) -> Result<Judgement> {
    let violations = tidy::check(workspace::root())?;
    Ok(Judgement {
        verdict: verdict(violations.is_empty()),
        evidence: format!("{} violations", violations.len()),
    })
}

/// Runs one module of the checkers' suite; a run without a test proves nothing.
fn suite(run: &Run, module: &str) -> Result<Judgement> {
    let filter = format!("{module}::");
    let mut command = cargo();
    command.args([
        "test",
        "-p",
        "claude-flow-checkers",
        "--test",
        "it",
        &filter,
    ]);
    let (is_well, printed) = kept(run, module, &mut command)?;
    let closing = printed
        .lines()
        .rfind(|line| line.starts_with("test result:"));
    let is_run = closing.is_some_and(|line| !line.contains(" 0 passed"));
    Ok(Judgement {
        verdict: verdict(is_well && is_run),
        evidence: closing.unwrap_or("no test was run").to_owned(),
    })
}

fn corpus_claim(run: &Run) -> Result<Judgement> {
    let skipped = |why: &str| Judgement {
        verdict: Verdict::Skipped,
        evidence: why.to_owned(),
    };
    if run.is_quick {
        return Ok(skipped("left out by --quick"));
    }
    if !target_dir().join("corpora").is_dir() {
        return Ok(skipped("not downloaded; run `cargo xtask corpus` once"));
    }
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command.args(["corpus", "--offline"]);
    let (is_well, printed) = kept(run, "corpus", &mut command)?;
    Ok(Judgement {
        verdict: verdict(is_well),
        evidence: printed.lines().last().unwrap_or_default().to_owned(),
    })
}

/// Judges the slowest of an area's figures whose names begin with a prefix.
fn bench_claim(run: &Run, area: &str, prefix: &str, p50_ns_max: u64) -> Result<Judgement> {
    let report = bench::measure(&[area.to_owned()], run.is_quick)?;
    let place = run.dir.join(format!("{area}.json"));
    fs::write(&place, serde_json::to_string_pretty(&report)?)?;
    let measured: Vec<&Figure> = report
        .figures
        .iter()
        .filter(|figure| figure.name.starts_with(prefix))
        .collect();
    let slowest = measured
        .iter()
        .max_by_key(|figure| figure.p50_ns)
        .context("nothing was measured")?;
    Ok(Judgement {
        verdict: verdict(slowest.p50_ns < p50_ns_max),
        evidence: format!(
            "slowest of {}: {} with p50 {}, p95 {}; {}",
            measured.len(),
            slowest.name,
            milliseconds(slowest.p50_ns),
            milliseconds(slowest.p95_ns),
            place.display()
        ),
    })
}

/// Runs a command, keeps what it printed, and says whether it ended well.
fn kept(run: &Run, name: &str, command: &mut Command) -> Result<(bool, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", tool::shown(command)))?;
    let mut printed = String::from_utf8_lossy(&output.stderr).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stdout));
    let place = run.dir.join(format!("{name}.log"));
    fs::write(&place, &printed).with_context(|| format!("writing {}", place.display()))?;
    Ok((output.status.success(), printed))
}

#[cfg(test)]
mod tests {
    use super::{Ended, Judged, Judgement, Path, Verdict, conclude};

    fn check(verdicts: &[Verdict], expected: Ended) {
        let judged: Vec<Judged> = verdicts
            .iter()
            .map(|verdict| Judged {
                name: "a",
                claim: "a",
                command: "a",
                judgement: Judgement {
                    verdict: *verdict,
                    evidence: String::new(),
                },
            })
            .collect();
        assert_eq!(conclude(&judged, Path::new("a")), expected, "{verdicts:?}");
    }

    /// A skipped claim that passed would certify what nobody looked at.
    #[test]
    fn only_passed_claims_count_as_passed() {
        check(&[Verdict::Pass, Verdict::Pass], Ended::Well);
        check(&[Verdict::Pass, Verdict::Skipped], Ended::WithFindings);
        check(&[Verdict::Pass, Verdict::Fail], Ended::WithFindings);
    }
}
