//! Everything about a schedule that is drawn before it begins.

use std::sync::Arc;

use claude_flow_consensus::{
    Ballot, Bug, Confidence, Digest, Domain, Proposal, PublicKey, Roster, RosterOptions,
    SignedBallot, Signer, ValidatorId, Vote,
};

use super::actors::Kind;
use super::rng::Rng;
use super::seals::Seal;

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) n: u32,
    pub(crate) faults: u32,
    pub(crate) window: u64,
    pub(crate) interval: u64,
    pub(crate) timeout: u64,
    pub(crate) status_interval: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) liars: Vec<(u32, Kind)>,
    /// When each proposal is submitted.
    pub(crate) submissions: Vec<u64>,
    /// Who is down, from when, until when.
    pub(crate) crashes: Vec<(u32, u64, u64)>,
    /// From when, until when, from whom, to whom nothing gets through.
    pub(crate) cuts: Vec<(u64, u64, u64, u64)>,
    /// From when, until when, of which kind, to whom nothing gets through.
    pub(crate) muffles: Vec<(u64, u64, u8, u64)>,
    pub(crate) settled_at: u64,
    pub(crate) drop_percent: u64,
    pub(crate) double_percent: u64,
    pub(crate) slow_sync_percent: u64,
    pub(crate) bad_delay: u64,
    pub(crate) good_delay: u64,
}

impl Plan {
    /// No faults at all; scenarios add theirs.
    pub(crate) fn calm(n: u32, proposals: usize) -> Self {
        Self {
            seed: 0,
            n,
            faults: (n - 1) / 3,
            window: 8,
            interval: 4,
            timeout: 60,
            status_interval: 50,
            bug: None,
            liars: Vec::new(),
            submissions: vec![1; proposals],
            crashes: Vec::new(),
            cuts: Vec::new(),
            muffles: Vec::new(),
            settled_at: 2,
            drop_percent: 0,
            double_percent: 0,
            slow_sync_percent: 0,
            bad_delay: 3,
            good_delay: 3,
        }
    }

    /// The configuration and every fault follow from the seed.
    pub(crate) fn drawn(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = Rng::new(seed);
        let n = [4, 5, 5, 5, 6, 7][rng.below(6) as usize];
        let mut plan = Self::calm(n, 0);
        let settled_at = rng.between(100, 320);
        plan.seed = seed;
        plan.bug = bug;
        plan.settled_at = settled_at;
        (plan.window, plan.interval) = [(4, 2), (8, 4), (8, 2), (16, 4)][rng.below(4) as usize];
        plan.timeout = rng.between(30, 60);
        plan.status_interval = rng.between(25, 60);
        plan.submissions = (0..rng.between(8, 12))
            .map(|_| rng.between(1, settled_at))
            .collect();
        plan.drop_percent = [0, 3, 10, 25][rng.below(4) as usize];
        plan.double_percent = [0, 5, 20][rng.below(3) as usize];
        plan.slow_sync_percent = [0, 20, 70][rng.below(3) as usize];
        plan.bad_delay = [3, 8, 20][rng.below(3) as usize];
        plan.draw_liars(&mut rng);
        let everyone = (1 << n) - 1;
        // The primary of view 0 is cut off for a while, so that its view is left.
        let from = rng.between(1, settled_at / 2);
        plan.cuts
            .push((from, from + rng.between(60, 120), 1, everyone));
        for _ in 0..rng.below(4) {
            let (from, len) = (rng.between(1, settled_at), rng.between(10, 90));
            plan.cuts.push((
                from,
                from + len,
                rng.below(everyone) + 1,
                rng.below(everyone) + 1,
            ));
        }
        // PREPAREs or COMMITs reach few, so that slots are left half decided.
        for _ in 0..rng.below(4) {
            let (from, len) = (rng.between(1, settled_at), rng.between(20, 150));
            let kind = [2, 3, 3][rng.below(3) as usize];
            let receivers = everyone & !(1 << rng.below(u64::from(n)));
            plan.muffles.push((from, from + len, kind, receivers));
        }
        for _ in 0..rng.below(5) {
            let id = rng.below(u64::from(n)) as u32;
            let from = rng.between(1, settled_at);
            plan.crashes.push((id, from, from + rng.between(1, 60)));
        }
        let liars = plan.liars.clone();
        plan.crashes
            .retain(|(id, ..)| liars.iter().all(|(liar, _)| liar != id));
        plan
    }

    /// A drawn schedule in which some validator invents what view changes build on.
    pub(crate) fn with_inventor(seed: u64, bug: Option<Bug>) -> Self {
        let mut plan = Self::drawn(seed, bug);
        plan.liars = vec![((seed % 2) as u32, Kind::Inventor)];
        plan.crashes.retain(|(id, ..)| *id > 1);
        plan.cuts.clear();
        // No primary gets a PRE-PREPARE through, but every one can begin its view.
        plan.muffles = vec![(40, 120, 1, u64::MAX)];
        plan
    }

    fn draw_liars(&mut self, rng: &mut Rng) {
        let count = rng
            .below(u64::from(self.faults) + 2)
            .min(u64::from(self.faults));
        for _ in 0..count {
            let id = rng.below(u64::from(self.n)) as u32;
            if self.liars.iter().all(|(other, _)| *other != id) {
                let kind = Kind::ALL[rng.below(Kind::ALL.len() as u64) as usize];
                self.liars.push((id, kind));
            }
        }
    }

    pub(crate) fn is_cut(&self, now: u64, from: u32, to: u32, bytes: &[u8]) -> bool {
        let mut muffles = self.muffles.iter();
        let is_muffled = muffles.any(|(begin, end, kind, receivers)| {
            (*begin..*end).contains(&now) && bytes.get(1) == Some(kind) && receivers >> to & 1 == 1
        });
        is_muffled
            || self.cuts.iter().any(|(begin, end, senders, receivers)| {
                (*begin..*end).contains(&now)
                    && senders >> from & 1 == 1
                    && receivers >> to & 1 == 1
            })
    }

    pub(crate) fn roster(&self) -> Roster {
        let keys = (0..self.n).map(|id| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&id.to_le_bytes());
            PublicKey(key)
        });
        let roster = Roster::new(RosterOptions {
            epoch: 1,
            keys: keys.collect(),
            faults: self.faults,
            approval_votes: self.n - self.faults,
        });
        roster.unwrap()
    }

    /// One proposal per submission, each on a subject of its own.
    pub(crate) fn proposals(&self) -> Vec<Arc<Proposal>> {
        let roster = self.roster();
        let proposal = |number: usize| {
            let subject = Digest::of(Domain::Subject, &(number as u64).to_le_bytes());
            let ballots = (0..=self.faults).map(|id| {
                let ballot = Ballot {
                    subject,
                    vote: [Vote::Pass, Vote::Partial, Vote::Fail][(number + id as usize) % 3],
                    confidence: Confidence::from_percent(80).unwrap(),
                    evidence: subject,
                };
                let said = ballot.statement().encode(&roster.digest());
                SignedBallot {
                    validator: ValidatorId(id),
                    ballot,
                    signature: Seal { id }.sign(&said),
                }
            });
            Arc::new(Proposal {
                subject,
                ballots: ballots.collect(),
            })
        };
        (0..self.submissions.len()).map(proposal).collect()
    }
}
