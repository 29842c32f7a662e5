//! The rules; `docs/tdd.md` has them in words.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::cycle::{Change, Step};
use super::event::{Before, Edit, Failed, Kind, Outcome, Run, Test};
use super::prior::{Id, Prior};
use super::verdict::{Rule, Verdict, Way, Why};
use super::world::{Content, World};
use crate::reports::{Reason, RunState};

/// One cycle, with what is known of the time before it.
pub(super) struct Judge<'s> {
    steps: &'s [Step<'s>],
    range: Range<usize>,
    is_closed: bool,
    /// Edits of tests and of code, with their places.
    tests: Vec<(usize, &'s Edit)>,
    sources: Vec<(usize, &'s Edit)>,
    prior: Prior<'s>,
    /// The contents before the first edit, and those after the last.
    opening: World<'s>,
    closing: World<'s>,
}

/// What fails in a run that a test edit brought.
#[derive(Default)]
struct Demand<'s> {
    tests: Vec<&'s Test>,
    suites: Vec<&'s Failed>,
}

type Ruling = Result<(), Verdict>;

impl<'s> Judge<'s> {
    pub(super) fn new(steps: &'s [Step<'s>], range: Range<usize>, is_closed: bool) -> Self {
        let counting = |is_it: fn(&Edit) -> bool| {
            let edits = range
                .clone()
                .filter_map(|at| Some((at, steps[at].counting()?)));
            edits.filter(|(_, edit)| is_it(edit)).collect::<Vec<_>>()
        };
        let tests = counting(Edit::is_test);
        let sources = counting(Edit::is_source);
        let first = tests
            .iter()
            .chain(&sources)
            .map(|it| it.0)
            .min()
            .unwrap_or(range.end);
        let mut prior = Prior::default();
        let runs = steps[..first].iter().filter_map(Step::current);
        runs.for_each(|run| prior.learn(run));
        let (opening, closing) = worlds(steps, &range);
        Self {
            steps,
            range,
            is_closed,
            tests,
            sources,
            prior,
            opening,
            closing,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match (self.tests.is_empty(), self.sources.is_empty()) {
            (true, true) => Verdict::Compliant(Way::NoCode),
            (false, true) if self.is_closed => Verdict::Compliant(Way::TestsOnly),
            (false, true) => self.open(),
            (true, false) => self.without_tests(),
            (false, false) => self.with_tests(),
        }
    }

    pub(super) fn change(&self) -> Option<Change<'s>> {
        let is_apart = |(_, it): &(usize, &Edit)| it.kind != Kind::Both;
        let is_there = |path: &&str| self.closing.content(path) != Some(Content::Absent);
        let tests: BTreeSet<&str> = self.tests.iter().map(|(_, it)| it.path.as_str()).collect();
        let mut sources = BTreeMap::new();
        for (_, edit) in self
            .sources
            .iter()
            .filter(|it| is_there(&it.1.path.as_str()))
        {
            let before = match self.opening.content(&edit.path)? {
                Content::Is(digest) => Some(digest),
                Content::Absent => None,
            };
            sources.insert(edit.path.as_str(), before);
        }
        let tests: Vec<_> = tests.into_iter().filter(is_there).collect();
        let is_whole = !tests.is_empty() && !sources.is_empty() && self.tests.iter().all(is_apart);
        is_whole.then_some(Change { tests, sources })
    }

    /// The runs of the workspace in this cycle, with their places.
    fn runs(&self) -> impl DoubleEndedIterator<Item = (usize, &'s Run)> {
        let steps = self.steps;
        self.range
            .clone()
            .filter_map(move |at| Some((at, steps[at].current()?)))
    }

    /// The run that closed the cycle.
    fn close(&self) -> Option<&'s Run> {
        let last = self.range.end.checked_sub(1).filter(|_| self.is_closed)?;
        self.steps[last].current()
    }

    /// Why an open cycle is open.
    fn open(&self) -> Verdict {
        let last_edit = self.tests.iter().chain(&self.sources).map(|it| it.0).max();
        let run = self
            .runs()
            .next_back()
            .filter(|(at, _)| Some(*at) > last_edit);
        let Some((_, run)) = run else {
            return Verdict::NotEstablished(Why::NotRun);
        };
        let name = |test: &Test| test.name.clone();
        let broken = run.failing().filter(|it| self.prior.has_passed(it.id()));
        let broken: Vec<_> = broken.map(name).collect();
        if !broken.is_empty() {
            return Verdict::NotEstablished(Why::Broke(broken));
        }
        let suites = run.suites.iter().map(|it| it.name.clone());
        let failing: Vec<_> = run.failing().map(name).chain(suites).collect();
        Verdict::NotEstablished(if failing.is_empty() {
            Why::NotRun
        } else {
            Why::StillFails(failing)
        })
    }

    /// Code was edited and no test: a refactoring, or a change for a test that failed all along.
    fn without_tests(&self) -> Verdict {
        let Some(before) = self.run_before() else {
            return Verdict::NotEstablished(Why::NoRunBefore);
        };
        let Some(after) = self.close() else {
            return self.open();
        };
        let failed: Vec<&Test> = before.failing().collect();
        if failed.is_empty() && before.suites.is_empty() {
            return self.refactored();
        }
        let is_mended = failed.iter().any(|it| passes(after, it.id()));
        if is_mended || !before.suites.is_empty() && after.suites.is_empty() {
            return Verdict::Compliant(Way::Mended);
        }
        let names = failed.iter().map(|it| it.name.clone()).collect();
        Verdict::NotEstablished(Why::StillFails(names))
    }

    /// The last run on the contents before the first edit of code that sees what is edited.
    fn run_before(&self) -> Option<&'s Run> {
        let first = self.sources.first()?.0;
        let are_new = self.sources.iter().all(|(_, it)| self.is_new(it));
        let sees = |run: &Run| {
            self.sources
                .iter()
                .any(|(_, it)| run.files.contains_key(&it.path))
        };
        let is_it = |run: &Run| self.opening.fits(run) && (sees(run) || are_new);
        let in_time = self.steps[..first].iter().rev().filter_map(Step::current);
        let later = self
            .steps
            .iter()
            .filter_map(Step::evidence)
            .filter(|run| run.is_copy && sees(run));
        in_time.chain(later).find(|run| is_it(run))
    }

    /// The tests are green on both sides; that says nothing of what no test and no code uses.
    fn refactored(&self) -> Verdict {
        let all = self.tests.iter().chain(&self.sources);
        for (at, edit) in &self.sources {
            let unused = edit.words.iter().flat_map(|it| &it.unused);
            let used_elsewhere = |name: &String| {
                all.clone()
                    .any(|(other, it)| other != at && it.touched().contains(name))
            };
            if let Some(name) = unused.clone().find(|name| !used_elsewhere(name)) {
                return Verdict::NotEstablished(Why::UntestedName(name.clone()));
            }
        }
        Verdict::Compliant(Way::Refactored)
    }

    fn with_tests(&self) -> Verdict {
        let reds = self.reds();
        let first_red = reds.first().map(|it| it.0);
        let is_driven = first_red.is_some_and(|red| self.sources.iter().all(|(at, _)| *at > red));
        let ruled = if is_driven {
            self.driven(&reds)
        } else {
            self.undriven(!reds.is_empty())
        };
        ruled.err().unwrap_or(Verdict::Compliant(Way::TestFirst))
    }

    /// The runs that saw a test fail that was just edited, before the code was.
    fn reds(&self) -> Vec<(usize, &'s Run)> {
        let is_red = |(at, run): &(usize, &'s Run)| {
            let Some((test, _)) = self.tests.iter().rfind(|(test, _)| test < at) else {
                return false;
            };
            let is_clean = !self
                .sources
                .iter()
                .any(|(source, _)| source > test && source < at);
            is_clean && !self.demand(run, *at).is_empty()
        };
        self.runs().filter(is_red).collect()
    }

    /// What a run finds failing that a test edit before it brought.
    fn demand(&self, run: &'s Run, at: usize) -> Demand<'s> {
        let is_edited = |path: &String| {
            self.tests
                .iter()
                .any(|(test, it)| *test < at && it.path == *path)
        };
        let tests = run.failing().filter(|test| {
            !self.prior.has_failed(test.id()) && test.file.as_ref().is_none_or(is_edited)
        });
        let suites = run
            .suites
            .iter()
            .filter(|it| !self.prior.suite_has_failed(&it.name));
        Demand {
            tests: tests.collect(),
            suites: suites.collect(),
        }
    }

    /// Whether earlier runs, or the creation of the files, tell which tests are new.
    fn knows_prior(&self) -> bool {
        self.tests
            .iter()
            .all(|(_, it)| self.is_new(it) || self.prior.saw(&it.path))
    }

    fn is_new(&self, edit: &Edit) -> bool {
        edit.before == Before::Absent || self.opening.content(&edit.path) == Some(Content::Absent)
    }

    /// Every edit of code came after a run that saw an edited test fail.
    fn driven(&self, reds: &[(usize, &'s Run)]) -> Ruling {
        let drivers: Vec<_> = reds
            .iter()
            .enumerate()
            .map(|(index, red)| {
                (
                    red,
                    reds.get(index + 1).map_or(self.range.end, |next| next.0),
                )
            })
            .filter(|(red, end)| self.sources.iter().any(|(at, _)| *at > red.0 && at < end))
            .collect();
        for ((at, run), end) in &drivers {
            let demand = self.demand(run, *at);
            self.check_demand(&demand)?;
            let edits = self
                .sources
                .iter()
                .filter(|(source, _)| source > at && source < end);
            check_symbols(&demand, &edits.map(|(_, edit)| *edit).collect::<Vec<_>>())?;
        }
        let Some(((at, red), _)) = drivers.last() else {
            return Err(Verdict::NotEstablished(Why::NotRun));
        };
        let is_changed = self.tests.iter().any(|(test, _)| test > at);
        if is_changed
            && self
                .run_without_change()
                .is_none_or(|run| self.demand(run, self.range.end).is_empty())
        {
            return Err(Verdict::NotEstablished(Why::TestChangedAfterRed));
        }
        let Some(close) = self.close() else {
            return Err(self.open());
        };
        self.check_close(&self.demand(red, *at), reds, close)?;
        self.check_unseen(reds, close)
    }

    /// One failing test, for a reason that asks for code.
    fn check_demand(&self, demand: &Demand<'_>) -> Ruling {
        let roots: BTreeSet<Id<'_>> = demand.tests.iter().map(|it| it.root()).collect();
        if roots.len() > 1 {
            return Err(self.too_many(roots.iter().map(|it| it.1)));
        }
        for (name, reason) in demand.reasons() {
            match reason {
                Reason::Syntax => {
                    let evidence = format!(
                        "{name} is not well-formed, so that it fails whatever the code does"
                    );
                    return Err(Verdict::Violation {
                        rule: Rule::RightReason,
                        evidence,
                    });
                }
                Reason::TimedOut | Reason::Crashed => {
                    return Err(Verdict::NotEstablished(Why::ReasonUnclear));
                }
                Reason::Assertion | Reason::Error | Reason::MissingSymbol | Reason::Compile => {}
            }
        }
        Ok(())
    }

    fn too_many<'n>(&self, names: impl Iterator<Item = &'n str>) -> Verdict {
        if !self.knows_prior() {
            return Verdict::NotEstablished(Why::PriorUnknown);
        }
        let names: Vec<_> = names.collect();
        let evidence = format!(
            "{} new tests failed at once: {}",
            names.len(),
            names.join(", ")
        );
        Verdict::Violation {
            rule: Rule::OneFailingTest,
            evidence,
        }
    }

    /// What was asked for passes at the end, and nothing that was never seen to fail came with it.
    fn check_close(&self, demand: &Demand<'_>, reds: &[(usize, &'s Run)], close: &Run) -> Ruling {
        let gone = demand.tests.iter().filter(|it| !passes(close, it.id()));
        let gone: Vec<_> = gone.map(|it| it.name.clone()).collect();
        if !gone.is_empty() {
            return Err(Verdict::NotEstablished(Why::TestGone(gone)));
        }
        let was_seen = |test: &Test| {
            reds.iter()
                .any(|(_, run)| run.tests.iter().any(|it| it.id() == test.id()))
        };
        let fresh = self.fresh(close).filter(|it| !was_seen(it));
        let fresh: BTreeSet<Id<'_>> = fresh.map(Test::root).collect();
        if demand.suites.is_empty() {
            return if fresh.is_empty() || !self.knows_prior() {
                Ok(())
            } else {
                Err(Verdict::NotEstablished(Why::NeverSeenFailing))
            };
        }
        // What did not load does not tell its tests; they are counted where it does.
        match fresh.len() + demand.tests.len() {
            _ if !self.knows_prior() => Err(Verdict::NotEstablished(Why::PriorUnknown)),
            0 => Err(Verdict::NotEstablished(Why::NeverSeenFailing)),
            1 => Ok(()),
            _ => Err(self.too_many(fresh.iter().map(|it| it.1))),
        }
    }

    /// The tests of a run that no earlier run had.
    fn fresh<'r>(&self, run: &'r Run) -> impl Iterator<Item = &'r Test> {
        let ran = run.tests.iter().filter(|it| it.outcome != Outcome::Skipped);
        ran.filter(|it| !self.prior.knows(it.id()))
    }

    /// What no failing test could see is not changed while one fails.
    fn check_unseen(&self, reds: &[(usize, &'s Run)], close: &Run) -> Ruling {
        if !close.is_whole || reds.iter().any(|(_, run)| !run.is_whole) {
            return Ok(());
        }
        let is_seen = |path: &String| {
            close.files.contains_key(path)
                || reds.iter().any(|(_, run)| run.files.contains_key(path))
        };
        let apart = self
            .sources
            .iter()
            .find(|(_, it)| !self.is_new(it) && !is_seen(&it.path));
        apart.map_or(Ok(()), |(_, edit)| {
            let evidence = format!(
                "{} was changed while a test failed that does not see it",
                edit.path
            );
            Err(Verdict::Violation {
                rule: Rule::RefactorOnGreen,
                evidence,
            })
        })
    }

    /// A run of the tests as they are at last on the code as it was at first.
    fn run_without_change(&self) -> Option<&'s Run> {
        let mut mixed = self.closing.clone();
        for (_, edit) in &self.sources {
            match self.opening.content(&edit.path) {
                Some(content) => mixed.set(&edit.path, content),
                None => return None,
            }
        }
        let first = self.sources.first()?.0;
        let are_new = self.sources.iter().all(|(_, it)| self.is_new(it));
        let tells = |at: usize, run: &Run| {
            let differs = self.sources.iter().any(|(_, it)| {
                let after = self.closing.content(&it.path);
                run.files
                    .get(&it.path)
                    .is_some_and(|seen| after != Some(Content::Is(*seen)))
            });
            let is_test_seen = self
                .tests
                .iter()
                .any(|(_, it)| run.files.contains_key(&it.path));
            is_test_seen && (differs || are_new && (run.is_copy || at < first))
        };
        let runs = self.steps.iter().enumerate();
        let mut runs = runs.filter_map(|(at, step)| Some((at, step.evidence()?)));
        runs.find(|(at, run)| mixed.fits(run) && tells(*at, run))
            .map(|(_, run)| run)
    }

    /// Some code was edited before any edited test was seen to fail.
    fn undriven(&self, has_reds: bool) -> Ruling {
        let first_source = self.sources[0].0;
        let (first_test, last_test) = (self.tests[0].0, self.tests[self.tests.len() - 1].0);
        if let Some(run) = self.run_without_change() {
            return self.shown(run, first_source < first_test, first_source > last_test);
        }
        let edits = || self.tests.iter().chain(&self.sources);
        if let Some((_, edit)) = edits().find(|(_, it)| it.words.is_none() && it.kind != Kind::Both)
        {
            return Err(Verdict::NotEstablished(Why::UnseenEdit(edit.path.clone())));
        }
        if edits().any(|(_, it)| it.kind == Kind::Both) {
            return Err(Verdict::NotEstablished(Why::OneEdit));
        }
        if has_reds {
            return Err(Verdict::NotEstablished(Why::Interleaved));
        }
        if first_source < first_test {
            return Err(self.code_first(first_test, last_test));
        }
        Err(match self.close() {
            Some(close) if self.is_removal(close) => self.refactored(),
            Some(_) => Verdict::NotEstablished(Why::NeverSeenFailing),
            None => self.open(),
        })
    }

    /// Tests went and none came, on green.
    fn is_removal(&self, close: &Run) -> bool {
        self.tests.iter().all(|(_, it)| it.touched().is_empty())
            && self.fresh(close).next().is_none()
            && self.gone(close) > 0
            && self
                .run_before()
                .is_some_and(|it| it.state == RunState::Passed)
    }

    /// A run shows what the tests say without the change.
    fn shown(&self, without: &'s Run, is_code_first: bool, is_test_first: bool) -> Ruling {
        let demand = self.demand(without, self.range.end);
        if demand.is_empty() {
            // The tests hold without the change, so they ask for nothing.
            let is_green = without.state == RunState::Passed && self.is_closed;
            return Err(if is_green {
                self.refactored()
            } else {
                self.open()
            });
        }
        let Some(close) = self.close() else {
            return Err(self.open());
        };
        if is_code_first {
            let name = demand.reasons().next().map_or("", |it| it.0);
            let path = &self.sources[0].1.path;
            let evidence =
                format!("{name} fails without the change of {path}, and was written after it");
            return Err(Verdict::Violation {
                rule: Rule::TestFirst,
                evidence,
            });
        }
        if !is_test_first {
            return Err(Verdict::NotEstablished(Why::Interleaved));
        }
        self.check_demand(&demand)?;
        let sources: Vec<_> = self.sources.iter().map(|it| it.1).collect();
        check_symbols(&demand, &sources)?;
        self.check_close(&demand, &[(0, without)], close)
    }

    /// Code was edited before the tests, and no run shows what the tests say without it.
    fn code_first(&self, first_test: usize, last_test: usize) -> Verdict {
        let Some((_, run)) = self.runs().find(|(at, _)| *at > last_test) else {
            return Verdict::NotEstablished(Why::NotRun);
        };
        if !self.knows_prior() {
            return Verdict::NotEstablished(Why::NeverSeenFailing);
        }
        let run = self.close().unwrap_or(run);
        let fresh = self.fresh(run).count();
        let gone = self.gone(run);
        let before = self.sources.iter().filter(|(at, _)| *at < first_test);
        let mut declared =
            before.flat_map(|(_, it)| it.declared().iter().map(|name| (name, &it.path)));
        let is_named = |name: &String| self.tests.iter().any(|(_, it)| it.touched().contains(name));
        if fresh > gone
            && let Some((name, path)) = declared.find(|(name, _)| is_named(name))
        {
            let evidence = format!("`{name}` was added to {path} before the test that uses it");
            return Verdict::Violation {
                rule: Rule::TestFirst,
                evidence,
            };
        }
        if !self.is_closed {
            return self.open();
        }
        let was_green = self
            .run_before()
            .is_some_and(|it| it.state == RunState::Passed);
        if fresh <= gone && was_green {
            return Verdict::Compliant(Way::Refactored);
        }
        Verdict::NotEstablished(Why::NeverSeenFailing)
    }

    /// How many tests an earlier run of the same files had, and this one has not.
    fn gone(&self, run: &Run) -> usize {
        let first = self.tests.first().map_or(0, |it| it.0);
        let mut earlier = self.steps[..first].iter().rev().filter_map(Step::current);
        let is_there = |path: &String| {
            run.files.contains_key(path) || self.closing.content(path) == Some(Content::Absent)
        };
        let Some(earlier) = earlier.find(|it| {
            self.tests
                .iter()
                .any(|(_, test)| it.files.contains_key(&test.path))
        }) else {
            return 0;
        };
        let is_alike = earlier.files.keys().all(is_there);
        let here: BTreeSet<Id<'_>> = run.tests.iter().map(Test::id).collect();
        let gone = earlier.tests.iter().filter(|it| !here.contains(&it.id()));
        gone.filter(|it| is_alike || it.file.as_ref().is_some_and(is_there))
            .count()
    }
}

