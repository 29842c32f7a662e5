//! The detection against labels made by hand: F1 for each key, the test commands, the members.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use claude_flow_lang_detect::project::{Key, Project, Projects, Text, Tree, detect};
use serde::Deserialize;

/// The least F1 of a key, and the least share of right commands.
const LEAST: f64 = 0.95;

#[derive(Debug, Deserialize)]
struct Labels {
    project: Vec<Labelled>,
}

#[derive(Debug, Deserialize)]
struct Labelled {
    name: String,
    split: String,
    part: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    directory: String,
    ecosystem: String,
    /// Absent where nobody labelled it, empty where there is no suite.
    test_command: Option<Vec<String>>,
    members: Option<Vec<String>>,
    test_file: Option<String>,
    #[serde(default)]
    test_file_command: Vec<String>,
    /// The keys, by name.
    #[serde(flatten)]
    keys: BTreeMap<String, Vec<String>>,
}

/// Hits, wrong claims and misses.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    hits: u32,
    wrong: u32,
    missed: u32,
}

impl Score {
    fn f1(self) -> f64 {
        let all = 2 * self.hits + self.wrong + self.missed;
        if all == 0 {
            1.0
        } else {
            f64::from(2 * self.hits) / f64::from(all)
        }
    }
}

/// Scores by what is scored and by split.
#[derive(Debug, Default)]
struct Table {
    scores: BTreeMap<(String, String), Score>,
    misses: Vec<String>,
}

impl Table {
    fn count(&mut self, split: &str, what: &str, score: Score) {
        for split in [split, "all"] {
            let entry = self
                .scores
                .entry((what.to_owned(), split.to_owned()))
                .or_default();
            entry.hits += score.hits;
            entry.wrong += score.wrong;
            entry.missed += score.missed;
        }
    }

    fn sets(
        &mut self,
        at: &str,
        split: &str,
        what: &str,
        expected: &BTreeSet<String>,
        found: &BTreeSet<String>,
    ) {
        let count = |count: usize| u32::try_from(count).expect("a few");
        self.count(
            split,
            what,
            Score {
                hits: count(expected.intersection(found).count()),
                wrong: count(found.difference(expected).count()),
                missed: count(expected.difference(found).count()),
            },
        );
        if expected != found {
            let wrong: Vec<_> = found.difference(expected).collect();
            let missed: Vec<_> = expected.difference(found).collect();
            self.misses.push(format!(
                "{split} {at} {what}: wrong {wrong:?}, missed {missed:?}"
            ));
        }
    }

    fn command(
        &mut self,
        at: &str,
        split: &str,
        what: &str,
        accepted: &[String],
        found: Option<&str>,
    ) {
        let is_right = match found {
            Some(found) => accepted.iter().any(|one| one == found),
            None => accepted.is_empty(),
        };
        let score = Score {
            hits: u32::from(is_right),
            wrong: u32::from(!is_right && found.is_some()),
            missed: u32::from(!is_right && found.is_none()),
        };
        self.count(split, what, score);
        if !is_right {
            self.misses.push(format!(
                "{split} {at} {what}: {found:?} is none of {accepted:?}"
            ));
        }
    }

    fn print(&self) -> String {
        let mut text = format!(
            "{:<16} {:>9} {:>9} {:>9} {:>9}   hits wrong missed\n",
            "F1 or share", "tuned", "held-out", "fresh", "all"
        );
        let whats: BTreeSet<&String> = self.scores.keys().map(|(what, _)| what).collect();
        for what in whats {
            let of = |split: &str| {
                self.scores
                    .get(&(what.clone(), split.to_owned()))
                    .copied()
                    .unwrap_or_default()
            };
            let all = of("all");
            let _ = writeln!(
                text,
                "{what:<16} {:>9.3} {:>9.3} {:>9.3} {:>9.3}   {:>4} {:>5} {:>6}",
                of("tuned").f1(),
                of("held-out").f1(),
                of("fresh").f1(),
                all.f1(),
                all.hits,
                all.wrong,
                all.missed
            );
        }
        text
    }
}

pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lang-detect/projects")
}

