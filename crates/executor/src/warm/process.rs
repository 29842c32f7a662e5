//! One process of a tool: what is said to it and what it says.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{PipeReader, PipeWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claude_flow_sandbox::{Capture, Captured, Child, End, Level, Stream};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::framing::{Decoder, Framing};
use super::host::Shared;
use super::rpc::{self, INTERNAL_ERROR, Message};
use super::session::{Reply, RequestError};
use super::tool::{ServerError, SessionId, Tool, ToolError, count};
use crate::Clock;
use crate::rendezvous::Sender;
use crate::sync::system::Ordering;

/// Requests that may be under way in one process.
const PENDING_MAX: usize = 1024;

/// How much of its outputs is still read when a process has ended.
const DRAIN_BYTES_MAX: usize = 16 << 20;

/// What a token says beside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Stdin,
    Stdout,
    Stderr,
    Control,
}

const PARTS: [Part; 4] = [Part::Stdin, Part::Stdout, Part::Stderr, Part::Control];

impl Part {
    fn token(self, id: SessionId) -> u64 {
        id.0 * PARTS.len() as u64 + self as u64
    }

    /// The process and the part that a token stands for.
    pub(super) fn of(token: u64) -> (SessionId, Self) {
        let count = PARTS.len() as u64;
        let part = usize::try_from(token % count).unwrap_or_default();
        (SessionId(token / count), PARTS[part])
    }
}

/// See the table in the documentation of [`warm`](super) for who may touch what.
pub(super) struct Process {
    pub(super) id: SessionId,
    pub(super) tool: Arc<Tool>,
    pub(super) level: Level,
    host: Arc<Shared>,
    dialogue: Mutex<Dialogue>,
    streams: Mutex<Streams>,
    stderr: Mutex<Capture>,
}

struct Dialogue {
    stdin: Option<PipeWriter>,
    /// What the pipe did not take yet, at most one message and what was there before it.
    unsent: VecDeque<u8>,
    next_id: u64,
    pending: BTreeMap<u64, Sender<Result<Reply, RequestError>>>,
    /// Why no request is taken any more.
    closed: Option<Closed>,
    is_greeted: bool,
    /// Whether it answered anything after its greeting.
    has_served: bool,
    /// Whether its tool knows that it failed.
    is_failure: bool,
}

struct Streams {
    child: Child,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    decoder: Decoder,
    /// How often it was seen alive with its output closed.
    silent_looks: u32,
}

