//! Commands with places to fill.

use std::fmt;

use super::glob;
use super::rules::Suite;
use super::tree::{Tree, relative};

/// A command and where to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Relative to the tree; empty for its root.
    pub directory: String,
    /// The program, as it is written on a command line.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl fmt::Display for Invocation {
    /// As a shell would read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(f, &self.program)?;
        for argument in &self.arguments {
            f.write_str(" ")?;
            write_quoted(f, argument)?;
        }
        Ok(())
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./:=@%+,".contains(c));
    if is_plain {
        return f.write_str(word);
    }
    write!(f, "'{}'", word.replace('\'', "'\\''"))
}

/// What fills the places of a project's commands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places {
    pub(super) directory: String,
    /// The directory of the workspace's root, or the project's own.
    pub(super) root: String,
    /// The name in the manifest.
    pub(super) name: String,
    /// Words before a script's name.
    pub(super) script: String,
    /// Words before a program that the package manager installed.
    pub(super) exec: String,
    /// Files in the workspace's root that stand for a program, of those that the rules name.
    pub(super) wrappers: Vec<String>,
}

/// One way to run the tests of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileRun {
    template: &'static str,
    files: &'static [&'static str],
    is_at_root: bool,
}

/// How a project's tests are run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Runs {
    all: Option<Invocation>,
    files: Vec<FileRun>,
    places: Places,
}

impl Runs {
    /// Of the suites whose condition holds, in order of preference.
    pub(super) fn new(places: Places, suites: &[&'static Suite]) -> Self {
        let all = suites.iter().find_map(|suite| {
            let template = suite.all?;
            fill(template, &places, suite.is_at_root, None)
        });
        let files = suites.iter().filter_map(|suite| {
            Some(FileRun {
                template: suite.file?,
                files: suite.files,
                is_at_root: suite.is_at_root,
            })
        });
        Self {
            all,
            files: files.collect(),
            places,
        }
    }

    pub(super) const fn all(&self) -> Option<&Invocation> {
        self.all.as_ref()
    }

    pub(super) fn file(&self, directory: &str, path: &str) -> Option<Invocation> {
        if !super::is_above(directory, path) {
            return None;
        }
        let within = relative(path, directory);
        let run = self.files.iter().find(|run| {
            run.files.is_empty()
                || run
                    .files
                    .iter()
                    .any(|pattern| glob::path_matches(pattern, within))
        })?;
        fill(run.template, &self.places, run.is_at_root, Some(path))
    }
}

/// The wrapper scripts that a template names, as `gradlew` in `{gradlew|gradle}`.
pub(super) fn wrappers(tree: &Tree<'_>, root: &str, suites: &[&'static Suite]) -> Vec<String> {
    let mut found = Vec::new();
    let templates = suites
        .iter()
        .flat_map(|suite| [suite.all, suite.file])
        .flatten();
    for word in templates.flat_map(str::split_whitespace) {
        if let Some((wrapper, _)) = choice(word)
            && tree.has(&super::tree::join(root, wrapper))
            && !found.iter().any(|known| known == wrapper)
        {
            found.push(wrapper.to_owned());
        }
    }
    found
}

fn choice(word: &str) -> Option<(&str, &str)> {
    word.strip_prefix('{')?.strip_suffix('}')?.split_once('|')
}

/// Fills a template word by word, so that a space in a path ends no argument.
fn fill(
    template: &str,
    places: &Places,
    is_at_root: bool,
    path: Option<&str>,
) -> Option<Invocation> {
    let directory = if is_at_root {
        &places.root
    } else {
        &places.directory
    };
    let mut words: Vec<String> = Vec::new();
    for word in template.split_whitespace() {
        match word {
            "{script}" => words.extend(places.script.split_whitespace().map(str::to_owned)),
            "{exec}" => words.extend(places.exec.split_whitespace().map(str::to_owned)),
            word => match choice(word) {
                Some((wrapper, program)) => {
                    let is_there = places.wrappers.iter().any(|known| known == wrapper);
                    words.push(if is_there {
                        up(directory, &places.root, wrapper)
                    } else {
                        program.to_owned()
                    });
                }
                None => words.push(placed(word, places, directory, path)?),
            },
        }
    }
    let mut words = words.into_iter();
    Some(Invocation {
        directory: directory.clone(),
        program: words.next()?,
        arguments: words.collect(),
    })
}

/// A script in the root as it is called from a directory below.
fn up(directory: &str, root: &str, wrapper: &str) -> String {
    let below = relative(directory, root);
    if directory == root || below.is_empty() {
        return format!("./{wrapper}");
    }
    format!("{}{wrapper}", "../".repeat(below.split('/').count()))
}

fn placed(word: &str, places: &Places, directory: &str, path: Option<&str>) -> Option<String> {
    if !word.contains('{') {
        return Some(word.to_owned());
    }
    let file = path.map(|path| relative(path, directory));
    let name = file.map(|file| file.rsplit('/').next().unwrap_or(file));
    let stem = name.map(|name| name.split_once('.').map_or(name, |(stem, _)| stem));
    let folder = file.map(|file| match file.rsplit_once('/') {
        Some((folder, _)) => format!("./{folder}"),
        None => ".".to_owned(),
    });
    let project = relative(&places.directory, &places.root);
    let gradle = if project.is_empty() || places.directory == places.root {
        String::new()
    } else {
        format!(":{}", project.replace('/', ":"))
    };
    let mut filled = word.to_owned();
    for (place, value) in [
        (
            "{name}",
            Some(places.name.as_str()).filter(|name| !name.is_empty()),
        ),
        ("{path}", Some(project).filter(|path| !path.is_empty())),
        ("{gradle}", Some(gradle.as_str())),
        ("{dir}", folder.as_deref()),
        ("{stem}", stem),
        ("{file}", file),
    ] {
        // The file comes last: its name may hold braces, which are not places.
        if filled.contains(place) {
            filled = filled.replace(place, value?);
        }
    }
    Some(filled)
}
