//! How users talk to a node: a Unix socket in the validator's directory.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use claude_flow_consensus::{
    Ballot, Confidence, Decision, Digest, PACKET_BYTES_MAX, Packet, Proposal, Signature,
    SignedBallot, ValidatorId, Vote,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::net::{self, bind, is_same_user, read_frame, write_frame};
use crate::node::{NodeError, NodeHandle};

/// How many users may be connected.
const USERS_MAX: usize = 64;

/// How long a user may be silent.
const SILENCE_MAX: Duration = Duration::from_mins(5);

/// The longest request: a proposal of 64 ballots.
const REQUEST_BYTES_MAX: usize = 16 << 10;

const REPORT_TAG: u8 = 1;
const SUBMIT_TAG: u8 = 2;
const CAST_TAG: u8 = 3;
const DECISION_TAG: u8 = 4;

/// What an answer begins with, if it is none of [`NodeError`]'s.
const DONE_TAG: u8 = 0;

/// A node's answer to "how are you", as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its place in the roster.
    pub validator: u32,
    /// The digest of the roster.
    pub roster: String,
    /// The view that it is in or wants.
    pub view: u64,
    /// Whether it has left for the view and not yet entered it.
    pub is_changing: bool,
    /// Whether it only observes, because its log lost records.
    pub is_amnesiac: bool,
    /// The last slot that it delivered.
    pub decided: u64,
    /// The slot of its last stable checkpoint.
    pub stable: u64,
    /// The digest of everything that it delivered.
    pub chain: String,
    /// How many records its log has.
    pub records: u64,
    /// What it dropped, by reason.
    pub dropped: DroppedCounts,
    /// The other validators, as far as this one can reach them.
    pub links: Vec<LinkStatus>,
    /// Who was caught contradicting itself.
    pub liars: Vec<u32>,
}

/// What a node dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedCounts {
    /// No packet of this version.
    pub malformed: u64,
    /// A signature, certificate or proposal that does not hold.
    pub unproven: u64,
    /// Old, early, known or too much.
    pub irrelevant: u64,
    /// Proposals for which there was no room.
    pub overflowing: u64,
}

/// The way to another validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// Which.
    pub validator: u32,
    /// Whether there is a connection.
    pub is_connected: bool,
    /// Why there is none.
    pub error: Option<String>,
    /// How many packets found no room.
    pub dropped: u64,
}

