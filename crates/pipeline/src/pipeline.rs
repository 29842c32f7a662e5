//! The way of one edit: read, check, compare with what was there before, look whether it is still there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use claude_flow_checkers::{Finding, TEXT_VERSION, engine, is_checked};
use claude_flow_lang_detect::{Detection, detect};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::baseline::{self, Earlier, Known};
use crate::config::{Kept, Resolved, parent_directory};
use crate::document::{CheckReport, Content as ReportedContent, Document, FileReport};
use crate::read::{Content, Snapshot};
use crate::report::{self, Telling};
use crate::run::{Check, Ended, Job, Runner};
use crate::tdd::{self, Recorder};
#[cfg(target_os = "linux")]
use crate::testing;
#[cfg(target_os = "linux")]
use crate::tools::{Subject, Toolbox};
use crate::{Config, LineIndex, Options, Percent, coverage};

/// Checks files and contents.
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::{Config, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Config::default());
/// let report = pipeline.check_content("notes.txt".as_ref(), b"hello\n", &Options::default());
/// assert!(report.error.is_none());
/// assert_eq!(report.checks.len(), 9);
/// ```
#[derive(Debug)]
pub struct Pipeline {
    config: Source,
    runner: Runner,
    recorder: Option<Recorder>,
    #[cfg(target_os = "linux")]
    tools: Option<Toolbox>,
}

