//! Running the command of a check, and keeping what it left.

use std::env;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use claude_flow::certify::{self, Check, Evidence, Measured, Outcome, Raw, Reading, Target};
use claude_flow::checkers::coverage;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// The longest output that is kept, in bytes; a command that prints more is ended.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// The longest file of figures that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// How often a running command is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// The place in a command that stands for a file of figures.
const OUT: &str = "{out}";

/// The group of the command that is running; see [`end_running`].
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

/// One validator's commands and their results.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    /// Where commands are run.
    pub(super) root: &'a Path,
    /// The digest of the files that are there.
    pub(super) tree: &'a str,
    /// Where results are kept.
    pub(super) directory: &'a Path,
    /// Whether nothing of earlier runs is used.
    pub(super) is_fresh: bool,
    /// Whether checks that take long are left out.
    pub(super) is_quick: bool,
}

/// A result as it is kept for later runs.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The digest of everything that it depends on.
    inputs: String,
    evidence: Evidence,
}

/// How a command ended.
struct Ended {
    exit_code: Option<i32>,
    /// Why it was ended from here.
    stopped: Option<String>,
}

impl Runner<'_> {
    /// Makes a check, or uses what an earlier run saw; `before` are the checks of this run.
    pub(super) fn check(&self, check: &Check, before: &[&Check]) -> anyhow::Result<Evidence> {
        let skipped = |reason: String| Ok(Evidence::of(&check.id, Outcome::Skipped { reason }));
        let Some(command) = &check.command else {
            return skipped(check.missing.clone().unwrap_or_default());
        };
        if self.is_quick && !check.quick {
            return skipped("left out of a quick run".to_owned());
        }
        if let Some(program) = check.needs.as_deref().filter(|name| !is_installed(name)) {
            return skipped(format!("{program} is not installed"));
        }
        if let Some(evidence) = self.earlier(check)? {
            return Ok(evidence);
        }
        let same = before
            .iter()
            .find(|it| it.command.as_ref() == Some(command));
        let evidence = match same {
            Some(other) => self.again(check, other)?,
            None => self.run(check, command)?,
        };
        self.keep(check, &evidence)?;
        Ok(evidence)
    }

    fn place(&self, check: &Check, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", check.id))
    }

    /// What a check depends on.
    fn inputs(&self, check: &Check) -> anyhow::Result<String> {
        let bytes = serde_json::to_vec(&(self.tree, check))?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// What an earlier run saw of the same tree by the same command. What failed is run again.
    fn earlier(&self, check: &Check) -> anyhow::Result<Option<Evidence>> {
        let Ok(text) = fs::read(self.place(check, "json")) else {
            return Ok(None);
        };
        let Ok(Kept {
            inputs,
            mut evidence,
        }) = serde_json::from_slice(&text)
        else {
            return Ok(None);
        };
        let is_good = match &evidence.outcome {
            Outcome::Fact { holds, .. } => *holds,
            Outcome::Value(_) => true,
            Outcome::Skipped { .. } => false,
        };
        let log = fs::read(self.place(check, "log"))
            .ok()
            .map(|log| Raw::of(&log));
        if self.is_fresh || !is_good || inputs != self.inputs(check)? || log != evidence.raw {
            return Ok(None);
        }
        evidence.is_reused = true;
        Ok(Some(evidence))
    }

    fn keep(&self, check: &Check, evidence: &Evidence) -> anyhow::Result<()> {
        let kept = Kept {
            inputs: self.inputs(check)?,
            evidence: evidence.clone(),
        };
        write_whole(&self.place(check, "json"), &serde_json::to_vec(&kept)?)
    }

    /// Another reading of what a command left in this run.
    fn again(&self, check: &Check, other: &Check) -> anyhow::Result<Evidence> {
        let text = fs::read(self.place(other, "json")).context("the other check was kept")?;
        let Kept { evidence, .. } = serde_json::from_slice(&text)?;
        let log = fs::read(self.place(other, "log")).unwrap_or_default();
        write_whole(&self.place(check, "log"), &log)?;
        let ended = Ended {
            exit_code: evidence.exit_code,
            stopped: None,
        };
        Ok(Evidence {
            outcome: self.outcome(check, other, &ended, &log, None),
            check: check.id.clone(),
            ..evidence
        })
    }

    fn run(&self, check: &Check, command: &str) -> anyhow::Result<Evidence> {
        let log_path = self.place(check, "log");
        let out = self.place(check, "out");
        let home = self.place(check, "criterion");
        for old in [&log_path, &out] {
            let _ = fs::remove_file(old);
        }
        let _ = fs::remove_dir_all(&home);
        let words = shlex::split(command).context("a quote is not closed in the command")?;
        let words = words
            .iter()
            .map(|word| word.replace(OUT, &out.to_string_lossy()));
        let words: Vec<String> = words.collect();
        let (program, arguments) = words.split_first().context("the command has no words")?;
        let made_unix_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_secs());
        let started = SystemTime::now();
        let load_before = load();
        let log = File::create(&log_path).context("making the log")?;
        let mut command = match program.as_str() {
            // This program itself, wherever it is installed.
            "claude-flow" => Command::new(env::current_exe().context("finding this program")?),
            _ => Command::new(program),
        };
        command
            .args(arguments)
            .current_dir(self.root)
            .env("CRITERION_HOME", &home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the log")?)
            .stderr(log)
            .process_group(0);
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let reason = format!("{program} cannot be started: {error}");
                return Ok(Evidence::of(&check.id, Outcome::Skipped { reason }));
            }
        };
        let ended = wait(child, Duration::from_secs(check.limit_s.into()), &log_path)?;
        let load_after = load();
        let log = read_bounded(&log_path, LOG_BYTES_MAX)?;
        Ok(Evidence {
            check: check.id.clone(),
            outcome: self.outcome(check, check, &ended, &log, Some(started)),
            exit_code: ended.exit_code,
            raw: Some(Raw::of(&log)),
            load: load_before.zip(load_after).map(<[u32; 2]>::from),
            made_unix_s,
            is_reused: false,
        })
    }

    /// Reads what the command of `ran` left, for a check.
    fn outcome(
        &self,
        check: &Check,
        ran: &Check,
        ended: &Ended,
        log: &[u8],
        started: Option<SystemTime>,
    ) -> Outcome {
        if let Some(cause) = ended.stopped.clone() {
            return Outcome::Fact {
                holds: false,
                cause,
            };
        }
        let printed = String::from_utf8_lossy(log);
        let read = |path: &Path| {
            let bytes = read_bounded(path, FILE_BYTES_MAX).ok()?;
            String::from_utf8(bytes).ok()
        };
        let file = match (check.reads, &check.target) {
            (Reading::Figures, _) => read(&self.place(ran, "out")),
            (Reading::Criterion, Some(target)) => {
                let home = self.place(ran, "criterion");
                read(&home.join(&target.figure).join("new/sample.json"))
            }
            (Reading::Coverage, Some(target)) if ended.exit_code == Some(0) => {
                return self
                    .coverage(target, started)
                    .unwrap_or_else(|error| Outcome::Fact {
                        holds: false,
                        cause: format!("{error:#}"),
                    });
            }
            _ => None,
        };
        let ended = certify::Ended {
            exit_code: ended.exit_code,
            printed: &printed,
            file: file.as_deref(),
        };
        certify::read(check, &ended)
    }

    /// The lines that a coverage report says were run; one that is older than the command is no
    /// evidence.
    fn coverage(&self, target: &Target, started: Option<SystemTime>) -> anyhow::Result<Outcome> {
        let path = self.root.join(&target.figure);
        let name = &target.figure;
        let changed = fs::metadata(&path).and_then(|it| it.modified());
        let changed = changed.with_context(|| format!("there is no report {name}"))?;
        // Some file systems keep whole seconds.
        if started.is_some_and(|it| changed + Duration::from_secs(1) < it) {
            anyhow::bail!("the report {name} is older than the command");
        }
        let bytes = read_bounded(&path, FILE_BYTES_MAX)?;
        let report = coverage::read(&bytes).with_context(|| format!("the report {name}"))?;
        let lines = report.totals().lines;
        let share = lines.hundredths();
        let share = share.with_context(|| format!("the report {name} covers nothing"))?;
        Ok(Outcome::Value(Measured {
            value: share.into(),
            unit: certify::Unit::BasisPoints,
            // Counted, not measured.
            spread_percent: Some(0),
            samples: lines.total(),
            figure: name.clone(),
        }))
    }
}

