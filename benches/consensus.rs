//! A group of replicas in one thread: processor time from a proposal's submission until all have
//! delivered it, one proposal after the other.
//!
//! `cargo xtask bench consensus`; run as a test it decides a few proposals.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and the environment"
)]

use std::collections::VecDeque;
use std::fs;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use claude_flow_consensus::{
    Action, Ballot, Confidence, Digest, Domain, Durable, Ed25519Signer, Ed25519Verifier, Effects,
    Input, Lsn, Options, Parsed, Proposal, PublicKey, Replica, Roster, RosterOptions, Signature,
    SignedBallot, Signer, ValidatorId, Verifier, Vote, verify_decision,
};
use lexopt::prelude::*;
use rustix::time::{ClockId, clock_gettime};

/// Decisions as a test.
const DECISIONS_TEST: u32 = 3;

/// Before anything is measured.
const WARM_UP: u32 = 2;

/// Signs nothing and believes everything.
#[derive(Debug)]
struct NoKey;

impl Signer for NoKey {
    fn sign(&self, _statement: &[u8]) -> Signature {
        Signature([0; Signature::BYTES])
    }
}

impl Verifier for NoKey {
    fn is_signed(&self, _: ValidatorId, _: &[u8], _: &Signature) -> bool {
        true
    }
}

/// Signs nothing and believes everything, and counts both.
#[derive(Debug, Default)]
struct Counter {
    signed: AtomicU64,
    checked: AtomicU64,
}

impl Signer for Counter {
    fn sign(&self, statement: &[u8]) -> Signature {
        self.signed.fetch_add(1, Ordering::Relaxed);
        NoKey.sign(statement)
    }
}

impl Verifier for Counter {
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool {
        self.checked.fetch_add(1, Ordering::Relaxed);
        NoKey.is_signed(signer, statement, signature)
    }
}

struct Group {
    roster: Roster,
    /// Those who cast the ballots.
    signers: Vec<Arc<dyn Signer>>,
    verifier: Arc<dyn Verifier>,
    replicas: Vec<Replica>,
    written: Vec<u64>,
    network: VecDeque<(usize, Parsed)>,
    /// Emptied and filled again.
    effects: Effects,
    delivered: u32,
}

impl Group {
    fn new(n: u8, is_signed: bool) -> Result<Self> {
        let real = secrets(n);
        let verifier: Arc<dyn Verifier> = if is_signed {
            Arc::new(Ed25519Verifier::with_tables(&public(&real))?)
        } else {
            Arc::new(NoKey)
        };
        let signer = |signer| -> Arc<dyn Signer> {
            if is_signed {
                Arc::new(signer)
            } else {
                Arc::new(NoKey)
            }
        };
        let signers: Vec<_> = real.into_iter().map(signer).collect();
        Self::of(&signers, &signers, &verifier)
    }

    /// A group whose replicas sign otherwise than its voters.
    fn of(
        signers: &[Arc<dyn Signer>],
        voters: &[Arc<dyn Signer>],
        verifier: &Arc<dyn Verifier>,
    ) -> Result<Self> {
        let n = u8::try_from(signers.len())?;
        let faults = (u32::from(n) - 1) / 3;
        let roster = Roster::new(RosterOptions {
            epoch: 1,
            keys: public(&secrets(n)),
            faults,
            approval_votes: faults + 1,
        })?;
        let mut replicas = Vec::new();
        for (signer, id) in signers.iter().zip(0..) {
            let options = Options::new(roster.clone(), ValidatorId(id));
            let made = Replica::new(options, Arc::clone(signer), Arc::clone(verifier));
            replicas.push(made?.0);
        }
        Ok(Self {
            roster,
            signers: voters.to_vec(),
            verifier: Arc::clone(verifier),
            written: vec![0; replicas.len()],
            replicas,
            network: VecDeque::new(),
            effects: Effects::default(),
            delivered: 0,
        })
    }

    /// With the fewest ballots that a replica votes for, f + 1.
    fn proposal(&self, number: u32) -> Arc<Proposal> {
        let subject = Digest::of(Domain::Subject, &number.to_le_bytes());
        let ballots = self.signers.iter().zip(0..).map(|(signer, id)| {
            let ballot = Ballot {
                subject,
                vote: Vote::Pass,
                confidence: Confidence::from_percent(90).expect("90 is a percentage"),
                evidence: subject,
            };
            let said = ballot.statement().encode(&self.roster.digest());
            SignedBallot {
                validator: ValidatorId(id),
                ballot,
                signature: signer.sign(&said),
            }
        });
        let enough = self.roster.weak().votes() as usize;
        let ballots = ballots.take(enough).collect();
        Arc::new(Proposal {
            subject,
            ballots,
            next: None,
        })
    }

    /// Hands a proposal to the primary and runs until nothing is under way.
    fn decide(&mut self, proposal: Arc<Proposal>) -> Result<()> {
        self.step(0, Input::Submit(proposal))?;
        while let Some((to, parsed)) = self.network.pop_front() {
            self.step(to, Input::Parsed(&parsed))?;
        }
        Ok(())
    }

    fn step(&mut self, me: usize, input: Input<'_>) -> Result<()> {
        let mut effects = mem::take(&mut self.effects);
        self.replicas[me].step_into(input, &mut effects);
        self.written[me] += effects.records.len() as u64;
        effects.records.clear();
        effects.timers.clear();
        let durable = Durable::up_to(Lsn(self.written[me]));
        let Some(actions) = effects.sealed.drain(durable) else {
            bail!("the replica counts its records otherwise");
        };
        for action in actions {
            match action {
                Action::Broadcast(parsed) => {
                    for to in (0..self.replicas.len()).filter(|to| *to != me) {
                        self.network.push_back((to, parsed.clone()));
                    }
                }
                Action::Send(to, parsed) => self.network.push_back((to.0 as usize, parsed)),
                Action::Deliver(delivery) => {
                    self.delivered += 1;
                    if self.delivered == 1 {
                        self.check(&delivery.decision)?;
                    }
                }
                _ => {}
            }
        }
        self.effects = effects;
        Ok(())
    }

