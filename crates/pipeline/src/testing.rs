//! Runs tests: those that are asked for, or those that concern a change, and answers from earlier runs where nothing
//! that a test can see has changed.

mod cache;
mod check;
mod document;
mod run;
mod workspace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_flow_checkers::affected::{Affected, File, Graph, Seen};
use claude_flow_checkers::runners::{Runner, Selection, runner};
use claude_flow_lang_detect::project::{self, Key, Project, Projects, Text, Tree};

pub(crate) use self::check::check;
pub use self::document::{
    ChosenTest, FailureReport, Input, RunReport, SuiteReport, TestDocument, TestReport, TestState,
    TestSummary,
};
use self::workspace::Workspace;
use crate::tools::find::workspace_of;
use crate::{Config, Toolbox};

/// How many files are named to a runner; for more all of the project's tests are run.
const FILES_MAX: usize = 500;

/// Which tests are to be run.
#[derive(Debug, Clone, Default)]
pub struct TestOptions {
    /// Test files or directories; with [`TestOptions::is_affected`] the files that were changed.
    /// None is the working directory.
    pub paths: Vec<PathBuf>,
    /// Run the tests that concern changes of the paths instead of the tests in them.
    pub is_affected: bool,
    /// Of one test file only those of these names.
    pub names: Vec<String>,
    /// Run again what was run before.
    pub is_again: bool,
    /// The configuration instead of the nearest one.
    pub config: Option<Config>,
}

/// Why no test could be chosen or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// A path that is not there, and that no change can have deleted.
    #[error("{}: {cause}; name test files or directories that exist", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The workspace cannot be listed.
    #[error("{}: {cause}", path.display())]
    Workspace {
        /// The workspace.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The paths lie in different workspaces.
    #[error("{} is not in {}; ask for one workspace at a time", path.display(), workspace.display())]
    Elsewhere {
        /// The path.
        path: PathBuf,
        /// The workspace of the first path.
        workspace: PathBuf,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::ConfigError),
    /// The code of the workspace may not run.
    #[error("{0}")]
    NotTrusted(String),
    /// Names were given without one file that they are in.
    #[error("names choose among the tests of one file; name one test file")]
    Names,
    /// There is no place for caches.
    #[error("there is no place for caches; set HOME or XDG_CACHE_HOME")]
    NoCache,
}

impl Toolbox {
    /// Runs tests in the sandbox, or tells what an earlier run of the same content gave.
    ///
    /// # Errors
    ///
    /// [`TestError`] if nothing could be run; what became of a run is in its [`RunReport`].
    ///
    /// # Complexity
    ///
    /// Reads the workspace; blocks until each run has ended or reached `limits.test_time_ms`.
    pub fn test(&self, options: &TestOptions) -> Result<TestDocument, TestError> {
        let place = Asked::new(options)?;
        let config = match &options.config {
            Some(config) => config.clone(),
            None => Config::find(&place.start)?.0,
        };
        self.trusts(&place.root, config.directory())
            .map_err(TestError::NotTrusted)?;
        let failed = |cause| TestError::Workspace {
            path: place.root.clone(),
            cause,
        };
        let workspace = Workspace::read(&place.root).map_err(failed)?;
        let graph = graph(&workspace, &place.paths);
        let projects = projects(&workspace);
        let mut document = TestDocument::new(&place.root, options.is_affected);
        let files = if options.is_affected {
            let changed: Vec<&str> = place.paths.iter().map(String::as_str).collect();
            let Affected { tests, doubts } = graph.affected(&changed);
            document.doubts = doubts;
            document.affected = tests.iter().map(ChosenTest::of).collect();
            tests.into_iter().map(|test| test.path).collect()
        } else {
            place.files(&graph)
        };
        document.doubts.extend(workspace.left_out.iter().cloned());
        let groups = Groups::new(&config, &place, &projects, &files);
        document
            .runs
            .extend(groups.without.into_iter().map(RunReport::without_runner));
        let context = run::Context {
            tools: self,
            workspace: &workspace,
            graph: &graph,
            time: Duration::from_millis(config.test_time_ms()),
            is_again: options.is_again,
        };
        for ((directory, _), (runner, files)) in &groups.all {
            let files: Vec<&str> = files.iter().map(|it| below(it, directory)).collect();
            let names: Vec<&str> = options.names.iter().map(String::as_str).collect();
            let selection = match files.as_slice() {
                _ if !options.is_affected && place.holds(directory) => Selection::All,
                [file] if !names.is_empty() => Selection::Names {
                    file,
                    names: &names,
                },
                files if files.len() > FILES_MAX => Selection::All,
                files => Selection::Files(files),
            };
            document
                .runs
                .push(run::run(&context, runner, directory, selection)?);
        }
        document.count();
        Ok(document)
    }
}

