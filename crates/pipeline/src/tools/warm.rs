//! Tools that are kept running: which process answers for a file, and when its answer may be believed.
//!
//! A process is believed only while everything that it was started with is as it was: the executable, the
//! configuration, and what else its description names. Otherwise it is replaced.
//! A process that says nothing is believed to have found nothing only if it has something to say of a text
//! that is known to be wrong.
//! Where a process cannot answer, nobody waits for a new one: the tool is started as if none were kept.

mod disk;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use claude_flow_checkers::tools::{Answer, Interpreter, Line, Message, Reading, Server, Start};
use claude_flow_executor::{
    Connection, Framing, Handler, RequestError, ServerError, Session, SessionId, SystemClock,
    ToolHost, ToolOptions, ToolPool, Tools,
};
use claude_flow_lang_detect::Language;
use claude_flow_sandbox::{Command, End, Level, Sandbox};

use self::disk::{Inputs, Watched};
use super::{Job, Ran, Said, run};

/// How many servers are kept; beyond, the one that was asked longest ago ends.
const SERVERS_MAX: usize = 12;
/// For how many paths a process remembers whether it looks at them; beyond, it forgets them all.
const PATHS_MAX: usize = 10_000;

/// The processes that are kept.
#[derive(Debug, Default)]
pub(super) struct Warm {
    host: OnceLock<Option<ToolHost>>,
    servers: Mutex<Servers>,
}

#[derive(Debug, Default)]
struct Servers {
    kept: BTreeMap<Key, Arc<Kept>>,
    /// Counts the questions.
    now: u64,
}

