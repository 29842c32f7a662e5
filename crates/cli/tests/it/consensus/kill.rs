//! Five processes, any of which is killed at any time and comes back from its log.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use claude_flow::consensus::{
    Ballot, Confidence, Decision, Digest, Domain, Ed25519Signer, Ed25519Verifier, Proposal,
    SignedBallot, Signer, ValidatorId, Vote, verify_certificate, verify_decision,
};
use claude_flow::consensus_node::{
    Client, FileDisk, Home, Identity, Log, LogOptions, NodeStatus, RosterFile,
};

use super::Validator;
use crate::program::Project;

/// How long it lasts, before `STRESS` multiplies it.
const SECONDS: u64 = 4;

/// How long it lasts at most.
const SECONDS_MAX: u64 = 600;

/// How long the group may take to agree once nobody is killed any more.
const SETTLE: Duration = Duration::from_mins(1);

const SUBMITTERS: usize = 3;

/// `STRESS=1000` makes the deep run.
fn duration() -> Duration {
    let factor = env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    Duration::from_secs(SECONDS.saturating_mul(factor).min(SECONDS_MAX))
}

/// Drawn anew each time, unless `CONSENSUS_KILL_SEED` names it. The processes run as they like: the
/// same seed kills the same ones after as many decisions, no more.
fn seed() -> u64 {
    env::var("CONSENSUS_KILL_SEED").map_or_else(
        |_| RandomState::new().hash_one(SECONDS),
        |text| text.parse().expect("the seed is a whole number"),
    )
}

struct Scene {
    project: Project,
    homes: Vec<Home>,
    group: RosterFile,
    signers: Vec<Ed25519Signer>,
    is_over: AtomicBool,
    acknowledged: Mutex<Vec<Decision>>,
    changed: Condvar,
    retries: AtomicUsize,
}

impl Scene {
    fn new() -> Self {
        let project = Project::new();
        project.run(&["consensus", "init", "group"]).expect_code(0);
        let group = RosterFile::read(&project.path("group/roster.toml")).expect("a roster");
        let home = |id| Home::new(&project.path(&format!("group/validator-{id}")));
        let homes: Vec<_> = (0..5).map(home).collect();
        let signers = homes.iter().map(|home| home.signer().expect("a key"));
        Self {
            signers: signers.collect(),
            homes,
            group,
            project,
            is_over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            changed: Condvar::new(),
            retries: AtomicUsize::new(0),
        }
    }

    /// Ballots of all validators, signed here so that they need nobody to be up.
    fn proposal(&self, name: &str) -> Proposal {
        let subject = Digest::of(Domain::Subject, name.as_bytes());
        let ballot = Ballot {
            subject,
            vote: Vote::Pass,
            confidence: Confidence::from_percent(90).expect("a percentage"),
            evidence: Digest::of(Domain::Evidence, name.as_bytes()),
        };
        let bytes = ballot.statement().encode(&self.group.roster.digest());
        let signed = |(signer, id): (&Ed25519Signer, u32)| SignedBallot {
            validator: ValidatorId(id),
            ballot,
            signature: signer.sign(&bytes),
        };
        Proposal {
            subject,
            ballots: self.signers.iter().zip(0..).map(signed).collect(),
            next: None,
        }
    }

    /// One proposal after the other, each asked for until some validator answers.
    fn submit(&self, submitter: usize) {
        for round in 0_usize.. {
            let proposal = self.proposal(&format!("{submitter}/{round}"));
            let mut at = submitter + round;
            loop {
                if self.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let connected = Client::connect(&self.homes[at % 5].control());
                let answer = connected
                    .and_then(|mut client| client.submit(&proposal, Duration::from_secs(3)));
                if let Ok(decision) = answer {
                    self.acknowledged.lock().expect("no panic").push(decision);
                    self.changed.notify_all();
                    break;
                }
                self.retries.fetch_add(1, Ordering::Relaxed);
                at += 1;
                std::thread::yield_now();
            }
        }
    }

    /// Waits for so many more decisions, and no longer than that.
    fn await_decisions(&self, count: usize, most: Duration) {
        let acknowledged = self.acknowledged.lock().expect("no panic");
        let target = acknowledged.len() + count;
        let wait = self
            .changed
            .wait_timeout_while(acknowledged, most, |it| it.len() < target);
        drop(wait.expect("no panic"));
    }

