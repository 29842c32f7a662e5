//! Finds the directories that are projects, reads their manifests, and ties members to roots.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::glob;
use super::judge::Judge;
use super::manifest::{self, Dependency, Document, Manifest};
use super::rules::Ecosystem;
use super::tables::ECOSYSTEMS;
use super::tree::{Text, Tree, join, resolve};

/// How many projects of a tree are looked at; a problem says so if there are more.
pub const PROJECTS_MAX: usize = 4_096;

/// How many files of one directory are read as manifests.
const MANIFESTS_MAX: usize = 256;

/// How many times a pattern of members is held against a project.
const MATCHES_MAX: usize = 1_000_000;

/// How many patterns of what is no member a workspace may have.
const EXCLUDED_MAX: usize = 256;

/// How deep workspaces are looked for within each other.
const NESTING_MAX: usize = 64;

/// Folders whose manifests are data of tests.
const DATA_DIRECTORIES: &[&str] = &[
    "__fixtures__",
    "fixtures",
    "Fixtures",
    "test-data",
    "test_data",
    "testdata",
];

/// Files that speak for the project in whose directory their folder lies.
const FOLDERS: &[&str] = &[
    ".builds/*.yml",
    ".circleci/config.yml",
    ".github/workflows/*.yaml",
    ".github/workflows/*.yml",
    "buildSrc/**/*.gradle",
    "buildSrc/**/*.gradle.kts",
    "ci/*.sh",
    "gradle/**/*.gradle",
    "gradle/**/*.gradle.kts",
    "gradle/**/libs.versions.toml",
    "requirements/*.txt",
    "script/*.sh",
    "scripts/*.sh",
];

/// What the manifests of one directory say together.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) names: BTreeMap<&'static str, String>,
    /// With the file that asks for it, in the order of name and file.
    pub(super) dependencies: Vec<(Dependency, String)>,
    pub(super) documents: Vec<(String, Document)>,
    /// Name, and the file in which it stands.
    pub(super) scripts: BTreeMap<String, (String, String)>,
    /// Normalised command lines with the files in which they stand.
    pub(super) commands: BTreeSet<(String, String)>,
    /// Patterns by the family of the ecosystem.
    pub(super) members: Vec<(&'static str, String)>,
    pub(super) excluded: Vec<(&'static str, String)>,
}

impl Facts {
    pub(super) fn declares_members(&self, family: &str) -> bool {
        self.members.iter().any(|(of, _)| *of == family)
    }

    fn add(&mut self, path: &str, manifest: Manifest) {
        let family = manifest.family;
        if let Some(name) = manifest.name {
            self.names.entry(family).or_insert(name);
        }
        let dependencies = manifest.dependencies.into_iter();
        self.dependencies
            .extend(dependencies.map(|dependency| (dependency, path.to_owned())));
        if let Some(document) = manifest.document {
            self.documents.push((path.to_owned(), document));
        }
        for (name, command) in manifest.scripts {
            self.scripts
                .entry(name)
                .or_insert((command, path.to_owned()));
        }
        let commands = manifest.commands.into_iter();
        self.commands
            .extend(commands.map(|command| (command, path.to_owned())));
        let members = manifest.members.into_iter();
        self.members.extend(members.map(|member| (family, member)));
        let excluded = manifest.excluded.into_iter();
        self.excluded
            .extend(excluded.map(|member| (family, member)));
    }
}

/// A project before its rules were judged.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) directory: String,
    pub(super) ecosystem: &'static Ecosystem,
    pub(super) manifests: Vec<String>,
    /// Index of the workspace's root, which is never a member itself.
    pub(super) root: Option<usize>,
    pub(super) members: Vec<usize>,
}

/// What was found, before it was judged.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) facts: BTreeMap<String, Facts>,
    pub(super) problems: BTreeSet<Problem>,
}

pub(super) fn projects(tree: &Tree<'_>) -> Found {
    let mut found = Found::default();
    if tree.is_cut() {
        found.problems.insert(Problem {
            path: String::new(),
            what: format!(
                "more than {} files, the rest was left out",
                super::FILES_MAX
            ),
        });
    }
    let manifests = ECOSYSTEMS
        .iter()
        .flat_map(|it| it.manifests.iter().chain(it.weak_manifests));
    for directory in tree.directories_with(manifests.copied()) {
        let names = tree.names(directory);
        if directory
            .split('/')
            .any(|part| DATA_DIRECTORIES.contains(&part))
        {
            continue;
        }
        for ecosystem in ECOSYSTEMS {
            if found.candidates.len() >= PROJECTS_MAX {
                found.problems.insert(Problem {
                    path: directory.to_owned(),
                    what: format!("more than {PROJECTS_MAX} projects, the rest was left out"),
                });
                break;
            }
            consider(tree, directory, names, ecosystem, &mut found);
        }
    }
    link(&mut found);
    found
}

