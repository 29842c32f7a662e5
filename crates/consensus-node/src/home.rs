//! A validator's directory, and the file that names the group.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use claude_flow_consensus::{Ed25519Signer, PublicKey, Roster, RosterError, RosterOptions};
use hex::FromHex as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::net::{Address, AddressError};

/// The secret key, 64 hexadecimal digits.
const KEY: &str = "key";

/// Where users talk to the node.
const CONTROL: &str = "control.sock";

/// How long a roster file may be.
const ROSTER_BYTES_MAX: u64 = 64 << 10;

/// Why a directory or a roster file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The system refuses.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// There is a key already, which is never overwritten.
    #[error("{} is there already; a key is made once", path.display())]
    KeyExists {
        /// Where.
        path: PathBuf,
    },
    /// Others can read the key.
    #[error("{} can be read by others; `chmod 600` it, or make a new key if they did", path.display())]
    KeyExposed {
        /// Where.
        path: PathBuf,
    },
    /// The file holds no key.
    #[error("{} does not hold 64 hexadecimal digits", path.display())]
    Key {
        /// Where.
        path: PathBuf,
    },
    /// The roster file is not laid out as one.
    #[error("{} is no roster file: {text}", path.display())]
    Layout {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// There is no such roster.
    #[error("{}: {source}", path.display())]
    Roster {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: RosterError,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// A validator's directory: key, log, mark, lock and control socket lie together, so that nobody
/// has one without the others.
#[derive(Debug, Clone)]
pub struct Home {
    directory: PathBuf,
}

impl Home {
    /// The home in a directory.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where users talk to the node.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.directory.join(CONTROL)
    }

    /// Makes the directory, for its owner alone, and a new key in it.
    ///
    /// # Errors
    ///
    /// [`HomeError`]; a key that is there is left alone.
    pub fn generate_key(&self) -> Result<PublicKey, HomeError> {
        fs::create_dir_all(&self.directory).map_err(during("making", &self.directory))?;
        let path = self.directory.join(KEY);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(HomeError::KeyExists { path });
            }
            other => other.map_err(during("making", &path))?,
        };
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.directory, mode).map_err(during("closing", &self.directory))?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| HomeError::Random)?;
        writeln!(file, "{}", hex::encode(secret)).map_err(during("writing", &path))?;
        file.sync_all().map_err(during("syncing", &path))?;
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(during("syncing", &self.directory))?;
        Ok(Ed25519Signer::from_secret(&secret).public_key())
    }

    /// Reads the key.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn signer(&self) -> Result<Ed25519Signer, HomeError> {
        let path = self.directory.join(KEY);
        let file = File::open(&path).map_err(during("opening", &path))?;
        let mode = file.metadata().map_err(during("looking at", &path))?;
        if mode.permissions().mode() & 0o077 != 0 {
            return Err(HomeError::KeyExposed { path });
        }
        let mut text = String::new();
        let read = (&file).take(128).read_to_string(&mut text);
        read.map_err(during("reading", &path))?;
        let secret = <[u8; 32]>::from_hex(text.trim()).ok();
        let secret: [u8; 32] = secret.ok_or(HomeError::Key { path })?;
        Ok(Ed25519Signer::from_secret(&secret))
    }
}

/// The file that names a group: its numbers, and key and address of each validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterFile {
    /// Who validates.
    pub roster: Roster,
    /// Where each of them listens.
    pub addresses: Vec<Address>,
}

/// The layout of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    version: u32,
    epoch: u64,
    faults: u32,
    approval_votes: u32,
    validators: Vec<Member>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    key: String,
    address: String,
}

impl RosterFile {
    /// Reads a roster file.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn read(path: &Path) -> Result<Self, HomeError> {
        let file = File::open(path).map_err(during("opening", path))?;
        let mut text = String::new();
        file.take(ROSTER_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(during("reading", path))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, HomeError> {
        let wrong = |text: String| HomeError::Layout {
            path: path.to_owned(),
            text,
        };
        let layout: Layout = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if layout.version != 1 {
            return Err(wrong(format!("version {} is not known", layout.version)));
        }
        let (mut keys, mut addresses) = (Vec::new(), Vec::new());
        for Member { key, address } in &layout.validators {
            let bytes = <[u8; 32]>::from_hex(key).ok();
            keys.push(PublicKey(bytes.ok_or_else(|| {
                wrong(format!("{key:?} is no key of 64 hexadecimal digits"))
            })?));
            let address = address.parse();
            addresses.push(address.map_err(|error: AddressError| wrong(error.to_string()))?);
        }
        let roster = Roster::new(RosterOptions {
            epoch: layout.epoch,
            keys,
            faults: layout.faults,
            approval_votes: layout.approval_votes,
        });
        let roster = roster.map_err(|source| HomeError::Roster {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { roster, addresses })
    }

    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let members = self.roster.keys().iter().zip(&self.addresses);
        let layout = Layout {
            version: 1,
            epoch: self.roster.epoch(),
            faults: self.roster.committee().f(),
            approval_votes: self.roster.approval().votes(),
            validators: members
                .map(|(key, address)| Member {
                    key: hex::encode(key.0),
                    address: address.to_string(),
                })
                .collect(),
        };
        toml::to_string(&layout).unwrap_or_default()
    }
}

fn during(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io {
        doing,
        path,
        source,
    }
}