/// What the paths of the options mean.
struct Asked {
    root: PathBuf,
    start: PathBuf,
    /// The paths below the root, with `/`; empty for the root itself.
    paths: Vec<String>,
}

impl Asked {
    fn new(options: &TestOptions) -> Result<Self, TestError> {
        let here = [PathBuf::from(".")];
        let given = if options.paths.is_empty() {
            &here[..]
        } else {
            &options.paths[..]
        };
        let resolved: Result<Vec<PathBuf>, TestError> = given
            .iter()
            .map(|path| resolved(path, options.is_affected))
            .collect();
        let resolved = resolved?;
        let first = &resolved[0];
        if !options.names.is_empty() && (resolved.len() != 1 || first.is_dir()) {
            return Err(TestError::Names);
        }
        let start = if first.is_dir() {
            first.as_path()
        } else {
            crate::config::parent_directory(first)
        };
        let root = workspace_of(start).to_owned();
        let mut paths = Vec::new();
        for path in &resolved {
            let Ok(below) = path.strip_prefix(&root) else {
                return Err(TestError::Elsewhere {
                    path: path.clone(),
                    workspace: root,
                });
            };
            paths.push(below.to_string_lossy().into_owned());
        }
        Ok(Self {
            start: start.to_owned(),
            root,
            paths,
        })
    }

    /// Whether all of a directory is asked for.
    fn holds(&self, directory: &str) -> bool {
        self.paths
            .iter()
            .any(|path| is_above(path, directory) || path == directory)
    }

    /// The test files that were asked for: the files, and of the directories what holds tests.
    fn files(&self, graph: &Graph) -> Vec<String> {
        let mut files = Vec::new();
        for path in &self.paths {
            if self.root.join(path).is_dir() {
                let inside = graph.tests().filter(|test| is_above(path, test));
                files.extend(inside.map(str::to_owned));
            } else {
                files.push(path.clone());
            }
        }
        files
    }
}

/// A path without links; of a file that was deleted what is left of its directories.
fn resolved(path: &Path, may_be_gone: bool) -> Result<PathBuf, TestError> {
    let failed = |cause| TestError::Path {
        path: path.to_owned(),
        cause,
    };
    match fs::canonicalize(path) {
        Err(error) if may_be_gone && error.kind() == std::io::ErrorKind::NotFound => {
            let directory = crate::config::parent_directory(path);
            let name = path.file_name().ok_or_else(|| failed(error))?;
            Ok(fs::canonicalize(directory).map_err(failed)?.join(name))
        }
        result => result.map_err(failed),
    }
}

fn is_above(directory: &str, path: &str) -> bool {
    let rest = path.strip_prefix(directory);
    directory.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

fn below<'a>(path: &'a str, directory: &str) -> &'a str {
    let rest = path.strip_prefix(directory).unwrap_or(path);
    rest.strip_prefix('/').unwrap_or(rest)
}

