//! `claude-flow consensus`: validators that agree on signed ballots.

mod ballots;
mod group;
mod node;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use anstream::ColorChoice;

use crate::args::ConsensusCommand;

/// How long a node may take to answer what takes it no time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn run(command: &ConsensusCommand, color: ColorChoice) -> anyhow::Result<ExitCode> {
    match command {
        ConsensusCommand::Keygen { directory } => group::keygen(directory),
        ConsensusCommand::Init(args) => group::init(args),
        ConsensusCommand::Node(args) => node::run(args),
        ConsensusCommand::Vote(args) => ballots::vote(args),
        ConsensusCommand::Submit(args) => ballots::submit(args),
        ConsensusCommand::Status { directory, format } => node::status(directory, *format, color),
        ConsensusCommand::Verify {
            certificate,
            roster,
            format,
        } => verify::run(certificate, roster, *format, color),
    }
}
