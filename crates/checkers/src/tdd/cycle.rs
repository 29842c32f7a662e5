//! Cuts recorded events into cycles, each up to the run that finds everything green again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::describe::kind_of_path;
use super::event::{Before, Digest, EVENTS_MAX, Edit, Event, Kind, Run};
use super::judge::Judge;
use super::prior::Prior;
use super::verdict::{Phase, Verdict, Way, Why};
use super::world::{Content, World};

/// What is told of a workspace by its recorded events.
#[derive(Debug)]
pub struct History<'a> {
    pub(super) steps: Vec<Step<'a>>,
    cycles: Vec<Cycle>,
}

/// The events between two greens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The places of its events among those that were given, the run that closed it included.
    pub events: Range<usize>,
    /// Whether a run has found everything green.
    pub is_closed: bool,
    /// The same among the steps.
    pub(super) steps: Range<usize>,
}

/// An event, or an edit that nobody recorded and that a run or another edit shows.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Edit {
        edit: Cow<'a, Edit>,
        origin: usize,
    },
    Run {
        run: &'a Run,
        is_current: bool,
        origin: usize,
    },
}

impl Step<'_> {
    const fn origin(&self) -> usize {
        match self {
            Self::Edit { origin, .. } | Self::Run { origin, .. } => *origin,
        }
    }

    /// The edit, if the rules look at it.
    pub(super) fn counting(&self) -> Option<&Edit> {
        match self {
            Self::Edit { edit, .. } if edit.is_test() || edit.is_source() => Some(edit),
            _ => None,
        }
    }

    /// The run, if it was made in the workspace on the contents of its time.
    pub(super) const fn current(&self) -> Option<&Run> {
        match self {
            Self::Run {
                run,
                is_current: true,
                ..
            } => Some(run),
            _ => None,
        }
    }

    /// The run, if it says anything of tests, wherever and whenever it was made.
    pub(super) fn evidence(&self) -> Option<&Run> {
        match self {
            Self::Run { run, .. } if run.is_evidence() => Some(run),
            _ => None,
        }
    }
}

/// Reads recorded events, the oldest first.
///
/// # Complexity
///
/// Linear in the events and in the tests and files of their runs, but for lookups.
#[must_use]
pub fn follow(events: &[Event]) -> History<'_> {
    let skipped = events.len().saturating_sub(EVENTS_MAX);
    let steps = normalize(events, skipped);
    let cycles = cut(&steps);
    History { steps, cycles }
}

impl History<'_> {
    /// Where the workspace is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let last = self.steps.iter().rposition(|it| it.current().is_some());
        let Some((last, run)) = last.and_then(|at| Some((at, self.steps[at].current()?))) else {
            return Phase::Unknown;
        };
        let edits: Vec<&Edit> = self.steps[last..]
            .iter()
            .filter_map(Step::counting)
            .collect();
        let is_green = run.suites.is_empty() && run.failing().next().is_none();
        if edits.iter().any(|it| it.is_test()) {
            Phase::Unknown
        } else if !is_green {
            Phase::Red
        } else if edits.is_empty() {
            Phase::Green
        } else {
            Phase::Refactor
        }
    }

    /// The cycles in which code or tests were edited, the oldest first; the last one may be open.
    #[must_use]
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// The verdict on the last cycle.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.cycles.last(), self.steps.is_empty()) {
            (Some(cycle), _) => self.verdict_on(cycle),
            (None, false) => Verdict::Compliant(Way::NoCode),
            (None, true) => Verdict::NotEstablished(Why::NothingRecorded),
        }
    }

    /// The verdict on one of [`History::cycles`].
    ///
    /// # Complexity
    ///
    /// Linear in all events and in the tests and files of their runs, but for lookups.
    #[must_use]
    pub fn verdict_on(&self, cycle: &Cycle) -> Verdict {
        Judge::new(&self.steps, cycle.steps.clone(), cycle.is_closed).verdict()
    }

    /// What the last cycle in which a file was edited changed; none if it did not change tests and code, in
    /// separate files, or if a content before it is not known.
    #[must_use]
    pub fn change_of(&self, path: &str) -> Option<Change<'_>> {
        let is_it = |step: &Step<'_>| step.counting().is_some_and(|it| it.path == path);
        let last = self.steps.iter().rposition(is_it)?;
        let cycle = self.cycles.iter().find(|it| it.steps.contains(&last))?;
        Judge::new(&self.steps, cycle.steps.clone(), cycle.is_closed).change()
    }

    /// The verdict on the last cycle in which a file was edited.
    #[must_use]
    pub fn verdict_of(&self, path: &str) -> Verdict {
        let last = self.steps.iter().rposition(
            |it| matches!(it, Step::Edit { edit, .. } if edit.path == path || edit.from.as_deref() == Some(path)),
        );
        let Some(last) = last else {
            return Verdict::NotEstablished(Why::NothingRecorded);
        };
        let cycle = self.cycles.iter().find(|it| it.steps.contains(&last));
        let is_it = |step: &Step<'_>| step.counting().is_some_and(|it| it.path == path);
        match cycle {
            Some(cycle) if self.steps[cycle.steps.clone()].iter().any(is_it) => {
                self.verdict_on(cycle)
            }
            _ => Verdict::Compliant(Way::NoCode),
        }
    }
}

/// What a cycle changed, as far as tests can be run without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'h> {
    /// The edited tests that are still there, by path.
    pub tests: Vec<&'h str>,
    /// The edited code by path, with the content before the cycle; none if there was no file.
    pub sources: BTreeMap<&'h str, Option<Digest>>,
}