impl Pipeline {
    /// A pipeline that treats every file by one configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_source(Source::Fixed(Arc::new(Ok(config))))
    }

    /// A pipeline that treats each file by the nearest configuration up the tree from it.
    ///
    /// The configurations are read anew in each call; a file whose configuration is not usable is
    /// reported as unreadable, with the configuration's error.
    #[must_use]
    pub fn with_nearest_config() -> Self {
        Self::with_source(Source::Nearest)
    }

    /// Like [`Pipeline::with_nearest_config`], for a pipeline that is kept: a configuration is read again only
    /// when its file has changed.
    ///
    /// If what the file says then cannot be used, what it said before goes on, and a check named `config`
    /// tells why.
    #[must_use]
    pub fn with_kept_configs() -> Self {
        Self::with_source(Source::Kept(Kept::default()))
    }

    /// The configuration that holds for a file, or why there is none.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub fn config(&self, path: &Path) -> Result<Config, String> {
        match self.config.resolve(&[path]).pop() {
            Some((_, config)) => config.as_ref().clone(),
            None => Err("no configuration was resolved".to_owned()),
        }
    }

    /// The same pipeline, which also asks the project's own tools; on Linux.
    ///
    /// Without it no process is started.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn with_tools(mut self, tools: Toolbox) -> Self {
        self.tools = Some(tools);
        self
    }

    /// The same pipeline, which also records the edits of files in trusted directories.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    fn with_source(config: Source) -> Self {
        Self {
            config,
            runner: Runner::new(),
            recorder: None,
            #[cfg(target_os = "linux")]
            tools: None,
        }
    }

    /// Checks files, several at once; the reports come in the order of the paths.
    ///
    /// # Errors
    ///
    /// None of its own: what goes wrong with a file is told in its [`FileReport`].
    ///
    /// # Complexity
    ///
    /// Blocks until every file is checked or given up.
    /// One file is checked without a thread pool, several use rayon's global one.
    /// Holds as many contents at once as the pool has threads, each at most as large as the limit.
    #[must_use]
    pub fn check_paths<P: AsRef<Path>>(&self, paths: &[P], options: &Options) -> Document {
        self.check_paths_with_progress(paths, options, &|_, _| {})
    }

    /// Like [`Pipeline::check_paths`], and calls `progress` with the number of files that are done and
    /// the number of all files after each one, from the thread that checked it.
    #[must_use]
    pub fn check_paths_with_progress<P: AsRef<Path>>(
        &self,
        paths: &[P],
        options: &Options,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Document {
        let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
        let done = AtomicUsize::new(0);
        let asked_at = SystemTime::now();
        let check = |(path, config): &(&Path, Resolved)| {
            let report = if options.baseline.serves_one_file() && paths.len() > 1 {
                let error = "one earlier content cannot belong to several files; \
                             check them one by one or compare with a git revision";
                unreadable(path, error.to_owned(), options)
            } else {
                self.check_path(path, config, options, asked_at)
            };
            // The count publishes nothing else, so it needs no ordering.
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, paths.len());
            report
        };
        let resolved = self.config.resolve(&paths);
        let files = match &*resolved {
            [one] => vec![check(one)],
            several => several.par_iter().map(check).collect(),
        };
        #[cfg(target_os = "linux")]
        self.tools.iter().for_each(Toolbox::forget_shared);
        Document::new(options.request.clone(), files)
    }

    /// Checks a content that the caller holds, as if it were the file's; the file need not exist.
    ///
    /// # Complexity
    ///
    /// Copies the content once. Blocks until it is checked or given up.
    #[must_use]
    pub fn check_content(&self, path: &Path, content: &[u8], options: &Options) -> FileReport {
        let resolved = self.config.resolve(&[path]);
        let config = match resolved.first().map(|(_, config)| &**config) {
            Some(Ok(config)) => config,
            Some(Err(error)) => return unreadable(path, error.clone(), options),
            None => return unreadable(path, "no configuration was resolved".to_owned(), options),
        };
        if config.excludes(path) {
            return excluded(path, options);
        }
        let described = ReportedContent {
            blake3: blake3::hash(content).to_hex().to_string(),
            size_bytes: content.len() as u64,
        };
        let held = if described.size_bytes > config.file_size_bytes() {
            Content::TooLarge {
                head: content.to_vec(),
            }
        } else {
            Content::Whole(content.into())
        };
        let file = File {
            path,
            config,
            options,
            is_on_disk: false,
            asked_at: SystemTime::now(),
        };
        self.check_held(&file, &held, described)
    }

    fn check_path(
        &self,
        path: &Path,
        config: &Resolved,
        options: &Options,
        asked_at: SystemTime,
    ) -> FileReport {
        let config = match &**config {
            Ok(config) => config,
            Err(error) => return unreadable(path, error.clone(), options),
        };
        if config.excludes(path) {
            return excluded(path, options);
        }
        let snapshot = match Snapshot::take(path, config.file_size_bytes()) {
            Ok(snapshot) => snapshot,
            Err(error) => return unreadable(path, error.to_string(), options),
        };
        let described = ReportedContent {
            blake3: snapshot.blake3.to_hex().to_string(),
            size_bytes: snapshot.size_bytes,
        };
        let file = File {
            path,
            config,
            options,
            is_on_disk: true,
            asked_at,
        };
        let mut report = self.check_held(&file, &snapshot.content, described);
        if report.error.is_none() && !snapshot.is_current(path) {
            report.checks.iter_mut().for_each(report::make_stale);
        }
        report
    }

    fn check_held(
        &self,
        file: &File<'_>,
        held: &Content,
        described: ReportedContent,
    ) -> FileReport {
        let shown = shown(file.path);
        let beginning = match held {
            Content::Whole(bytes) => bytes,
            Content::TooLarge { head } => &**head,
        };
        let detection = detect(&shown, beginning);
        let limit_bytes = file.config.file_size_bytes();
        let source = &file.options.baseline;
        let earlier = match Earlier::load(source, file.path, file.config, &self.runner) {
            Ok(earlier) => earlier,
            Err(error) => return unreadable(file.path, error, file.options),
        };
        let mut checks = match held {
            Content::Whole(bytes) => self.check_bytes(file, bytes, detection, earlier.as_ref()),
            Content::TooLarge { .. } => {
                let reason = format!(
                    "{} bytes are more than the {limit_bytes} that limits.file_size_bytes allows",
                    described.size_bytes
                );
                vec![
                    report::not_run("text", &*reason),
                    report::not_run("syntax", reason),
                ]
            }
        };
        let mut asked = self.ask_tools(file, held, detection, earlier.as_ref());
        asked.extend(self.follow_edit(file, held, earlier.as_ref()));
        asked.extend(self.run_tests(file, held));
        asked.extend(file.coverage(held, earlier.as_ref()));
        for planned in report::planned(file.options) {
            let answers: Vec<_> = asked.extract_if(.., |it| it.name == planned.name).collect();
            // What a flag asks for and no tool gives is still told beside what the tools say.
            let is_in_vain = planned.name != "tdd" && report::is_asked_in_vain(&planned);
            if answers.is_empty() || is_in_vain {
                checks.push(planned);
            }
            checks.extend(answers);
        }
        checks.extend(file.config.refused().map(report::refused_config));
        FileReport {
            path: shown,
            error: None,
            language: detection.map(|found| found.language.name()),
            detected_by: detection.map(|found| found.evidence.name()),
            content: Some(described),
            baseline: earlier.as_ref().map(Earlier::describe),
            checks,
        }
    }

    /// Records the edit, and tells whether a test drove it if that is asked; none if nobody records.
    fn follow_edit(
        &self,
        file: &File<'_>,
        held: &Content,
        earlier: Option<&Earlier>,
    ) -> Option<CheckReport> {
        let recorder = self.recorder.as_ref().filter(|_| file.is_on_disk)?;
        let Content::Whole(bytes) = held else {
            return None;
        };
        // A revision is what was committed, and not what the edit began with.
        let before = earlier.filter(|_| file.options.baseline.serves_one_file());
        let before = before.map(|earlier| &*earlier.bytes);
        let telling = Telling::new(file.config, file.options);
        tdd::follow_edit(recorder, file.path, before, bytes, file.options, telling)
    }

    /// What the project's own tools say; empty if they are not asked.
    #[cfg(target_os = "linux")]
    fn ask_tools(
        &self,
        file: &File<'_>,
        held: &Content,
        detection: Option<Detection>,
        earlier: Option<&Earlier>,
    ) -> Vec<CheckReport> {
        let (Some(tools), Content::Whole(bytes)) = (&self.tools, held) else {
            return Vec::new();
        };
        let made = tools.check(&Subject {
            path: file.path,
            language: detection.map(|found| found.language),
            bytes,
            before: earlier.map(|earlier| &*earlier.bytes),
            config: file.config,
            options: file.options,
            is_on_disk: file.is_on_disk,
            asked_at: file.asked_at,
        });
        let after = LineIndex::new(bytes);
        let before = LineIndex::new(earlier.map_or(&[], |earlier| &earlier.bytes));
        let telling = Telling::new(file.config, file.options);
        made.into_iter()
            .map(|made| {
                let mut known = Known::new(&before, &after, &made.found_before);
                let name = made.check.name();
                let run = made.run();
                let told = telling.check(name, made.engine, made.ended, &after, |finding| {
                    known.take(finding)
                });
                CheckReport { run, ..told }
            })
            .collect()
    }

    /// What the tests say that concern a file, if that is asked for.
    #[cfg(target_os = "linux")]
    fn run_tests(&self, file: &File<'_>, held: &Content) -> Option<CheckReport> {
        let tools = self.tools.as_ref()?;
        if !(file.options.tests || file.config.tests()) {
            return None;
        }
        if !tools.has_project_runs {
            let reason =
                "tests can take long and are left out here; `claude-flow post-edit` runs them";
            return Some(report::not_run("tests", reason));
        }
        let (Content::Whole(bytes), true) = (held, file.is_on_disk) else {
            let reason = "tests look at the file on the disk, and not at what was given here";
            return Some(report::not_run("tests", reason));
        };
        let telling = Telling::new(file.config, file.options);
        let index = LineIndex::new(bytes);
        Some(testing::check(
            tools,
            file.path,
            file.config,
            &index,
            telling,
        ))
    }

    #[cfg(not(target_os = "linux"))]
    fn run_tests(&self, _file: &File<'_>, _held: &Content) -> Option<CheckReport> {
        None
    }

    #[cfg(not(target_os = "linux"))]
    fn ask_tools(
        &self,
        _file: &File<'_>,
        _held: &Content,
        _detection: Option<Detection>,
        _earlier: Option<&Earlier>,
    ) -> Vec<CheckReport> {
        Vec::new()
    }

    fn check_bytes(
        &self,
        file: &File<'_>,
        bytes: &Arc<[u8]>,
        detection: Option<Detection>,
        earlier: Option<&Earlier>,
    ) -> Vec<CheckReport> {
        let plans = [Check::Text, Check::Syntax].map(|check| (check, file.plan(check, detection)));
        let made: Vec<_> = plans
            .iter()
            .filter(|(_, plan)| plan.is_ok())
            .map(|(check, _)| *check)
            .collect();
        let job = |bytes: &Arc<[u8]>| Job {
            path: shown(file.path),
            language: detection.map(|found| found.language),
            bytes: Arc::clone(bytes),
        };
        let time_limit = file.config.time_limit();
        let ended = self.runner.run(job(bytes), &made, time_limit);
        // What was found before matters only if there is something to compare it with.
        let found_before =
            match earlier.filter(|_| ended.iter().any(|one| !one.findings().is_empty())) {
                Some(earlier) => {
                    let before = self.runner.run(job(&earlier.bytes), &made, time_limit);
                    before.into_iter().flat_map(Ended::into_findings).collect()
                }
                None => Vec::new(),
            };
        let emptied = earlier
            .filter(|earlier| baseline::is_blank(bytes) && !baseline::is_blank(&earlier.bytes))
            .map(|earlier| baseline::emptied(&earlier.bytes));
        file.tell(bytes, earlier, &found_before, plans, ended, emptied)
    }
}