impl Demand<'_> {
    fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.suites.is_empty()
    }

    /// Each failure by name.
    fn reasons(&self) -> impl Iterator<Item = (&str, Reason)> {
        self.failures().map(|(name, reason, _)| (name, reason))
    }

    fn failures(&self) -> impl Iterator<Item = (&str, Reason, &[String])> {
        let tests = self.tests.iter().filter_map(|test| match &test.outcome {
            Outcome::Failed { reason, words } => {
                Some((test.name.as_str(), *reason, words.as_slice()))
            }
            Outcome::Passed | Outcome::Skipped => None,
        });
        let suites = self
            .suites
            .iter()
            .map(|it| (it.name.as_str(), it.reason, it.words.as_slice()));
        tests.chain(suites)
    }
}

/// What was missing is what the code edits then name.
fn check_symbols(demand: &Demand<'_>, edits: &[&Edit]) -> Ruling {
    for (_, reason, words) in demand.failures() {
        if reason != Reason::MissingSymbol {
            continue;
        }
        if let Some(edit) = edits.iter().find(|it| it.words.is_none()) {
            return Err(Verdict::NotEstablished(Why::UnseenEdit(edit.path.clone())));
        }
        if !words
            .iter()
            .any(|word| edits.iter().any(|it| it.touched().contains(word)))
        {
            return Err(Verdict::NotEstablished(Why::SymbolNotAdded(words.to_vec())));
        }
    }
    Ok(())
}

