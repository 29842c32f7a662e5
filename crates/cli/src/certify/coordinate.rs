//! Starting the validators, giving them their turns, having them agree, and writing the certificate.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use claude_flow::certify::{
    Certificate, EvidenceDocument, Parts, Subject, Targets, Word, html, markdown,
};
use claude_flow::consensus::{
    Ballot, Confidence, Decision, Digest, Proposal, Roster, RosterOptions, Signature, SignedBallot,
    ValidatorId, Vote,
};
use claude_flow::consensus_node::{Address, Client, Home, RosterFile};
use hex::FromHex as _;
use tempfile::TempDir;

use super::events::{BallotLine, Event};
use super::plan::Plan;
use super::run::write_whole;
use super::tree;
use crate::visible::visible;

/// How long a validator may take to start, and what is added to the limits of its checks.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long an agreement may take with one node.
const AGREEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest evidence document that is read, in bytes.
const EVIDENCE_BYTES_MAX: u64 = 16 << 20;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    /// Where commands are run.
    pub(crate) root: &'a Path,
    /// What is claimed.
    pub(crate) targets: Targets,
    /// Where everything is written.
    pub(crate) output: &'a Path,
    /// A group's directory, as `claude-flow consensus init` makes it; keys for this run without one.
    pub(crate) group: Option<&'a Path>,
    /// The commit's name.
    pub(crate) commit: String,
    /// Whether checks that take long are left out.
    pub(crate) is_quick: bool,
    /// Whether nothing of earlier runs is used.
    pub(crate) is_fresh: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The validators agreed.
    Certified(Box<Certificate>),
    /// They could not: too many are gone.
    NoAgreement {
        /// Why.
        reason: String,
    },
}

/// A validator's process.
struct Seat {
    name: String,
    child: Child,
    // Closing it ends the process.
    stdin: Option<ChildStdin>,
    is_up: bool,
    ballot: Option<SignedBallot>,
    /// Why it takes no part any more.
    gone: Option<String>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let mut is_ended = false;
        for _ in 0..200 {
            is_ended = !matches!(self.child.try_wait(), Ok(None));
            if is_ended {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        if !is_ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Certifies: runs all validators, has them agree, and writes what came out.
pub(crate) fn certify(options: Options<'_>) -> anyhow::Result<Outcome> {
    fs::create_dir_all(options.output)
        .with_context(|| format!("making {}", options.output.display()))?;
    let _lock = lock(options.output)?;
    // Removed when it is dropped, after the validators.
    let (plan, group, _keys) = plan(options)?;
    let plan_path = plan.evidence.with_file_name("plan.json");
    write_whole(&plan_path, &serde_json::to_vec(&plan)?)?;
    let (tx, rx) = mpsc::channel();
    let mut seats = Vec::new();
    for (place, name) in plan.targets.validators.iter().enumerate() {
        seats.push(start(&plan_path, place, name, &tx)?);
    }
    for place in 0..seats.len() {
        await_start(&mut seats, place, &rx);
    }
    for place in 0..seats.len() {
        take_turn(&plan, &mut seats, place, &group.roster, &rx);
    }
    note_gone(&mut seats, &rx);
    let decision = match agree(&plan, &seats, &group.roster) {
        Ok(decision) => decision,
        Err(error) => {
            let reason = format!("{error:#}");
            return Ok(Outcome::NoAgreement { reason });
        }
    };
    let evidence = seats.iter().map(|seat| handed_in(&plan, seat)).collect();
    drop(seats);
    let decided = decision
        .proposal
        .context("the decision names its ballots")?;
    let certificate = Certificate::assemble(Parts {
        subject: plan.subject.clone(),
        targets: plan.targets.clone(),
        roster: &group.roster,
        evidence,
        certificate: decision.certificate.encode(&group.roster.digest()),
        proposal: decided.encode(),
    })?;
    certificate
        .verify(Some(&group.roster))
        .context("verifying what was made")?;
    let output = plan.evidence.parent().unwrap_or(Path::new("."));
    write_whole(&output.join("certificate.json"), &certificate.encode())?;
    write_whole(
        &output.join("certificate.md"),
        markdown(&certificate).as_bytes(),
    )?;
    write_whole(
        &output.join("certificate.html"),
        html(&certificate).as_bytes(),
    )?;
    Ok(Outcome::Certified(Box::new(certificate)))
}

/// Keeps two runs from writing over each other; the end of the process gives it back too.
fn lock(output: &Path) -> anyhow::Result<File> {
    let path = output.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another run is writing to {}; wait for it, or name another --output",
            output.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).context("locking the output"),
    }
}

fn plan(options: Options<'_>) -> anyhow::Result<(Plan, RosterFile, Option<TempDir>)> {
    let root = fs::canonicalize(options.root)
        .with_context(|| format!("finding {}", options.root.display()))?;
    let output = fs::canonicalize(options.output)
        .with_context(|| format!("finding {}", options.output.display()))?;
    let count = options.targets.validators.len();
    eprintln!("digesting {}", root.display());
    let tree = tree::digest(&root, &output)?;
    let (group, homes, keys) = match options.group {
        Some(directory) => given_group(directory, count)?,
        None => new_group(count)?,
    };
    let roster = output.join("roster.toml");
    write_whole(&roster, group.to_text().as_bytes())?;
    let subject = Subject {
        project: options.targets.project.clone(),
        commit: options.commit,
        tree,
        targets: options.targets.digest().to_string(),
        is_quick: options.is_quick,
        made_unix_s: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_secs()),
    };
    let plan = Plan {
        root,
        targets: options.targets,
        subject,
        evidence: output.join("evidence"),
        roster,
        homes,
        is_for_one_run: options.group.is_none(),
        is_fresh: options.is_fresh,
    };
    Ok((plan, group, keys))
}

