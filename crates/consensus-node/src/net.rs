//! Nodes on sockets: one connection each way between two validators.

mod accept;
mod dial;
mod frame;
mod noise;
mod queue;
mod stream;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use claude_flow_consensus::{PACKET_BYTES_MAX, Roster, Signer, ValidatorId, Verifier, WINDOW_MAX};
use thiserror::Error;

pub(crate) use accept::{Acceptor, bind, is_same_user};
pub(crate) use dial::Dialer;
pub(crate) use frame::{read_frame, write_frame};

/// How long the two sides may take to know each other.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one write may take.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent: replicas say how far they are far more often.
pub(crate) const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Where a validator listens.
///
/// Written `unix:/path/to/socket` or `tcp:host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system, for validators of one user on one machine. Who connects is
    /// checked to be the same user; what is sent is signed but not secret from that user.
    Unix(PathBuf),
    /// Host and port. Everything is encrypted, and both sides prove that they hold the key of a
    /// validator of the roster.
    Tcp(String),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no address: write unix:/path/to/socket or tcp:host:port")]
pub struct AddressError {
    /// The text.
    pub text: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", host)) if host.contains(':') => Ok(Self::Tcp(host.to_owned())),
            _ => Err(AddressError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp:{host}"),
        }
    }
}

/// Who we are and whom we expect, for both ends of a connection.
pub(crate) struct Party {
    pub(crate) roster: Roster,
    pub(crate) me: ValidatorId,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) verifier: Arc<dyn Verifier>,
    /// The secret key of our side of TCP connections, made anew with each start; the validator's
    /// key signs its public half.
    pub(crate) noise: noise::Keys,
}

impl Party {
    pub(crate) fn new(
        roster: Roster,
        me: ValidatorId,
        signer: Arc<dyn Signer>,
        verifier: Arc<dyn Verifier>,
    ) -> std::io::Result<Self> {
        let noise = noise::Keys::generate()?;
        Ok(Self {
            roster,
            me,
            signer,
            verifier,
            noise,
        })
    }

    /// The longest packet that a correct replica of this roster sends: a NEW-VIEW.
    pub(crate) fn packet_bytes_max(&self) -> usize {
        let n = self.roster.committee().n() as usize;
        let window = usize::try_from(WINDOW_MAX).unwrap_or(usize::MAX);
        let certificate = 56 + 64 * n;
        let proposal = 36 + 102 * n;
        let change = 128 + certificate + window * certificate;
        let new_view = 128 + n * (change + 4) + window * 96;
        new_view.max(certificate + proposal).min(PACKET_BYTES_MAX)
    }
}
