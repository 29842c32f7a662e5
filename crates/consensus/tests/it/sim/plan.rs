//! Everything about a schedule that is drawn, or written down, before it begins.

use claude_flow_consensus::Bug;

use super::actors::Kind;
use super::disk::Flaw;
use super::group::Members;
use super::rng::Rng;

/// PRE-PREPARE, PREPARE and COMMIT in a set of kinds.
pub(crate) const PRE_PREPARES: u64 = 1 << 1;
pub(crate) const PREPARES: u64 = 1 << 2;
pub(crate) const COMMITS: u64 = 1 << 3;

/// Everything.
pub(crate) const ALL: u64 = u64::MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) n: u32,
    pub(crate) faults: u32,
    pub(crate) window: u64,
    pub(crate) interval: u64,
    pub(crate) timeout: u64,
    pub(crate) status_interval: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) flaw: Option<Flaw>,
    /// Whether replicas are handed bytes, and not what was read from them once for all.
    pub(crate) is_raw: bool,
    /// Whether keys are of ed25519, and not seals.
    pub(crate) is_real: bool,
    pub(crate) liars: Vec<(u32, Kind)>,
    pub(crate) submissions: Vec<Submission>,
    pub(crate) crashes: Vec<Crash>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) jumps: Vec<Jump>,
    pub(crate) disks: Vec<DiskFault>,
    pub(crate) change: Option<Change>,
    /// The network is good from now on: GST.
    pub(crate) settled_at: u64,
    pub(crate) drop_percent: u64,
    pub(crate) double_percent: u64,
    pub(crate) slow_sync_percent: u64,
    pub(crate) bad_delay: u64,
    pub(crate) good_delay: u64,
}

/// A change of roster is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: u64,
    pub(crate) members: Members,
}

/// A proposal reaches a node, drawn where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) at: u64,
    pub(crate) node: Option<u32>,
}

/// A node stops, and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crash {
    pub(crate) node: u32,
    pub(crate) when: When,
    pub(crate) down: u64,
}

/// When a node stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At a tick, between two steps.
    Tick(u64),
    /// In a step, counted from the node's start: before its records are appended.
    BeforeAppend(u64),
    /// Between append and sync.
    BeforeSync(u64),
    /// After the sync, before anything is sent.
    BeforeSend(u64),
    /// When the first of what was to be sent is sent.
    MidSend(u64),
}

/// Nothing of these kinds and of this view gets from these to those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// By tag.
    pub(crate) kinds: u64,
    pub(crate) view: Option<u64>,
    pub(crate) senders: u64,
    pub(crate) receivers: u64,
}

impl Loss {
    pub(crate) fn takes(&self, now: u64, from: u32, to: u32, tag: u8, view: Option<u64>) -> bool {
        (self.from..self.until).contains(&now)
            && self.senders >> from & 1 == 1
            && self.receivers >> to & 1 == 1
            && self.kinds >> (tag & 63) & 1 == 1
            && (self.view.is_none() || self.view == view)
    }
}