/// Why a user gets no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The node cannot be reached.
    #[error("the node at {} does not answer: {source}", path.display())]
    Unreachable {
        /// Its control socket.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// The connection broke. What was submitted may be decided nevertheless; asking again is safe.
    #[error("the connection to the node broke: {0}")]
    Broken(#[from] io::Error),
    /// The node refuses.
    #[error(transparent)]
    Refused(#[from] NodeError),
    /// The answer makes no sense.
    #[error("the node's answer makes no sense; is it of another version?")]
    Answer,
}

/// A user's connection to a node.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the node whose control socket this is.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreachable`].
    pub fn connect(control: &Path) -> Result<Self, ClientError> {
        let connected = UnixStream::connect(control).and_then(|stream| {
            stream.set_write_timeout(Some(net::WRITE_TIMEOUT))?;
            Ok(Self { stream })
        });
        connected.map_err(|source| ClientError::Unreachable {
            path: control.to_owned(),
            source,
        })
    }

    /// How the node is doing.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn status(&mut self, timeout: Duration) -> Result<NodeStatus, ClientError> {
        let answer = self.ask(&[REPORT_TAG], timeout)?;
        serde_json::from_slice(&answer).map_err(|_| ClientError::Answer)
    }

    /// Submits a proposal and waits until it is decided and durable at this node.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; asking again is safe.
    pub fn submit(
        &mut self,
        proposal: &Proposal,
        timeout: Duration,
    ) -> Result<Decision, ClientError> {
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut request = vec![SUBMIT_TAG];
        request.extend(millis.to_le_bytes());
        request.extend(proposal.encode());
        let answer = self.ask(&request, timeout)?;
        decision(&answer)?.ok_or(ClientError::Answer)
    }

    /// Has the validator sign its ballot.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn cast(&mut self, ballot: Ballot, timeout: Duration) -> Result<SignedBallot, ClientError> {
        let mut request = vec![CAST_TAG];
        request.extend(ballot.subject.as_bytes());
        request.extend([vote_byte(ballot.vote), ballot.confidence.percent()]);
        request.extend(ballot.evidence.as_bytes());
        let answer = self.ask(&request, timeout)?;
        let (id, signature) = answer.split_first_chunk().ok_or(ClientError::Answer)?;
        Ok(SignedBallot {
            validator: ValidatorId(u32::from_le_bytes(*id)),
            ballot,
            signature: Signature(signature.try_into().map_err(|_| ClientError::Answer)?),
        })
    }

    /// What was decided in a slot; `None` if nothing was yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn decision(
        &mut self,
        slot: u64,
        timeout: Duration,
    ) -> Result<Option<Decision>, ClientError> {
        let mut request = vec![DECISION_TAG];
        request.extend(slot.to_le_bytes());
        decision(&self.ask(&request, timeout)?)
    }

    fn ask(&mut self, request: &[u8], timeout: Duration) -> Result<Vec<u8>, ClientError> {
        // The node answers by then itself, unless it is gone.
        let patience = timeout + net::HANDSHAKE_TIMEOUT;
        self.stream.set_read_timeout(Some(patience))?;
        write_frame(&mut self.stream, request)?;
        let answer = read_frame(&mut self.stream, PACKET_BYTES_MAX)?;
        let answer = answer.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        match answer.split_first() {
            Some((&DONE_TAG, rest)) => Ok(rest.to_vec()),
            Some((tag, _)) => Err(refusal(*tag).map_or(ClientError::Answer, ClientError::Refused)),
            None => Err(ClientError::Answer),
        }
    }
}

fn decision(bytes: &[u8]) -> Result<Option<Decision>, ClientError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    match Packet::decode(bytes) {
        Ok(Packet::Decision(decision)) => Ok(Some(decision)),
        _ => Err(ClientError::Answer),
    }
}

const REFUSALS: [NodeError; 6] = [
    NodeError::Busy,
    NodeError::Invalid,
    NodeError::Ballot,
    NodeError::TimedOut,
    NodeError::Stopped,
    NodeError::Ended,
];

fn refusal(tag: u8) -> Option<NodeError> {
    let index = usize::from(tag).checked_sub(1)?;
    REFUSALS.get(index).cloned()
}

fn refusal_tag(error: &NodeError) -> u8 {
    let place = (1..).zip(&REFUSALS).find(|(_, other)| *other == error);
    place.map_or(u8::MAX, |(tag, _)| tag)
}

const fn vote_byte(vote: Vote) -> u8 {
    match vote {
        Vote::Fail => 0,
        Vote::Partial => 1,
        Vote::Pass => 2,
    }
}

/// How a control socket finds out about links.
pub(crate) type Links = Box<dyn Fn() -> Vec<LinkStatus> + Send + Sync>;

/// The node's side of the control socket; dropping it ends it.
pub(crate) struct ControlServer {
    shared: Arc<Shared>,
    path: PathBuf,
}

struct Shared {
    node: NodeHandle,
    roster: Digest,
    links: Links,
    is_closed: AtomicBool,
    count: AtomicUsize,
}