/// Adds the edits that nobody recorded, leaves out what changes nothing, and tells which runs are of their time.
fn normalize(events: &[Event], skipped: usize) -> Vec<Step<'_>> {
    let mut world = World::default();
    let mut earlier: BTreeMap<&str, BTreeSet<Digest>> = BTreeMap::new();
    // Every content that there ever was: one that appears under a new name was moved or copied.
    let mut contents: BTreeSet<Digest> = BTreeSet::new();
    let mut steps = Vec::new();
    for (origin, event) in events.iter().enumerate().skip(skipped) {
        match event {
            Event::Edit(edit) => {
                let path = edit.from.as_deref().unwrap_or(&edit.path);
                let after = edit.after.map_or(Content::Absent, Content::Is);
                let is_same = edit.before == edit.after.map_or(Before::Absent, Before::Was);
                if edit.from.is_none() && (is_same || world.content(path) == Some(after)) {
                    continue;
                }
                if let (Before::Was(before), Some(Content::Is(known))) =
                    (edit.before, world.content(path))
                    && before != known
                {
                    let edit = Cow::Owned(unseen(path, known, before));
                    steps.push(Step::Edit { edit, origin });
                }
                remember(&mut earlier, &world, path);
                let is_move = edit.before == Before::Absent
                    && edit.after.is_some_and(|it| contents.contains(&it));
                let told = if is_move {
                    Cow::Owned(Edit {
                        kind: Kind::Cosmetic,
                        ..edit.clone()
                    })
                } else {
                    Cow::Borrowed(edit)
                };
                steps.push(Step::Edit { edit: told, origin });
                contents.extend(edit.after);
                contents.extend(match edit.before {
                    Before::Was(digest) => Some(digest),
                    Before::Absent | Before::Unknown => None,
                });
                world.apply(edit);
            }
            Event::Run(run) => {
                let changed = changed(run, &world);
                let is_late = changed
                    .iter()
                    .any(|(path, _, now)| earlier.get(path).is_some_and(|it| it.contains(now)));
                let is_current = run.is_evidence() && !run.is_copy && !is_late;
                if is_current {
                    for (path, known, now) in changed {
                        remember(&mut earlier, &world, path);
                        let edit = Cow::Owned(unseen(path, known, now));
                        steps.push(Step::Edit { edit, origin });
                    }
                    for (path, digest) in &run.files {
                        world.set(path, Content::Is(*digest));
                        contents.insert(*digest);
                    }
                }
                steps.push(Step::Run {
                    run,
                    is_current,
                    origin,
                });
            }
        }
    }
    steps
}

fn remember<'a>(
    earlier: &mut BTreeMap<&'a str, BTreeSet<Digest>>,
    world: &World<'_>,
    path: &'a str,
) {
    if let Some(Content::Is(digest)) = world.content(path) {
        earlier.entry(path).or_default().insert(digest);
    }
}

/// The files of which a run saw another content than the one that is known.
fn changed<'r>(run: &'r Run, world: &World<'_>) -> Vec<(&'r str, Digest, Digest)> {
    let files = run
        .files
        .iter()
        .filter_map(|(path, now)| match world.content(path) {
            Some(Content::Is(known)) if known != *now => Some((path.as_str(), known, *now)),
            _ => None,
        });
    files.collect()
}

fn unseen(path: &str, before: Digest, after: Digest) -> Edit {
    Edit {
        path: path.to_owned(),
        from: None,
        before: Before::Was(before),
        after: Some(after),
        kind: kind_of_path(path),
        words: None,
    }
}

fn cut(steps: &[Step<'_>]) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    let mut start = 0;
    let mut edits: Vec<&Edit> = Vec::new();
    let mut prior = Prior::default();
    // What runs say in a cycle is no earlier result for that cycle.
    let mut since = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        edits.extend(step.counting());
        let Some(run) = step.current() else { continue };
        if edits.is_empty() {
            prior.learn(run);
            continue;
        }
        since.push(run);
        if prior.finds_green(run) && sees(run, &edits, &steps[start..at]) {
            cycles.push(cycle(steps, start..at + 1, true));
            since.drain(..).for_each(|run| prior.learn(run));
            edits.clear();
            start = at + 1;
        }
    }
    if !edits.is_empty() {
        cycles.push(cycle(steps, start..steps.len(), false));
    }
    cycles
}

fn cycle(steps: &[Step<'_>], range: Range<usize>, is_closed: bool) -> Cycle {
    let first = steps[range.start].origin();
    let last = steps[range.end - 1].origin();
    Cycle {
        events: first..last + 1,
        is_closed,
        steps: range,
    }
}

/// Whether a run sees what was edited: every test that is still there, or else any code.
fn sees(run: &Run, edits: &[&Edit], steps: &[Step<'_>]) -> bool {
    let mut world = World::default();
    for step in steps {
        if let Step::Edit { edit, .. } = step {
            world.apply(edit);
        }
    }
    let is_there = |edit: &&&Edit| world.content(&edit.path) != Some(Content::Absent);
    let mut tests = edits
        .iter()
        .filter(|it| it.is_test())
        .filter(is_there)
        .peekable();
    if tests.peek().is_some() {
        return tests.all(|it| run.files.contains_key(&it.path));
    }
    let mut left = edits.iter().filter(is_there).peekable();
    left.peek().is_none() || left.any(|it| run.files.contains_key(&it.path))
}