/// The server's name, its root and its executable.
type Key = (&'static str, String, std::path::PathBuf);

/// One server.
#[derive(Debug)]
struct Kept {
    pool: ToolPool,
    greeter: Arc<Greeter>,
    inputs: Inputs,
    /// When it was asked last.
    asked: Mutex<u64>,
    known: Mutex<Known>,
    /// Numbers the lines, so that no answer is taken for another one.
    lines: AtomicU64,
}

/// What is known of the process that runs.
#[derive(Debug, Default)]
struct Known {
    session: Option<SessionId>,
    /// Whether a tool looks at a path, by their names.
    looks_at: BTreeMap<(&'static str, String), bool>,
    watched: Watched,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a question has no answer.
enum Unanswered {
    /// It is to be asked of a process of its own.
    Cold,
    /// The same, and the process is of no more use.
    Lost,
    /// It was asked, and this is what became of it.
    Said(Said, Level),
}

impl Warm {
    /// What a kept process says; `None` if none can, and the tool is to be started for the question.
    pub(super) fn ask(
        &self,
        sandbox: &Arc<Sandbox>,
        job: &Job<'_>,
        language: Option<Language>,
        bytes: &[u8],
        deadline: Instant,
    ) -> Option<Ran> {
        let server = job.tool.warm.as_ref()?.server;
        let text = std::str::from_utf8(bytes).ok()?;
        let kept = self.server(sandbox, job, server)?;
        if kept.pool.backing_off().is_some() {
            return None;
        }
        // The rest is for the command, should the process be busy or not become ready.
        let now = Instant::now();
        let half = now + deadline.saturating_duration_since(now) / 2;
        let session = kept.pool.acquire(half).ok()?;
        let asking = Asking {
            job,
            server,
            language,
            session: &session,
            deadline,
        };
        let (said, level) = match asking.ask(&kept, text) {
            Ok(said) => (said, session.level()),
            Err(Unanswered::Cold) => return None,
            Err(Unanswered::Lost) => {
                session.discard();
                return None;
            }
            Err(Unanswered::Said(said, level)) => {
                // Whatever it is still at, nobody else waits for it.
                session.discard();
                (said, level)
            }
        };
        Some(Ran {
            said,
            level: Some(level),
            is_warm: true,
        })
    }

    /// The server for a question, started with what is on the disk now.
    fn server(
        &self,
        sandbox: &Arc<Sandbox>,
        job: &Job<'_>,
        server: &'static Server,
    ) -> Option<Arc<Kept>> {
        let inputs = Inputs::look(job, server)?;
        let host = self.host(sandbox)?;
        let key = (server.name, job.words.root.clone(), job.found.path.clone());
        let mut servers = lock(&self.servers);
        servers.now += 1;
        let now = servers.now;
        let known = servers.kept.get(&key);
        let kept = if let Some(kept) = known.filter(|kept| kept.inputs == inputs) {
            Arc::clone(kept)
        } else {
            let kept = Arc::new(Kept::new(host, job, server, inputs)?);
            servers.kept.insert(key, Arc::clone(&kept));
            kept
        };
        *lock(&kept.asked) = now;
        if servers.kept.len() > SERVERS_MAX {
            let oldest = servers.kept.iter().min_by_key(|(_, it)| *lock(&it.asked));
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| servers.kept.remove(&key));
        }
        Some(kept)
    }

    fn host(&self, sandbox: &Arc<Sandbox>) -> Option<&ToolHost> {
        let start = || ToolHost::start(Arc::clone(sandbox), Arc::new(SystemClock)).ok();
        self.host.get_or_init(start).as_ref()
    }
}

impl Kept {
    fn new(
        host: &ToolHost,
        job: &Job<'_>,
        server: &'static Server,
        inputs: Inputs,
    ) -> Option<Self> {
        let greeter = Arc::new(Greeter {
            root: job.words.root.clone(),
            unsound: Mutex::default(),
        });
        Some(Self {
            pool: host.tool(options(job, server, Arc::clone(&greeter))?),
            greeter,
            inputs,
            asked: Mutex::default(),
            known: Mutex::default(),
            lines: AtomicU64::new(0),
        })
    }
}

fn options(job: &Job<'_>, server: &'static Server, handler: Arc<Greeter>) -> Option<ToolOptions> {
    let root = &job.words.root;
    let policy = run::policy(job).ok()?;
    let environment = job.tool.invocation(&job.request(b"")).environment;
    let policy = environment
        .into_iter()
        .fold(policy, |policy, (name, value)| policy.env(name, value));
    let (command, framing) = match server.start {
        Start::Protocol { arguments } => {
            let command = Command::new(&job.found.path).args(arguments);
            (command, Framing::ContentLength)
        }
        Start::Script {
            interpreter,
            arguments,
        } => {
            let command = match interpreter {
                Interpreter::Node => Command::new("/usr/bin/env").arg("node"),
                Interpreter::Python => Command::new(job.found.target.with_file_name("python3")),
            };
            (command.args(arguments), Framing::Lines)
        }
    };
    let command = command.directory(root);
    let mut options = ToolOptions::new(server.name, command, policy, framing);
    if framing == Framing::ContentLength {
        options.handler = handler;
    }
    Some(options)
}

/// Makes a new process ready, and answers what it asks.
#[derive(Debug)]
struct Greeter {
    root: String,
    /// The process that cannot work with what it was started with, if there is one.
    unsound: Mutex<Option<SessionId>>,
}

impl Handler for Greeter {
    fn greet(&self, session: &Session, deadline: Instant) -> Result<(), RequestError> {
        let Message { method, params } = Server::initialize(&self.root);
        session.request(method, &params, deadline)?;
        tell(session, &Server::initialized())
    }

    fn notified(&self, session: SessionId, method: &str, params: &str) {
        if Server::is_complaint(method, params) {
            *lock(&self.unsound) = Some(session);
        }
    }

    fn asked(&self, _: SessionId, method: &str, params: &str) -> Result<String, ServerError> {
        Server::reply(method, params).ok_or_else(|| ServerError {
            code: METHOD_NOT_FOUND,
            message: format!("no method {method}"),
            data: None,
        })
    }
}

/// The code of JSON-RPC for a method that nobody handles.
const METHOD_NOT_FOUND: i64 = -32601;

fn tell(session: &Session, message: &Message) -> Result<(), RequestError> {
    session.notify(message.method, &message.params)
}

/// One question to one process, which nobody else asks meanwhile.
struct Asking<'a> {
    job: &'a Job<'a>,
    server: &'static Server,
    language: Option<Language>,
    session: &'a Connection<Tools>,
    deadline: Instant,
}

impl Asking<'_> {
    fn ask(&self, kept: &Kept, text: &str) -> Result<Said, Unanswered> {
        if let Start::Script { .. } = self.server.start {
            return self.ask_script(kept, text);
        }
        let mut known = lock(&kept.known);
        if known.session != Some(self.session.id()) {
            *known = Known {
                session: Some(self.session.id()),
                ..Known::default()
            };
        }
        self.tell_of_changes(&mut known.watched)?;
        let reading = match self.answer(text)? {
            Answer::Reading(reading) => reading,
            Answer::Silent if self.looks_at(&mut known.looks_at, text)? => Reading::clean(),
            // The command says whether it leaves the file out or cannot parse it.
            Answer::Silent => return Err(Unanswered::Cold),
        };
        // What it complains of, the command tells.
        let is_sound = *lock(&kept.greeter.unsound) != known.session;
        is_sound
            .then_some(Said::Reading(reading))
            .ok_or(Unanswered::Cold)
    }

    fn ask_script(&self, kept: &Kept, text: &str) -> Result<Said, Unanswered> {
        let request = self.job.request(text.as_bytes());
        let executable = self.job.found.target.to_str().ok_or(Unanswered::Cold)?;
        let id = kept.lines.fetch_add(1, Ordering::Relaxed);
        let line = self.job.tool.line(&request, executable, id);
        let reply = self
            .session
            .line(&line.ok_or(Unanswered::Cold)?, self.deadline)
            .map_err(|error| self.unanswered(error))?;
        match self.job.tool.read_line(&request, &reply.text, id) {
            Line::Reading(reading) => Ok(Said::Reading(reading)),
            Line::Undone => Err(Unanswered::Cold),
            Line::Lost => Err(Unanswered::Lost),
        }
    }

    fn tell_of_changes(&self, watched: &mut Watched) -> Result<(), Unanswered> {
        if self.server.watches.is_empty() {
            return Ok(());
        }
        let root = self.job.words.root.as_ref();
        let changes = watched.look(root, self.server.watches);
        let changes = changes.ok_or(Unanswered::Cold)?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = changes.iter().map(|(path, change)| (&**path, *change));
        self.tell(&Server::changed(changes))
    }

    /// Whether the server's silence about a text means that nothing is wrong with it.
    fn looks_at(
        &self,
        known: &mut BTreeMap<(&'static str, String), bool>,
        text: &str,
    ) -> Result<bool, Unanswered> {
        let warm = self.job.tool.warm.as_ref().ok_or(Unanswered::Cold)?;
        let untidy = warm.untidy(text).ok_or(Unanswered::Cold)?;
        let ask = || Ok(self.answer(&untidy)? != Answer::Silent);
        if !warm.is_same_for_every_content() {
            return ask();
        }
        let key = (self.server.name, self.job.words.path.clone());
        if let Some(looks) = known.get(&key) {
            return Ok(*looks);
        }
        let looks = ask()?;
        if known.len() >= PATHS_MAX {
            known.clear();
        }
        known.insert(key, looks);
        Ok(looks)
    }

    /// What the server says of a text.
    fn answer(&self, text: &str) -> Result<Answer, Unanswered> {
        let request = self.job.request(text.as_bytes());
        let question = self.job.tool.question(&request).ok_or(Unanswered::Cold)?;
        self.tell(&Server::open(&request, self.language, text))?;
        let replied = self
            .session
            .request(question.method, &question.params, self.deadline);
        // Also after a refusal, so that the next question opens it anew.
        let closed = tell(self.session, &Server::close(&request));
        let reply = replied.map_err(|error| self.unanswered(error))?;
        closed.map_err(|error| self.unanswered(error))?;
        Ok(self.job.tool.read_answer(&request, &reply.text))
    }

    fn tell(&self, message: &Message) -> Result<(), Unanswered> {
        tell(self.session, message).map_err(|error| self.unanswered(error))
    }

    fn unanswered(&self, error: RequestError) -> Unanswered {
        let (said, level) = match error {
            RequestError::TimedOut { level, .. } => (Said::TimedOut, level),
            RequestError::Ended {
                end: Some(End::Memory),
                level,
                ..
            } => {
                let reason = format!("{} used more memory than it may", self.server.name);
                (Said::Failed(reason), level)
            }
            RequestError::Ended {
                end, level, stderr, ..
            } => {
                let name = self.server.name;
                let end_of_it = [&stderr.tail, &stderr.head];
                let kept = end_of_it.into_iter().find(|it| !it.is_empty());
                let said = kept.map_or(Cow::Borrowed(""), |it| String::from_utf8_lossy(it));
                let said = said.lines().next_back().unwrap_or_default();
                let reason = format!("{name} ended before it answered ({end:?}): {said}");
                (Said::Failed(reason), level)
            }
            RequestError::Garbled { reason, level, .. } => {
                let name = self.server.name;
                let reason = format!("{name} does not keep to its protocol: {reason}");
                (Said::Failed(reason), level)
            }
            // It refused, or was not asked at all.
            _ => return Unanswered::Cold,
        };
        Unanswered::Said(said, level)
    }
}