/// The roster, the validators' directories, and what holds them if they are for one run.
type Group = (RosterFile, Vec<PathBuf>, Option<TempDir>);

fn given_group(directory: &Path, count: usize) -> anyhow::Result<Group> {
    let group = RosterFile::read(&directory.join("roster.toml"))?;
    let keys = group.roster.keys().len();
    if keys != count {
        bail!(
            "{} has {keys} validators, and the targets have {count}",
            directory.display()
        );
    }
    let directory = fs::canonicalize(directory)?;
    let homes = (0..count).map(|id| directory.join(format!("validator-{id}")));
    Ok((group, homes.collect(), None))
}

/// Keys for one run, of which as many as can be may lie, and more than half approve.
fn new_group(count: usize) -> anyhow::Result<Group> {
    // Short, because the path of a socket has a limit; closed to others. If this process is killed the
    // validators remove it.
    let directory = tempfile::Builder::new().prefix("certify-").tempdir()?;
    let (mut keys, mut addresses, mut homes) = (Vec::new(), Vec::new(), Vec::new());
    for id in 0..count {
        let home = directory.path().join(format!("validator-{id}"));
        keys.push(Home::new(&home).generate_key()?);
        addresses.push(Address::Unix(home.join("peers.sock")));
        homes.push(home);
    }
    let n = u32::try_from(count).context("too many validators")?;
    let roster = Roster::new(RosterOptions {
        epoch: 1,
        keys,
        faults: n.saturating_sub(1) / 3,
        approval_votes: n / 2 + 1,
    })?;
    Ok((RosterFile { roster, addresses }, homes, Some(directory)))
}

/// What a validator's process said; `None` when it says nothing any more.
type Said = (usize, Option<Event>);

fn start(plan: &Path, place: usize, name: &str, tx: &Sender<Said>) -> anyhow::Result<Seat> {
    let program = env::current_exe().context("finding this program")?;
    let mut child = Command::new(program)
        .arg("certify")
        .arg("--plan")
        .arg(plan)
        .args(["--place", &place.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Whatever ends this process, the closed pipe ends that one and all that it started.
        .process_group(0)
        .spawn()
        .context("starting a validator")?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().context("standard output is a pipe")?;
    let tx = tx.clone();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let event = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            let is_last = event.is_none();
            if tx.send((place, event)).is_err() || is_last {
                return;
            }
        }
        let _ = tx.send((place, None));
    });
    Ok(Seat {
        name: name.to_owned(),
        child,
        stdin,
        is_up: false,
        ballot: None,
        gone: None,
    })
}

