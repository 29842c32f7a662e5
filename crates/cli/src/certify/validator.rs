//! One validator: a process with its own key, consensus node and evidence.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use claude_flow::certify::{EvidenceDocument, Machine, Opinion, Word};
use claude_flow::consensus::Ballot;
use claude_flow::consensus_node::{Home, RosterFile, Service, ServiceOptions};

use super::events::{BallotLine, Event};
use super::plan::Plan;
use super::run::{Runner, end_running, write_whole};

/// How long the own node may take to sign a ballot.
const CAST_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the validator at a place of the plan until standard input ends.
pub(crate) fn validate(plan: &Path, place: usize) -> anyhow::Result<()> {
    let text = fs::read(plan).with_context(|| format!("reading {}", plan.display()))?;
    let plan: Plan = serde_json::from_slice(&text).context("understanding the plan")?;
    let name = plan
        .targets
        .validators
        .get(place)
        .context("there is no such validator")?;
    let home = plan
        .homes
        .get(place)
        .context("there is no such validator")?;
    let group = RosterFile::read(&plan.roster).context("the roster cannot be used")?;
    let service = Service::start(&Home::new(home), &group, ServiceOptions::default())?;
    let turn = listen(plan.is_for_one_run.then(|| home.clone()));
    tell(&Event::Up)?;
    // An end of input ends the process, so that there is always an answer.
    turn.recv().context("nobody coordinates any more")?;

    let document = examine(&plan, name)?;
    let opinion = Opinion::of(&plan.targets, &document)?;
    let ballot = Ballot {
        subject: plan.subject.digest(),
        vote: opinion.vote,
        confidence: opinion.confidence,
        evidence: document.digest(),
    };
    let signed = service
        .handle()
        .cast(ballot, CAST_TIMEOUT)
        .context("signing the ballot")?;
    tell(&Event::Voted {
        ballot: BallotLine {
            vote: Word::from(ballot.vote).name().to_owned(),
            confidence: ballot.confidence.percent(),
            evidence: ballot.evidence.to_string(),
            signature: hex::encode(signed.signature.0),
        },
    })?;
    // The node serves on until the coordinating process closes standard input.
    service.join().context("the validator's node stopped")
}

/// Reads standard input: a line is the turn, the end is the end of this process.
fn listen(home: Option<std::path::PathBuf>) -> mpsc::Receiver<()> {
    let (tx, rx) = mpsc::sync_channel(1);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            let _ = tx.try_send(());
        }
        end_running();
        if let Some(home) = home {
            // A key that was made for one run is worth nothing afterwards.
            let _ = fs::remove_dir_all(&home);
            // The last one to go takes the group's directory along.
            let _ = home.parent().map(fs::remove_dir);
        }
        process::exit(0);
    });
    rx
}

/// Makes all checks, in the order of the targets, and keeps the document.
fn examine(plan: &Plan, name: &str) -> anyhow::Result<EvidenceDocument> {
    let directory = plan.evidence.join(name);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    let runner = Runner {
        root: &plan.root,
        tree: &plan.subject.tree,
        directory: &directory,
        is_fresh: plan.is_fresh,
        is_quick: plan.subject.is_quick,
    };
    let mut document = EvidenceDocument {
        subject: plan.subject.digest().to_string(),
        validator: name.to_owned(),
        machine: machine(),
        ..EvidenceDocument::default()
    };
    let mut before = Vec::new();
    for check in plan.targets.of(name) {
        tell(&Event::Begun {
            check: check.id.clone(),
        })?;
        let started = Instant::now();
        let evidence = runner
            .check(check, &before)
            .with_context(|| format!("checking {}", check.id))?;
        let is_reused = evidence.is_reused;
        if evidence.raw.is_some() && !is_reused {
            before.push(check);
        }
        document.evidence.push(evidence);
        let judged = Opinion::of(&plan.targets, &document)?.judged;
        let judged = judged.into_iter().find(|it| it.check == check.id);
        let judged = judged.context("every check is judged")?;
        tell(&Event::Ended {
            check: judged.check,
            finding: judged.finding,
            cause: judged.cause,
            is_reused,
            seconds: started.elapsed().as_secs_f64(),
        })?;
    }
    write_whole(&directory.join("evidence.json"), &document.encode())?;
    Ok(document)
}

fn tell(event: &Event) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    Ok(stdout.flush()?)
}

fn machine() -> Machine {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Machine {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processor: name.map_or("not told", |(_, name)| name.trim()).to_owned(),
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
    }
}
