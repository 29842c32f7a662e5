//! What can go wrong before a child runs.

use std::io;

use crate::{Level, Missing};

/// Why the helper could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The helper's program could not be run.
    #[error("failed to start the sandbox helper {program}: {source}")]
    Helper {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The helper ran, and did not answer as a helper does.
    #[error(
        "{program} did not answer as a sandbox helper: its `main` must begin with `become_helper_if_asked()`"
    )]
    NotAHelper {
        /// The program.
        program: String,
    },
    /// A socket could not be made.
    #[error("failed to make a socket to the sandbox helper: {0}")]
    Socket(#[source] io::Error),
}

/// Why a child was not started. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The policy requires a level that cannot be had here.
    #[error(
        "the policy requires {required}, this machine gives {given}{}",
        reasons(missing)
    )]
    Level {
        /// What the policy requires.
        required: Level,
        /// What can be had.
        given: Level,
        /// What is missing, with cause and cure.
        missing: Vec<Missing>,
    },
    /// A path of the policy or the command is not absolute.
    #[error("{path:?} is not an absolute path")]
    RelativePath {
        /// The path.
        path: std::path::PathBuf,
    },
    /// The helper or the kernel refused a step.
    #[error("failed to {step}: {source}")]
    Step {
        /// What was being done, to what.
        step: String,
        /// What the system said.
        source: io::Error,
    },
    /// The request is larger than the helper takes.
    #[error("arguments, environment and policy take {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The supervisor was killed before it could report; whatever it left was ended by the helper.
    #[error("the child's supervisor was killed before it could report")]
    Lost,
    /// The helper ended and could not be started again.
    #[error("the sandbox helper ended and could not be started again: {0}")]
    Helper(#[from] StartError),
}

/// Why a child's outcome is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It was not started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its supervisor was killed; whatever it left was ended by the helper.
    #[error("the child's supervisor was killed before it could report")]
    Lost,
    /// A stream or the socket failed.
    #[error("failed to read from the child: {0}")]
    Read(#[from] io::Error),
}

fn reasons(missing: &[Missing]) -> String {
    missing.iter().fold(String::new(), |text, reason| {
        text + "\n  " + &reason.to_string()
    })
}