#[derive(Debug, Clone)]
enum Closed {
    /// It said something that cannot be understood.
    Garbled(String),
    /// It closed one of its streams. Most likely it is about to end.
    Shut(&'static str),
    /// It ended; how is not known if its supervisor was killed.
    Ended(Option<End>),
    /// We have no more use for it.
    Retired(&'static str),
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("id", &self.id)
            .field("tool", &self.tool.options.name)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    pub(super) fn start(host: &Arc<Shared>, tool: &Arc<Tool>) -> Result<Arc<Self>, ToolError> {
        let options = &tool.options;
        let command = options
            .command
            .clone()
            .stdin(Stream::Pipe)
            .stdout(Stream::Pipe)
            .stderr(Stream::Pipe);
        let mut child = host
            .sandbox
            .spawn(&options.policy, &command)
            .map_err(|source| ToolError::Spawn {
                tool: options.name.clone(),
                source,
            })?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Arc::new(Self {
            id: host.next_id(),
            tool: Arc::clone(tool),
            level: child.level(),
            host: Arc::clone(host),
            dialogue: Mutex::new(Dialogue {
                stdin,
                unsent: VecDeque::new(),
                next_id: 0,
                pending: BTreeMap::new(),
                closed: None,
                is_greeted: false,
                has_served: false,
                is_failure: false,
            }),
            streams: Mutex::new(Streams {
                child,
                stdout,
                stderr,
                decoder: Decoder::new(options.framing, options.message_bytes_max),
                silent_looks: 0,
            }),
            stderr: Mutex::new(Capture::new(options.stderr_bytes)),
        });
        if !host.enter(&process) {
            return Err(ToolError::HostEnded {
                tool: options.name.clone(),
            });
        }
        count(&tool.counts.started);
        tool.counts.live.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = process.watch() {
            process.finish(Some(End::Killed));
            return Err(ToolError::Watch {
                tool: options.name.clone(),
                source: error.into(),
            });
        }
        Ok(process)
    }

    /// Hands the streams to the polling thread.
    fn watch(&self) -> Result<(), Errno> {
        let reactor = &self.host.reactor;
        let add = |source: &dyn std::os::fd::AsFd, part: Part, flags| {
            reactor
                .add(source.as_fd(), part.token(self.id), flags)
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        };
        let dialogue = lock(&self.dialogue);
        let streams = lock(&self.streams);
        if let Some(stdin) = &dialogue.stdin {
            rustix::io::ioctl_fionbio(stdin, true)?;
            add(stdin, Part::Stdin, EventFlags::empty())?;
        }
        let outputs = [
            (&streams.stdout, Part::Stdout),
            (&streams.stderr, Part::Stderr),
        ];
        for (pipe, part) in outputs {
            if let Some(pipe) = pipe {
                rustix::io::ioctl_fionbio(pipe, true)?;
                add(pipe, part, EventFlags::IN)?;
            }
        }
        add(&streams.child, Part::Control, EventFlags::IN)
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.host.clock
    }

    pub(super) fn greeted(&self) {
        lock(&self.dialogue).is_greeted = true;
    }

    /// Whether it takes requests.
    pub(super) fn is_open(&self) -> bool {
        lock(&self.dialogue).closed.is_none()
    }

    pub(super) fn stderr(&self) -> Captured {
        lock(&self.stderr).snapshot()
    }

    /// Takes no more requests. Those under way go on.
    pub(super) fn retire(&self, why: &'static str) {
        lock(&self.dialogue)
            .closed
            .get_or_insert(Closed::Retired(why));
    }

    /// Ends the process. Requests under way fail when it has ended.
    pub(super) fn kill(&self) {
        lock(&self.streams).child.kill();
    }

    pub(super) fn look_at_memory(&self) {
        let Ok(measured) = lock(&self.streams).child.measure() else {
            return;
        };
        if measured.memory_bytes > self.tool.options.memory_bytes_max && self.is_open() {
            count(&self.tool.counts.over_memory);
            self.retire("it holds more memory than it may");
        }
    }

    /// Ends a process that goes on although its output is closed.
    pub(super) fn look_at_silence(&self) {
        let mut streams = lock(&self.streams);
        if streams.stdout.is_none() {
            streams.silent_looks += 1;
            if streams.silent_looks > 1 {
                streams.child.kill();
            }
        }
    }

    /// Sends a request whose answer goes to `sender`. Returns its id.
    pub(super) fn request(
        &self,
        encode: impl FnOnce(u64) -> Vec<u8>,
        sender: Sender<Result<Reply, RequestError>>,
    ) -> Result<u64, RequestError> {
        let mut dialogue = lock(&self.dialogue);
        if let Some(closed) = &dialogue.closed {
            return Err(self.error(closed));
        }
        let pending_max = match self.tool.options.framing {
            Framing::ContentLength => PENDING_MAX,
            Framing::Lines => 1,
        };
        if dialogue.pending.len() >= pending_max {
            return Err(RequestError::Busy {
                tool: self.tool.options.name.clone(),
                pending: dialogue.pending.len(),
            });
        }
        let id = dialogue.next_id;
        let bytes = encode(id);
        self.send(&mut dialogue, &bytes)?;
        dialogue.next_id += 1;
        dialogue.pending.insert(id, sender);
        count(&self.tool.counts.requests);
        Ok(id)
    }

    pub(super) fn notify(&self, bytes: &[u8]) -> Result<(), RequestError> {
        let mut dialogue = lock(&self.dialogue);
        match &dialogue.closed {
            Some(closed) => Err(self.error(closed)),
            None => self.send(&mut dialogue, bytes),
        }
    }

    /// Takes a request back. Returns who waits for it, unless it was answered meanwhile.
    pub(super) fn take_back(&self, id: u64) -> Option<Sender<Result<Reply, RequestError>>> {
        let mut dialogue = lock(&self.dialogue);
        let sender = dialogue.pending.remove(&id)?;
        match self.tool.options.framing {
            Framing::ContentLength => {
                // Only a courtesy: if it cannot be sent, the answer comes and is dropped.
                let _ = self.send(&mut dialogue, &rpc::cancellation(id));
            }
            Framing::Lines => {
                let why = "it owes an answer that nobody waits for";
                dialogue.closed.get_or_insert(Closed::Retired(why));
                drop(dialogue);
                self.kill();
            }
        }
        Some(sender)
    }

    /// Writes what the pipe takes and leaves the rest to the polling thread.
    fn send(&self, dialogue: &mut Dialogue, bytes: &[u8]) -> Result<(), RequestError> {
        let tool = &self.tool.options;
        let limit = tool.message_bytes_max;
        if bytes.len() > limit {
            return Err(RequestError::TooLarge {
                tool: tool.name.clone(),
                bytes: bytes.len(),
                limit,
            });
        }
        if dialogue.unsent.len() > limit {
            return Err(RequestError::Jammed {
                tool: tool.name.clone(),
                unsent_bytes: dialogue.unsent.len(),
            });
        }
        dialogue.unsent.extend(bytes);
        self.write_unsent(dialogue);
        Ok(())
    }

    /// What cannot be written any more is dropped: the end of the process, or of its patience, is near.
    fn write_unsent(&self, dialogue: &mut Dialogue) {
        let Some(stdin) = &dialogue.stdin else {
            dialogue.unsent.clear();
            return;
        };
        while !dialogue.unsent.is_empty() {
            match rustix::io::write(stdin, dialogue.unsent.as_slices().0) {
                Ok(len) => drop(dialogue.unsent.drain(..len)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => dialogue.unsent.clear(),
            }
        }
        let flags = if dialogue.unsent.is_empty() {
            EventFlags::empty()
        } else {
            EventFlags::OUT
        };
        // It fails only when the process has been taken out of the reactor.
        let _ = self
            .host
            .reactor
            .change(stdin, Part::Stdin.token(self.id), flags);
    }

    /// Does what the reactor told. Only the polling thread calls this.
    pub(super) fn serve(self: &Arc<Self>, part: Part, flags: EventFlags, buffer: &mut [u8]) {
        match part {
            Part::Stdin => self.serve_stdin(flags),
            Part::Stdout => self.read_stdout(buffer),
            Part::Stderr => self.read_stderr(buffer),
            Part::Control => self.serve_end(buffer),
        }
    }

    fn serve_stdin(&self, flags: EventFlags) {
        let mut dialogue = lock(&self.dialogue);
        if flags.intersects(EventFlags::ERR | EventFlags::HUP) {
            if let Some(stdin) = dialogue.stdin.take() {
                self.host.reactor.remove(&stdin);
            }
            // Requests under way may still be answered; new ones cannot be made.
            let shut = Closed::Shut("it closed its input");
            dialogue.closed.get_or_insert(shut);
        }
        self.write_unsent(&mut dialogue);
    }

    /// Reads once and delivers what is complete.
    fn read_stdout(self: &Arc<Self>, buffer: &mut [u8]) {
        let len = {
            let mut streams = lock(&self.streams);
            let Streams {
                stdout, decoder, ..
            } = &mut *streams;
            let len = read(stdout.as_ref(), buffer);
            decoder.push(&buffer[..len.unwrap_or(0)]);
            if len == Some(0)
                && let Some(stdout) = streams.stdout.take()
            {
                self.host.reactor.remove(&stdout);
            }
            len
        };
        if len == Some(0) {
            let shut = Closed::Shut("it closed its output");
            lock(&self.dialogue).closed.get_or_insert(shut);
        }
        loop {
            let message = lock(&self.streams).decoder.next();
            match message {
                Ok(Some(message)) => {
                    if let Err(reason) = self.deliver(&message) {
                        return self.garbled(reason);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.garbled(error.to_string()),
            }
        }
    }

    fn read_stderr(&self, buffer: &mut [u8]) {
        let mut streams = lock(&self.streams);
        match read(streams.stderr.as_ref(), buffer) {
            Some(0) => {
                if let Some(stderr) = streams.stderr.take() {
                    self.host.reactor.remove(&stderr);
                }
            }
            Some(len) => lock(&self.stderr).push(&buffer[..len]),
            None => {}
        }
    }

    /// The process has ended: takes what it said last, and fails what it owes.
    fn serve_end(self: &Arc<Self>, buffer: &mut [u8]) {
        let end = match lock(&self.streams).child.try_wait() {
            Ok(None) => return,
            Ok(Some((end, _))) => Some(end),
            Err(_) => None,
        };
        for _ in 0..DRAIN_BYTES_MAX / buffer.len() {
            if !lock(&self.streams).has_output() {
                break;
            }
            self.read_stdout(buffer);
            self.read_stderr(buffer);
        }
        if !matches!(end, Some(End::Killed)) {
            count(&self.tool.counts.ended_by_itself);
            self.failed(&mut lock(&self.dialogue));
        }
        self.finish(end);
    }

    /// Takes the process out of the host and fails what it owes.
    fn finish(&self, end: Option<End>) {
        if self.host.leave(self.id) {
            self.abandon(end);
        }
    }

    /// Ends a process that is no longer in the host, and fails what it owes.
    pub(super) fn abandon(&self, end: Option<End>) {
        {
            let mut streams = lock(&self.streams);
            streams.child.kill();
            self.host.reactor.remove(&streams.child);
            for pipe in [streams.stdout.take(), streams.stderr.take()]
                .iter()
                .flatten()
            {
                self.host.reactor.remove(pipe);
            }
        }
        let mut dialogue = lock(&self.dialogue);
        if let Some(stdin) = dialogue.stdin.take() {
            self.host.reactor.remove(&stdin);
        }
        dialogue.unsent = VecDeque::new();
        let ended = Closed::Ended(end);
        self.fail_pending(&mut dialogue, &ended);
        if matches!(dialogue.closed, None | Some(Closed::Shut(_))) {
            dialogue.closed = Some(ended);
        }
        self.tool.counts.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Nothing that follows can be understood: fails what it owes and ends it.
    fn garbled(&self, reason: String) {
        let closed = Closed::Garbled(reason);
        {
            let mut dialogue = lock(&self.dialogue);
            self.fail_pending(&mut dialogue, &closed);
            dialogue.closed = Some(closed);
            self.failed(&mut dialogue);
        }
        count(&self.tool.counts.garbled);
        let mut streams = lock(&self.streams);
        if let Some(stdout) = streams.stdout.take() {
            self.host.reactor.remove(&stdout);
        }
        streams.child.kill();
    }

    /// Tells the tool of a failure. One during the greeting is told by whoever greets.
    fn failed(&self, dialogue: &mut Dialogue) {
        let was_retired = matches!(dialogue.closed, Some(Closed::Retired(_)));
        if dialogue.is_greeted && !dialogue.is_failure && !was_retired {
            dialogue.is_failure = true;
            self.tool.failed(dialogue.has_served, self.host.clock.now());
        }
    }

    fn fail_pending(&self, dialogue: &mut Dialogue, closed: &Closed) {
        for (_, sender) in std::mem::take(&mut dialogue.pending) {
            sender.send(Err(self.error(closed)));
        }
    }

    fn error(&self, closed: &Closed) -> RequestError {
        let (tool, level) = (self.tool.options.name.clone(), self.level);
        let garbled = |reason| RequestError::Garbled {
            tool: tool.clone(),
            reason,
            level,
            stderr: self.stderr(),
        };
        match closed.clone() {
            Closed::Garbled(reason) => garbled(reason),
            Closed::Shut(what) => garbled(what.to_owned()),
            Closed::Ended(end) => RequestError::Ended {
                tool,
                end,
                level,
                stderr: self.stderr(),
            },
            Closed::Retired(why) => RequestError::Retired { tool, why },
        }
    }

    /// Hands one message to whom it concerns.
    fn deliver(self: &Arc<Self>, bytes: &[u8]) -> Result<(), String> {
        match self.tool.options.framing {
            Framing::Lines => {
                let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
                let first = lock(&self.dialogue).pending.keys().next().copied();
                let id = first.ok_or("it said a line that nobody had asked for")?;
                self.answer(Some(id), Ok(text.to_owned()));
            }
            Framing::ContentLength => {
                match rpc::parse(bytes).map_err(|error| format!("no JSON-RPC: {error}"))? {
                    Message::Answer { id, outcome } => self.answer(id, outcome),
                    Message::Notification { method, params } => {
                        count(&self.tool.counts.notifications);
                        self.handle(|| {
                            self.tool
                                .options
                                .handler
                                .notified(self.id, &method, &params);
                        });
                    }
                    Message::Request { id, method, params } => self.asked(&id, &method, &params),
                }
            }
        }
        Ok(())
    }

    fn answer(&self, id: Option<u64>, outcome: Result<String, ServerError>) {
        let counts = &self.tool.counts;
        let mut dialogue = lock(&self.dialogue);
        let Some(sender) = id.and_then(|id| dialogue.pending.remove(&id)) else {
            let was_asked = id.is_some_and(|id| id < dialogue.next_id);
            count(if was_asked {
                &counts.late_answers
            } else {
                &counts.unknown_answers
            });
            return;
        };
        dialogue.has_served |= dialogue.is_greeted;
        count(&counts.answered);
        sender.send(match outcome {
            Ok(text) => Ok(Reply {
                text,
                level: self.level,
            }),
            Err(error) => Err(RequestError::Refused(error)),
        });
    }

    fn asked(&self, id: &str, method: &str, params: &str) {
        let handler = &self.tool.options.handler;
        let outcome = self.handle(|| handler.asked(self.id, method, params));
        let outcome = match outcome {
            Some(Ok(result)) if !rpc::is_json(&result) => None,
            other => other,
        };
        let outcome = outcome.unwrap_or_else(|| {
            Err(ServerError {
                code: INTERNAL_ERROR,
                message: "the handler failed".into(),
                data: None,
            })
        });
        // A tool that takes no more input does not want to know.
        let _ = self.notify(&rpc::answer(id, &outcome));
    }

    /// Runs the handler, `None` if it panics.
    fn handle<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        // The handler is shared between threads and guards its own state against its own panics.
        let result = catch_unwind(AssertUnwindSafe(act)).ok();
        if result.is_none() {
            count(&self.tool.counts.handler_panics);
        }
        result
    }
}

impl Streams {
    /// Whether an output is open and not empty.
    fn has_output(&self) -> bool {
        let has = |pipe: &Option<PipeReader>| {
            pipe.as_ref()
                .is_some_and(|pipe| rustix::io::ioctl_fionread(pipe).is_ok_and(|len| len > 0))
        };
        has(&self.stdout) || has(&self.stderr)
    }
}

/// How much came, nothing if the other end is closed, `None` if there is nothing now.
fn read(pipe: Option<&PipeReader>, buffer: &mut [u8]) -> Option<usize> {
    match rustix::io::read(pipe?, buffer) {
        Ok(len) => Some(len),
        Err(Errno::AGAIN | Errno::INTR) => None,
        Err(_) => Some(0),
    }
}