/// One file's settings.
struct File<'a> {
    path: &'a Path,
    config: &'a Config,
    options: &'a Options,
    /// Whether the content is the file's, and not one that the caller holds.
    is_on_disk: bool,
    /// When the call began that the file is a part of.
    asked_at: SystemTime,
}

/// Whether a check is made, and by what; otherwise why not.
type Plan = Result<String, String>;

impl File<'_> {
    /// What coverage reports say, if that is asked for.
    fn coverage(&self, held: &Content, earlier: Option<&Earlier>) -> Option<CheckReport> {
        let of_config = self.config.coverage().then_some(Percent::COVERAGE);
        let minimum = self.options.minimum_coverage.or(of_config)?;
        let Content::Whole(bytes) = held else {
            return None;
        };
        if !self.is_on_disk {
            let reason = "reports speak of the file on the disk, which is not what was given here";
            return Some(report::not_run("coverage", reason));
        }
        let subject = coverage::Subject {
            path: self.path,
            bytes,
            before: earlier.map(|earlier| &*earlier.bytes),
            minimum,
        };
        Some(coverage::check(
            &subject,
            Telling::new(self.config, self.options),
        ))
    }

    fn plan(&self, check: Check, detection: Option<Detection>) -> Plan {
        let (wanted, key) = match check {
            Check::Text => (self.config.text(), "checks.text"),
            Check::Syntax => (self.config.syntax(), "checks.syntax"),
        };
        if self.options.no_validate {
            return Err("switched off by --no-validate".to_owned());
        }
        if !wanted {
            return Err(format!("switched off by {key} in claude-flow.toml"));
        }
        match (check, detection) {
            (Check::Text, _) => Ok(text_engine()),
            (Check::Syntax, None) => Err("not a language that is known here".to_owned()),
            (Check::Syntax, Some(found)) if !is_checked(found.language) => {
                Err(format!("no parser for {}", found.language))
            }
            (Check::Syntax, Some(found)) => Ok(engine(found.language).to_owned()),
        }
    }

    fn tell(
        &self,
        bytes: &[u8],
        earlier: Option<&Earlier>,
        found_before: &[Finding],
        plans: [(Check, Plan); 2],
        ended: Vec<Ended>,
        mut emptied: Option<Finding>,
    ) -> Vec<CheckReport> {
        let after = LineIndex::new(bytes);
        let before = LineIndex::new(earlier.map_or(&[], |earlier| &earlier.bytes));
        let mut known =
            (!found_before.is_empty()).then(|| Known::new(&before, &after, found_before));
        let mut is_known =
            |finding: &Finding| known.as_mut().is_some_and(|known| known.take(finding));
        let telling = Telling::new(self.config, self.options);
        let mut ended = ended.into_iter();
        plans
            .into_iter()
            .map(|(check, plan)| {
                let name = check.name();
                let emptied = emptied.take_if(|_| check == Check::Text);
                match plan {
                    Ok(engine) => {
                        let ended = ended.next().unwrap_or_else(|| Ended::failed("no answer"));
                        let ended = ended.with(emptied);
                        telling.check(name, engine, ended, &after, &mut is_known)
                    }
                    Err(reason) => report::not_run(name, reason),
                }
            })
            .collect()
    }
}

