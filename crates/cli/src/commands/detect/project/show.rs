//! Shows projects to people, and names what the JSON document holds.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use claude_flow::lang_detect::project::{Confidence, Finding, Invocation, Key, Part, Projects};
use serde::Serialize;

use super::read::Listing;
use crate::visible::{visible, visible_short};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// How many directories of members people are shown.
const MEMBERS_SHOWN: usize = 8;

/// How many characters of a piece of evidence people are shown.
const EVIDENCE_CHARS_MAX: usize = 100;

/// Everything that is told; the JSON document has these names.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// The folder that was looked at: the repository's root, or the directory.
    root: String,
    /// The directory that was asked for, relative to the root.
    directory: String,
    projects: Vec<Shown>,
    problems: Vec<ShownProblem>,
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    directory: String,
    ecosystem: &'static str,
    #[serde(skip)]
    ecosystem_name: &'static str,
    name: Option<String>,
    manifests: Vec<String>,
    workspace: Option<String>,
    members: Vec<String>,
    tier: &'static str,
    parts: Vec<&'static str>,
    test_command: Option<ShownCommand>,
    findings: BTreeMap<&'static str, Vec<ShownFinding>>,
    also_locked: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct ShownCommand {
    directory: String,
    /// As a shell reads it.
    text: String,
    program: String,
    arguments: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownFinding {
    id: &'static str,
    name: &'static str,
    version: Option<String>,
    confidence: &'static str,
    reports: &'static [&'static str],
    from: Option<String>,
    evidence: Vec<ShownEvidence>,
}

#[derive(Debug, Serialize)]
struct ShownEvidence {
    kind: &'static str,
    file: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct ShownProblem {
    path: String,
    what: String,
}

impl Answer {
    pub(super) fn new(listing: &Listing, projects: &Projects) -> Self {
        let below = listing.below.as_str();
        let is_asked_for = |path: &str| {
            below.is_empty()
                || path == below
                || path
                    .strip_prefix(below)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        // A folder within a project holds none of its own: the project around it is the answer.
        let around = projects
            .project_of(below)
            .map(|project| project.directory.as_str());
        let holds_one = projects
            .all()
            .iter()
            .any(|project| is_asked_for(&project.directory));
        let is_shown =
            |directory: &str| is_asked_for(directory) || !holds_one && Some(directory) == around;
        let shown = projects
            .all()
            .iter()
            .filter(|project| is_shown(&project.directory));
        let problems = projects.problems().iter().map(|problem| ShownProblem {
            path: problem.path.clone(),
            what: problem.what.clone(),
        });
        Self {
            root: listing.root.to_string_lossy().into_owned(),
            directory: below.to_owned(),
            projects: shown.map(Shown::new).collect(),
            problems: problems.collect(),
            left_out: listing.left_out.clone(),
        }
    }

    pub(super) fn write(&self, is_explained: bool, out: &mut dyn Write) -> io::Result<()> {
        if self.projects.is_empty() {
            writeln!(out, "no project found in {}", visible(&self.root))?;
        }
        for (index, project) in self.projects.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            project.write(is_explained, out)?;
        }
        for problem in &self.problems {
            let (path, what) = (visible(&problem.path), visible(&problem.what));
            writeln!(out, "{YELLOW}not understood{YELLOW:#}: {path}: {what}")?;
        }
        for what in &self.left_out {
            writeln!(out, "{YELLOW}left out{YELLOW:#}: {}", visible(what))?;
        }
        Ok(())
    }
}

impl Shown {
    fn new(project: &claude_flow::lang_detect::project::Project) -> Self {
        let mut findings = BTreeMap::<&str, Vec<ShownFinding>>::new();
        for finding in &project.findings {
            let list = findings.entry(finding.key.name()).or_default();
            list.push(ShownFinding::new(finding));
        }
        Self {
            directory: project.directory.clone(),
            ecosystem: project.ecosystem,
            ecosystem_name: project.ecosystem_name,
            name: project.name.clone(),
            manifests: project.manifests.clone(),
            workspace: project.workspace.clone(),
            members: project.members.clone(),
            tier: project.tier().name(),
            parts: project.parts().into_iter().map(Part::name).collect(),
            test_command: project.test_all().map(ShownCommand::new),
            findings,
            also_locked: project.also_locked.iter().map(|one| one.name).collect(),
        }
    }

