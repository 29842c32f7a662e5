//! A group in one process.

use std::time::Duration;

use claude_flow_consensus::{
    Confidence, Digest, Domain, Ed25519Verifier, Level, Verdict, Vote, verify_decision,
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
