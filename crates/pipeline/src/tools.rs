//! The project's own tools: which of them are for a file, whether they may run, and what they say.

pub(crate) mod find;
pub(crate) mod run;
mod version;
mod warm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use claude_flow_checkers::tools::{
    Check, Reading, Request, Scope, TOOLS, Tool, Unread, Warm as Warmth, Why,
};
use claude_flow_checkers::{Finding, Outcome};
use claude_flow_lang_detect::Language;
use claude_flow_sandbox::{Helper, Level, Sandbox};

use self::find::{Found, Place, Project};
use self::warm::Warm;
use crate::document::Run;
use crate::read;
use crate::run::Ended;
use crate::{Config, Options, Trust};

/// The checks that tools make, in the order in which they are told.
pub(crate) const CHECKS: [Check; 4] = [Check::Format, Check::Lint, Check::Types, Check::Security];

/// Finds the project's own tools and runs them in the sandbox.
///
/// # Examples
///
/// ```no_run
/// use claude_flow_pipeline::{Pipeline, Toolbox};
///
/// let tools = Toolbox::of_user();
/// let pipeline = Pipeline::with_nearest_config().with_tools(tools);
/// ```
#[derive(Debug)]
pub struct Toolbox {
    trust: Option<Trust>,
    /// Where caches of tools are kept; without it none is run.
    pub(crate) cache: Option<PathBuf>,
    /// The directories in which programs are looked for.
    pub(crate) path: Vec<PathBuf>,
    pub(crate) virtual_environment: Option<String>,
    /// Whether what can take seconds is run too.
    pub(crate) has_project_runs: bool,
    helper: Helper,
    sandbox: OnceLock<Result<Arc<Sandbox>, String>>,
    warm: Option<Warm>,
    /// What runs over whole projects said, while one call lasts.
    shared: Mutex<BTreeMap<SharedKey, Arc<OnceLock<SharedRun>>>>,
}

/// The executable, the directory that one run looks at, and all that the tool is told.
type SharedKey = (PathBuf, PathBuf, Vec<String>);

impl Toolbox {
    /// The tools as the user's environment has them: `PATH`, `VIRTUAL_ENV`, the list of trusted directories,
    /// and a cache in `XDG_CACHE_HOME` or `.cache` of the home directory.
    #[must_use]
    pub fn of_user() -> Self {
        let home = std::env::home_dir();
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home?.join(".cache")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let virtual_environment = std::env::var("VIRTUAL_ENV").ok();
        Self {
            trust: Trust::of_user(),
            cache: cache.map(|cache| cache.join("claude-flow")),
            path: std::env::split_paths(&path)
                .filter(|directory| directory.is_absolute())
                .take(find::PATH_DIRECTORIES_MAX)
                .collect(),
            virtual_environment: virtual_environment.filter(|path| path.starts_with('/')),
            has_project_runs: true,
            helper: Helper::this_program(),
            sandbox: OnceLock::new(),
            warm: None,
            shared: Mutex::default(),
        }
    }

    /// The same tools with another list of trusted directories and another cache.
    #[must_use]
    pub fn with_places(mut self, trust: Trust, cache: impl Into<PathBuf>) -> Self {
        self.trust = Some(trust);
        self.cache = Some(cache.into());
        self
    }

    /// The same tools, of which those that can be are kept running and asked many times.
    ///
    /// For a process that stays: what is started here ends with the toolbox, or when nobody asks it for ten
    /// minutes. Where a tool cannot be kept, it is started for the question as always.
    #[must_use]
    pub fn kept_warm(mut self) -> Self {
        self.warm = Some(Warm::default());
        self
    }

    /// The same tools in the sandbox of another helper than this program.
    #[must_use]
    pub fn with_helper(mut self, helper: Helper) -> Self {
        self.helper = helper;
        self
    }

    /// The same tools, looked for in these directories and not in those of `PATH`.
    #[must_use]
    pub fn with_path(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        let directories = directories.into_iter();
        self.path = directories.take(find::PATH_DIRECTORIES_MAX).collect();
        self.virtual_environment = None;
        self
    }

