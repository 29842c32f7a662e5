//! What recorded edits and runs tell of test-driven development.

mod oracle;
mod stories;

use std::collections::BTreeMap;
use std::fs;

use claude_flow_checkers::reports::{Reason, RunState};
use claude_flow_checkers::tdd::{
    Before, Contents, Digest, Edit, Event, Failed, Kind, Outcome, Rule, Run, Test, Verdict,
    describe, follow, kind_of_path, mutants,
};
use claude_flow_lang_detect::Language;
use proptest::prelude::*;

use self::stories::{History, Step, TestResult, histories};
use crate::fixtures_dir;

/// The least share of right verdicts, in percent.
const RIGHT_MIN: usize = 95;

/// The stories as they lie in the repository; `WRITE_FIXTURES=1` writes them anew from the script.
fn recorded() -> Vec<History> {
    let path = fixtures_dir().join("tdd/histories.jsonl");
    let script: String = histories()
        .iter()
        .map(|it| serde_json::to_string(it).expect("a history is JSON") + "\n")
        .collect();
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        fs::write(&path, &script).expect("the fixtures can be written");
    }
    let text = fs::read_to_string(&path).expect("the fixtures are there");
    assert!(
        text == script,
        "the script makes other histories: run this test with WRITE_FIXTURES=1"
    );
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is a history"))
        .collect()
}

fn digest(content: &str) -> Digest {
    Digest(*blake3::hash(content.as_bytes()).as_bytes())
}

/// The events that a recorder sees of a history.
fn events(history: &History) -> Vec<Event> {
    let mut tree: BTreeMap<String, String> = BTreeMap::new();
    let mut events = Vec::new();
    for step in &history.steps {
        events.extend(event(step, &mut tree));
    }
    events
}

fn event(step: &Step, tree: &mut BTreeMap<String, String>) -> Option<Event> {
    let before_of = |old: Option<&String>| old.map_or(Before::Absent, |it| Before::Was(digest(it)));
    Some(match step {
        Step::Put { path, content } => {
            tree.insert(path.clone(), content.clone());
            return None;
        }
        Step::Write { path, content } => {
            let old = tree.insert(path.clone(), content.clone());
            let (kind, words) = describe(&Contents {
                path,
                before: Some(old.as_ref().map(String::as_bytes)),
                after: content.as_bytes(),
            });
            let (before, after) = (before_of(old.as_ref()), Some(digest(content)));
            Event::Edit(Edit {
                path: path.clone(),
                from: None,
                before,
                after,
                kind,
                words,
            })
        }
        Step::Delete { path } => {
            let before = before_of(tree.remove(path).as_ref());
            let kind = kind_of_path(path);
            Event::Edit(Edit {
                path: path.clone(),
                from: None,
                before,
                after: None,
                kind,
                words: None,
            })
        }
        Step::Rename { from, to } => {
            let content = tree.remove(from).expect("it is there");
            let (before, after) = (before_of(Some(&content)), Some(digest(&content)));
            tree.insert(to.clone(), content);
            let kind = kind_of_path(to);
            Event::Edit(Edit {
                path: to.clone(),
                from: Some(from.clone()),
                before,
                after,
                kind,
                words: None,
            })
        }
        Step::Run {
            results,
            suites,
            copy,
            blind,
        } => {
            let mut seen = tree.clone();
            for (path, content) in copy.iter().flatten() {
                seen.remove(path);
                seen.extend(content.clone().map(|it| (path.clone(), it)));
            }
            seen.retain(|path, _| !blind.contains(path));
            let files = seen
                .iter()
                .map(|(path, it)| (path.clone(), digest(it)))
                .collect();
            Event::Run(run(results, suites, files, copy.is_some()))
        }
    })
}

