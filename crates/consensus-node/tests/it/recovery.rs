//! A replica that comes back from a log that leaves out what is settled.

use std::collections::VecDeque;
use std::sync::Arc;

use claude_flow_consensus::{
    Action, Ballot, Confidence, Digest, Domain, Durable, Ed25519Signer, Ed25519Verifier, Effects,
    Input, Lsn, Options, Parsed, Proposal, Record, Replica, Roster, RosterOptions, SignedBallot,
    Signer, Timer, ValidatorId, Vote,
};
use claude_flow_consensus_node::{Identity, Log, LogOptions};

use crate::faulty::FaultyDisk;

struct Group {
    roster: Roster,
    verifier: Arc<Ed25519Verifier>,
}

impl Group {
    fn new() -> Self {
        let keys: Vec<_> = (0..4).map(|id| signer(id).public_key()).collect();
        let verifier = Arc::new(Ed25519Verifier::new(&keys).unwrap());
        let roster = Roster::new(RosterOptions {
            epoch: 1,
            keys,
            faults: 1,
            approval_votes: 3,
        });
        Self {
            roster: roster.unwrap(),
            verifier,
        }
    }

    fn recover(&self, id: u8, records: impl IntoIterator<Item = Record>) -> (Replica, Effects) {
        let mut options = Options::new(self.roster.clone(), ValidatorId(id.into()));
        (options.window, options.checkpoint_interval) = (16, 4);
        let signer = Arc::new(signer(id));
        Replica::recover(options, signer, self.verifier.clone(), records).unwrap()
    }

    fn proposal(&self, round: u8) -> Arc<Proposal> {
        let subject = Digest::of(Domain::Subject, &[round]);
        let ballot = Ballot {
            subject,
            vote: Vote::Pass,
            confidence: Confidence::from_percent(90).unwrap(),
            evidence: subject,
        };
        let bytes = ballot.statement().encode(&self.roster.digest());
        let ballots = (0..4).map(|id| SignedBallot {
            validator: ValidatorId(id.into()),
            ballot,
            signature: signer(id).sign(&bytes),
        });
        Arc::new(Proposal {
            subject,
            ballots: ballots.collect(),
            next: None,
        })
    }
}

fn signer(id: u8) -> Ed25519Signer {
    Ed25519Signer::from_secret(&[id + 1; 32])
}

/// Runs four replicas until nothing is left to say, the third one with its records kept.
fn run(group: &Group, rounds: u8) -> Vec<Record> {
    let mut replicas: Vec<_> = (0..4).map(|id| group.recover(id, []).0).collect();
    let (mut kept, mut network) = (Vec::new(), VecDeque::new());
    let mut perform = |me: usize, effects: Effects, network: &mut VecDeque<(usize, Parsed)>| {
        if me == 2 {
            kept.extend(effects.records);
        }
        let durable = Durable::up_to(Lsn(u64::MAX));
        for action in effects.sealed.open(durable).unwrap() {
            match action {
                Action::Broadcast(packet) => {
                    let others = (0..4).filter(|to| *to != me);
                    network.extend(others.map(|to| (to, packet.clone())));
                }
                Action::Send(to, packet) => network.push_back((to.0 as usize, packet)),
                _ => {}
            }
        }
    };
    for round in 0..rounds {
        let effects = replicas[0].step(Input::Submit(group.proposal(round)));
        perform(0, effects, &mut network);
        // A view change in the middle.
        if round == rounds / 2 {
            for (id, replica) in replicas.iter_mut().enumerate() {
                let effects = replica.step(Input::Timer(Timer::Progress));
                perform(id, effects, &mut network);
            }
        }
        // A proposal that was under way when the view changed is asked for again by the timer.
        for is_last in [false, true] {
            while let Some((to, packet)) = network.pop_front() {
                let effects = replicas[to].step(Input::Parsed(&packet));
                perform(to, effects, &mut network);
            }
            if !is_last {
                let effects = replicas[0].step(Input::Timer(Timer::Status));
                perform(0, effects, &mut network);
            }
        }
    }
    kept
}

fn say(replica: &mut Replica) -> Vec<Action> {
    let effects = replica.step(Input::Timer(Timer::Status));
    assert!(effects.records.is_empty());
    effects.sealed.open(Durable::up_to(Lsn(u64::MAX))).unwrap()
}

/// Would be broken by a log that leaves out what a replica still needs.
#[test]
fn what_the_log_leaves_out_changes_nothing() {
    let group = Group::new();
    for rounds in [3, 9, 22] {
        let kept = run(&group, rounds);
        let identity = Identity {
            roster: group.roster.digest(),
            validator: ValidatorId(2),
        };
        let disk = FaultyDisk::default();
        let open = || {
            let disk = Box::new(disk.clone());
            Log::open(disk, identity, LogOptions::default(), [7; 16])
                .unwrap()
                .log
        };
        open().commit(&kept).unwrap();
        let mut log = open();
        let mut records = log.records();
        let left: Vec<_> = records.by_ref().collect();
        records.finish().unwrap();
        assert_eq!(left.len() < kept.len(), rounds > 4, "{rounds} rounds");

        let (mut whole, _) = group.recover(2, kept);
        let (mut short, _) = group.recover(2, left);
        assert!(whole.status().executed >= u64::from(rounds));
        assert_eq!(whole.status(), short.status());
        assert_eq!(say(&mut whole), say(&mut short));
        // Both take part in what comes next, with the same words.
        let proposal = group.proposal(200);
        let [one, two] = [&mut whole, &mut short].map(|it| {
            let effects = it.step(Input::Submit(proposal.clone()));
            (
                effects.records,
                effects.sealed.open(Durable::up_to(Lsn(u64::MAX))),
            )
        });
        assert_eq!(one, two);
    }
}
