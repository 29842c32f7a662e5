//! What happens, for whoever wants to see it: edits, the checks of each, the verdicts.
//!
//! Each event is one JSON object, published on `edit.<source>`, `check.<name>` or `verdict.<source>` of the bus.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use claude_flow::eventbus::{
    Bus, Overflow, Pattern, Publisher, SubscribeOptions, Subscriber, Topic,
};
use claude_flow::msgpool::{ClassOptions, Options, Pool};
use claude_flow::pipeline::document::{FileReport, Severity, State};
use serde::Serialize;

use super::server::slots::Slots;

/// How many events are kept for who asks later.
const RECENT_MAX: usize = 512;

/// How many events wait for a follower; what does not fit is counted, and told to it.
const WAITING_MAX: usize = 1_024;

/// How many may follow at once.
pub(super) const FOLLOWERS_MAX: usize = 16;

/// Who edits, as far as it is told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Author<'a> {
    /// How it became known: `hook`, `post-edit` or `watch`.
    pub(super) source: &'static str,
    pub(super) harness: Option<&'a str>,
    pub(super) session: Option<&'a str>,
}

/// The bus, and what was published last.
#[derive(Debug)]
pub(super) struct Events {
    bus: Bus,
    publisher: Mutex<Publisher>,
    recent: Mutex<VecDeque<String>>,
    pub(super) followers: std::sync::Arc<Slots>,
}

/// One event.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    unix_ms: u64,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    harness: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    path: &'a str,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What<'a> {
    Edit {},
    Check {
        check: &'a str,
        state: State,
        findings: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        duration_ns: Option<u64>,
    },
    Verdict {
        /// Of the content that was checked.
        #[serde(skip_serializing_if = "Option::is_none")]
        blake3: Option<&'a str>,
        /// Findings that the edit brought.
        errors: usize,
        warnings: usize,
        /// Checks that broke, ran out of time or looked at a content that is gone.
        broken_checks: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
}

impl Events {
    pub(super) fn new() -> anyhow::Result<Self> {
        let classes = [(512, 4_096), (16_384, 256)].map(|(payload_bytes, slots)| ClassOptions {
            payload_bytes,
            slots,
        });
        let pool = Pool::new(&Options {
            classes: classes.into(),
            ..Options::default()
        });
        let bus = Bus::new(pool.context("the events have no memory")?);
        Ok(Self {
            publisher: Mutex::new(bus.publisher()),
            bus,
            recent: Mutex::default(),
            followers: std::sync::Arc::new(Slots::new(FOLLOWERS_MAX)),
        })
    }

    /// What was published last, the oldest first.
    pub(super) fn recent(&self) -> Vec<String> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }

    /// Everything from now on.
    pub(super) fn follow(&self) -> anyhow::Result<Subscriber> {
        let options = SubscribeOptions {
            capacity: WAITING_MAX,
            overflow: Overflow::DropOldest,
            ..SubscribeOptions::default()
        };
        Ok(self.bus.subscribe(&Pattern::new(">")?, options)?)
    }

    /// A file was edited.
    pub(super) fn edited(&self, author: Author<'_>, path: &Path) {
        let path = path.to_string_lossy();
        let line = author.line("edit", &path, What::Edit {});
        self.publish(author.source, &line);
    }

    /// A file was checked.
    pub(super) fn checked(&self, author: Author<'_>, path: &Path, file: &FileReport) {
        let path = path.to_string_lossy();
        let made = file.checks.iter().filter(|it| it.state != State::NotRun);
        for check in made {
            let what = What::Check {
                check: check.name,
                state: check.state,
                findings: check.findings.len(),
                reason: check.reason.as_deref(),
                duration_ns: check.duration_ns,
            };
            self.publish(check.name, &author.line("check", &path, what));
        }
        let count = |severity: Severity| {
            let new = crate::report::new_findings(file);
            new.filter(|finding| finding.severity == severity).count()
        };
        let broken = [State::TimedOut, State::Failed, State::Stale];
        let what = What::Verdict {
            blake3: file.content.as_ref().map(|content| &*content.blake3),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            broken_checks: file
                .checks
                .iter()
                .filter(|it| broken.contains(&it.state))
                .count(),
            error: file.error.as_deref(),
        };
        self.publish(author.source, &author.line("verdict", &path, what));
    }

    /// An event that finds no room is one that followers see to be missing.
    fn publish(&self, topic: &str, line: &Line<'_>) {
        let Ok(text) = serde_json::to_string(line) else {
            return;
        };
        if let Ok(topic) = Topic::new(&format!("{}.{topic}", line.event)) {
            let mut publisher = self
                .publisher
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // The order of what is kept is that of what is published.
            let _ = publisher.publish(&topic, text.as_bytes());
            self.keep(text);
        }
    }

    fn keep(&self, text: String) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT_MAX {
            recent.pop_front();
        }
        recent.push_back(text);
    }
}

impl<'a> Author<'a> {
    fn line(self, event: &'static str, path: &'a str, what: What<'a>) -> Line<'a> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Line {
            event,
            unix_ms: now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
            source: self.source,
            harness: self.harness,
            session: self.session,
            path,
            what,
        }
    }
}
