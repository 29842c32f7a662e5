//! Every planted bug is found, and the code without one passes the same schedules.

use claude_flow_consensus::Bug;

use super::disk::Flaw;
use super::plan::{Plan, When};
use super::shrink::shrink;
use super::world::play;
use super::{cpu_seconds, stress};

/// How many schedules a bug may hide in.
const SCHEDULES_PER_BUG: u64 = 100_000;

/// Each with the schedule in which it shows first, where the short run begins to look; the deep run
/// begins with schedule 0.
pub(crate) const BUGS: &[(Bug, u64)] = &[
    (Bug::QuorumOfTwoFaultsAndOne, 3),
    (Bug::NoPreparedCertificates, 15),
    (Bug::PreparedForgottenOnEntry, 313),
    (Bug::NewViewOfWeakQuorum, 2993),
    (Bug::NewViewTrusted, 455),
    (Bug::ViewChangeTrusted, 90),
    (Bug::WatermarkOffByOne, 2),
    (Bug::SentBeforeDurable, 0),
    (Bug::PromisesForgotten, 3),
    (Bug::SecondProposalTaken, 17),
    (Bug::CommitWithoutPrepared, 2),
    (Bug::PreparedOneShort, 2),
    (Bug::DecidedWhenPrepared, 0),
    (Bug::CommitsOfAnyDigest, 24),
    (Bug::PreparesOfAnyDigest, 24),
    (Bug::RepeatedVotesCount, 0),
    (Bug::SignaturesNotVerified, 7),
    (Bug::ProposalsNotVerified, 119),
    (Bug::TransferTrusted, 13),
    (Bug::StableTrusted, 13),
    (Bug::StableByWeakQuorum, 5),
    (Bug::GapsSkipped, 0),
    (Bug::ChainIgnoresDecision, 0),
    (Bug::VotesInOldView, 3),
    (Bug::NothingSentAgain, 1),
    (Bug::TimerNotStarted, 0),
    (Bug::GapsNotFilled, 110),
    (Bug::ViewChangeForgotten, 6),
    (Bug::LossIgnored, 238),
    (Bug::SlotsBegunAnew, 3),
    (Bug::CertificateOfAnyVotes, 0),
    (Bug::QuorumOfTheEpochBefore, 19),
    (Bug::EpochEndsAtOnce, 13),
    (Bug::VotesPastTheEnd, 19),
    (Bug::UnapprovedRosterTaken, 60),
    (Bug::LastCheckpointOmitsRoster, 13),
    (Bug::EndNotFilled, 79),
    (Bug::SilentAfterHandover, 19),
];

/// Likewise for mistakes of whoever keeps the log.
pub(crate) const FLAWS: &[(Flaw, u64)] = &[
    (Flaw::DirectoryNotSynced, 14),
    (Flaw::SyncErrorIgnored, 25),
    (Flaw::FullDiskIgnored, 3),
    (Flaw::DamageIgnored, 25),
];

/// The first schedule, from one on, in which a bug shows.
fn find(bug: Bug, first: u64) -> Option<(u64, Plan, String)> {
    // Some need a liar of one kind; in all drawn schedules together it is rare.
    let needs_inventor = matches!(bug, Bug::NewViewTrusted | Bug::ViewChangeTrusted);
    (first..first + SCHEDULES_PER_BUG).find_map(|seed| {
        let plan = if needs_inventor {
            Plan::with_inventor(seed, Some(bug))
        } else {
            Plan::drawn(seed, Some(bug))
        };
        failing(seed, plan)
    })
}

fn failing(seed: u64, plan: Plan) -> Option<(u64, Plan, String)> {
    let what = play(plan.clone()).err()?;
    Some((seed, plan, what))
}

fn find_flaw(flaw: Flaw, first: u64) -> Option<(u64, Plan, String)> {
    (first..first + SCHEDULES_PER_BUG).find_map(|seed| {
        let mut plan = Plan::drawn(seed, None);
        plan.flaw = Some(flaw);
        failing(seed, plan)
    })
}

/// `WRITE_SCENARIOS_TO=fixtures/consensus/scenarios` writes each failure down, made small.
fn keep(name: &str, plan: &Plan) {
    #[expect(clippy::disallowed_methods, reason = "asked for from outside")]
    let folder = std::env::var_os("WRITE_SCENARIOS_TO");
    if let Some((folder, small)) = folder.zip(shrink(plan)) {
        let path = std::path::Path::new(&folder).join(format!("planted_{name}.txt"));
        #[expect(clippy::disallowed_methods, reason = "asked for from outside")]
        std::fs::write(path, small.write()).unwrap();
    }
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    let begun = cpu_seconds();
    let first = |hint: u64| if stress() > 1 { 0 } else { hint };
    let bugs = BUGS
        .iter()
        .map(|(bug, hint)| (format!("{bug:?}"), find(*bug, first(*hint))));
    let flaws = FLAWS
        .iter()
        .map(|(flaw, hint)| (format!("{flaw:?}"), find_flaw(*flaw, first(*hint))));
    for (name, found) in bugs.chain(flaws) {
        match found {
            Some((seed, plan, what)) => {
                println!("{name}: found by seed {seed}: {what}");
                keep(&name, &plan);
            }
            None => missed.push(name),
        }
    }
    let count = BUGS.len() + FLAWS.len();
    let seconds = cpu_seconds() - begun;
    println!(
        "{} of {count} found in {seconds:.1} s of one core",
        count - missed.len()
    );
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// What finds the bugs of view changes must not find them where there are none.
#[test]
fn inventors_break_nothing() {
    for seed in 0..20 * stress() {
        let outcome = play(Plan::with_inventor(seed, None));
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
    }
}

/// Would be broken by a point of a step at which no crash ever happens.
#[test]
fn crashes_are_drawn_at_every_point_of_a_step() {
    let plans = (0..200).map(|seed| Plan::drawn(seed, None));
    let mut points: Vec<u8> = plans
        .flat_map(|plan| plan.crashes)
        .map(|crash| match crash.when {
            When::Tick(_) => 0,
            When::BeforeAppend(_) => 1,
            When::BeforeSync(_) => 2,
            When::BeforeSend(_) => 3,
            When::MidSend(_) => 4,
        })
        .collect();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points, [0, 1, 2, 3, 4]);
}