fn graph(workspace: &Workspace, changed: &[String]) -> Graph {
    let mut files: Vec<File<'_>> = workspace
        .files
        .iter()
        .map(|file| match &file.text {
            Some(text) => File::new(&file.path, text),
            None => File::unread(&file.path),
        })
        .collect();
    let gone = changed
        .iter()
        .filter(|path| workspace.file(path).is_none() && !path.is_empty());
    files.extend(gone.map(|path| File::gone(path)));
    Graph::new(&files)
}

fn projects(workspace: &Workspace) -> Projects {
    let entries = workspace.files.iter().map(|file| {
        let text = match &file.text {
            Some(text) if project::wants_text(&file.path) => Text::Given(text),
            _ => Text::NotGiven,
        };
        (file.path.as_str(), text)
    });
    project::detect(&Tree::new(entries))
}

/// The files by what runs their tests.
#[derive(Default)]
struct Groups {
    /// By the directory of the project and the name of the runner.
    all: BTreeMap<(String, &'static str), (&'static Runner, Vec<String>)>,
    /// What nothing runs.
    without: Vec<String>,
}

impl Groups {
    fn new(config: &Config, place: &Asked, projects: &Projects, files: &[String]) -> Self {
        let mut groups = Self::default();
        let own = config.runner().map(|runner| {
            let directory = config.directory().and_then(|it| fs::canonicalize(it).ok());
            let below =
                directory.and_then(|it| Some(it.strip_prefix(&place.root).ok()?.to_owned()));
            (
                below
                    .map(|it| it.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                runner,
            )
        });
        for file in files {
            let of_config = own
                .clone()
                .filter(|(directory, _)| is_above(directory, file));
            let found = of_config.map_or_else(|| of_project(projects, file), Ok);
            match found {
                Ok((directory, runner)) => {
                    let group = groups
                        .all
                        .entry((directory, runner.name))
                        .or_insert((runner, Vec::new()));
                    group.1.push(file.clone());
                }
                Err(reason) if !groups.without.contains(&reason) => groups.without.push(reason),
                Err(_) => {}
            }
        }
        groups
    }
}

/// The directory and the runner of the project that a file belongs to; the error is for people.
fn of_project(projects: &Projects, file: &str) -> Result<(String, &'static Runner), String> {
    let Some(project) = projects.project_of(file) else {
        return Err(format!(
            "no project was recognised around {file}; name its runner by tests.runner in claude-flow.toml"
        ));
    };
    let Some(runner) = runner_of(project) else {
        let name = project
            .first(Key::Test)
            .map_or("what runs its tests", |it| it.name);
        return Err(format!(
            "{file}: {name} is not known here; tests.runner in claude-flow.toml names another one"
        ));
    };
    Ok((project.directory.clone(), runner))
}

fn runner_of(project: &Project) -> Option<&'static Runner> {
    let mut tests = project.of(Key::Test).filter_map(|found| runner(found.id));
    match project.ecosystem {
        // What runs the tests is what builds.
        "java" | "kotlin" => project.of(Key::Build).find_map(|found| runner(found.id)),
        "cpp" | "c" => {
            let mut builds = project.of(Key::Build);
            builds
                .find(|found| found.id == "cmake")
                .and_then(|_| runner("ctest"))
        }
        _ => tests.next(),
    }
}

/// What a run may look at, with the hashes.
fn inputs(workspace: &Workspace, graph: &Graph, tests: &[String], is_all: bool) -> Vec<Input> {
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    let seen = if is_all {
        Seen::Everything
    } else {
        graph.seen(&tests)
    };
    let files = workspace.files.iter().filter(|file| match &seen {
        Seen::Everything => true,
        Seen::Files(seen) => !graph.is_source(&file.path) || seen.binary_search(&file.path).is_ok(),
    });
    files
        .map(|file| Input {
            path: file.path.clone(),
            blake3: file.hash.to_hex().to_string(),
        })
        .collect()
}
