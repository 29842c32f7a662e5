//! Judges the rules over what was found.

use std::collections::BTreeMap;

use memchr::memmem;

use super::blank;
use super::find::{Candidate, Facts, Found};
use super::glob;
use super::manifest::{self, Dependency, DependencyKind};
use super::rules::{Condition, Detector, Ecosystem, Suite};
use super::run::{self, Places, Runs};
use super::tree::{Text, Tree, relative};
use super::{Confidence, Evidence, EvidenceKind, Finding, Key, Problem, Project, Projects};

/// How many pieces of evidence a finding keeps.
const EVIDENCE_MAX: usize = 12;

/// In how many files a text is looked for.
const CONTENT_FILES_MAX: usize = 512;

/// Keys that belong to a workspace and not to its members.
const OF_THE_ROOT: &[Key] = &[Key::PackageManager, Key::Monorepo];

/// Keys that a member takes over from its workspace's root if it has nothing of its own, and a
/// root from its members.
const SHARED: &[Key] = &[
    Key::Test,
    Key::Coverage,
    Key::Formatter,
    Key::Linter,
    Key::TypeChecker,
];

/// One ecosystem's rules over one directory.
#[derive(Debug)]
pub(super) struct Judge<'t, 'f> {
    tree: &'f Tree<'t>,
    directory: &'f str,
    ecosystem: &'static Ecosystem,
    facts: &'f Facts,
    is_member: bool,
    found: Vec<&'static str>,
}

impl<'t, 'f> Judge<'t, 'f> {
    pub(super) fn new(
        tree: &'f Tree<'t>,
        directory: &'f str,
        ecosystem: &'static Ecosystem,
        facts: &'f Facts,
        is_member: bool,
    ) -> Self {
        Self {
            tree,
            directory,
            ecosystem,
            facts,
            is_member,
            found: Vec::new(),
        }
    }

    pub(super) fn holds(&self, condition: &Condition) -> bool {
        self.judge(condition, &mut Vec::new())
    }

    /// Whether a condition holds, and what speaks for it.
    fn judge(&self, condition: &Condition, evidence: &mut Vec<Evidence>) -> bool {
        match condition {
            Condition::Every(all) => {
                let before = evidence.len();
                let holds = all.iter().all(|condition| self.judge(condition, evidence));
                if !holds {
                    evidence.truncate(before);
                }
                holds
            }
            // Every one is asked, since each is evidence.
            Condition::Some(any) => {
                let held = any
                    .iter()
                    .filter(|condition| self.judge(condition, evidence));
                held.count() > 0
            }
            Condition::Not(condition) => !self.judge(condition, &mut Vec::new()),
            Condition::Path(pattern) => {
                let files = self.tree.matching(self.directory, pattern, 1);
                let file = files.first().map(|(path, _)| (*path).to_owned());
                add(evidence, EvidenceKind::Path, file, || "is there".to_owned())
            }
            Condition::Dependency(name) => {
                let found = self.dependency(name, false);
                Self::depends(evidence, found)
            }
            Condition::Runtime(name) => {
                let found = self.dependency(name, true);
                Self::depends(evidence, found)
            }
            Condition::Key { file, key, starts } => self.key(evidence, file, key, starts),
            Condition::Content { file, text } => {
                let found = self.content(file, text);
                add(evidence, EvidenceKind::Content, found, || {
                    (*text).to_owned()
                })
            }
            Condition::Command(program) => {
                let found = self.command(program);
                let file = found.map(|(_, file)| file.clone());
                add(evidence, EvidenceKind::Command, file, || {
                    found
                        .map(|(command, _)| command.clone())
                        .unwrap_or_default()
                })
            }
            Condition::Script(name) => {
                let found = self.facts.scripts.get(*name);
                let found = found.filter(|(command, _)| !is_placeholder(command));
                let file = found.map(|(_, file)| file.clone());
                add(evidence, EvidenceKind::Script, file, || {
                    found
                        .map(|(command, _)| format!("{name}: {command}"))
                        .unwrap_or_default()
                })
            }
            Condition::Found(id) => self.found.contains(id),
            Condition::Workspace => self.workspace(evidence),
            Condition::Member => self.is_member,
            Condition::Toolchain => {
                let name = self.ecosystem.name;
                add(
                    evidence,
                    EvidenceKind::Toolchain,
                    Some(String::new()),
                    || format!("ships with {name}"),
                )
            }
        }
    }

    fn workspace(&self, evidence: &mut Vec<Evidence>) -> bool {
        let holds = self.facts.declares_members(self.ecosystem.family);
        let file = holds.then(String::new);
        add(evidence, EvidenceKind::Workspace, file, || {
            "it declares members".to_owned()
        })
    }