/// The listing and the texts of a fixture.
pub(crate) fn unpacked(text: &str) -> Vec<(String, Option<String>)> {
    let mut files: Vec<(String, Option<String>)> = Vec::new();
    let mut is_listing = true;
    for line in text.split_inclusive('\n').skip(2) {
        let border = line
            .strip_prefix("-- ")
            .and_then(|line| line.trim_end().strip_suffix(" --"));
        if let Some(path) = border {
            is_listing = false;
            let at = files
                .iter()
                .position(|(known, _)| known == path)
                .expect("it is listed");
            let entry = (path.to_owned(), Some(String::new()));
            files.remove(at);
            files.push(entry);
        } else if is_listing {
            files.push((line.trim_end().to_owned(), None));
        } else {
            let (_, text) = files.last_mut().expect("a border came before");
            text.get_or_insert_default().push_str(line);
        }
    }
    files
}

pub(crate) fn detected(files: &[(String, Option<String>)]) -> Projects {
    let entries = files.iter().map(|(path, text)| {
        (
            path.as_str(),
            text.as_deref().map_or(Text::NotGiven, Text::Given),
        )
    });
    detect(&Tree::new(entries))
}

fn ids(project: Option<&Project>, key: Key) -> BTreeSet<String> {
    project
        .into_iter()
        .flat_map(|project| project.of(key))
        .map(|finding| finding.id.to_owned())
        .collect()
}

fn part(table: &mut Table, labelled: &Labelled, part: &Part, projects: &Projects) {
    let split = &labelled.split;
    let at = format!("{}/{} {}", labelled.name, part.directory, part.ecosystem);
    let project = projects
        .all()
        .iter()
        .find(|project| project.directory == part.directory && project.ecosystem == part.ecosystem);
    let one = |is_there: bool| {
        is_there
            .then(|| "it".to_owned())
            .into_iter()
            .collect::<BTreeSet<_>>()
    };
    table.sets(&at, split, "project", &one(true), &one(project.is_some()));
    for key in Key::ALL {
        let expected = part
            .keys
            .get(key.name())
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        table.sets(&at, split, key.name(), &expected, &ids(project, key));
    }
    if let Some(members) = &part.members {
        let found = project.map(|project| project.members.iter().cloned().collect());
        table.sets(
            &at,
            split,
            "members",
            &members.iter().cloned().collect(),
            &found.unwrap_or_default(),
        );
    }
    if let Some(accepted) = &part.test_command {
        let found = project.and_then(Project::test_all).map(ToString::to_string);
        table.command(&at, split, "test command", accepted, found.as_deref());
    }
    if let Some(file) = &part.test_file
        && !part.test_file_command.is_empty()
    {
        let found = projects.test_file(file).map(|found| found.to_string());
        table.command(
            &at,
            split,
            "one test file",
            &part.test_file_command,
            found.as_deref(),
        );
    }
}

/// Would catch rules that no longer fit what real projects say of themselves.
/// Prints what differs only for the tuned half, unless `MISSES=all` asks for the other one too.
#[test]
fn labels_of_real_projects_are_met() {
    let text = fs::read_to_string(fixtures().join("labels.toml")).expect("the labels are there");
    let labels: Labels = toml::from_str(&text).expect("the labels can be read");
    let mut table = Table::default();
    for labelled in &labels.project {
        let path = fixtures().join(format!("{}.txtar", labelled.name));
        let text = fs::read_to_string(&path).expect("every labelled project has a fixture");
        let projects = detected(&unpacked(&text));
        for one in &labelled.part {
            part(&mut table, labelled, one, &projects);
        }
    }
    println!("{}", table.print());
    let is_all = std::env::var("MISSES").is_ok_and(|wanted| wanted == "all");
    for miss in table
        .misses
        .iter()
        .filter(|miss| is_all || miss.starts_with("tuned"))
    {
        println!("{miss}");
    }
    assert!(labels.project.len() >= 40);
    for ((what, split), score) in &table.scores {
        if split == "all" {
            assert!(
                score.f1() >= LEAST,
                "{what}: {:.3} is below {LEAST}\n{}",
                score.f1(),
                table.print()
            );
        }
    }
}