fn consider(
    tree: &Tree<'_>,
    directory: &str,
    names: &[&str],
    ecosystem: &'static Ecosystem,
    found: &mut Found,
) {
    let of = |patterns: &[&str]| -> Vec<String> {
        let mut found: Vec<&str> = Vec::new();
        for pattern in patterns {
            if pattern.contains('*') {
                found.extend(
                    names
                        .iter()
                        .filter(|name| glob::name_matches(pattern, name)),
                );
            } else if let Ok(index) = names.binary_search(pattern) {
                found.push(names[index]);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
            .into_iter()
            .map(|name| join(directory, name))
            .collect()
    };
    let mut manifests = of(ecosystem.manifests);
    let is_weak = manifests.is_empty();
    if is_weak {
        manifests = of(ecosystem.weak_manifests);
    }
    if manifests.is_empty() {
        return;
    }
    let is_below_another = || {
        found.candidates.iter().any(|candidate| {
            candidate.ecosystem.id == ecosystem.id
                && super::is_above(&candidate.directory, directory)
        })
    };
    if (is_weak || !ecosystem.is_nested) && is_below_another() {
        return;
    }
    if !found.facts.contains_key(directory) {
        let facts = facts(tree, directory, &mut found.problems);
        found.facts.insert(directory.to_owned(), facts);
    }
    if let Some(when) = &ecosystem.when {
        let judge = Judge::new(tree, directory, ecosystem, &found.facts[directory], false);
        if !judge.holds(when) {
            return;
        }
    }
    found.candidates.push(Candidate {
        directory: directory.to_owned(),
        ecosystem,
        manifests,
        root: None,
        members: Vec::new(),
    });
}

fn facts(tree: &Tree<'_>, directory: &str, problems: &mut BTreeSet<Problem>) -> Facts {
    let mut facts = Facts::default();
    let direct = tree
        .names(directory)
        .iter()
        .map(|name| join(directory, name));
    let mut files: Vec<(String, Text<'_>)> = direct
        .map(|path| {
            let text = tree.text(&path);
            (path, text)
        })
        .collect();
    for pattern in FOLDERS {
        let matching = tree.matching(directory, pattern, MANIFESTS_MAX);
        files.extend(
            matching
                .into_iter()
                .map(|(path, text)| (path.to_owned(), text)),
        );
    }
    let mut read_count = 0;
    for (path, text) in files {
        let what = match text {
            Text::NotGiven => continue,
            Text::TooLarge => "too long to be read".to_owned(),
            Text::Unreadable => "not readable as text".to_owned(),
            Text::Given(text) => {
                let within = super::tree::relative(&path, directory);
                let Some(mut manifest) = manifest::read(within, text) else {
                    continue;
                };
                read_count += 1;
                if read_count > MANIFESTS_MAX {
                    break;
                }
                let problem = manifest.problem.take();
                facts.add(&path, manifest);
                let Some(problem) = problem else {
                    continue;
                };
                problem
            }
        };
        problems.insert(Problem { path, what });
    }
    facts
        .dependencies
        .sort_by(|(a, in_a), (b, in_b)| (&a.name, a.kind, in_a).cmp(&(&b.name, b.kind, in_b)));
    facts
}

/// Ties members to the roots that declare them.
fn link(found: &mut Found) {
    let parents = parents(found);
    for index in 0..parents.len() {
        // Declarations may go in a circle; the way up is bounded.
        let mut root = parents[index];
        for _ in 0..NESTING_MAX {
            match root.and_then(|root| parents[root]) {
                Some(next) if next != index => root = Some(next),
                _ => break,
            }
        }
        let is_circle = root.is_some_and(|root| parents[root].is_some());
        if let Some(root) = root.filter(|_| !is_circle) {
            found.candidates[index].root = Some(root);
            found.candidates[root].members.push(index);
        }
    }
}

/// For each candidate, the first one that declares it as its member.
fn parents(found: &mut Found) -> Vec<Option<usize>> {
    let candidates = &found.candidates;
    let mut parents: Vec<Option<usize>> = vec![None; candidates.len()];
    let by_directory: BTreeMap<(&str, &str), usize> = candidates
        .iter()
        .enumerate()
        .map(|(index, one)| ((one.ecosystem.id, one.directory.as_str()), index))
        .collect();
    let mut matches_left = MATCHES_MAX;
    for (index, root) in candidates.iter().enumerate() {
        let Some(facts) = found.facts.get(&root.directory) else {
            continue;
        };
        let patterns = |list: &[(&str, String)]| -> Vec<String> {
            list.iter()
                .filter(|(family, _)| *family == root.ecosystem.family)
                .filter_map(|(_, pattern)| resolve(&root.directory, pattern))
                .collect()
        };
        let mut excluded = patterns(&facts.excluded);
        excluded.truncate(EXCLUDED_MAX);
        for pattern in patterns(&facts.members) {
            let is_glob = pattern.contains(['*', '?', '{']);
            let named = by_directory
                .get(&(root.ecosystem.id, pattern.as_str()))
                .copied();
            let all = if is_glob { 0..candidates.len() } else { 0..0 };
            let globbed = all.filter(|&other| {
                matches_left = matches_left.saturating_sub(1);
                let other = &candidates[other];
                matches_left > 0
                    && other.ecosystem.id == root.ecosystem.id
                    && glob::path_matches(&pattern, &other.directory)
            });
            for other in named.into_iter().chain(globbed) {
                let directory = &candidates[other].directory;
                let is_excluded = excluded
                    .iter()
                    .any(|one| glob::path_matches(one, directory));
                if other != index && parents[other].is_none() && !is_excluded {
                    parents[other] = Some(index);
                }
            }
        }
    }
    if matches_left == 0 {
        found.problems.insert(Problem {
            path: String::new(),
            what: "too many patterns of members, some were left out".to_owned(),
        });
    }
    parents
}
