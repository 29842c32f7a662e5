//! Makes a failing plan small: what it fails without is left out.

use super::plan::Plan;
use super::text::Scenario;
use super::world::play;

/// How many plans are tried at most.
const TRIES_MAX: u32 = 4_000;

/// Something about a plan that can be left out or made smaller; `None` if there is no such thing.
type Cut = fn(&Plan, usize) -> Option<Plan>;

fn without<T: Clone>(list: &[T], index: usize) -> Option<Vec<T>> {
    let mut rest = list.to_vec();
    (index < list.len()).then(|| drop(rest.remove(index)))?;
    Some(rest)
}

/// In the order in which they are tried, each at indices from 0 on.
const CUTS: [Cut; 10] = [
    |plan, at| {
        let is_there = at == 0 && plan.change.is_some();
        is_there.then(|| Plan {
            change: None,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            liars: without(&plan.liars, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            disks: without(&plan.disks, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            jumps: without(&plan.jumps, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            crashes: without(&plan.crashes, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            losses: without(&plan.losses, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        Some(Plan {
            submissions: without(&plan.submissions, at)?,
            ..plan.clone()
        })
    },
    |plan, at| {
        let mut plan = plan.clone();
        let percents = [
            &mut plan.drop_percent,
            &mut plan.double_percent,
            &mut plan.slow_sync_percent,
        ];
        let percent = percents
            .into_iter()
            .nth(at)
            .filter(|percent| **percent > 0)?;
        *percent = 0;
        Some(plan)
    },
    |plan, at| {
        let delay = (at == 0 && plan.bad_delay > plan.good_delay).then_some(plan.good_delay)?;
        Some(Plan {
            bad_delay: delay,
            ..plan.clone()
        })
    },
    |plan, at| {
        let mut plan = plan.clone();
        let loss = plan
            .losses
            .get_mut(at)
            .filter(|loss| loss.until - loss.from > 1)?;
        loss.until -= (loss.until - loss.from) / 2;
        Some(plan)
    },
];

/// The longest part of a failure's text that has no numbers in it, which change from plan to plan.
pub(crate) fn gist(what: &str) -> String {
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let words: Vec<&str> = what.split(' ').collect();
    let parts = words
        .split(|word| !is_word(word))
        .map(|part| part.join(" "));
    parts.max_by_key(String::len).unwrap_or_default()
}

/// The smallest plan found that fails in the same way; `None` if this one does not fail.
pub(crate) fn shrink(plan: &Plan) -> Option<Scenario> {
    let mut what = play(plan.clone()).err()?;
    let mut plan = plan.clone();
    let (mut tries, mut has_shrunk) = (0, true);
    while has_shrunk {
        has_shrunk = false;
        for cut in CUTS {
            let mut at = 0;
            while let Some(smaller) = cut(&plan, at).filter(|_| tries < TRIES_MAX) {
                tries += 1;
                match play(smaller.clone()) {
                    Err(other) if gist(&other) == gist(&what) => {
                        (plan, what, has_shrunk) = (smaller, other, true);
                    }
                    _ => at += 1,
                }
            }
        }
    }
    Some(Scenario {
        plan,
        checks: Vec::new(),
        fails: Some(gist(&what)),
    })
}

/// Would be broken by a cut that changes what fails, or by one that leaves everything in.
#[test]
fn a_failing_plan_shrinks_and_still_fails() {
    let plan = (0..).map(|seed| Plan::drawn(seed, Some(claude_flow_consensus::Bug::GapsSkipped)));
    let plan = plan
        .take(50)
        .find(|plan| play(plan.clone()).is_err())
        .unwrap();
    let small = shrink(&plan).unwrap();
    let again = Scenario::read(&small.write()).unwrap();
    let what = play(again.plan.clone()).unwrap_err();
    assert!(what.contains(small.fails.as_ref().unwrap()), "{what}");
    let size = |plan: &Plan| plan.submissions.len() + plan.losses.len() + plan.crashes.len();
    assert!(size(&again.plan) < size(&plan), "{}", small.write());
}
