//! A process of a tool as its holder sees it.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Instant;

use claude_flow_sandbox::{Captured, End, Level};

use super::Framing;
use super::process::Process;
use super::rpc;
use super::tool::{ServerError, SessionId, count};
use crate::rendezvous::{Receiver, rendezvous};

/// A running process of a tool. Dropping it ends the process.
///
/// It may be shared between threads: with [`Framing::ContentLength`] requests go side by side.
#[derive(Debug)]
pub struct Session {
    pub(super) process: Arc<Process>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The result as JSON, or the line.
    pub text: String,
    /// The level at which the process ran.
    pub level: Level,
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The tool refused it. It may be asked other things.
    #[error("the tool refused: {0}")]
    Refused(#[source] ServerError),
    /// There was no answer in time. With [`Framing::Lines`], the process is ended.
    #[error("{tool} did not answer in time")]
    TimedOut {
        /// The tool.
        tool: String,
        /// The level at which it ran.
        level: Level,
    },
    /// Somebody took it back.
    #[error("the request to {tool} was cancelled")]
    Cancelled {
        /// The tool.
        tool: String,
    },
    /// The process ended before it answered.
    #[error("{tool} ended before it answered, at level {level}: {end:?}")]
    Ended {
        /// The tool.
        tool: String,
        /// How, if that is known.
        end: Option<End>,
        /// The level at which it ran.
        level: Level,
        /// What it had written to its standard error.
        stderr: Captured,
    },
    /// What it said cannot be understood; the process is ended.
    #[error("{tool} does not keep to its protocol: {reason}")]
    Garbled {
        /// The tool.
        tool: String,
        /// What is wrong.
        reason: String,
        /// The level at which it ran.
        level: Level,
        /// What it had written to its standard error.
        stderr: Captured,
    },
    /// This process takes no more requests; the pool has others.
    #[error("this process of {tool} takes no more requests: {why}")]
    Retired {
        /// The tool.
        tool: String,
        /// Why.
        why: &'static str,
    },
    /// Too many requests are under way.
    #[error("{pending} requests to this process of {tool} are under way")]
    Busy {
        /// The tool.
        tool: String,
        /// How many.
        pending: usize,
    },
    /// The tool does not read what it is sent.
    #[error("{tool} has left {unsent_bytes} bytes unread")]
    Jammed {
        /// The tool.
        tool: String,
        /// How much waits for it.
        unsent_bytes: usize,
    },
    /// The request is longer than a message may be.
    #[error("a request of {bytes} bytes to {tool}, the limit is {limit}")]
    TooLarge {
        /// The tool.
        tool: String,
        /// How long it is.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The parameters are not one JSON value, or the line holds a line break.
    #[error("malformed: {what}")]
    Malformed {
        /// What is wrong with them.
        what: &'static str,
    },
}

impl Session {
    pub(super) fn new(process: Arc<Process>) -> Self {
        Self { process }
    }

    /// Which process this is: what one was told, another one does not know.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.process.id
    }

    /// The level at which it runs.
    #[must_use]
    pub fn level(&self) -> Level {
        self.process.level
    }

    /// What it has written to its standard error: head, tail, and the count of what was between.
    #[must_use]
    pub fn stderr(&self) -> Captured {
        self.process.stderr()
    }

    /// Asks and waits for the answer. Parameters and answer are JSON.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Panics
    ///
    /// If the tool's framing is not [`Framing::ContentLength`].
    pub fn request(
        &self,
        method: &str,
        params: &str,
        deadline: Instant,
    ) -> Result<Reply, RequestError> {
        self.start(method, params)?.wait(deadline)
    }

    /// Asks, and lets the answer be waited for later. Parameters are JSON.
    ///
    /// # Errors
    ///
    /// [`RequestError`], when the request could not be made.
    ///
    /// # Panics
    ///
    /// If the tool's framing is not [`Framing::ContentLength`].
    pub fn start(&self, method: &str, params: &str) -> Result<Answer<'_>, RequestError> {
        self.expect(Framing::ContentLength);
        check_params(params)?;
        self.ask(|id| rpc::request(id, method, params))
    }