/// Ends the command that is running, if there is one, with everything that it started.
pub(super) fn end_running() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(group) = *running {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn wait(mut child: Child, limit: Duration, log: &Path) -> anyhow::Result<Ended> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let set = |group| *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = group;
    set(group);
    let deadline = Instant::now() + limit;
    let mut stopped = None;
    let status = loop {
        if let Some(status) = child.try_wait().context("waiting for the command")? {
            break status;
        }
        if Instant::now() >= deadline {
            stopped = Some(format!(
                "the command took longer than {} s",
                limit.as_secs()
            ));
        } else if fs::metadata(log).is_ok_and(|it| it.len() > LOG_BYTES_MAX) {
            stopped = Some(format!(
                "the command printed more than {LOG_BYTES_MAX} bytes"
            ));
        }
        if stopped.is_some() {
            end_running();
            break child.wait().context("waiting for the command")?;
        }
        std::thread::sleep(PAUSE);
    };
    // What it left behind in the background ends with it.
    end_running();
    set(None);
    Ok(Ended {
        exit_code: status.code(),
        stopped,
    })
}

/// Whether a program is in one of the directories of `PATH`.
fn is_installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// The load over one minute, in hundredths.
fn load() -> Option<u32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let first = text.split_whitespace().next()?;
    first.replacen('.', "", 1).parse().ok()
}

fn read_bounded(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("opening {name}"))?;
    let mut bytes = Vec::new();
    let read = file.take(bytes_max).read_to_end(&mut bytes);
    read.with_context(|| format!("reading {name}"))?;
    Ok(bytes)
}

/// Writes a file that is there whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        // Nothing here is secret; the umask decides who may read it.
        let mode = Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .permissions(mode)
            .tempfile_in(directory)?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("writing {}", path.display()))
}
