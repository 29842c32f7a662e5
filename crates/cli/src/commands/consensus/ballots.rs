//! Voting, and having the validators agree on the votes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use claude_flow::consensus::{
    Ballot, Confidence, Digest, Domain, Proposal, Signature, SignedBallot, ValidatorId, Vote,
};
use claude_flow::consensus_node::{Client, Home};
use hex::FromHex as _;
use serde::{Deserialize, Serialize};

use super::ANSWER_TIMEOUT;
use crate::args::{SubmitArgs, VoteArgs, VoteChoice};
use crate::output::write_plain;

/// The largest evidence and the most ballots that are read, in bytes.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// A ballot as a line of text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BallotLine {
    validator: u32,
    subject: String,
    vote: String,
    confidence: u8,
    evidence: String,
    signature: String,
}

/// A decision as a document: what is needed to verify it, and nothing that need not be believed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionDocument {
    pub(super) version: u32,
    /// As it was named; its digest is in the proposal.
    pub(super) subject: String,
    pub(super) certificate: String,
    pub(super) proposal: String,
}

/// Has a validator sign its ballot, and prints it.
pub(super) fn vote(args: &VoteArgs) -> anyhow::Result<ExitCode> {
    let evidence = match &args.evidence {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    let ballot = Ballot {
        subject: Digest::of(Domain::Subject, args.subject.as_bytes()),
        vote: match args.vote {
            VoteChoice::Pass => Vote::Pass,
            VoteChoice::Partial => Vote::Partial,
            VoteChoice::Fail => Vote::Fail,
        },
        confidence: Confidence::from_percent(args.confidence).context("100 percent is the most")?,
        evidence: Digest::of(Domain::Evidence, &evidence),
    };
    let signed = connect(&args.directory)?.cast(ballot, ANSWER_TIMEOUT)?;
    let line = BallotLine {
        validator: signed.validator.0,
        subject: args.subject.clone(),
        vote: vote_name(ballot.vote).to_owned(),
        confidence: args.confidence,
        evidence: ballot.evidence.to_string(),
        signature: hex::encode(signed.signature.0),
    };
    print(&line)
}

/// Has the validators agree on ballots, and prints the decision.
pub(super) fn submit(args: &SubmitArgs) -> anyhow::Result<ExitCode> {
    let bytes = match &args.ballots {
        Some(path) => read(path)?,
        None => read_all(&mut io::stdin().lock()).context("reading ballots from standard input")?,
    };
    let text = String::from_utf8(bytes).context("the ballots are not text")?;
    let mut ballots = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if !line.trim().is_empty() {
            let ballot = read_ballot(line, &args.subject);
            ballots.push(ballot.with_context(|| format!("line {number} of the ballots"))?);
        }
    }
    ballots.sort_by_key(|signed| signed.validator);
    let subject = Digest::of(Domain::Subject, args.subject.as_bytes());
    let proposal = Proposal {
        subject,
        ballots,
        next: None,
    };
    let timeout = Duration::from_secs(args.timeout.into());
    let mut client = connect(&args.directory)?;
    let roster = <[u8; 32]>::from_hex(client.status(ANSWER_TIMEOUT)?.roster).ok();
    let roster = Digest::from_bytes(roster.context("the node names no roster")?);
    let decision = client.submit(&proposal, timeout)?;
    print(&DecisionDocument {
        version: 1,
        subject: args.subject.clone(),
        certificate: hex::encode(decision.certificate.encode(&roster)),
        proposal: hex::encode(proposal.encode()),
    })
}

pub(super) const fn vote_name(vote: Vote) -> &'static str {
    match vote {
        Vote::Pass => "PASS",
        Vote::Partial => "PARTIAL",
        Vote::Fail => "FAIL",
    }
}

fn read_ballot(line: &str, subject: &str) -> anyhow::Result<SignedBallot> {
    let line: BallotLine = serde_json::from_str(line).context("it is no line from `vote`")?;
    if line.subject != subject {
        bail!("the ballot is on {:?}", line.subject);
    }
    let vote = match line.vote.as_str() {
        "PASS" => Vote::Pass,
        "PARTIAL" => Vote::Partial,
        "FAIL" => Vote::Fail,
        other => bail!("{other:?} is no vote"),
    };
    let evidence = <[u8; 32]>::from_hex(&line.evidence).ok();
    let signature = <[u8; 64]>::from_hex(&line.signature).ok();
    Ok(SignedBallot {
        validator: ValidatorId(line.validator),
        ballot: Ballot {
            subject: Digest::of(Domain::Subject, subject.as_bytes()),
            vote,
            confidence: Confidence::from_percent(line.confidence).context("no percentage")?,
            evidence: Digest::from_bytes(evidence.context("the evidence is no digest")?),
        },
        signature: Signature(signature.context("the signature is none")?),
    })
}

fn connect(directory: &Path) -> anyhow::Result<Client> {
    Client::connect(&Home::new(directory).control())
        .context("is it running? `claude-flow consensus node` starts it")
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let mut file = File::open(path).with_context(|| format!("opening {name}"))?;
    read_all(&mut file).with_context(|| format!("reading {name}"))
}

fn read_all(input: &mut impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        bail!("it is longer than {INPUT_BYTES_MAX} bytes");
    }
    Ok(bytes)
}

fn print(document: &impl Serialize) -> anyhow::Result<ExitCode> {
    let mut text = serde_json::to_vec(document)?;
    text.push(b'\n');
    write_plain(&text)?;
    Ok(ExitCode::SUCCESS)
}
