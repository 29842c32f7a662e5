//! Runs the checks of one content on a thread that is waited for only so long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use claude_flow_checkers::{Finding, Outcome, Source, is_checked, plain_text, syntax, text};
use claude_flow_lang_detect::Language;

/// How many checks that did not end in time may still be running when another one is started.
pub const CHECK_THREADS_ABANDONED_MAX: usize = 32;

/// How one check ended, before it is told in lines and columns.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It came to an end.
    Outcome {
        outcome: Outcome,
        duration: Duration,
    },
    /// It did not come to an end in time.
    TimedOut {
        waited: Duration,
        /// The key of the limit.
        limit: &'static str,
    },
}

impl Ended {
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Outcome {
            outcome: Outcome::Failed {
                reason: reason.into(),
            },
            duration: Duration::ZERO,
        }
    }

    /// The same end with one more finding; whatever kept the check from looking, the finding stands.
    #[must_use]
    pub(crate) fn with(self, finding: Option<Finding>) -> Self {
        let Some(finding) = finding else { return self };
        let (mut findings, duration) = match self {
            Self::Outcome {
                outcome: Outcome::Checked { findings },
                duration,
            } => (findings, duration),
            Self::Outcome { duration, .. } => (Vec::new(), duration),
            Self::TimedOut { waited, .. } => (Vec::new(), waited),
        };
        findings.insert(0, finding);
        Self::Outcome {
            outcome: Outcome::Checked { findings },
            duration,
        }
    }
}

impl Ended {
    /// What was found; empty if the check did not come to an end.
    pub(crate) fn findings(&self) -> &[Finding] {
        match self {
            Self::Outcome {
                outcome: Outcome::Checked { findings },
                ..
            } => findings,
            _ => &[],
        }
    }

    /// What was found; empty if the check did not come to an end.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        match self {
            Self::Outcome {
                outcome: Outcome::Checked { findings },
                ..
            } => findings,
            _ => Vec::new(),
        }
    }
}

/// One of the checks that look at the text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Text,
    Syntax,
}

impl Check {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Syntax => "syntax",
        }
    }
}

/// What is to be checked, owned because the thread may outlive its caller's interest.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) path: String,
    /// None if it is not known; then, and if there is no parser for it, only the text can be checked.
    pub(crate) language: Option<Language>,
    pub(crate) bytes: Arc<[u8]>,
}

/// Runs checks and remembers those that did not end.
pub(crate) struct Runner {
    check: Arc<CheckFn>,
    abandoned: Mutex<Vec<JoinHandle<()>>>,
}

/// Does one check; replaced in tests by one that blocks, panics or touches the disk.
pub(crate) type CheckFn = dyn Fn(Check, &Job) -> Outcome + Send + Sync;

impl Runner {
    pub(crate) fn new() -> Self {
        Self::with_check(Arc::new(real_check))
    }

    pub(crate) fn with_check(check: Arc<CheckFn>) -> Self {
        Self {
            check,
            abandoned: Mutex::new(Vec::new()),
        }
    }

    /// Runs `checks` one after the other; the answers come in their order, one for each.
    ///
    /// # Complexity
    ///
    /// Starts one thread and blocks for at most `time_limit`.
    pub(crate) fn run(&self, job: Job, checks: &[Check], time_limit: Duration) -> Vec<Ended> {
        if checks.is_empty() {
            return Vec::new();
        }
        let (results, received) = sync_channel(checks.len());
        let check = Arc::clone(&self.check);
        let order = checks.to_vec();
        let started = Instant::now();
        let thread = match self.start(move || run_all(&*check, &job, &order, &results)) {
            Ok(thread) => thread,
            Err(reason) => return repeat(checks.len(), || Ended::failed(&*reason)),
        };
        let mut ended = Vec::with_capacity(checks.len());
        while ended.len() < checks.len() {
            let left = time_limit.saturating_sub(started.elapsed());
            match received.recv_timeout(left) {
                Ok(one) => ended.push(one),
                Err(RecvTimeoutError::Timeout) => {
                    let waited = started.elapsed();
                    ended.resize_with(checks.len(), || Ended::TimedOut {
                        waited,
                        limit: "limits.time_ms",
                    });
                    self.abandon(thread);
                    return ended;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    ended.resize_with(checks.len(), || Ended::failed("the check's thread broke"));
                }
            }
        }
        ended
    }

    /// Does anything else that the outside world could keep from ending; the error is for people.
    ///
    /// # Complexity
    ///
    /// Starts one thread and blocks for at most `time_limit`.
    pub(crate) fn within<T: Send + 'static>(
        &self,
        time_limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let (result, received) = sync_channel(1);
        let thread = self.start(move || {
            // Nobody listens any more once the time is over.
            let _ = result.send(work());
        })?;
        match received.recv_timeout(time_limit) {
            Ok(done) => Ok(done),
            Err(RecvTimeoutError::Disconnected) => Err("its reading broke".to_owned()),
            Err(RecvTimeoutError::Timeout) => {
                self.abandon(thread);
                Err(format!("not read after {} ms", time_limit.as_millis()))
            }
        }
    }

    fn start(&self, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
        if self.too_many_abandoned() {
            return Err("too many checks still running".to_owned());
        }
        std::thread::Builder::new()
            .name("check".to_owned())
            .spawn(work)
            .map_err(|error| format!("no thread could be started: {error}"))
    }

    fn too_many_abandoned(&self) -> bool {
        let mut abandoned = self
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !abandoned.is_empty() {
            abandoned.retain(|thread| !thread.is_finished());
        }
        abandoned.len() >= CHECK_THREADS_ABANDONED_MAX
    }

    fn abandon(&self, thread: JoinHandle<()>) {
        self.abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("abandoned", &self.abandoned)
            .finish_non_exhaustive()
    }
}

fn run_all(check: &CheckFn, job: &Job, order: &[Check], results: &SyncSender<Ended>) {
    for &one in order {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(one, job))).unwrap_or_else(|_| {
            Outcome::Failed {
                reason: "the check panicked".to_owned(),
            }
        });
        let duration = started.elapsed();
        // Nobody listens any more once the time is over; then the rest need not be made.
        if results.send(Ended::Outcome { outcome, duration }).is_err() {
            return;
        }
    }
}

fn real_check(check: Check, job: &Job) -> Outcome {
    let Some(language) = job.language.filter(|it| is_checked(*it)) else {
        return match check {
            Check::Text => plain_text(&job.bytes),
            Check::Syntax => Outcome::NotRun {
                reason: "not a language that is known here".to_owned(),
            },
        };
    };
    let source = Source {
        path: &job.path,
        language,
        bytes: &job.bytes,
    };
    match check {
        Check::Text => text(&source),
        Check::Syntax => syntax(&source),
    }
}

fn repeat(count: usize, make: impl FnMut() -> Ended) -> Vec<Ended> {
    std::iter::repeat_with(make).take(count).collect()
}