fn run(
    results: &[TestResult],
    suites: &[TestResult],
    files: BTreeMap<String, Digest>,
    is_copy: bool,
) -> Run {
    let is_red = !suites.is_empty() || results.iter().any(|it| it.reason.is_some());
    let failure = |it: &TestResult| claude_flow_checkers::reports::Failure {
        reason: reason(it.reason.as_deref().expect("it failed")),
        message: it.message.clone(),
        expected: None,
        actual: None,
    };
    let test = |it: &TestResult| claude_flow_checkers::reports::TestResult {
        suite: String::new(),
        name: it.name.clone(),
        file: None,
        line: None,
        outcome: match it.reason {
            Some(_) => claude_flow_checkers::reports::TestOutcome::Failed(Box::new(failure(it))),
            None => claude_flow_checkers::reports::TestOutcome::Passed,
        },
        duration: None,
    };
    let suite = |it: &TestResult| claude_flow_checkers::reports::SuiteFailure {
        name: it.name.clone(),
        failure: failure(it),
    };
    let read = claude_flow_checkers::reports::Run {
        state: if is_red {
            RunState::Failed
        } else {
            RunState::Passed
        },
        why: None,
        tests: results.iter().map(test).collect(),
        suites: suites.iter().map(suite).collect(),
    };
    Run {
        is_copy,
        ..Run::of(&read, files, true)
    }
}

fn reason(name: &str) -> Reason {
    match name {
        "assertion" => Reason::Assertion,
        "missing_symbol" => Reason::MissingSymbol,
        "syntax" => Reason::Syntax,
        "crashed" => Reason::Crashed,
        other => panic!("{other} is no reason"),
    }
}

/// Fails if the verdicts are wrong more often than they may be, or ever on what is harmless.
#[test]
fn the_stories_are_judged_as_who_watched_them_would() {
    let all = recorded();
    let mut wrong = Vec::new();
    let mut wrong_phases = Vec::new();
    for history in &all {
        let events = events(history);
        let told = follow(&events);
        let verdict = told.verdict();
        let rule = match &verdict {
            Verdict::Violation { rule, .. } => Some(rule.name().to_owned()),
            _ => None,
        };
        let is_violation = verdict.name() == "violation";
        assert!(
            !(history.is_harmless && is_violation),
            "{}: {verdict}",
            history.name
        );
        if verdict.name() != history.verdict || rule != history.rule {
            wrong.push(format!(
                "{}: {verdict}, and it is {}",
                history.name, history.verdict
            ));
        }
        if told.phase().name() != history.phase {
            wrong_phases.push(format!(
                "{}: {}, and it is {}",
                history.name,
                told.phase().name(),
                history.phase
            ));
        }
    }
    let right = all.len() - wrong.len();
    println!(
        "{right} of {} verdicts are right, {} phases are wrong",
        all.len(),
        wrong_phases.len()
    );
    let report = format!("{}\n{}", wrong.join("\n"), wrong_phases.join("\n"));
    assert!(all.len() >= 60, "only {} histories", all.len());
    assert!(
        100 * right >= RIGHT_MIN * all.len() && wrong_phases.is_empty(),
        "{report}"
    );
}

/// Fails if an inline test of Rust is taken for code, or the other way round.
#[test]
fn parts_of_a_rust_file_are_told_apart() {
    let code = "pub fn add() -> u8 { 1 }\n";
    let tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {}\n}\n";
    let kind = |before: &str, after: &str| {
        let contents = Contents {
            path: "src/lib.rs",
            before: Some(Some(before.as_bytes())),
            after: after.as_bytes(),
        };
        describe(&contents).0
    };
    let both = format!("{code}{tests}");
    assert_eq!(kind(code, &both), Kind::Test);
    assert_eq!(kind(&both, &both.replace("1 }", "2 }")), Kind::Source);
    assert_eq!(kind(tests, &both), Kind::Source);
    assert_eq!(kind("", &both), Kind::Both);
    assert_eq!(kind(&both, &format!("// One.\n{both}")), Kind::Cosmetic);
}