    /// The same tools without those that look at whole projects, which can take seconds.
    #[must_use]
    pub fn without_project_runs(mut self) -> Self {
        self.has_project_runs = false;
        self
    }

    /// What the tools say about one file; for each check at least one answer, in the order of [`CHECKS`].
    pub(crate) fn check(&self, subject: &Subject<'_>) -> Vec<Made> {
        let project = match Project::around(subject.path) {
            Ok(project) => project,
            Err(reason) => {
                return CHECKS
                    .map(|check| Made::not_run(check, reason.clone()))
                    .into();
            }
        };
        let trusted = self.trusted(subject, &project);
        let plans = CHECKS.map(|check| match self.plan(check, subject, &project) {
            plan if plan.iter().all(Result::is_err) => plan,
            plan => match &trusted {
                Ok(()) => plan,
                Err(reason) => vec![Err(Made::not_run(check, reason.clone()))],
            },
        });
        let jobs: Vec<&Job<'_>> = plans
            .iter()
            .flatten()
            .filter_map(|it| it.as_ref().ok())
            .collect();
        let answers = self.run_all(&jobs, subject);
        let mut answers = answers.into_iter();
        plans
            .into_iter()
            .flatten()
            .filter_map(|plan| match plan {
                Ok(_) => answers.next(),
                Err(made) => Some(made),
            })
            .collect()
    }

    /// Whether tools may run at all; the error is for people.
    ///
    /// Not even a tool whose configuration is data runs without trust: compilers and formatters load
    /// plugins, toolchains and response files from where they run, by ways that no list is sure to hold.
    fn trusted(&self, subject: &Subject<'_>, project: &Project) -> Result<(), String> {
        self.trusts(&project.workspace, subject.config.directory())
    }

    /// Whether the code of a workspace may run, and that which its configuration names; the error is for people.
    pub(crate) fn trusts(&self, workspace: &Path, config: Option<&Path>) -> Result<(), String> {
        for root in std::iter::once(workspace).chain(config) {
            let trusted = match &self.trust {
                None => None,
                Some(trust) => trust.root_of(root).map_err(|error| error.to_string())?,
            };
            if trusted.is_none() {
                return Err(format!(
                    "{} is not trusted; `claude-flow trust` lets the project's tools run, in the sandbox",
                    root.display()
                ));
            }
        }
        Ok(())
    }

