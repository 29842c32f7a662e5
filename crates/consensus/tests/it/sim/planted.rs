//! Every planted bug is found, and the code without one passes the same schedules.

use claude_flow_consensus::Bug;

use super::plan::Plan;
use super::stress;
use super::world::play;

/// How many schedules a bug may hide in.
const SCHEDULES_PER_BUG: u64 = 4000;

/// Each with the schedule in which it shows first, where the short run begins to look; the deep run
/// begins with schedule 0.
const BUGS: &[(Bug, u64)] = &[
    (Bug::QuorumOfTwoFaultsAndOne, 2),
    (Bug::NoPreparedCertificates, 3),
    (Bug::PreparedForgottenOnEntry, 207),
    (Bug::NewViewOfWeakQuorum, 703),
    (Bug::NewViewTrusted, 283),
    (Bug::ViewChangeTrusted, 104),
    (Bug::WatermarkOffByOne, 2),
    (Bug::SentBeforeDurable, 0),
    (Bug::PromisesForgotten, 3),
    (Bug::SecondProposalTaken, 4),
    (Bug::CommitWithoutPrepared, 0),
    (Bug::PreparedOneShort, 0),
    (Bug::DecidedWhenPrepared, 0),
    (Bug::CommitsOfAnyDigest, 1),
    (Bug::PreparesOfAnyDigest, 1),
    (Bug::RepeatedVotesCount, 0),
    (Bug::SignaturesNotVerified, 4),
    (Bug::ProposalsNotVerified, 0),
    (Bug::TransferTrusted, 36),
    (Bug::StableTrusted, 36),
    (Bug::StableByWeakQuorum, 0),
    (Bug::GapsSkipped, 0),
    (Bug::ChainIgnoresDecision, 0),
    (Bug::VotesInOldView, 3),
    (Bug::NothingSentAgain, 1),
    (Bug::TimerNotStarted, 0),
    (Bug::GapsNotFilled, 49),
    (Bug::ViewChangeForgotten, 3),
    (Bug::SlotsBegunAnew, 6),
    (Bug::CertificateOfAnyVotes, 0),
];

/// The first schedule, from one on, in which a bug shows.
fn find(bug: Bug, first: u64) -> Option<(u64, String)> {
    // Some need a liar of one kind; in all drawn schedules together it is rare.
    let needs_inventor = matches!(bug, Bug::NewViewTrusted | Bug::ViewChangeTrusted);
    (first..first + SCHEDULES_PER_BUG).find_map(|seed| {
        let plan = if needs_inventor {
            Plan::with_inventor(seed, Some(bug))
        } else {
            Plan::drawn(seed, Some(bug))
        };
        play(plan).err().map(|what| (seed, what))
    })
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for (bug, hint) in BUGS {
        let first = if stress() > 1 { 0 } else { *hint };
        match find(*bug, first) {
            Some((seed, what)) => println!("{bug:?}: found by seed {seed}: {what}"),
            None => missed.push(*bug),
        }
    }
    println!("{} of {} found", BUGS.len() - missed.len(), BUGS.len());
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// What finds the bugs of view changes must not find them where there are none.
#[test]
fn inventors_break_nothing() {
    for seed in 0..20 * stress() {
        let plan = Plan::with_inventor(seed, None);
        let outcome = play(plan);
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
    }
}
