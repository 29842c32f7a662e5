//! How long one decision takes, one after the other, five validators, everything signed.
//!
//! `cargo bench -p claude-flow-consensus-node` measures; without `--bench` it runs on tiny input.
//! A decision is the time from handing five signed ballots to a validator until its journal holds
//! the decision. In process the journals are in memory; over Unix sockets each validator is a
//! process of its own, and the time is a user's, request and answer over the control socket
//! included.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures time and writes files; the ban is for the pure crates"
)]

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_consensus::{
    Ballot, Confidence, Decision, Digest, Domain, Ed25519Signer, Ed25519Verifier, Proposal, Roster,
    RosterOptions, SignedBallot, Signer, ValidatorId, Vote, verify_decision,
};
use claude_flow_consensus_node::{
    Address, Client, Durability, Group, Home, Opinion, RosterFile, Service, ServiceOptions, Swarm,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const VALIDATORS: usize = 5;

const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, mode, home, roster, durability] = arguments.as_slice()
        && mode == "--validator"
    {
        return run_validator(Path::new(home), Path::new(roster), durability);
    }
    let is_bench = arguments.iter().any(|it| it == "--bench");
    let count = if is_bench { 3_000 } else { 3 };
    in_process(count)?;
    over_unix_sockets(count, "process")?;
    over_unix_sockets(count.min(1_000), "machine")
}

fn in_process(count: u32) -> Outcome<()> {
    let swarm = Swarm::in_process(Group::generate(5, 1, 3)?)?;
    let opinion = Opinion {
        vote: Vote::Pass,
        confidence: Confidence::from_percent(90).ok_or("no percentage")?,
        evidence: Digest::of(Domain::Evidence, b"measured"),
    };
    let handles: Vec<_> = swarm.handles().collect();
    let (mut whole, mut agreed, mut last) = (Vec::new(), Vec::new(), None);
    for round in 0..count + count / 10 {
        let subject = Digest::of(Domain::Subject, &round.to_le_bytes());
        let Opinion {
            vote,
            confidence,
            evidence,
        } = opinion;
        let ballot = Ballot {
            subject,
            vote,
            confidence,
            evidence,
        };
        let started = Instant::now();
        let cast = handles.iter().map(|handle| handle.cast(ballot, TIMEOUT));
        let ballots: Result<Vec<_>, _> = cast.collect();
        let proposal = Proposal {
            subject,
            ballots: ballots?,
            next: None,
        };
        let submitted = Instant::now();
        let decided = swarm.agree(proposal)?;
        let ended = Instant::now();
        // The first tenth warms up.
        if round >= count / 10 {
            agreed.push(ended - submitted);
            whole.push(ended - started);
        }
        last = Some(decided.decision);
    }
    prove(swarm.roster(), last.as_ref())?;
    tell("in process, ballots to decision", &mut agreed);
    tell("in process, opinions to decision", &mut whole);
    Ok(())
}

/// A validator's process; killed when it is dropped.
struct Validator(Child);

impl Drop for Validator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn over_unix_sockets(count: u32, durability: &str) -> Outcome<()> {
    let directory = tempfile::TempDir::new()?;
    let path = directory.path();
    let home = |id: usize| Home::new(&path.join(id.to_string()));
    let mut keys = Vec::new();
    for id in 0..VALIDATORS {
        keys.push(home(id).generate_key()?);
    }
    let roster = Roster::new(RosterOptions {
        epoch: 1,
        keys,
        faults: 1,
        approval_votes: 3,
    })?;
    let address = |id: usize| Address::Unix(path.join(format!("{id}.sock")));
    let group = RosterFile {
        roster,
        addresses: (0..VALIDATORS).map(address).collect(),
    };
    let roster_path = path.join("roster.toml");
    std::fs::write(&roster_path, group.to_text())?;
    let mut validators = Vec::new();
    for id in 0..VALIDATORS {
        let mut child = Command::new(env::current_exe()?)
            .arg("--validator")
            .arg(home(id).directory())
            .arg(&roster_path)
            .arg(durability)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no pipe")?;
        validators.push(Validator(child));
        BufReader::new(stdout).read_line(&mut String::new())?;
    }
    let signers: Result<Vec<_>, _> = (0..VALIDATORS).map(|id| home(id).signer()).collect();
    let signers = signers?;
    let mut client = Client::connect(&home(0).control())?;
    let (mut times, mut last) = (Vec::new(), None);
    for round in 0..count + count / 10 {
        let proposal = Arc::new(proposal(&group.roster, &signers, round)?);
        let started = Instant::now();
        let decision = client.submit(&proposal, TIMEOUT)?;
        if round >= count / 10 {
            times.push(started.elapsed());
        }
        last = Some(decision);
    }
    prove(&group.roster, last.as_ref())?;
    let what = match durability {
        "process" => "five processes over Unix sockets, not synced",
        _ => "five processes over Unix sockets, synced",
    };
    tell(what, &mut times);
    Ok(())
}

fn run_validator(home: &Path, roster: &Path, durability: &str) -> Outcome<()> {
    let options = ServiceOptions {
        durability: match durability {
            "process" => Durability::Process,
            _ => Durability::Machine,
        },
        ..ServiceOptions::default()
    };
    let service = Service::start(&Home::new(home), &RosterFile::read(roster)?, options)?;
    println!("up");
    Ok(service.join()?)
}

fn proposal(roster: &Roster, signers: &[Ed25519Signer], round: u32) -> Outcome<Proposal> {
    let subject = Digest::of(Domain::Subject, &round.to_le_bytes());
    let ballot = Ballot {
        subject,
        vote: Vote::Pass,
        confidence: Confidence::from_percent(90).ok_or("no percentage")?,
        evidence: subject,
    };
    let bytes = ballot.statement().encode(&roster.digest());
    let signed = |(signer, id): (&Ed25519Signer, u32)| SignedBallot {
        validator: ValidatorId(id),
        ballot,
        signature: signer.sign(&bytes),
    };
    Ok(Proposal {
        subject,
        ballots: signers.iter().zip(0..).map(signed).collect(),
        next: None,
    })
}

/// What is measured has to work.
fn prove(roster: &Roster, decision: Option<&Decision>) -> Outcome<()> {
    let decision = decision.ok_or("nothing was decided")?;
    let verifier = Ed25519Verifier::new(roster.keys())?;
    let certificate = decision.certificate.encode(&roster.digest());
    let proposal = decision.proposal.as_ref().ok_or("a null request")?.encode();
    verify_decision(roster, &verifier, &certificate, &proposal)?;
    Ok(())
}

fn tell(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |permille: usize| {
        let index = (times.len() * permille / 1000).min(times.len().saturating_sub(1));
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{what}: n = {}, p50 {:.3} ms, p90 {:.3} ms, p99 {:.3} ms, max {:.3} ms",
        times.len(),
        at(500),
        at(900),
        at(990),
        at(1000)
    );
}