/// Fails if layout that has a meaning is taken for cosmetic.
#[test]
fn indentation_of_python_is_no_cosmetic() {
    let before = "def f():\n    if x:\n        a()\n        b()\n";
    let after = before.replace("        b", "    b");
    let contents = |after| Contents {
        path: "f.py",
        before: Some(Some(before.as_bytes())),
        after,
    };
    assert_eq!(describe(&contents(after.as_bytes())).0, Kind::Source);
    let spaced = format!("\n{before}\n# done\n");
    assert_eq!(describe(&contents(spaced.as_bytes())).0, Kind::Cosmetic);
}

/// Fails if a path is taken for another kind of file.
#[test]
fn paths_tell_kinds() {
    let check = |path: &str, expected: Kind| assert_eq!(kind_of_path(path), expected, "{path}");
    check("src/app.ts", Kind::Source);
    check("src/app.test.ts", Kind::Test);
    check("conftest.py", Kind::Test);
    check("setup.py", Kind::Configuration);
    check("vite.config.ts", Kind::Configuration);
    check("CMakeLists.txt", Kind::Configuration);
    check("pyproject.toml", Kind::Configuration);
    check("Cargo.lock", Kind::Generated);
    check("api_pb2.py", Kind::Generated);
    check("README.md", Kind::Documentation);
    check("notes.unknown", Kind::Configuration);
}

/// Fails if a stored event is read as another one.
#[test]
fn events_survive_being_stored() {
    for history in recorded() {
        let events = events(&history);
        let stored = serde_json::to_string(&events).expect("events are JSON");
        let read: Vec<Event> = serde_json::from_str(&stored).expect("what was stored is read");
        assert_eq!(read, events);
    }
}

fn any_digest() -> impl Strategy<Value = Digest> {
    (0_u8..6).prop_map(|it| Digest([it; 32]))
}

fn any_path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a.py", "b.py", "test_a.py", "README.md", "Cargo.lock"])
        .prop_map(str::to_owned)
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let before = prop_oneof![
        Just(Before::Unknown),
        Just(Before::Absent),
        any_digest().prop_map(Before::Was),
    ];
    let kind = prop::sample::select(vec![
        Kind::Source,
        Kind::Test,
        Kind::Both,
        Kind::Cosmetic,
        Kind::Documentation,
    ]);
    (
        any_path(),
        prop::option::weighted(0.1, any_path()),
        before,
        prop::option::weighted(0.9, any_digest()),
        kind,
    )
        .prop_map(|(path, from, before, after, kind)| Edit {
            path,
            from,
            before,
            after,
            kind,
            words: None,
        })
}

fn any_run() -> impl Strategy<Value = Run> {
    let outcome = prop_oneof![
        Just(Outcome::Passed),
        Just(Outcome::Skipped),
        Just(Outcome::Failed {
            reason: Reason::Assertion,
            words: Vec::new()
        }),
        Just(Outcome::Failed {
            reason: Reason::Syntax,
            words: Vec::new()
        }),
    ];
    let test = ("[a-c]", outcome).prop_map(|(name, outcome)| Test {
        suite: String::new(),
        name,
        file: None,
        outcome,
    });
    let suite = Just(Failed {
        name: "s".to_owned(),
        reason: Reason::MissingSymbol,
        words: Vec::new(),
    });
    let state = prop::sample::select(vec![RunState::Passed, RunState::Failed, RunState::Crashed]);
    let files = prop::collection::btree_map(any_path(), any_digest(), 0..4);
    (
        state,
        prop::collection::vec(test, 0..4),
        prop::collection::vec(suite, 0..2),
        files,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(state, tests, suites, files, is_whole, is_copy)| Run {
            state,
            tests,
            suites,
            files,
            is_whole,
            is_copy,
        })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any_edit().prop_map(Event::Edit),
        any_run().prop_map(Event::Run)
    ]
}