fn passes(run: &Run, id: Id<'_>) -> bool {
    run.tests
        .iter()
        .any(|it| it.id() == id && it.outcome == Outcome::Passed)
}

/// The contents before a cycle and after it.
fn worlds<'s>(steps: &'s [Step<'s>], range: &Range<usize>) -> (World<'s>, World<'s>) {
    let mut opening = World::default();
    for step in &steps[..range.start] {
        enter(&mut opening, step);
    }
    let mut closing = opening.clone();
    let mut touched = BTreeSet::new();
    for step in &steps[range.clone()] {
        match step {
            Step::Edit { edit, .. } => {
                let path = edit.from.as_ref().unwrap_or(&edit.path);
                if touched.insert(path) {
                    opening.learn(edit);
                }
                touched.insert(&edit.path);
            }
            Step::Run {
                run,
                is_current: true,
                ..
            } => {
                for (path, digest) in run.files.iter().filter(|(path, _)| !touched.contains(path)) {
                    if opening.content(path).is_none() {
                        opening.set(path, Content::Is(*digest));
                    }
                }
            }
            Step::Run { .. } => {}
        }
        enter(&mut closing, step);
    }
    (opening, closing)
}

fn enter<'s>(world: &mut World<'s>, step: &'s Step<'s>) {
    match step {
        Step::Edit { edit, .. } => world.apply(edit),
        Step::Run {
            run,
            is_current: true,
            ..
        } => {
            run.files
                .iter()
                .for_each(|(path, digest)| world.set(path, Content::Is(*digest)));
        }
        Step::Run { .. } => {}
    }
}