    /// Kills and starts validators until the time is up; gives how often, and those that are up.
    fn kill(&self, seed: u64) -> (usize, Vec<Validator>) {
        let mut random = seed;
        let mut draw = |most: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % most
        };
        let start = |id| Some(Validator::start(&self.project, id));
        let mut validators: Vec<_> = (0..5).map(start).collect();
        let (end, mut kills) = (Instant::now() + duration(), 0);
        while Instant::now() < end {
            let count = usize::try_from(draw(40)).expect("small");
            self.await_decisions(count, Duration::from_millis(1 + draw(1_000)));
            let id = usize::try_from(draw(5)).expect("small");
            if let Some(validator) = validators[id].take() {
                validator.kill();
                kills += 1;
            }
            // Of two that are down at once the group waits for one.
            if draw(4) > 0 {
                self.await_decisions(count, Duration::from_millis(1 + draw(300)));
                for (id, validator) in validators.iter_mut().enumerate() {
                    if validator.is_none() {
                        *validator = start(id);
                    }
                }
            }
        }
        for (id, validator) in validators.iter_mut().enumerate() {
            if validator.is_none() {
                *validator = start(id);
            }
        }
        self.await_decisions(20, SETTLE);
        (kills, validators.into_iter().flatten().collect())
    }

    /// Waits until all have decided the same. Nobody submits any more: what is acknowledged after
    /// this, only a quorum would have.
    fn settle(&self) {
        let end = Instant::now() + SETTLE;
        loop {
            let ask = |home: &Home| -> Option<NodeStatus> {
                let mut client = Client::connect(&home.control()).ok()?;
                client.status(SETTLE).ok()
            };
            let found: Vec<_> = self.homes.iter().filter_map(ask).collect();
            let least = self.acknowledged.lock().expect("no panic").len() as u64;
            let is_level = found.len() == 5
                && found
                    .iter()
                    .all(|it| it.chain == found[0].chain && it.decided >= least);
            if is_level {
                return;
            }
            assert!(
                Instant::now() < end,
                "the group does not settle: {found:#?}"
            );
            self.await_decisions(1, Duration::from_millis(50));
        }
    }

    /// Reads the logs that are left: every acknowledged decision is in each, and every certificate
    /// in them verifies.
    fn check_logs(&self) -> u64 {
        let acknowledged = self.acknowledged.lock().expect("no panic");
        let roster = &self.group.roster;
        let verifier = Ed25519Verifier::new(roster.keys()).expect("keys");
        let mut decided = 0;
        for (home, id) in self.homes.iter().zip(0..) {
            let disk = FileDisk::open(home.directory()).expect("nobody has it");
            let identity = Identity {
                roster: roster.digest(),
                validator: ValidatorId(id),
            };
            let opened = Log::open(Box::new(disk), identity, LogOptions::default(), [0; 16]);
            let opened = opened.expect("a log");
            assert!(!opened.is_lossy, "validator {id} lost records");
            let mut log = opened.log;
            decided = log.decided();
            for slot in 1..=decided {
                let decision = log.decision(slot).expect("readable").expect("decided");
                let bytes = decision.certificate.encode(&roster.digest());
                let certified = verify_certificate(roster, &verifier, &bytes);
                assert_eq!(certified.expect("it verifies").seq, slot);
            }
            for decision in acknowledged.iter() {
                let statement = decision.certificate.statement;
                let found = log.decision(statement.seq).expect("readable");
                let found = found.unwrap_or_else(|| panic!("validator {id} lacks {statement:?}"));
                assert_eq!(found.certificate.statement.digest, statement.digest);
                assert_eq!(found.proposal, decision.proposal);
            }
        }
        for decision in acknowledged.iter() {
            let certificate = decision.certificate.encode(&roster.digest());
            let proposal = decision.proposal.as_ref().expect("not null").encode();
            verify_decision(roster, &verifier, &certificate, &proposal).expect("it verifies");
        }
        decided
    }
}

/// Ends the submitters also when the killer panics, as the scope waits for them.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Would be broken by an answer before the log has synced, a log that does not come back, a vote
/// that is forgotten, or a validator that never catches up.
#[test]
fn whoever_is_killed_at_any_time_what_was_acknowledged_stays() {
    let scene = Scene::new();
    let seed = seed();
    println!("CONSENSUS_KILL_SEED={seed} kills in the same order again");
    let (kills, validators) = std::thread::scope(|scope| {
        let _over = SetOnDrop(&scene.is_over);
        for submitter in 0..SUBMITTERS {
            let scene = &scene;
            scope.spawn(move || scene.submit(submitter));
        }
        scene.kill(seed)
    });
    scene.settle();
    validators.into_iter().for_each(Validator::kill);
    let acknowledged = scene.acknowledged.lock().expect("no panic").len();
    assert!(kills > 0 && acknowledged > 0);
    let decided = scene.check_logs();
    println!(
        "{:?}: {kills} kills, {acknowledged} decisions acknowledged, {decided} slots decided, \
         {} tries without an answer",
        duration(),
        scene.retries.load(Ordering::Relaxed)
    );
}