/// The next thing that the validator at a place says. Others that go meanwhile are noted.
fn next(
    seats: &mut [Seat],
    place: usize,
    patience: Duration,
    rx: &Receiver<Said>,
) -> Option<Event> {
    loop {
        if seats[place].gone.is_some() {
            return None;
        }
        match rx.recv_timeout(patience) {
            Ok((from, None)) => {
                let seat = &mut seats[from];
                seat.gone
                    .get_or_insert_with(|| "its process ended".to_owned());
                eprintln!("{}: its process ended", seat.name);
            }
            Ok((from, Some(event))) => {
                // Those that are up early are heard while an earlier one is waited for.
                seats[from].is_up |= matches!(event, Event::Up);
                if from == place {
                    return Some(event);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let seat = &mut seats[place];
                seat.gone = Some("it did not answer in time".to_owned());
                let _ = seat.child.kill();
                return None;
            }
        }
    }
}

fn await_start(seats: &mut [Seat], place: usize, rx: &Receiver<Said>) {
    while !seats[place].is_up && next(seats, place, PATIENCE, rx).is_some() {}
}

/// Notes who has gone since somebody was last waited for.
fn note_gone(seats: &mut [Seat], rx: &Receiver<Said>) {
    while let Ok((from, event)) = rx.try_recv() {
        if event.is_none() {
            seats[from]
                .gone
                .get_or_insert_with(|| "its process ended".to_owned());
        }
    }
}

/// Lets a validator make its checks and vote.
fn take_turn(plan: &Plan, seats: &mut [Seat], place: usize, roster: &Roster, rx: &Receiver<Said>) {
    let name = seats[place].name.clone();
    let is_told = seats[place]
        .stdin
        .as_mut()
        .is_some_and(|it| it.write_all(b"go\n").is_ok());
    if !is_told {
        seats[place]
            .gone
            .get_or_insert_with(|| "its process ended".to_owned());
        return;
    }
    let count = plan.targets.of(&name).count();
    let limits: u64 = plan
        .targets
        .of(&name)
        .map(|check| u64::from(check.limit_s))
        .sum();
    let patience = PATIENCE + Duration::from_secs(limits);
    let mut number = 0;
    while let Some(event) = next(seats, place, patience, rx) {
        match event {
            Event::Up => {}
            Event::Begun { check } => {
                number += 1;
                eprintln!("{name} [{number}/{count}] {check}");
            }
            Event::Ended {
                check,
                finding,
                cause,
                is_reused,
                seconds,
            } => {
                let earlier = if is_reused {
                    ", seen by an earlier run"
                } else {
                    ""
                };
                let finding = finding.name();
                let cause = visible(&cause);
                eprintln!("  {finding:<7} {check}: {cause} ({seconds:.1} s{earlier})");
            }
            Event::Voted { ballot } => {
                let id = u32::try_from(place).unwrap_or(u32::MAX);
                match signed(plan, roster, ValidatorId(id), &ballot) {
                    Ok(signed) => seats[place].ballot = Some(signed),
                    Err(error) => seats[place].gone = Some(format!("{error:#}")),
                }
                eprintln!("{name} votes {} at {} %", ballot.vote, ballot.confidence);
                return;
            }
        }
    }
}

fn signed(
    plan: &Plan,
    roster: &Roster,
    validator: ValidatorId,
    line: &BallotLine,
) -> anyhow::Result<SignedBallot> {
    let vote = [Vote::Fail, Vote::Partial, Vote::Pass]
        .into_iter()
        .find(|vote| Word::from(*vote).name() == line.vote);
    let evidence = <[u8; 32]>::from_hex(&line.evidence).ok();
    let signature = <[u8; 64]>::from_hex(&line.signature).ok();
    let signed = SignedBallot {
        validator,
        ballot: Ballot {
            subject: plan.subject.digest(),
            vote: vote.context("its vote is none")?,
            confidence: Confidence::from_percent(line.confidence).context("no percentage")?,
            evidence: Digest::from_bytes(evidence.context("its evidence is no digest")?),
        },
        signature: Signature(signature.context("its signature is none")?),
    };
    // A ballot that does not hold would spoil everybody's proposal.
    let verifier = claude_flow::consensus::Ed25519Verifier::new(roster.keys())?;
    let said = signed.ballot.statement().encode(&roster.digest());
    let is_signed =
        claude_flow::consensus::Verifier::is_signed(&verifier, validator, &said, &signed.signature);
    anyhow::ensure!(is_signed, "its ballot is not signed by its key");
    Ok(signed)
}

/// Has the nodes agree, asking one after the other until one says that they have.
fn agree(plan: &Plan, seats: &[Seat], roster: &Roster) -> anyhow::Result<Decision> {
    let gone: Vec<String> = seats
        .iter()
        .filter_map(|seat| Some(format!("{} ({})", seat.name, seat.gone.as_ref()?)))
        .collect();
    let needed = roster.agreement().votes() as usize;
    if seats.len() - gone.len() < needed {
        let (n, gone) = (seats.len(), gone.join(", "));
        bail!("{needed} of {n} validators must answer, and these do not: {gone}");
    }
    let proposal = Proposal {
        subject: plan.subject.digest(),
        ballots: seats.iter().filter_map(|seat| seat.ballot).collect(),
        next: None,
    };
    eprintln!("agreeing on {} ballots", proposal.ballots.len());
    let mut last = anyhow::anyhow!("no validator is left to ask");
    for (seat, home) in seats.iter().zip(&plan.homes) {
        if seat.gone.is_some() {
            continue;
        }
        let asked = Client::connect(&Home::new(home).control())
            .and_then(|mut client| client.submit(&proposal, AGREEMENT_TIMEOUT));
        match asked {
            Ok(decision) => return Ok(decision),
            Err(error) => last = anyhow::Error::new(error).context(seat.name.clone()),
        }
    }
    Err(last)
}

/// The evidence that a validator has written; none if it cannot be read.
fn handed_in(plan: &Plan, seat: &Seat) -> Option<EvidenceDocument> {
    seat.ballot?;
    let path = plan.evidence.join(&seat.name).join("evidence.json");
    let size = fs::metadata(&path).ok()?.len();
    if size > EVIDENCE_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&fs::read(&path).ok()?).ok()
}