    /// Forgets what runs over whole projects said; called when a document is done.
    pub(crate) fn forget_shared(&self) {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The runs that one check needs, or why there is none.
    fn plan<'a>(
        &self,
        check: Check,
        subject: &'a Subject<'_>,
        project: &'a Project,
    ) -> Vec<Result<Job<'a>, Made>> {
        if let Some(reason) = subject.switched_off(check) {
            return vec![Err(Made::not_run(check, reason))];
        }
        let own = subject.config.tools().filter_map(|tool| {
            let place = project.own(subject.config.directory()?)?;
            let path = project.file.strip_prefix(&place.directory).ok()?.to_str()?;
            let is_fitting = tool.files.contains(path, subject.language);
            is_fitting.then_some((tool, Some(place)))
        });
        let known = TOOLS
            .iter()
            .filter(|tool| tool.files.contains(&project.path, subject.language))
            .map(|tool| (*tool, project.config(&tool.config)));
        let fitting: Vec<(&Tool, Option<Place>)> = own
            .chain(known)
            .filter(|(tool, _)| tool.check == check)
            .collect();
        if fitting.is_empty() {
            let language = subject.language.map_or("such files", Language::name);
            return vec![Err(Made::not_run(
                check,
                format!("no tool is known for {language}"),
            ))];
        }
        // What the project configures is what it uses; only if it configures none, one is chosen for it.
        let configured: Vec<_> = fitting
            .iter()
            .filter(|(_, place)| place.is_some())
            .collect();
        if !configured.is_empty() {
            let jobs = configured.into_iter();
            return jobs
                .map(|(tool, place)| self.job(tool, place.clone(), project, subject.is_on_disk))
                .collect();
        }
        let mut offered = fitting.iter().filter(|(tool, _)| !tool.config.is_needed);
        let first =
            offered.find_map(|(tool, _)| self.job(tool, None, project, subject.is_on_disk).ok());
        vec![first.ok_or_else(|| {
            let names: Vec<_> = fitting.iter().map(|(tool, _)| &*tool.name).collect();
            let reason = format!("the project configures none of {}, and none that needs no configuration is installed", names.join(", "));
            Made::not_run(check, reason)
        })]
    }

    /// One run, or why it cannot be.
    fn job<'a>(
        &self,
        tool: &'a Tool,
        place: Option<Place>,
        project: &'a Project,
        is_on_disk: bool,
    ) -> Result<Job<'a>, Made> {
        let refuse = |reason: String| Made::not_run(tool.check, format!("{} {reason}", tool.name));
        let Some(found) = find::executable(
            tool,
            place.as_ref(),
            project,
            &self.path,
            self.virtual_environment.as_deref(),
        ) else {
            let install = if tool.install.is_empty() {
                "check the command in claude-flow.toml".to_owned()
            } else {
                format!("install it by `{}`", tool.install)
            };
            return Err(refuse(format!("is not installed; {install}")));
        };
        if tool.ask.scope == Scope::Project && !self.has_project_runs {
            let reason =
                "looks at the whole project and is left out here; `claude-flow post-edit` asks it";
            return Err(refuse(reason.to_owned()));
        }
        let is_given = tool.ask.is_stdin || self.is_kept(tool);
        if !is_given && !is_on_disk {
            let reason = "looks at the file on the disk, which is not what was given here";
            return Err(refuse(reason.to_owned()));
        }
        let words = self.words(tool, place.as_ref(), project).map_err(refuse)?;
        Ok(Job {
            tool,
            project,
            place,
            found,
            words,
        })
    }

    fn words(
        &self,
        tool: &Tool,
        place: Option<&Place>,
        project: &Project,
    ) -> Result<Words, String> {
        let cache = self.cache.as_deref();
        let cache = cache.ok_or("there is no place for caches; set HOME or XDG_CACHE_HOME")?;
        let root = place.map_or(&project.workspace, |place| &place.directory);
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        let scratch = cache.join("tools").join(&name[..32]).join(&*tool.name);
        let below = project.file.strip_prefix(root);
        let below = below.map_err(|_| "its configuration is not above the file")?;
        Ok(Words {
            root: find::utf8(root)?,
            path: find::utf8(below)?,
            scratch: find::utf8(&scratch)?,
            config: place
                .map(|place| find::utf8(&place.directory.join(place.file.name)))
                .transpose()?,
            edition: tool
                .files
                .contains("", Some(Language::Rust))
                .then(|| project.edition())
                .flatten(),
        })
    }

    fn run_all(&self, jobs: &[&Job<'_>], subject: &Subject<'_>) -> Vec<Made> {
        match jobs {
            [] => Vec::new(),
            [one] => vec![self.run(one, subject)],
            several => std::thread::scope(|scope| {
                let threads: Vec<_> = several
                    .iter()
                    .map(|job| scope.spawn(|| self.run(job, subject)))
                    .collect();
                let joined = threads.into_iter().zip(several);
                joined
                    .map(|(thread, job)| {
                        thread.join().unwrap_or_else(|_| Made {
                            check: job.tool.check,
                            engine: job.tool.name.to_string(),
                            ended: Ended::failed("the reading of its output panicked"),
                            level: None,
                            is_warm: false,
                            found_before: Vec::new(),
                        })
                    })
                    .collect()
            }),
        }
    }

    fn run(&self, job: &Job<'_>, subject: &Subject<'_>) -> Made {
        let started = Instant::now();
        let sandbox = match self.sandbox() {
            Ok(sandbox) => sandbox,
            Err(reason) => return job.refused(reason),
        };
        let engine = version::engine(sandbox, job);
        let deadline = started + subject.config.tool_time_limit();
        let ran = self.ran(sandbox, job, subject, subject.bytes, deadline);
        let ended = job.ended(&ran, subject.bytes, started);
        // Only a tool that is given the text can look at one that is not on the disk, and what it found before
        // matters only if it finds something now.
        let before = subject
            .before
            .filter(|_| job.tool.ask.is_stdin || ran.is_warm && self.is_kept(job.tool))
            .filter(|_| !ended.findings().is_empty())
            .map(|before| {
                let ran = self.ran(sandbox, job, subject, before, deadline);
                job.ended(&ran, before, started)
            });
        Made {
            check: job.tool.check,
            engine,
            ended,
            level: ran.level,
            is_warm: ran.is_warm,
            found_before: before.map_or_else(Vec::new, Ended::into_findings),
        }
    }

    /// What a run said, or what the one run over the project said that another file asked for before.
    fn ran(
        &self,
        sandbox: &Arc<Sandbox>,
        job: &Job<'_>,
        subject: &Subject<'_>,
        bytes: &[u8],
        deadline: Instant,
    ) -> Ran {
        let scope = match job.tool.ask.scope {
            Scope::File => {
                let language = subject.language;
                let is_held =
                    job.tool.ask.is_stdin || self.is_kept(job.tool) || subject.holds(bytes);
                let warm = self.warm.as_ref().filter(|_| is_held);
                let warm = warm.and_then(|it| it.ask(sandbox, job, language, bytes, deadline));
                // A tool that is started may look at the disk, which may not hold these bytes.
                let is_seen = job.tool.ask.is_stdin || subject.holds(bytes);
                return match warm {
                    Some(ran) => ran,
                    None if is_seen => run::run(sandbox, job, bytes, deadline),
                    None => {
                        Ran::unable("no process of it answered, and the disk holds another text")
                    }
                };
            }
            Scope::Directory => crate::config::parent_directory(subject.path).to_owned(),
            Scope::Project => PathBuf::from(&job.words.root),
        };
        let told = job.tool.invocation(&job.request(bytes)).arguments;
        let key = (job.found.path.clone(), scope, told);
        let slot = Arc::clone(
            self.shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key)
                .or_default(),
        );
        let now = || run::run(sandbox, job, bytes, deadline);
        let shared = slot.get_or_init(|| SharedRun {
            began: SystemTime::now(),
            ran: now(),
        });
        // Another call's run may be older than what this one was asked about; and a file that was written since
        // has not been seen by any.
        let is_of_this_call = shared.began >= subject.asked_at;
        let is_seen = is_of_this_call
            && job
                .project
                .changed()
                .and_then(|changed| changed.checked_add(read::CLOCK_TICK))
                .is_some_and(|it| it < shared.began);
        if is_seen { shared.ran.clone() } else { now() }
    }

    /// Whether a tool may be given a text that is not on the disk, although it reads the disk when it is started.
    fn is_kept(&self, tool: &Tool) -> bool {
        self.warm.is_some() && tool.warm.as_ref().is_some_and(Warmth::takes_text)
    }

    pub(crate) fn sandbox(&self) -> Result<&Arc<Sandbox>, &str> {
        let started = self.sandbox.get_or_init(|| {
            Sandbox::start(self.helper.clone())
                .map(Arc::new)
                .map_err(|error| format!("the sandbox could not be started: {error}"))
        });
        started.as_ref().map_err(String::as_str)
    }
}