    fn dependency(&self, name: &str, is_runtime: bool) -> Option<&'f (Dependency, String)> {
        let is_wanted = |dependency: &Dependency| {
            dependency.family == self.ecosystem.family
                && (!is_runtime || dependency.kind == DependencyKind::Runtime)
        };
        let all = &self.facts.dependencies;
        let prefix = name.split('*').next().unwrap_or_default();
        let from = all.partition_point(|(dependency, _)| dependency.name.as_str() < prefix);
        all[from..]
            .iter()
            .take_while(|(dependency, _)| dependency.name.starts_with(prefix))
            .find(|(dependency, _)| {
                is_wanted(dependency) && glob::name_matches(name, &dependency.name)
            })
    }

    fn depends(evidence: &mut Vec<Evidence>, found: Option<&(Dependency, String)>) -> bool {
        let file = found.map(|(_, file)| file.clone());
        add(evidence, EvidenceKind::Dependency, file, || {
            found
                .map(|(dependency, _)| format!("{} {}", dependency.name, dependency.requirement))
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        })
    }

    fn key(&self, evidence: &mut Vec<Evidence>, file: &str, key: &str, starts: &str) -> bool {
        let found = self.facts.documents.iter().find_map(|(path, document)| {
            let within = relative(path, self.directory);
            let value = glob::name_matches(file, within)
                .then(|| manifest::value_of(document, key))
                .flatten()?;
            value.starts_with(starts).then(|| (path.clone(), value))
        });
        let value = found
            .as_ref()
            .map(|(_, value)| value.clone())
            .unwrap_or_default();
        add(
            evidence,
            EvidenceKind::Key,
            found.map(|(path, _)| path),
            || {
                let shown: String = value.chars().take(80).collect();
                format!("{key} {shown}").trim_end().to_owned()
            },
        )
    }

    fn content(&self, pattern: &str, text: &str) -> Option<String> {
        let files = self
            .tree
            .matching(self.directory, pattern, CONTENT_FILES_MAX);
        let found = files.into_iter().find(|(path, content)| {
            let Text::Given(content) = content else {
                return false;
            };
            // Blanking costs a copy: only what holds the text at all is looked at closely.
            holds_word(content, text) && holds_word(&without_comments(path, content), text)
        });
        found.map(|(path, _)| path.to_owned())
    }

    fn command(&self, program: &str) -> Option<&'f (String, String)> {
        let from = (program.to_owned(), String::new());
        self.facts
            .commands
            .range(from..)
            .take_while(|(command, _)| command.starts_with(program))
            .find(|(command, _)| {
                let rest = &command[program.len()..];
                rest.is_empty() || rest.starts_with([' ', '@', '\\'])
            })
    }

    fn finding(&self, detector: &'static Detector) -> Option<Finding> {
        let mut evidence = Vec::new();
        if !self.judge(&detector.when, &mut evidence) {
            return None;
        }
        let version = self.version(detector, &evidence);
        if evidence.is_empty() {
            evidence.push(Evidence {
                kind: EvidenceKind::Habit,
                file: String::new(),
                what: "such projects use it if they say nothing".to_owned(),
            });
        }
        evidence.truncate(EVIDENCE_MAX);
        Some(Finding {
            key: detector.key,
            id: detector.id,
            name: detector.name,
            version,
            confidence: self.confidence(detector, &evidence),
            evidence,
            reports: detector.reports,
            from: None,
        })
    }

    fn confidence(&self, detector: &Detector, evidence: &[Evidence]) -> Confidence {
        let has = |kind| evidence.iter().any(|one: &Evidence| one.kind == kind);
        let is_manifest = |one: &Evidence| {
            let name = one.file.rsplit('/').next().unwrap_or_default();
            let mut manifests = self.ecosystem.manifests.iter();
            one.kind == EvidenceKind::Path
                && manifests.any(|manifest| glob::name_matches(manifest, name))
        };
        let mut kinds: Vec<EvidenceKind> = evidence.iter().map(|one| one.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if detector.is_fallback || has(EvidenceKind::Habit) {
            Confidence::Habit
        } else if kinds.len() > 1
            || has(EvidenceKind::Key)
            || has(EvidenceKind::Toolchain)
            || evidence.iter().any(is_manifest)
        {
            Confidence::Certain
        } else {
            Confidence::Likely
        }
    }

    fn version(&self, detector: &Detector, evidence: &[Evidence]) -> Option<String> {
        let name = if let Some(name) = detector.version {
            name
        } else {
            let found = evidence
                .iter()
                .find(|one| one.kind == EvidenceKind::Dependency)?;
            found
                .what
                .split_once(' ')
                .map_or(found.what.as_str(), |(name, _)| name)
        };
        let (dependency, _) = self.dependency(name, false)?;
        Some(dependency.requirement.clone()).filter(|requirement| !requirement.is_empty())
    }
}

