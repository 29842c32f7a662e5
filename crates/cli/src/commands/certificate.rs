//! `claude-flow certificate`: verifying what was certified.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use claude_flow::certify::{
    CERTIFICATE_BYTES_MAX, Certificate, Conclusion, Finding, RawFile, Standing,
};
use claude_flow::consensus_node::RosterFile;
use serde::Serialize;

use crate::args::{CertificateCommand, ConsensusFormat, VerifyArgs};
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// The certificate does not hold.
const EXIT_BROKEN: u8 = 1;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// What is told.
#[derive(Debug, Serialize)]
struct Told {
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    proven: Option<Proven>,
}

#[derive(Debug, Serialize)]
struct Proven {
    project: String,
    commit: String,
    tree: String,
    slot: u64,
    view: u64,
    signers: u32,
    is_roster_trusted: bool,
    /// How many kept outputs were compared; none if their directory was not named.
    outputs: Option<usize>,
    conclusion: Conclusion,
}

pub(super) fn run(command: &CertificateCommand, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let CertificateCommand::Verify(args) = command;
    let bytes = read(&args.certificate)?;
    let trusted = match &args.roster {
        Some(path) => Some(
            RosterFile::read(path)
                .context("the roster file cannot be used")?
                .roster,
        ),
        None => None,
    };
    let told = match examine(&bytes, trusted.as_ref(), args.evidence.as_deref())? {
        Ok(proven) => Told {
            holds: true,
            reason: None,
            proven: Some(proven),
        },
        Err(reason) => Told {
            holds: false,
            reason: Some(reason),
            proven: None,
        },
    };
    show(args, &told, color)?;
    Ok(if told.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_BROKEN)
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("opening {name}"))?;
    let mut bytes = Vec::new();
    let read = file
        .take(CERTIFICATE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes);
    read.with_context(|| format!("reading {name}"))?;
    Ok(bytes)
}

/// What is proven, or why nothing is.
fn examine(
    bytes: &[u8],
    trusted: Option<&claude_flow::consensus::Roster>,
    evidence: Option<&Path>,
) -> anyhow::Result<Result<Proven, String>> {
    let verified = Certificate::decode(bytes)
        .and_then(|certificate| Ok((certificate.verify(trusted)?, certificate)));
    let (verified, certificate) = match verified {
        Ok(verified) => verified,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let outputs = match evidence {
        None => None,
        Some(directory) => match compare(&certificate, directory)? {
            Ok(count) => Some(count),
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let subject = certificate.subject();
    Ok(Ok(Proven {
        project: subject.project.clone(),
        commit: subject.commit.clone(),
        tree: subject.tree.clone(),
        slot: verified.slot,
        view: verified.view,
        signers: verified.signers,
        is_roster_trusted: verified.is_roster_trusted,
        outputs,
        conclusion: certificate.conclusion().clone(),
    }))
}

/// Compares the kept outputs of a verified certificate; counts them, or names the first that differs.
fn compare(certificate: &Certificate, directory: &Path) -> anyhow::Result<Result<usize, String>> {
    let mut count = 0;
    let validators = certificate.targets().validators.iter();
    for (validator, document) in validators.zip(certificate.evidence()) {
        let Some(document) = document else {
            continue;
        };
        let path = directory.join(validator).join("evidence.json");
        let name = path.display();
        let kept = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err(format!("{name} is not there")));
            }
            Err(error) => return Err(error).with_context(|| format!("opening {name}")),
        };
        let mut bytes = Vec::new();
        let read = kept
            .take(CERTIFICATE_BYTES_MAX as u64)
            .read_to_end(&mut bytes);
        read.with_context(|| format!("reading {name}"))?;
        if bytes != document.encode() {
            return Ok(Err(format!("{name} is not the evidence that was signed")));
        }
    }
    for raw in certificate.raw_files() {
        if let Err(reason) = compare_raw(&raw, directory)? {
            return Ok(Err(reason));
        }
        count += 1;
    }
    Ok(Ok(count))
}

fn compare_raw(raw: &RawFile, directory: &Path) -> anyhow::Result<Result<(), String>> {
    let path = directory
        .join(&raw.validator)
        .join(format!("{}.log", raw.check));
    let name = path.display();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(format!("{name} is not there")));
        }
        Err(error) => return Err(error).with_context(|| format!("opening {name}")),
    };
    let mut hasher = blake3::Hasher::new();
    // One byte more than there should be is enough to see that it is longer.
    let read = hasher.update_reader(file.take(raw.size_bytes.saturating_add(1)));
    let digest = read.with_context(|| format!("reading {name}"))?.finalize();
    Ok(if digest.to_hex().as_str() == raw.blake3 {
        Ok(())
    } else {
        Err(format!("{name} is not the output that was signed"))
    })
}

fn show(args: &VerifyArgs, told: &Told, color: ColorChoice) -> anyhow::Result<()> {
    if args.format == ConsensusFormat::Json {
        let mut text = serde_json::to_vec(told)?;
        text.push(b'\n');
        return write_plain(&text);
    }
    let mut out = Vec::new();
    match (&told.proven, &told.reason) {
        (Some(proven), _) => write_proven(&mut out, proven)?,
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or_default();
            writeln!(out, "{RED}does not hold{RED:#}: {}", visible(reason))?;
        }
    }
    write_styled(&out, color)
}

fn write_proven(out: &mut Vec<u8>, proven: &Proven) -> io::Result<()> {
    let n = proven.conclusion.seats.len();
    writeln!(
        out,
        "{GREEN}holds{GREEN:#}: {} at {}, signed by {} of {n}",
        visible(&proven.project),
        visible(&proven.commit),
        proven.signers
    )?;
    if !proven.is_roster_trusted {
        writeln!(
            out,
            "  the keys are the certificate's own: nothing was changed, and who signed is not known (--roster)"
        )?;
    }
    match proven.outputs {
        Some(count) => writeln!(out, "  {count} kept outputs are those that were signed")?,
        None => writeln!(out, "  the kept outputs were not looked at (--evidence)")?,
    }
    write_conclusion(out, &proven.conclusion)
}

/// Shows verdict, votes, and all that did not pass.
pub(super) fn write_conclusion(out: &mut Vec<u8>, conclusion: &Conclusion) -> io::Result<()> {
    let (verdict, level) = (conclusion.verdict.name(), conclusion.level.name());
    writeln!(out, "{verdict}, level {level}")?;
    for seat in &conclusion.seats {
        let vote = seat.vote.map_or("no vote", |vote| vote.name());
        write!(out, "  {}: {vote}", visible(&seat.validator))?;
        if let Some(percent) = seat.confidence_percent {
            write!(out, " at {percent} %")?;
        }
        match &seat.standing {
            Standing::Counted => writeln!(out)?,
            Standing::Absent => writeln!(out, ", absent")?,
            Standing::Discounted { reason } => {
                writeln!(out, ", counts as absent: {}", visible(reason))?;
            }
        }
        for judged in seat.judged.iter().filter(|it| it.finding != Finding::Pass) {
            let finding = judged.finding.name();
            writeln!(
                out,
                "    {finding:<7} {}: {}",
                judged.check,
                visible(&judged.cause)
            )?;
        }
    }
    Ok(())
}