    fn write(&self, is_explained: bool, out: &mut dyn Write) -> io::Result<()> {
        let directory = if self.directory.is_empty() {
            "."
        } else {
            &self.directory
        };
        let ecosystem = self.ecosystem_name;
        write!(out, "{BOLD}{}{BOLD:#}  {ecosystem}", visible(directory))?;
        if let Some(name) = &self.name {
            write!(out, ", {}", visible_short(name, EVIDENCE_CHARS_MAX))?;
        }
        writeln!(out, "  {DIM}tier {}{DIM:#}", self.tier)?;
        if let Some(workspace) = &self.workspace {
            let workspace = if workspace.is_empty() { "." } else { workspace };
            line(out, "member of", &visible(workspace))?;
        }
        for key in Key::ALL {
            let Some(findings) = self.findings.get(key.name()) else {
                continue;
            };
            let names: Vec<String> = findings.iter().map(ShownFinding::text).collect();
            line(out, &key.name().replace('_', " "), &names.join(", "))?;
            if is_explained {
                for finding in findings {
                    finding.explain(out)?;
                }
            }
        }
        if !self.also_locked.is_empty() {
            line(out, "also locked by", &self.also_locked.join(", "))?;
        }
        match &self.test_command {
            Some(command) if command.directory == self.directory => {
                line(out, "run the tests", &visible(&command.text))?;
            }
            Some(command) => {
                let at = if command.directory.is_empty() {
                    "."
                } else {
                    &command.directory
                };
                line(
                    out,
                    "run the tests",
                    &format!("{} (in {})", visible(&command.text), visible(at)),
                )?;
            }
            None => line(out, "run the tests", "not known")?,
        }
        if !self.members.is_empty() {
            let shown: Vec<_> = self
                .members
                .iter()
                .take(MEMBERS_SHOWN)
                .map(|one| visible(one))
                .collect();
            let more = self.members.len().saturating_sub(MEMBERS_SHOWN);
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            line(out, "members", &format!("{}{more}", shown.join(", ")))?;
        }
        Ok(())
    }
}

fn line(out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {label:<16} {text}")
}

impl ShownCommand {
    fn new(command: &Invocation) -> Self {
        Self {
            directory: command.directory.clone(),
            text: command.to_string(),
            program: command.program.clone(),
            arguments: command.arguments.clone(),
        }
    }
}

impl ShownFinding {
    fn new(finding: &Finding) -> Self {
        let evidence = finding.evidence.iter().map(|one| ShownEvidence {
            kind: one.kind.name(),
            file: one.file.clone(),
            what: one.what.clone(),
        });
        Self {
            id: finding.id,
            name: finding.name,
            version: finding.version.clone(),
            confidence: finding.confidence.name(),
            reports: finding.reports,
            from: finding.from.clone(),
            evidence: evidence.collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = self.name.to_owned();
        if let Some(version) = &self.version {
            text.push(' ');
            text.push_str(&visible_short(version, 24));
        }
        if self.confidence == Confidence::Habit.name() {
            text.push_str(" (by habit)");
        }
        text
    }

    fn explain(&self, out: &mut dyn Write) -> io::Result<()> {
        let from = match self.from.as_deref() {
            None => String::new(),
            Some("") => ", taken over from .".to_owned(),
            Some(from) => format!(", taken over from {}", visible(from)),
        };
        writeln!(
            out,
            "{DIM}    {} is {}{from}{DIM:#}",
            self.name, self.confidence
        )?;
        for one in &self.evidence {
            let what = visible_short(&one.what, EVIDENCE_CHARS_MAX);
            let file = visible(&one.file);
            let file = if file.is_empty() {
                String::new()
            } else {
                format!(" {file}:")
            };
            writeln!(out, "{DIM}      {}{file} {what}{DIM:#}", one.kind)?;
        }
        if !self.reports.is_empty() {
            writeln!(out, "{DIM}      writes {}{DIM:#}", self.reports.join(", "))?;
        }
        Ok(())
    }
}