    /// Tells something that is not answered. Parameters are JSON.
    ///
    /// # Errors
    ///
    /// [`RequestError`], when it could not be told.
    ///
    /// # Panics
    ///
    /// If the tool's framing is not [`Framing::ContentLength`].
    pub fn notify(&self, method: &str, params: &str) -> Result<(), RequestError> {
        self.expect(Framing::ContentLength);
        check_params(params)?;
        self.process.notify(&rpc::notification(method, params))
    }

    /// Sends a line and waits for the line that answers it.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Panics
    ///
    /// If the tool's framing is not [`Framing::Lines`].
    pub fn line(&self, line: &str, deadline: Instant) -> Result<Reply, RequestError> {
        self.start_line(line)?.wait(deadline)
    }

    /// Sends a line, and lets its answer be waited for later.
    ///
    /// # Errors
    ///
    /// [`RequestError`], when it could not be sent; [`RequestError::Busy`] while an answer is owed.
    ///
    /// # Panics
    ///
    /// If the tool's framing is not [`Framing::Lines`].
    pub fn start_line(&self, line: &str) -> Result<Answer<'_>, RequestError> {
        self.expect(Framing::Lines);
        if line.contains('\n') {
            let what = "a line with a line break in it";
            return Err(RequestError::Malformed { what });
        }
        self.ask(|_| format!("{line}\n").into_bytes())
    }

    fn expect(&self, framing: Framing) {
        let actual = self.process.tool.options.framing;
        assert_eq!(actual, framing, "the tool speaks another protocol");
    }

    fn ask(&self, encode: impl FnOnce(u64) -> Vec<u8>) -> Result<Answer<'_>, RequestError> {
        let (sender, receiver) = rendezvous();
        let id = self.process.request(encode, sender)?;
        Ok(Answer {
            session: self,
            id,
            receiver,
            is_over: false,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.process.retire("its holder has let it go");
        self.process.kill();
    }
}

fn check_params(params: &str) -> Result<(), RequestError> {
    if rpc::is_json(params) {
        return Ok(());
    }
    let what = "parameters that are not one JSON value";
    Err(RequestError::Malformed { what })
}

/// The answer to a request under way. Dropped before it came, the request is cancelled.
#[derive(Debug)]
#[must_use = "a request whose answer is dropped is cancelled"]
pub struct Answer<'a> {
    session: &'a Session,
    id: u64,
    receiver: Receiver<Result<Reply, RequestError>>,
    is_over: bool,
}

impl Answer<'_> {
    /// Waits for it.
    ///
    /// # Errors
    ///
    /// [`RequestError`]. After [`RequestError::TimedOut`] the tool is told that nobody waits any more, and
    /// its answer is dropped when it comes.
    pub fn wait(mut self, deadline: Instant) -> Result<Reply, RequestError> {
        self.is_over = true;
        let process = &self.session.process;
        let clock = process.clock();
        if let Ok(result) = self.receiver.wait(clock, deadline) {
            return result;
        }
        let error = RequestError::TimedOut {
            tool: process.tool.options.name.clone(),
            level: process.level,
        };
        // It may have been answered between the two.
        if process.take_back(self.id).is_none()
            && let Ok(result) = self.receiver.wait(clock, deadline)
        {
            return result;
        }
        count(&process.tool.counts.timed_out);
        Err(error)
    }

    /// What cancels this request from another thread.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller {
            process: Arc::clone(&self.session.process),
            id: self.id,
        }
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            cancel(&self.session.process, self.id);
        }
    }
}

/// Cancels a request. It does not keep the process alive.
#[derive(Debug, Clone)]
pub struct Canceller {
    process: Arc<Process>,
    id: u64,
}

impl Canceller {
    /// Takes the request back: whoever waits gets [`RequestError::Cancelled`], unless it was answered.
    pub fn cancel(&self) {
        cancel(&self.process, self.id);
    }
}

fn cancel(process: &Process, id: u64) {
    if let Some(sender) = process.take_back(id) {
        count(&process.tool.counts.cancelled);
        sender.send(Err(RequestError::Cancelled {
            tool: process.tool.options.name.clone(),
        }));
    }
}