/// A node's clock jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) node: u32,
    pub(crate) at: u64,
    /// Back by so many ticks; ahead past all timers if none are given.
    pub(crate) back: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DiskFault {
    pub(crate) node: u32,
    pub(crate) at: u64,
    pub(crate) kind: DiskFaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskFaultKind {
    /// The next sync fails.
    SyncError,
    /// There is no room for so many ticks.
    Full(u64),
    /// A synced record changes, and the node restarts.
    Rot,
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
            flaw: None,
            is_raw: true,
            is_real: false,
            liars: Vec::new(),
            submissions: vec![Submission { at: 1, node: None }; proposals],
            crashes: Vec::new(),
            losses: Vec::new(),
            jumps: Vec::new(),
            disks: Vec::new(),
            change: None,
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
        let n = [4, 4, 5, 5, 5, 6, 7][rng.below(7) as usize];
        let mut plan = Self::calm(n, 0);
        let settled_at = rng.between(100, 200);
        plan.seed = seed;
        plan.bug = bug;
        plan.is_raw = seed % 8 == 0;
        plan.is_real = seed % 4096 == 1;
        plan.settled_at = settled_at;
        (plan.window, plan.interval) = [(4, 2), (8, 4), (8, 2), (16, 4)][rng.below(4) as usize];
        plan.timeout = rng.between(40, 90);
        plan.status_interval = rng.between(50, 90);
        plan.submissions = (0..rng.between(8, 9))
            .map(|_| Submission {
                at: rng.between(1, settled_at),
                node: None,
            })
            .collect();
        plan.drop_percent = [0, 3, 8, 20][rng.below(4) as usize];
        plan.double_percent = [0, 3, 10][rng.below(3) as usize];
        plan.slow_sync_percent = [0, 20, 70][rng.below(3) as usize];
        plan.bad_delay = [3, 6, 15][rng.below(3) as usize];
        plan.draw_liars(&mut rng);
        plan.draw_losses(&mut rng);
        plan.draw_crashes(&mut rng);
        plan.draw_disks(&mut rng);
        if rng.percent(20) {
            plan.jumps.push(Jump {
                node: rng.below(u64::from(n)) as u32,
                at: rng.between(1, settled_at),
                back: [None, Some(30), Some(90)][rng.below(3) as usize],
            });
        }
        plan.draw_change();
        plan
    }

    /// In every fifth schedule the roster changes, or is not allowed to.
    fn draw_change(&mut self) {
        // Its own chance, so that all else about a seed is as it would be without.
        let mut rng = Rng::new(self.seed ^ 0x0e9c);
        if !rng.percent(20) {
            return;
        }
        let n = self.n;
        let (n, first) = [
            (n, 1),
            (n, 0),
            (n, 2),
            (n + 1, 0),
            (n + 3, 0),
            (n + 3, 1),
            (4, 0),
            (4, 1),
        ][rng.below(8) as usize];
        let members = Members {
            n,
            first,
            is_approved: rng.percent(85),
        };
        // Whoever lies goes on lying, and who has forgotten may have to be counted with them.
        if members.faults() >= self.faults {
            let at = rng.between(1, self.settled_at);
            self.change = Some(Change { at, members });
        }
    }

    /// A drawn schedule in which some validator invents what view changes build on.
    pub(crate) fn with_inventor(seed: u64, bug: Option<Bug>) -> Self {
        let mut plan = Self::drawn(seed, bug);
        plan.liars = vec![((seed % 2) as u32, Kind::Inventor)];
        plan.crashes.retain(|crash| crash.node > 1);
        plan.disks.clear();
        // No primary gets a PRE-PREPARE through, but every one can begin its view.
        plan.losses = vec![Loss {
            from: 40,
            until: 120.min(plan.settled_at),
            kinds: PRE_PREPARES,
            view: None,
            senders: ALL,
            receivers: ALL,
        }];
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

    fn is_liar(&self, id: u32) -> bool {
        self.liars.iter().any(|(liar, _)| *liar == id)
    }

    fn draw_losses(&mut self, rng: &mut Rng) {
        let settled_at = self.settled_at;
        let everyone = (1 << self.n) - 1;
        let cut = |from: u64, len: u64, senders: u64, receivers: u64| Loss {
            from,
            until: (from + len).min(settled_at),
            kinds: ALL,
            view: None,
            senders,
            receivers,
        };
        // The primary of view 0 is cut off for a while, so that its view is left.
        let from = rng.between(1, settled_at / 2);
        let len = rng.between(60, 120);
        self.losses.push(cut(from, len, 1, everyone));
        for _ in 0..rng.below(4) {
            let (from, len) = (rng.between(1, settled_at), rng.between(10, 90));
            let (senders, receivers) = (rng.below(everyone) + 1, rng.below(everyone) + 1);
            self.losses.push(cut(from, len, senders, receivers));
        }
        // PREPAREs or COMMITs reach few, so that slots are left half decided.
        for _ in 0..rng.below(4) {
            let (from, len) = (rng.between(1, settled_at), rng.between(20, 150));
            let kinds = [PREPARES, COMMITS, COMMITS][rng.below(3) as usize];
            let receivers = everyone & !(1 << rng.below(u64::from(self.n)));
            let muffled = cut(from, len, everyone, receivers);
            self.losses.push(Loss { kinds, ..muffled });
        }
    }

    fn draw_crashes(&mut self, rng: &mut Rng) {
        for _ in 0..rng.below(5) {
            let node = rng.below(u64::from(self.n)) as u32;
            let (from, step) = (rng.between(1, self.settled_at), rng.between(1, 120));
            let when = match rng.below(8) {
                0 => When::BeforeAppend(step),
                1 => When::BeforeSync(step),
                2 => When::BeforeSend(step),
                3 => When::MidSend(step),
                _ => When::Tick(from),
            };
            let down = rng.between(1, 60);
            if !self.is_liar(node) {
                self.crashes.push(Crash { node, when, down });
            }
        }
    }

    fn draw_disks(&mut self, rng: &mut Rng) {
        if !rng.percent(30) {
            return;
        }
        let node = rng.below(u64::from(self.n)) as u32;
        let at = rng.between(1, self.settled_at);
        let kind = match rng.below(3) {
            0 => DiskFaultKind::SyncError,
            1 => DiskFaultKind::Full(rng.between(5, 60)),
            _ => DiskFaultKind::Rot,
        };
        // Who has lost what it promised is one of the f that fail.
        let is_one_too_many = kind == DiskFaultKind::Rot && self.liars.len() as u32 >= self.faults;
        if !self.is_liar(node) && !is_one_too_many {
            self.disks.push(DiskFault { node, at, kind });
        }
    }
}