/// Where the configuration comes from.
#[derive(Debug)]
enum Source {
    Fixed(Resolved),
    Nearest,
    Kept(Kept),
}

impl Source {
    fn resolve<'a>(&self, paths: &[&'a Path]) -> Vec<(&'a Path, Resolved)> {
        let mut nearest: BTreeMap<PathBuf, Resolved> = BTreeMap::new();
        let mut find = |path: &Path, read: &dyn Fn(&Path) -> Resolved| {
            let directory = parent_directory(path);
            let entry = nearest.entry(directory.to_owned());
            Arc::clone(entry.or_insert_with(|| read(directory)))
        };
        let mut resolve = |path: &Path| match self {
            Self::Fixed(config) => Arc::clone(config),
            Self::Nearest => find(path, &|directory| {
                let found = Config::find(directory);
                Arc::new(found.map(|(config, _)| config).map_err(|e| e.to_string()))
            }),
            Self::Kept(kept) => find(path, &|directory| kept.find(directory)),
        };
        paths.iter().map(|&path| (path, resolve(path))).collect()
    }
}

fn unreadable(path: &Path, error: String, options: &Options) -> FileReport {
    FileReport {
        error: Some(error),
        ..unchecked(
            path,
            "there is no verdict, see the error of the file",
            options,
        )
    }
}

fn excluded(path: &Path, options: &Options) -> FileReport {
    let reason = "excluded by files.exclude in claude-flow.toml";
    unchecked(path, reason, options)
}

fn unchecked(path: &Path, reason: &str, options: &Options) -> FileReport {
    let mut checks = vec![
        report::not_run("text", reason),
        report::not_run("syntax", reason),
    ];
    checks.extend(report::planned(options));
    FileReport {
        path: shown(path),
        error: None,
        language: None,
        detected_by: None,
        content: None,
        baseline: None,
        checks,
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn text_engine() -> String {
    format!("text {TEXT_VERSION}")
}

#[cfg(test)]
mod tests;