fn add(
    evidence: &mut Vec<Evidence>,
    kind: EvidenceKind,
    file: Option<String>,
    what: impl FnOnce() -> String,
) -> bool {
    let Some(file) = file else {
        return false;
    };
    let one = Evidence {
        kind,
        file,
        what: what(),
    };
    if !evidence.contains(&one) {
        evidence.push(one);
    }
    true
}

/// What `npm init` writes for want of a test.
fn is_placeholder(command: &str) -> bool {
    command.contains("no test specified")
}

/// Whether a text stands between the borders of words.
fn holds_word(content: &str, text: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let starts_with_word = is_word(text.chars().next());
    let ends_with_word = is_word(text.chars().next_back());
    memmem::find_iter(content.as_bytes(), text).any(|at| {
        let before = content[..at].chars().next_back();
        let after = content[at + text.len()..].chars().next();
        !(starts_with_word && is_word(before) || ends_with_word && is_word(after))
    })
}

fn without_comments(path: &str, content: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_slashes = [".gradle", ".kts", ".swift", ".js", ".ts", ".mjs", ".cjs"]
        .iter()
        .any(|ending| name.ends_with(ending));
    if is_slashes {
        blank::slashes(content)
    } else if glob::name_matches("*.{xml,json}", name) {
        content.to_owned()
    } else {
        blank::hashes(content)
    }
}

/// Judges every candidate.
pub(super) fn projects(tree: &Tree<'_>, found: Found) -> Projects {
    let mut judged: Vec<Judged> = found
        .candidates
        .iter()
        .map(|candidate| judge(tree, candidate, &found.facts))
        .collect();
    share(&found.candidates, &mut judged);
    let mut all = Vec::with_capacity(judged.len());
    for (candidate, judged) in found.candidates.iter().zip(judged) {
        all.push(project(tree, &found, candidate, judged));
    }
    let mut problems: Vec<Problem> = found.problems.into_iter().collect();
    problems.sort();
    Projects { all, problems }
}

/// What one candidate has of its own, and what it falls back on.
#[derive(Debug, Clone, Default)]
struct Judged {
    findings: Vec<Finding>,
    fallbacks: Vec<Finding>,
    also_locked: Vec<Finding>,
}

fn judge(tree: &Tree<'_>, candidate: &Candidate, facts: &BTreeMap<String, Facts>) -> Judged {
    let Some(facts) = facts.get(&candidate.directory) else {
        return Judged::default();
    };
    let ecosystem = candidate.ecosystem;
    let is_member = candidate.root.is_some();
    let mut judge = Judge::new(tree, &candidate.directory, ecosystem, facts, is_member);
    let mut judged = Judged::default();
    for detector in ecosystem.detectors {
        if let Some(finding) = judge.finding(detector) {
            judge.found.push(detector.id);
            let list = if detector.is_fallback {
                &mut judged.fallbacks
            } else {
                &mut judged.findings
            };
            if !list
                .iter()
                .any(|known| known.key == finding.key && known.id == finding.id)
            {
                list.push(finding);
            }
        }
    }
    one_package_manager(&mut judged);
    judged
}

/// A project has one package manager: the declared one, or else that of the first lock file.
fn one_package_manager(judged: &mut Judged) {
    let strength = |finding: &Finding| {
        let has = |kind| finding.evidence.iter().any(|one| one.kind == kind);
        (
            has(EvidenceKind::Key),
            has(EvidenceKind::Path),
            finding.evidence.len(),
        )
    };
    let managers = judged
        .findings
        .extract_if(.., |finding| finding.key == Key::PackageManager);
    let mut managers: Vec<Finding> = managers.collect();
    // Stable: of equals the first in the data stays first.
    managers.sort_by_key(|finding| std::cmp::Reverse(strength(finding)));
    let mut managers = managers.into_iter();
    judged.findings.splice(0..0, managers.next());
    judged.also_locked = managers.collect();
}

