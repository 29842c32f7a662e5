//! A group in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_consensus::{
    Ballot, Confidence, Digest, Domain, Ed25519Verifier, Level, Proposal, Roster, RosterOptions,
    Verdict, Vote, verify_decision, verify_handover,
};
use claude_flow_consensus_node::{Group, NodeError, Opinion, Swarm, SwarmError};

const TIMEOUT: Duration = Duration::from_secs(30);

fn opinion(vote: Vote, percent: u8) -> Opinion {
    Opinion {
        vote,
        confidence: Confidence::from_percent(percent).unwrap(),
        evidence: Digest::of(Domain::Evidence, &[percent]),
    }
}

/// The votes of the report from which this project grew, through threads and real signatures.
#[test]
fn a_swarm_decides_the_golden_votes() {
    use Vote::{Partial, Pass};
    let swarm = Swarm::in_process(Group::generate(5, 1, 3).unwrap()).unwrap();
    let votes = [
        (Partial, 85),
        (Pass, 95),
        (Pass, 92),
        (Pass, 98),
        (Partial, 78),
    ];
    let opinions = votes.map(|(vote, percent)| Some(opinion(vote, percent)));
    let subject = Digest::of(Domain::Subject, b"post-edit pipeline 1.4.0");
    let decided = swarm.decide(subject, &opinions).unwrap();
    assert_eq!(decided.tally.score.quarters(), 14);
    assert_eq!(
        (decided.tally.verdict, decided.tally.level),
        (Verdict::Partial, Level::Silver)
    );

    let roster = swarm.roster();
    let verifier = Ed25519Verifier::new(roster.keys()).unwrap();
    let certificate = decided.decision.certificate.encode(&roster.digest());
    let proposal = decided.decision.proposal.as_ref().unwrap().encode();
    let (_, tally) = verify_decision(roster, &verifier, &certificate, &proposal).unwrap();
    assert_eq!(tally, decided.tally);
    // Asking again gives the same decision, from every validator.
    for handle in swarm.handles() {
        let proposal = decided.decision.proposal.clone().unwrap();
        let again = handle.submit(proposal, TIMEOUT).unwrap();
        assert_eq!(
            again.certificate.statement,
            decided.decision.certificate.statement
        );
    }
}

/// Every node comes to the end of the epoch with a proof that anyone can verify, and sends whoever
/// asks for more to the next roster.
#[test]
fn a_swarm_hands_over_to_the_roster_that_it_voted_for() {
    let swarm = Swarm::in_process(Group::generate(4, 1, 2).unwrap()).unwrap();
    let keys = swarm.roster().keys().iter().rev().copied();
    let next = Roster::new(RosterOptions {
        epoch: swarm.roster().epoch() + 1,
        keys: keys.collect(),
        faults: 1,
        approval_votes: 2,
    })
    .unwrap();
    let ballot = Ballot {
        subject: next.digest(),
        vote: Vote::Pass,
        confidence: Confidence::from_percent(90).unwrap(),
        evidence: Digest::of(Domain::Evidence, b"who they are"),
    };
    let cast = swarm.handles().map(|it| it.cast(ballot, TIMEOUT).unwrap());
    let change = Proposal {
        subject: next.digest(),
        ballots: cast.collect(),
        next: Some(Arc::new(next.clone())),
    };
    swarm.agree(change).unwrap();
    let verifier = Ed25519Verifier::new(swarm.roster().keys()).unwrap();
    let end = Instant::now() + TIMEOUT;
    for handle in swarm.handles() {
        let handover = loop {
            let report = handle.report(TIMEOUT).unwrap();
            if let Some(handover) = report.handover {
                break handover;
            }
            assert!(Instant::now() < end, "{report:?}");
        };
        let bytes = handover.encode(&swarm.roster().digest());
        let proof = verify_handover(swarm.roster(), &verifier, &bytes);
        let (origin, roster) = proof.unwrap();
        assert_eq!((origin.seq, &roster), (128, &next));
        // Slots are filled with null requests, whose decisions are kept like others.
        let last = handle.decision(origin.seq, TIMEOUT).unwrap();
        assert_eq!(last.map(|it| it.proposal), Some(None));
        let ended = handle.cast(ballot, TIMEOUT);
        assert_eq!(ended.err(), Some(NodeError::Ended));
    }
}

/// Would be broken by a caller that is left waiting for what can never be decided.
#[test]
fn bad_requests_are_refused_by_name() {
    let swarm = Swarm::in_process(Group::generate(4, 1, 3).unwrap()).unwrap();
    let subject = Digest::of(Domain::Subject, b"one");
    let alone = swarm.decide(subject, &[Some(opinion(Vote::Pass, 90))]);
    assert!(
        matches!(
            alone,
            Err(SwarmError::Node {
                source: NodeError::Invalid,
                ..
            })
        ),
        "{alone:?}"
    );
    let otherwise = swarm.decide(subject, &[Some(opinion(Vote::Fail, 90))]);
    assert!(
        matches!(
            otherwise,
            Err(SwarmError::Node {
                source: NodeError::Ballot,
                ..
            })
        ),
        "{otherwise:?}"
    );
}

/// Would be broken by a decision that is lost between threads, or a caller that is mistaken for
/// another.
#[test]
fn many_callers_at_once_each_get_their_decision() {
    let swarm = Swarm::in_process(Group::generate(4, 1, 3).unwrap()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..4_u8 {
            let swarm = &swarm;
            scope.spawn(move || {
                for round in 0..40_u8 {
                    let subject = Digest::of(Domain::Subject, &[caller, round]);
                    let decided = swarm
                        .decide(subject, &[Some(opinion(Vote::Pass, 90)); 4])
                        .unwrap();
                    assert_eq!(decided.decision.proposal.unwrap().subject, subject);
                }
            });
        }
    });
    for handle in swarm.handles() {
        let report = handle.report(TIMEOUT).unwrap();
        assert!(report.faults.is_empty());
        assert_eq!(report.status.dropped.malformed, 0, "{report:?}");
    }
}