    /// Before anything is measured it must work.
    fn check(&self, decision: &claude_flow_consensus::Decision) -> Result<()> {
        let certificate = decision.certificate.encode(&self.roster.digest());
        let proposal = decision.proposal.as_ref().context("a null request")?;
        verify_decision(
            &self.roster,
            &*self.verifier,
            &certificate,
            &proposal.encode(),
        )?;
        Ok(())
    }
}

fn secrets(n: u8) -> Vec<Ed25519Signer> {
    let secret = |byte| Ed25519Signer::from_secret(&[byte; 32]);
    (1..=n).map(secret).collect()
}

fn public(signers: &[Ed25519Signer]) -> Vec<PublicKey> {
    signers.iter().map(Ed25519Signer::public_key).collect()
}

/// How many signatures one decision makes and checks, which must be no more than it needs: each
/// replica one PRE-PREPARE or PREPARE and one COMMIT; checks of the PRE-PREPARE by each backup, of
/// as many votes as make a quorum with one's own, and of the ballots by each.
fn count(n: u8) -> Result<(u64, u64)> {
    let counter = Arc::new(Counter::default());
    let signers: Vec<Arc<dyn Signer>> = (0..n)
        .map(|_| -> Arc<dyn Signer> { counter.clone() })
        .collect();
    let voters: Vec<Arc<dyn Signer>> = (0..n)
        .map(|_| -> Arc<dyn Signer> { Arc::new(NoKey) })
        .collect();
    let verifier: Arc<dyn Verifier> = counter.clone();
    let mut group = Group::of(&signers, &voters, &verifier)?;
    // The certificate of the first is checked.
    group.decide(group.proposal(0))?;
    let before = [&counter.signed, &counter.checked].map(|it| it.load(Ordering::Relaxed));
    group.decide(group.proposal(1))?;
    let signed = counter.signed.load(Ordering::Relaxed) - before[0];
    let checked = counter.checked.load(Ordering::Relaxed) - before[1];
    let n = u64::from(n);
    let others = u64::from(group.roster.agreement().votes()) - 1;
    let ballots = u64::from(group.roster.weak().votes());
    let needed = (n - 1) + others + (n - 1) * (others - 1) + n * others + n * ballots;
    ensure!(
        signed == 2 * n,
        "{signed} signatures are made, not {}",
        2 * n
    );
    ensure!(
        checked == needed,
        "{checked} signatures are checked, not {needed}"
    );
    Ok((signed, checked))
}

/// The processor time of this thread.
fn cpu_ns() -> Result<u64> {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec)?;
    Ok(seconds * 1_000_000_000 + u64::try_from(now.tv_nsec)?)
}

/// Times of single decisions, each from a batch of so many.
fn measure(n: u8, is_signed: bool, decisions: u32, batch: u32) -> Result<Vec<u64>> {
    let mut group = Group::new(n, is_signed)?;
    let mut times = Vec::new();
    for round in 0..WARM_UP + decisions.div_ceil(batch) {
        let numbers = round * batch..(round + 1) * batch;
        let proposals: Vec<_> = numbers.map(|number| group.proposal(number)).collect();
        let begun = cpu_ns()?;
        for proposal in proposals {
            group.decide(proposal)?;
        }
        let each = (cpu_ns()? - begun) / u64::from(batch);
        if round >= WARM_UP {
            times.push(each);
        }
    }
    let wanted = (WARM_UP + decisions.div_ceil(batch)) * batch * u32::from(n);
    ensure!(
        group.delivered == wanted,
        "{} of {wanted} delivered",
        group.delivered
    );
    times.sort_unstable();
    Ok(times)
}

fn main() -> Result<()> {
    let (mut decisions, mut json) = (DECISIONS_TEST, None::<PathBuf>);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("decisions") => decisions = parser.value()?.parse()?,
            Long("json") => json = Some(parser.value()?.into()),
            // What cargo passes to every benchmark.
            Long("bench" | "test") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    let mut rows = Vec::new();
    for n in [4, 5, 7, 31] {
        let (signed, checked) = count(n)?;
        println!("n = {n}: a decision makes {signed} signatures and checks {checked}");
    }
    println!(
        "{:<18} {:>10} {:>10} {:>10} {:>12}",
        "each decision", "p50", "p95", "p99", "a second"
    );
    for (name, is_signed, batch) in [("signed", true, 1), ("no authentication", false, 50)] {
        for n in [4, 5, 7, 31] {
            let fewer = if n == 31 { 10 } else { 1 };
            let count = (decisions * batch / fewer).max(1);
            let times = measure(n, is_signed, count, batch.min(count))?;
            let at = |per_cent: usize| times[(times.len() * per_cent / 100).min(times.len() - 1)];
            let total: u64 = times.iter().sum();
            let rate = times.len() as u64 * 1_000_000_000 / total.max(1);
            println!(
                "{name:<10.6} n = {n:<3} {:>10} {:>10} {:>10} {rate:>12}",
                at(50),
                at(95),
                at(99)
            );
            rows.push(serde_json::json!({
                "name": format!("{name}, n = {n}"),
                "samples": times.len(),
                "min_ns": times[0],
                "p50_ns": at(50),
                "p95_ns": at(95),
            }));
        }
    }
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&rows)?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
