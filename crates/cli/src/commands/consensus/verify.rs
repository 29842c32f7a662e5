//! Verifying a decision from its bytes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use claude_flow::consensus::{
    Digest, Domain, Ed25519Verifier, Level, Proposal, Roster, Score, Verdict, verify_decision,
};
use claude_flow::consensus_node::RosterFile;
use serde::Serialize;

use super::ballots::{DecisionDocument, vote_name};
use crate::args::ConsensusFormat;
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// The certificate does not hold.
const EXIT_BROKEN: u8 = 1;

/// A decision of 64 ballots is far shorter.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// What is told.
#[derive(Debug, Serialize)]
struct Finding {
    holds: bool,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    proven: Option<Proven>,
}

#[derive(Debug, Serialize)]
struct Proven {
    slot: u64,
    view: u64,
    verdict: &'static str,
    level: Option<&'static str>,
    /// In votes.
    score: f64,
    /// The score with each ballot lowered to its confidence, in votes.
    confident_score: f64,
    /// How many validators there are.
    validators: u32,
    ballots: Vec<ShownBallot>,
}

#[derive(Debug, Serialize)]
struct ShownBallot {
    validator: u32,
    vote: &'static str,
    confidence: u8,
    evidence: String,
}

/// Verifies a decision and says what it proves.
pub(super) fn run(
    certificate: &Path,
    roster: &Path,
    format: ConsensusFormat,
    color: ColorChoice,
) -> anyhow::Result<ExitCode> {
    let roster = RosterFile::read(roster)
        .context("the roster file cannot be used")?
        .roster;
    let document = read(certificate)?;
    let finding = examine(&roster, document)?;
    match format {
        ConsensusFormat::Json => {
            let mut text = serde_json::to_vec(&finding)?;
            text.push(b'\n');
            write_plain(&text)?;
        }
        ConsensusFormat::Human => {
            let mut out = Vec::new();
            write_finding(&mut out, &finding)?;
            write_styled(&out, color)?;
        }
    }
    Ok(if finding.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_BROKEN)
    })
}

fn read(path: &Path) -> anyhow::Result<DecisionDocument> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("opening {name}"))?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX)
        .read_to_end(&mut bytes)
        .with_context(|| format!("reading {name}"))?;
    let document: DecisionDocument = serde_json::from_slice(&bytes)
        .with_context(|| format!("{name} is not what `claude-flow consensus submit` prints"))?;
    if document.version != 1 {
        bail!(
            "{name} is of version {}, which is not known here",
            document.version
        );
    }
    Ok(document)
}

fn examine(roster: &Roster, document: DecisionDocument) -> anyhow::Result<Finding> {
    let verifier = Ed25519Verifier::new(roster.keys())?;
    let broken = |subject: String, reason: String| Finding {
        holds: false,
        subject,
        reason: Some(reason),
        proven: None,
    };
    let DecisionDocument {
        subject,
        certificate,
        proposal,
        ..
    } = document;
    let (Ok(certificate), Ok(proposal)) = (hex::decode(&certificate), hex::decode(&proposal))
    else {
        return Ok(broken(subject, "its bytes are not hexadecimal".to_owned()));
    };
    let (certified, tally) = match verify_decision(roster, &verifier, &certificate, &proposal) {
        Ok(proven) => proven,
        Err(error) => return Ok(broken(subject, error.to_string())),
    };
    let proposal = Proposal::decode(&proposal).context("what was verified can be read")?;
    if Digest::of(Domain::Subject, subject.as_bytes()) != proposal.subject {
        return Ok(broken(
            subject,
            "the ballots are on another subject".to_owned(),
        ));
    }
    let ballots = proposal.ballots.iter().map(|signed| ShownBallot {
        validator: signed.validator.0,
        vote: vote_name(signed.ballot.vote),
        confidence: signed.ballot.confidence.percent(),
        evidence: signed.ballot.evidence.to_string(),
    });
    let votes = |quarters: u32| f64::from(quarters) / f64::from(Score::QUARTERS_PER_VOTE);
    let proven = Proven {
        slot: certified.seq,
        view: certified.view,
        verdict: match tally.verdict {
            Verdict::NoQuorum => "NO QUORUM",
            Verdict::Fail => "FAIL",
            Verdict::Partial => "PARTIAL",
            Verdict::Pass => "PASS",
        },
        level: match tally.level {
            Level::None => None,
            Level::Bronze => Some("BRONZE"),
            Level::Silver => Some("SILVER"),
            Level::Gold => Some("GOLD"),
        },
        score: votes(tally.score.quarters()),
        confident_score: votes(tally.confident_score) / 100.0,
        validators: roster.committee().n(),
        ballots: ballots.collect(),
    };
    Ok(Finding {
        holds: true,
        subject,
        reason: None,
        proven: Some(proven),
    })
}

fn write_finding(out: &mut Vec<u8>, finding: &Finding) -> std::io::Result<()> {
    let subject = visible(&finding.subject);
    let Some(proven) = &finding.proven else {
        let reason = finding.reason.as_deref().unwrap_or_default();
        return writeln!(
            out,
            "{RED}does not hold{RED:#}: {subject}: {}",
            visible(reason)
        );
    };
    let level = proven
        .level
        .map_or(String::new(), |level| format!(", {level}"));
    writeln!(
        out,
        "{GREEN}holds{GREEN:#}: {subject}: {}{level}, {} of {} votes, slot {} in view {}",
        proven.verdict, proven.score, proven.validators, proven.slot, proven.view
    )?;
    for ballot in &proven.ballots {
        writeln!(
            out,
            "  validator {}: {} at {} %",
            ballot.validator, ballot.vote, ballot.confidence
        )?;
    }
    Ok(())
}