/// One run over a directory or a project, for all files in it.
#[derive(Debug)]
struct SharedRun {
    began: SystemTime,
    ran: Ran,
}

/// What tools are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) path: &'a Path,
    pub(crate) language: Option<Language>,
    pub(crate) bytes: &'a [u8],
    /// The content before the edit, if it is known.
    pub(crate) before: Option<&'a [u8]>,
    pub(crate) config: &'a Config,
    pub(crate) options: &'a Options,
    /// Whether the bytes are what the file holds, and not something that the caller holds.
    pub(crate) is_on_disk: bool,
    /// When the call began that this is a part of.
    pub(crate) asked_at: SystemTime,
}

impl Subject<'_> {
    /// Whether the file held these bytes when it was read.
    fn holds(&self, bytes: &[u8]) -> bool {
        self.is_on_disk && bytes == self.bytes
    }

    fn switched_off(&self, check: Check) -> Option<String> {
        if self.options.no_tools {
            return Some("switched off by --no-tools".to_owned());
        }
        if check == Check::Format && self.options.no_format {
            return Some("switched off by --no-format".to_owned());
        }
        let name = check.name();
        (!self.config.tool_check(check))
            .then(|| format!("switched off by checks.{name} in claude-flow.toml"))
    }
}

/// What became of one check by one tool.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) check: Check,
    /// The tool with its version; empty if it was not run.
    pub(crate) engine: String,
    pub(crate) ended: Ended,
    /// The level of the sandbox; `None` if it was not asked.
    level: Option<Level>,
    /// Whether the process was there already.
    is_warm: bool,
    /// What the tool says about the content before the edit.
    pub(crate) found_before: Vec<Finding>,
}