impl ControlServer {
    pub(crate) fn start(
        path: PathBuf,
        node: NodeHandle,
        roster: Digest,
        links: Links,
    ) -> io::Result<Self> {
        let listener = bind(&path)?;
        let shared = Arc::new(Shared {
            node,
            roster,
            links,
            is_closed: AtomicBool::new(false),
            count: AtomicUsize::new(0),
        });
        let listening = Arc::clone(&shared);
        thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || listening.listen(&listener))?;
        Ok(Self { shared, path })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
        // Wakes the listener, which then sees that it is to end.
        drop(UnixStream::connect(&self.path));
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        loop {
            let accepted = listener.accept();
            if self.is_closed.load(Ordering::Acquire) {
                return;
            }
            let Ok((mut stream, _)) = accepted else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            if self.count.load(Ordering::Relaxed) >= USERS_MAX {
                let _ = stream.set_write_timeout(Some(Duration::from_millis(10)));
                let _ = write_frame(&mut stream, &[refusal_tag(&NodeError::Busy)]);
                continue;
            }
            self.count.fetch_add(1, Ordering::Relaxed);
            let shared = Arc::clone(self);
            let thread = thread::Builder::new().name("user".to_owned());
            let spawned = thread.spawn(move || {
                // What goes wrong ends the connection.
                let _ = shared.serve(stream);
                shared.count.fetch_sub(1, Ordering::Relaxed);
            });
            if spawned.is_err() {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        if !is_same_user(&stream)? {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(net::WRITE_TIMEOUT))?;
        while let Some(request) = read_frame(&mut stream, REQUEST_BYTES_MAX)? {
            let answer = match self.answer(&request) {
                Ok(body) => [&[DONE_TAG], body.as_slice()].concat(),
                Err(error) => vec![refusal_tag(&error)],
            };
            write_frame(&mut stream, &answer)?;
        }
        Ok(())
    }

    fn answer(&self, request: &[u8]) -> Result<Vec<u8>, NodeError> {
        let (tag, body) = request.split_first().ok_or(NodeError::Invalid)?;
        match *tag {
            REPORT_TAG => self.report(),
            SUBMIT_TAG => {
                let (millis, body) = body.split_first_chunk().ok_or(NodeError::Invalid)?;
                let timeout = Duration::from_millis(u32::from_le_bytes(*millis).into());
                let proposal = Proposal::decode(body).map_err(|_| NodeError::Invalid)?;
                let decision = self.node.submit(Arc::new(proposal), timeout)?;
                Ok(Packet::Decision(decision).encode())
            }
            CAST_TAG => {
                let ballot = ballot(body).ok_or(NodeError::Ballot)?;
                let signed = self.node.cast(ballot, net::HANDSHAKE_TIMEOUT)?;
                let id = signed.validator.0.to_le_bytes();
                Ok([id.as_slice(), &signed.signature.0].concat())
            }
            DECISION_TAG => {
                let slot = body.try_into().map_err(|_| NodeError::Invalid)?;
                let slot = u64::from_le_bytes(slot);
                let decision = self.node.decision(slot, net::HANDSHAKE_TIMEOUT)?;
                Ok(decision.map_or_else(Vec::new, |it| Packet::Decision(it).encode()))
            }
            _ => Err(NodeError::Invalid),
        }
    }

    fn report(&self) -> Result<Vec<u8>, NodeError> {
        let report = self.node.report(net::HANDSHAKE_TIMEOUT)?;
        let status = report.status;
        let shown = NodeStatus {
            validator: report.validator.0,
            roster: self.roster.to_string(),
            view: status.view,
            is_changing: status.is_changing,
            is_amnesiac: status.is_amnesiac,
            decided: status.executed,
            stable: status.stable,
            chain: status.chain.to_string(),
            records: report.records,
            dropped: DroppedCounts {
                malformed: status.dropped.malformed,
                unproven: status.dropped.unproven,
                irrelevant: status.dropped.irrelevant,
                overflowing: status.dropped.overflowing,
            },
            links: (self.links)(),
            liars: report.faults.iter().map(|proof| proof.accused.0).collect(),
        };
        serde_json::to_vec(&shown).map_err(|_| NodeError::Invalid)
    }
}

fn ballot(bytes: &[u8]) -> Option<Ballot> {
    let (subject, rest) = bytes.split_first_chunk()?;
    let ([vote, percent], rest) = rest.split_first_chunk()?;
    let votes = [Vote::Fail, Vote::Partial, Vote::Pass];
    Some(Ballot {
        subject: Digest::from_bytes(*subject),
        vote: *votes.get(usize::from(*vote))?,
        confidence: Confidence::from_percent(*percent)?,
        evidence: Digest::from_bytes(rest.try_into().ok()?),
    })
}