proptest! {
    /// Fails if some events make the rules panic, or give two answers.
    #[test]
    fn any_events_have_one_verdict(events in prop::collection::vec(any_event(), 0..30)) {
        let history = follow(&events);
        prop_assert_eq!(history.verdict(), follow(&events).verdict());
        for cycle in history.cycles() {
            prop_assert!(cycle.events.end <= events.len());
            let _ = history.verdict_on(cycle).to_string();
        }
        let _ = (history.phase(), history.verdict_of("a.py"));
    }

    /// Fails if a deletion, a renaming or what is no code is ever a violation.
    #[test]
    fn harmless_edits_are_never_violations(events in prop::collection::vec(any_event(), 0..30), pick in any::<u8>()) {
        let harmless: Vec<Event> = events.into_iter().map(|event| match event {
            Event::Edit(edit) => Event::Edit(match pick % 3 {
                0 => Edit { after: None, ..edit },
                1 => Edit { from: Some("old.py".to_owned()), ..edit },
                _ => Edit { kind: Kind::Generated, ..edit },
            }),
            // Runs that see another content show an edit that nobody recorded, which is none of these.
            Event::Run(run) => Event::Run(Run { files: BTreeMap::new(), ..run }),
        }).collect();
        let verdict = follow(&harmless).verdict();
        prop_assert_ne!(verdict.name(), "violation");
    }

    /// Fails if the rules, which compare hashes, and the oracle, which knows what was meant, disagree.
    #[test]
    fn the_rules_agree_with_the_oracle(actions in prop::collection::vec(oracle::any_action(), 0..24)) {
        let events = oracle::events(&actions);
        let history = follow(&events);
        let verdict = history.verdict();
        let rule = match &verdict {
            Verdict::Violation { rule, .. } => Some(*rule),
            _ => None,
        };
        prop_assert_eq!((verdict.name(), rule), oracle::verdict(&actions), "{}", verdict);
    }
}

/// Fails if a rule loses its name, which is part of the result document.
#[test]
fn rules_have_stable_names() {
    let rules = [
        Rule::TestFirst,
        Rule::OneFailingTest,
        Rule::RightReason,
        Rule::RefactorOnGreen,
    ];
    assert_eq!(
        rules.map(Rule::name),
        [
            "test-first",
            "one-failing-test",
            "right-reason",
            "refactor-on-green"
        ]
    );
}

/// Fails if an operator is read wrongly, a mutant is not well-formed, or what was not asked for is changed.
#[test]
fn mutants_change_one_thing_and_stay_well_formed() {
    let check = |path: &'static str, language, text: &str, expected: &[&str]| {
        let source = claude_flow_checkers::Source {
            path,
            language,
            bytes: text.as_bytes(),
        };
        let whole = 0..text.len();
        let made = mutants(&source, std::slice::from_ref(&whole));
        let made: Vec<_> = made
            .iter()
            .map(|it| String::from_utf8(it.apply(text.as_bytes())).expect("text"))
            .collect();
        assert_eq!(made, expected);
        assert!(mutants(&source, &[]).is_empty(), "no part, no mutant");
    };
    check(
        "a.py",
        Language::Python,
        "a = b == 1 and not c\n",
        &[
            "a = b != 1 and not c\n",
            "a = b == 2 and not c\n",
            "a = b == 1 or not c\n",
        ],
    );
    check(
        "a.js",
        Language::JavaScript,
        "f(a === b, c => c++);\n",
        &["f(a !== b, c => c++);\n", "f(a === b, c => c--);\n"],
    );
    check(
        "a.rs",
        Language::Rust,
        "fn f(v: &Vec<u8>) -> bool { v.len() >= 2 }\n",
        &[
            "fn f(v: &Vec<u8>) -> bool { v.len() > 2 }\n",
            "fn f(v: &Vec<u8>) -> bool { v.len() >= 3 }\n",
        ],
    );
    check(
        "a.go",
        Language::Go,
        "package a\n\nfunc f() bool { return true }\n",
        &["package a\n\nfunc f() bool { return false }\n"],
    );
}