impl Made {
    /// How it was asked, as the document tells it.
    pub(crate) fn run(&self) -> Option<Run> {
        Some(Run {
            sandbox: self.level?.to_string(),
            warm: self.is_warm,
        })
    }

    fn not_run(check: Check, reason: impl Into<String>) -> Self {
        Self {
            check,
            engine: String::new(),
            ended: Ended::Outcome {
                outcome: Outcome::NotRun {
                    reason: reason.into(),
                },
                duration: Duration::ZERO,
            },
            level: None,
            is_warm: false,
            found_before: Vec::new(),
        }
    }
}

/// One run that is to be made.
#[derive(Debug)]
struct Job<'a> {
    tool: &'a Tool,
    project: &'a Project,
    place: Option<Place>,
    found: Found,
    words: Words,
}

/// The places of a request, as text.
#[derive(Debug)]
struct Words {
    /// The directory of the configuration, or the workspace.
    root: String,
    /// The file below the root, with `/`.
    path: String,
    scratch: String,
    config: Option<String>,
    edition: Option<String>,
}

impl Job<'_> {
    fn request<'r>(&'r self, content: &'r [u8]) -> Request<'r> {
        let place = self.place.as_ref();
        Request {
            root: &self.words.root,
            path: &self.words.path,
            content,
            scratch: &self.words.scratch,
            config: place
                .zip(self.words.config.as_deref())
                .map(|(place, path)| (path, place.file)),
            edition: self.words.edition.as_deref(),
        }
    }

    /// What a run means for a content.
    fn ended(&self, ran: &Ran, content: &[u8], started: Instant) -> Ended {
        let outcome = match &ran.said {
            Said::Reading(reading) => reading.outcome(self.tool, &self.request(content)),
            Said::Failed(reason) => Outcome::Failed {
                reason: reason.clone(),
            },
            Said::TimedOut => {
                let waited = started.elapsed();
                return Ended::TimedOut {
                    waited,
                    limit: "limits.tool_time_ms",
                };
            }
        };
        let outcome = match outcome {
            Outcome::Checked { findings }
                if findings.is_empty() && self.tool.ask.scope != Scope::File =>
            {
                let name = &self.tool.name;
                Outcome::NotRun {
                    reason: format!(
                        "{name} found nothing to tell of this file, and does not say whether it looked at it"
                    ),
                }
            }
            outcome => outcome,
        };
        let duration = started.elapsed();
        Ended::Outcome { outcome, duration }
    }

    fn refused(&self, reason: &str) -> Made {
        Made::not_run(
            self.tool.check,
            format!("{} is not run, {reason}", self.tool.name),
        )
    }
}

/// What one run of a tool gave.
#[derive(Debug, Clone)]
struct Ran {
    said: Said,
    /// The level at which it ran; `None` if it did not come so far.
    level: Option<Level>,
    /// Whether the process was there already.
    is_warm: bool,
}

#[derive(Debug, Clone)]
enum Said {
    /// It was read.
    Reading(Reading),
    /// It could not be run, or did not end as programs do.
    Failed(String),
    /// It did not come to an end in time.
    TimedOut,
}

impl Ran {
    /// It could not be run.
    fn failed(reason: impl Into<String>) -> Self {
        Self {
            said: Said::Failed(reason.into()),
            level: None,
            is_warm: false,
        }
    }

    /// It was not asked.
    fn unable(reason: &str) -> Self {
        let reason = reason.to_owned();
        let why = Why::Unable;
        Self {
            said: Said::Reading(Reading::Unread(Unread { why, reason })),
            ..Self::failed("")
        }
    }
}
