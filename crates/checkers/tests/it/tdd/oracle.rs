//! A naive judge that sees what somebody did, and not what a recorder sees of it.

use std::collections::{BTreeMap, BTreeSet};

use claude_flow_checkers::reports::{Reason, RunState};
use claude_flow_checkers::tdd::{
    Before, Digest, Edit, Event, Kind, Outcome, Rule, Run, Test, Words,
};
use proptest::prelude::*;

/// What somebody does; features have numbers, and feature 0 is there and tested at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    AddTest(u8),
    AddCode(u8),
    Refactor,
    Document,
    Run,
}

pub(super) fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (1_u8..4).prop_map(Action::AddTest),
        3 => (1_u8..4).prop_map(Action::AddCode),
        1 => Just(Action::Refactor),
        1 => Just(Action::Document),
        4 => Just(Action::Run),
    ]
}

const SOURCE: &str = "calc.py";
const TEST: &str = "test_calc.py";

/// A project in the middle of its life.
struct Project {
    code: BTreeSet<u8>,
    tests: BTreeSet<u8>,
    revision: u8,
    pages: u8,
}

impl Project {
    fn new() -> Self {
        Self {
            code: [0].into(),
            tests: [0].into(),
            revision: 0,
            pages: 0,
        }
    }

    /// False if it changes nothing.
    fn apply(&mut self, action: Action) -> bool {
        match action {
            Action::AddTest(feature) => self.tests.insert(feature),
            Action::AddCode(feature) => self.code.insert(feature),
            Action::Refactor => {
                self.revision += 1;
                true
            }
            Action::Document => {
                self.pages += 1;
                true
            }
            Action::Run => true,
        }
    }

    fn failing(&self) -> usize {
        self.tests.difference(&self.code).count()
    }

    fn source(&self) -> Digest {
        hash(&format!("code {:?} {}", self.code, self.revision))
    }

    fn test(&self) -> Digest {
        hash(&format!("tests {:?}", self.tests))
    }

    fn run(&self) -> Event {
        let test = |feature: &u8| Test {
            suite: String::new(),
            name: format!("test_{feature}"),
            file: Some(TEST.to_owned()),
            outcome: if self.code.contains(feature) {
                Outcome::Passed
            } else {
                Outcome::Failed {
                    reason: Reason::Assertion,
                    words: Vec::new(),
                }
            },
        };
        Event::Run(Run {
            state: if self.failing() == 0 {
                RunState::Passed
            } else {
                RunState::Failed
            },
            tests: self.tests.iter().map(test).collect(),
            suites: Vec::new(),
            files: BTreeMap::from([
                (SOURCE.to_owned(), self.source()),
                (TEST.to_owned(), self.test()),
            ]),
            is_whole: true,
            is_copy: false,
        })
    }
}

fn hash(text: &str) -> Digest {
    Digest(*blake3::hash(text.as_bytes()).as_bytes())
}

/// What a recorder sees.
pub(super) fn events(actions: &[Action]) -> Vec<Event> {
    let mut project = Project::new();
    let mut events = vec![project.run()];
    for action in actions {
        let (source, test, pages) = (project.source(), project.test(), project.pages);
        if !project.apply(*action) {
            continue;
        }
        let edit = |path: &str, before, after, kind, words| {
            Event::Edit(Edit {
                path: path.to_owned(),
                from: None,
                before: Before::Was(before),
                after: Some(after),
                kind,
                words,
            })
        };
        let named = |names: Vec<String>, unused: Vec<String>| {
            Some(Words {
                touched: names.clone(),
                declared: unused.clone(),
                unused,
            })
        };
        events.push(match action {
            Action::AddTest(feature) => {
                let words = named(vec![format!("f{feature}")], Vec::new());
                edit(TEST, test, project.test(), Kind::Test, words)
            }
            Action::AddCode(feature) => {
                let name = vec![format!("f{feature}")];
                edit(
                    SOURCE,
                    source,
                    project.source(),
                    Kind::Source,
                    named(name.clone(), name),
                )
            }
            Action::Refactor => edit(
                SOURCE,
                source,
                project.source(),
                Kind::Source,
                named(Vec::new(), Vec::new()),
            ),
            Action::Document => edit(
                "README.md",
                hash(&format!("{pages}")),
                hash(&format!("{}", project.pages)),
                Kind::Documentation,
                None,
            ),
            Action::Run => project.run(),
        });
    }
    events
}

const NOT_ESTABLISHED: (&str, Option<Rule>) = ("not_established", None);
const COMPLIANT: (&str, Option<Rule>) = ("compliant", None);

/// The verdict on the last round of work.
pub(super) fn verdict(actions: &[Action]) -> (&'static str, Option<Rule>) {
    let mut project = Project::new();
    // The actions of a round, each with the number of tests that fail after it.
    let mut round: Vec<(Action, usize)> = Vec::new();
    let mut last = (Vec::new(), true);
    for action in actions {
        if !project.apply(*action) || *action == Action::Document {
            continue;
        }
        if *action == Action::Run && round.iter().all(|it| it.0 == Action::Run) {
            continue;
        }
        round.push((*action, project.failing()));
        last = (round.clone(), false);
        if *action == Action::Run && project.failing() == 0 {
            last.1 = true;
            round.clear();
        }
    }
    of_round(&last.0, last.1)
}

fn of_round(round: &[(Action, usize)], is_closed: bool) -> (&'static str, Option<Rule>) {
    let is_test = |it: &(Action, usize)| matches!(it.0, Action::AddTest(_));
    let is_code = |it: &(Action, usize)| matches!(it.0, Action::AddCode(_) | Action::Refactor);
    let complete = if is_closed {
        COMPLIANT
    } else {
        NOT_ESTABLISHED
    };
    let Some(first_code) = round.iter().position(is_code) else {
        return complete;
    };
    let Some(first_test) = round.iter().position(is_test) else {
        let is_addition = round.iter().any(|it| matches!(it.0, Action::AddCode(_)));
        return if is_addition {
            NOT_ESTABLISHED
        } else {
            complete
        };
    };
    let last_test = round.iter().rposition(is_test).unwrap_or(0);
    // A run that fails, with a test edited since the code was.
    let is_red = |at: usize| {
        let before = &round[..at];
        let last = before.iter().rposition(|it| is_test(it) || is_code(it));
        let test = before.iter().rposition(is_test);
        let code = before.iter().rposition(is_code);
        last.is_some() && test > code && round[at].0 == Action::Run && round[at].1 > 0
    };
    let reds: Vec<usize> = (0..round.len()).filter(|at| is_red(*at)).collect();
    if reds.first().is_none_or(|red| *red > first_code) {
        let added_later = |feature: u8| round.iter().any(|it| it.0 == Action::AddTest(feature));
        let is_named = round[..first_test]
            .iter()
            .any(|it| matches!(it.0, Action::AddCode(feature) if added_later(feature)));
        let was_run = round[last_test..].iter().any(|it| it.0 == Action::Run);
        let is_code_first = first_code < first_test && is_named && was_run && reds.is_empty();
        return if is_code_first {
            ("violation", Some(Rule::TestFirst))
        } else {
            NOT_ESTABLISHED
        };
    }
    let mut driver = 0;
    for (at, _) in round.iter().enumerate().filter(|(_, it)| is_code(it)) {
        driver = *reds.iter().rfind(|red| **red < at).unwrap_or(&0);
        if round[driver].1 > 1 {
            return ("violation", Some(Rule::OneFailingTest));
        }
    }
    if last_test > driver {
        NOT_ESTABLISHED
    } else {
        complete
    }
}