/// Hands findings down to members and up to roots, and falls back where there is nothing.
fn share(candidates: &[Candidate], judged: &mut [Judged]) {
    let has = |judged: &Judged, key: Key| judged.findings.iter().any(|one| one.key == key);
    for (index, candidate) in candidates.iter().enumerate() {
        for &key in SHARED {
            if candidate.members.is_empty() || has(&judged[index], key) {
                continue;
            }
            let mut taken: Vec<Finding> = Vec::new();
            for &member in &candidate.members {
                for finding in judged[member].findings.iter().filter(|one| one.key == key) {
                    if !taken.iter().any(|known| known.id == finding.id) {
                        let from = Some(candidates[member].directory.clone());
                        taken.push(Finding {
                            from,
                            ..finding.clone()
                        });
                    }
                }
            }
            judged[index].findings.extend(taken);
        }
    }
    for (index, candidate) in candidates.iter().enumerate() {
        fall_back(&mut judged[index]);
        if candidate.root.is_none() {
            continue;
        }
        judged[index]
            .findings
            .retain(|one| !OF_THE_ROOT.contains(&one.key));
    }
    for (index, candidate) in candidates.iter().enumerate() {
        let Some(root) = candidate.root else {
            continue;
        };
        for &key in OF_THE_ROOT.iter().chain(SHARED) {
            let own = judged[index].findings.iter().filter(|one| one.key == key);
            if own.clone().any(|one| one.confidence > Confidence::Habit) {
                continue;
            }
            // What the root itself has, and not what it took over from other members.
            let from_root = |one: &&Finding| one.key == key && one.from.is_none();
            let taken: Vec<Finding> = judged[root]
                .findings
                .iter()
                .filter(from_root)
                .cloned()
                .collect();
            if taken.is_empty() {
                continue;
            }
            judged[index].findings.retain(|one| one.key != key);
            let from = Some(candidates[root].directory.clone());
            judged[index]
                .findings
                .extend(taken.into_iter().map(|one| Finding {
                    from: from.clone(),
                    ..one
                }));
        }
    }
}

/// Where a key has nothing at all, the fallbacks of the data stand in: all of a key that has none.
fn fall_back(judged: &mut Judged) {
    let missing: Vec<Finding> = judged
        .fallbacks
        .drain(..)
        .filter(|fallback| !judged.findings.iter().any(|one| one.key == fallback.key))
        .collect();
    judged.findings.extend(missing);
}

fn project(tree: &Tree<'_>, found: &Found, candidate: &Candidate, mut judged: Judged) -> Project {
    // Stable: within a key the order of the data stays.
    judged.findings.sort_by_key(|finding| finding.key);
    let directory_of = |index: usize| found.candidates[index].directory.clone();
    let root = candidate.root.map(directory_of);
    let mut members: Vec<String> = candidate
        .members
        .iter()
        .copied()
        .map(directory_of)
        .collect();
    members.sort();
    let facts = found.facts.get(&candidate.directory);
    let name = facts
        .and_then(|facts| facts.names.get(candidate.ecosystem.family))
        .cloned();
    let runs = runs(
        tree,
        candidate,
        facts,
        &judged,
        name.as_deref(),
        root.as_deref(),
    );
    Project {
        directory: candidate.directory.clone(),
        ecosystem: candidate.ecosystem.id,
        ecosystem_name: candidate.ecosystem.name,
        name,
        manifests: candidate.manifests.clone(),
        workspace: root,
        members,
        findings: judged.findings,
        also_locked: judged.also_locked,
        is_compiled: candidate.ecosystem.is_compiled,
        extensions: candidate.ecosystem.extensions,
        runs,
    }
}

fn runs(
    tree: &Tree<'_>,
    candidate: &Candidate,
    facts: Option<&Facts>,
    judged: &Judged,
    name: Option<&str>,
    root: Option<&str>,
) -> Runs {
    let Some(facts) = facts else {
        return Runs::default();
    };
    let ecosystem = candidate.ecosystem;
    let mut judge = Judge::new(tree, &candidate.directory, ecosystem, facts, root.is_some());
    judge.found = judged.findings.iter().map(|finding| finding.id).collect();
    let suites: Vec<&'static Suite> = ecosystem
        .suites
        .iter()
        .filter(|suite| judge.holds(&suite.when))
        .collect();
    let manager = judged
        .findings
        .iter()
        .find(|one| one.key == Key::PackageManager);
    let manager = manager.and_then(|one| {
        ecosystem
            .detectors
            .iter()
            .find(|detector| detector.key == one.key && detector.id == one.id)
    });
    let root = root.unwrap_or(&candidate.directory);
    let places = Places {
        directory: candidate.directory.clone(),
        root: root.to_owned(),
        name: name.unwrap_or_default().to_owned(),
        script: manager
            .and_then(|one| one.script)
            .unwrap_or_default()
            .to_owned(),
        exec: manager
            .and_then(|one| one.exec)
            .unwrap_or_default()
            .to_owned(),
        wrappers: run::wrappers(tree, root, &suites),
    };
    Runs::new(places, &suites)
}
