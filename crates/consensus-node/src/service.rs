//! A validator as a process: its directory, its log, its connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use claude_flow_consensus::{Ed25519Verifier, Options, PublicKey, RosterError, ValidatorId};
use thiserror::Error;

use crate::control::{ControlServer, LinkStatus};
use crate::disk::FileDisk;
use crate::home::{Home, HomeError, RosterFile};
use crate::journal::Journal;
use crate::log::{Identity, Log, LogError, LogOptions};
use crate::net::{Acceptor, Dialer, Party};
use crate::node::{Node, NodeHandle, NodeOptions, RunError};

/// How a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceOptions {
    /// How the log is kept.
    pub log: LogOptions,
    /// Whether records are made durable before anything is sent.
    pub durability: Durability,
    /// How long to wait for a primary before another is wanted.
    pub progress_timeout: Duration,
    /// How often to say how far we are.
    pub status_interval: Duration,
}

impl Default for ServiceOptions {
    /// Durable; a second for the primary, a STATUS ten times a second.
    fn default() -> Self {
        Self {
            log: LogOptions::default(),
            durability: Durability::Machine,
            progress_timeout: Duration::from_secs(1),
            status_interval: Duration::from_millis(100),
        }
    }
}

/// What the promises in a log survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A crash of the machine.
    Machine,
    /// A crash of the process only: nothing is synced. A validator whose machine crashes may break
    /// its promises then, and counts among the f liars.
    Process,
}

/// Why a service cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Directory or roster file.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key of the roster is none.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The key in the directory is not in the roster.
    #[error("the key {key} of {directory} is not in the roster")]
    NotInRoster {
        /// The public half.
        key: String,
        /// The validator's directory.
        directory: String,
    },
    /// Another process has the directory.
    #[error(
        "{directory} is in use by another process; two with one key would contradict each other"
    )]
    InUse {
        /// The validator's directory.
        directory: String,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The node.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system refuses.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system answered.
        source: io::Error,
    },
}

/// A validator that runs, with its connections; dropping it stops it.
pub struct Service {
    // The order of these is that of their ends: no more work in, then the node, then the way out.
    control: Option<ControlServer>,
    acceptor: Option<Acceptor>,
    node: Node,
    dialer: Dialer,
    me: ValidatorId,
    torn_bytes: u64,
    is_lossy: bool,
}

impl Service {
    /// Starts the validator whose key is in the directory.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub fn start(
        home: &Home,
        group: &RosterFile,
        options: ServiceOptions,
    ) -> Result<Self, ServiceError> {
        let directory = home.directory().display().to_string();
        let signer = Arc::new(home.signer()?);
        let roster = group.roster.clone();
        let key = signer.public_key();
        let me = place(&roster, key).ok_or_else(|| ServiceError::NotInRoster {
            key: hex::encode(key.0),
            directory: directory.clone(),
        })?;
        let verifier = Arc::new(Ed25519Verifier::with_tables(roster.keys())?);
        let disk = FileDisk::open(home.directory()).map_err(|source| {
            if source.kind() == io::ErrorKind::WouldBlock {
                ServiceError::InUse {
                    directory: directory.clone(),
                }
            } else {
                during(format!("locking {directory}"))(source)
            }
        })?;
        let disk = match options.durability {
            Durability::Machine => disk,
            Durability::Process => disk.without_sync(),
        };
        let identity = Identity {
            roster: roster.digest(),
            validator: me,
        };
        let mut fresh_id = [0; 16];
        getrandom::fill(&mut fresh_id).map_err(|_| HomeError::Random)?;
        let opened = Log::open(Box::new(disk), identity, options.log, fresh_id)?;
        let (torn_bytes, is_lossy) = (opened.torn_bytes, opened.is_lossy);

        let party = Party::new(roster.clone(), me, signer.clone(), verifier.clone());
        let party = Arc::new(party.map_err(during("making a key for connections".to_owned()))?);
        let handle = NodeHandle::new(me, roster.committee().n());
        let dialer = Dialer::start(&party, &group.addresses)
            .map_err(during("starting a thread".to_owned()))?;
        let mut replica = Options::new(roster, me);
        replica.progress_timeout = millis(options.progress_timeout);
        replica.status_interval = millis(options.status_interval);
        let setup = NodeOptions {
            replica,
            signer,
            verifier,
            journal: Journal::Log(Box::new(opened.log)),
        };
        let node = Node::start(setup, dialer.outbox(), handle.clone())?;
        let mut service = Self {
            control: None,
            acceptor: None,
            node,
            dialer,
            me,
            torn_bytes,
            is_lossy,
        };
        let address = &group.addresses[me.0 as usize];
        let acceptor = Acceptor::start(party, address, handle.clone())
            .map_err(during(format!("listening on {address}")))?;
        service.acceptor = Some(acceptor);
        let links = service.links(group.addresses.len());
        let path = home.control();
        let shown = format!("listening on {}", path.display());
        let control =
            ControlServer::start(path, handle, identity.roster, links).map_err(during(shown))?;
        service.control = Some(control);
        Ok(service)
    }

    /// Which validator it is.
    #[must_use]
    pub const fn validator(&self) -> ValidatorId {
        self.me
    }

    /// Bytes of an unfinished commit that were cut from the log.
    #[must_use]
    pub const fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Whether the log had lost durable records, so that the validator observes for a while.
    #[must_use]
    pub const fn is_lossy(&self) -> bool {
        self.is_lossy
    }

    /// A way to the node.
    #[must_use]
    pub fn handle(&self) -> NodeHandle {
        self.node.handle()
    }

    /// Runs until the node ends, which it does of itself only on an error, or when its handle says so.
    ///
    /// # Errors
    ///
    /// Why it ended.
    pub fn join(self) -> Result<(), RunError> {
        let Self {
            control,
            acceptor,
            node,
            dialer,
            ..
        } = self;
        let ended = node.join();
        drop((control, acceptor, dialer));
        ended
    }

    /// Stops the validator.
    ///
    /// # Errors
    ///
    /// Why it had ended before.
    pub fn stop(self) -> Result<(), RunError> {
        let Self {
            control,
            acceptor,
            node,
            dialer,
            ..
        } = self;
        drop((control, acceptor));
        let ended = node.stop();
        drop(dialer);
        ended
    }

    fn links(&self, count: usize) -> Box<dyn Fn() -> Vec<LinkStatus> + Send + Sync> {
        let (queues, me) = (self.dialer.queues(), self.me);
        Box::new(move || {
            let others = (0..).map(ValidatorId).take(count).filter(|id| *id != me);
            let link = |id: ValidatorId| {
                let (is_connected, error, dropped) = queues.link(id);
                LinkStatus {
                    validator: id.0,
                    is_connected,
                    error,
                    dropped,
                }
            };
            others.map(link).collect()
        })
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("validator", &self.me)
            .field("is_lossy", &self.is_lossy)
            .finish_non_exhaustive()
    }
}

fn place(roster: &claude_flow_consensus::Roster, key: PublicKey) -> Option<ValidatorId> {
    let place = roster.keys().iter().position(|other| *other == key)?;
    u32::try_from(place).ok().map(ValidatorId)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn during(doing: String) -> impl FnOnce(io::Error) -> ServiceError {
    move |source| ServiceError::Io { doing, source }
}
