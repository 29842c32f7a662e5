//! Plans as text, `fixtures/consensus/scenarios`: one fact a line, what is not named is calm.
//!
//! ```text
//! nodes 5                               window 8, interval 4, timeout 60, status 50, seed 0 likewise
//! settle 2000                           from this tick on the network is good
//! delay 3 3                             at most so many ticks before that, and after it
//! drop 10, double 5, slow-sync 20       per cent
//! raw no, real yes                      whether replicas read bytes; whether keys are ed25519's
//! liar 0 Equivocator
//! submit 1 to 4                         at tick 1; without `to` anyone's
//! crash 3 tick 10 down 20               or at a step: before-append, before-sync, before-send, mid-send
//! lose 0..50 kinds 2,3 view 0 from 0 to 1,2     any of the last four may be *; 50 may be *
//! jump 2 at 70 back 30                  or ahead
//! disk 1 at 70 full 30                  or sync-error, or rot
//! change 90 members 7 from 1 approved   machines 1 to 7 are to be the next roster; or refused
//! bug NoPreparedCertificates            flaw DirectoryNotSynced
//! check 50 delivered 1,0,0,0,0          how much each node has delivered before this tick
//! expect holds                          or: fails TEXT
//! ```

use std::fmt::Write as _;

use claude_flow_consensus::Bug;

use super::actors::Kind;
use super::disk::Flaw;
use super::group::Members;
use super::plan::{
    ALL, Change, Crash, DiskFault, DiskFaultKind, Jump, Loss, Plan, Submission, When,
};
use super::planted::{BUGS, FLAWS};

/// A plan, what is looked at on the way, and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) plan: Plan,
    /// Before which tick each node must have delivered how much.
    pub(crate) checks: Vec<(u64, Vec<usize>)>,
    /// What is said by the check that must fail; none if all must hold.
    pub(crate) fails: Option<String>,
}

impl Scenario {
    pub(crate) fn write(&self) -> String {
        let plan = &self.plan;
        let mut text = String::new();
        let mut line = |words: String| writeln!(text, "{words}").unwrap();
        line(format!("nodes {}", plan.n));
        for (name, number) in numbers(&mut plan.clone()) {
            line(format!("{name} {number}"));
        }
        line(format!("delay {} {}", plan.bad_delay, plan.good_delay));
        for (name, is) in [("raw", plan.is_raw), ("real", plan.is_real)] {
            line(format!("{name} {}", if is { "yes" } else { "no" }));
        }
        for (id, kind) in &plan.liars {
            line(format!("liar {id} {kind:?}"));
        }
        for Submission { at, node } in &plan.submissions {
            let to = node.map(|node| format!(" to {node}")).unwrap_or_default();
            line(format!("submit {at}{to}"));
        }
        for Crash { node, when, down } in &plan.crashes {
            let (name, at) = match when {
                When::Tick(at) => ("tick", at),
                When::BeforeAppend(at) => ("before-append", at),
                When::BeforeSync(at) => ("before-sync", at),
                When::BeforeSend(at) => ("before-send", at),
                When::MidSend(at) => ("mid-send", at),
            };
            line(format!("crash {node} {name} {at} down {down}"));
        }
        for loss in &plan.losses {
            let until = if loss.until == u64::MAX {
                "*".to_owned()
            } else {
                loss.until.to_string()
            };
            let view = loss.view.map_or("*".to_owned(), |view| view.to_string());
            let [kinds, from, to] = [loss.kinds, loss.senders, loss.receivers].map(write_set);
            let time = format!("{}..{until}", loss.from);
            line(format!(
                "lose {time} kinds {kinds} view {view} from {from} to {to}"
            ));
        }
        for Jump { node, at, back } in &plan.jumps {
            let how = back.map_or("ahead".to_owned(), |back| format!("back {back}"));
            line(format!("jump {node} at {at} {how}"));
        }
        for DiskFault { node, at, kind } in &plan.disks {
            line(format!("disk {node} at {at} {}", write_disk_fault(*kind)));
        }
        if let Some(change) = plan.change {
            line(write_change(change));
        }
        if let Some(bug) = plan.bug {
            line(format!("bug {bug:?}"));
        }
        if let Some(flaw) = plan.flaw {
            line(format!("flaw {flaw:?}"));
        }
        for (at, delivered) in &self.checks {
            let delivered: Vec<_> = delivered.iter().map(usize::to_string).collect();
            line(format!("check {at} delivered {}", delivered.join(",")));
        }
        match &self.fails {
            Some(what) => line(format!("expect fails {what}")),
            None => line("expect holds".to_owned()),
        }
        text
    }

    /// Reads what [`write`](Self::write) writes, and comments.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut scenario = Self {
            plan: Plan::calm(4, 0),
            checks: Vec::new(),
            fails: None,
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let taken = scenario.take(line);
                taken.ok_or_else(|| format!("line {number} means nothing: {line}"))?;
            }
        }
        Ok(scenario)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let plan = &mut self.plan;
        match words[..] {
            ["nodes", n] => {
                plan.n = n.parse().ok()?;
                plan.faults = plan.n.checked_sub(1)? / 3;
            }
            ["delay", bad, good] => {
                (plan.bad_delay, plan.good_delay) = (bad.parse().ok()?, good.parse().ok()?);
            }
            ["raw", is] => plan.is_raw = is == "yes",
            ["real", is] => plan.is_real = is == "yes",
            ["liar", id, kind] => plan
                .liars
                .push((id.parse().ok()?, named(&Kind::ALL, kind)?)),
            ["submit", at] => plan.submissions.push(Submission {
                at: at.parse().ok()?,
                node: None,
            }),
            ["submit", at, "to", node] => plan.submissions.push(Submission {
                at: at.parse().ok()?,
                node: Some(node.parse().ok()?),
            }),
            ["bug", bug] => {
                let bugs: Vec<Bug> = BUGS.iter().map(|(bug, _)| *bug).collect();
                plan.bug =
                    Some(named(&bugs, bug).or_else(|| named(&[Bug::EarliestViewWins], bug))?);
            }
            ["flaw", flaw] => {
                let flaws: Vec<Flaw> = FLAWS.iter().map(|(flaw, _)| *flaw).collect();
                plan.flaw = Some(named(&flaws, flaw)?);
            }
            ["check", at, "delivered", counts] => {
                let counts = counts.split(',').map(|count| count.parse().ok());
                self.checks
                    .push((at.parse().ok()?, counts.collect::<Option<_>>()?));
            }
            ["expect", "holds"] => self.fails = None,
            ["expect", "fails", ..] => {
                self.fails = Some(line["expect fails".len()..].trim().to_owned());
            }
            [name, number] => {
                let mut all = numbers(plan).into_iter();
                *all.find(|(other, _)| *other == name)?.1 = number.parse().ok()?;
            }
            _ => return take_fault(plan, &words),
        }
        Some(())
    }
}

fn take_fault(plan: &mut Plan, words: &[&str]) -> Option<()> {
    match *words {
        ["crash", node, point, at, "down", down] => plan.crashes.push(Crash {
            node: node.parse().ok()?,
            when: read_when(point, at.parse().ok()?)?,
            down: down.parse().ok()?,
        }),
        [
            "lose",
            time,
            "kinds",
            kinds,
            "view",
            view,
            "from",
            from,
            "to",
            to,
        ] => {
            let (begin, end) = time.split_once("..")?;
            plan.losses.push(Loss {
                from: begin.parse().ok()?,
                until: if end == "*" {
                    u64::MAX
                } else {
                    end.parse().ok()?
                },
                kinds: read_set(kinds)?,
                view: if view == "*" {
                    None
                } else {
                    Some(view.parse().ok()?)
                },
                senders: read_set(from)?,
                receivers: read_set(to)?,
            });
        }
        ["jump", node, "at", at, ref how @ ..] => plan.jumps.push(Jump {
            node: node.parse().ok()?,
            at: at.parse().ok()?,
            back: match how {
                ["ahead"] => None,
                ["back", back] => Some(back.parse().ok()?),
                _ => return None,
            },
        }),
        ["change", at, "members", n, "from", first, how] => {
            let members = Members {
                n: n.parse().ok()?,
                first: first.parse().ok()?,
                is_approved: how == "approved",
            };
            plan.change = Some(Change {
                at: at.parse().ok()?,
                members,
            });
        }
        ["disk", node, "at", at, ref how @ ..] => plan.disks.push(DiskFault {
            node: node.parse().ok()?,
            at: at.parse().ok()?,
            kind: match how {
                ["sync-error"] => DiskFaultKind::SyncError,
                ["full", ticks] => DiskFaultKind::Full(ticks.parse().ok()?),
                ["rot"] => DiskFaultKind::Rot,
                _ => return None,
            },
        }),
        _ => return None,
    }
    Some(())
}

/// The plan's numbers by name.
fn numbers(plan: &mut Plan) -> [(&'static str, &mut u64); 9] {
    [
        ("seed", &mut plan.seed),
        ("window", &mut plan.window),
        ("interval", &mut plan.interval),
        ("timeout", &mut plan.timeout),
        ("status", &mut plan.status_interval),
        ("settle", &mut plan.settled_at),
        ("drop", &mut plan.drop_percent),
        ("double", &mut plan.double_percent),
        ("slow-sync", &mut plan.slow_sync_percent),
    ]
}

fn named<T: std::fmt::Debug + Copy>(all: &[T], name: &str) -> Option<T> {
    all.iter().find(|one| format!("{one:?}") == name).copied()
}

fn read_when(point: &str, at: u64) -> Option<When> {
    Some(match point {
        "tick" => When::Tick(at),
        "before-append" => When::BeforeAppend(at),
        "before-sync" => When::BeforeSync(at),
        "before-send" => When::BeforeSend(at),
        "mid-send" => When::MidSend(at),
        _ => return None,
    })
}

fn write_disk_fault(kind: DiskFaultKind) -> String {
    match kind {
        DiskFaultKind::SyncError => "sync-error".to_owned(),
        DiskFaultKind::Full(ticks) => format!("full {ticks}"),
        DiskFaultKind::Rot => "rot".to_owned(),
    }
}

fn write_change(Change { at, members }: Change) -> String {
    let Members { n, first, .. } = members;
    let how = if members.is_approved {
        "approved"
    } else {
        "refused"
    };
    format!("change {at} members {n} from {first} {how}")
}

fn write_set(set: u64) -> String {
    if set == ALL {
        return "*".to_owned();
    }
    let members = (0..64).filter(|bit| set >> bit & 1 == 1);
    members
        .map(|bit| bit.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn read_set(text: &str) -> Option<u64> {
    if text == "*" {
        return Some(ALL);
    }
    let mut set = 0;
    for member in text.split(',') {
        set |= 1_u64.checked_shl(member.parse().ok()?)?;
    }
    Some(set)
}

#[test]
fn drawn_plans_survive_being_written_down() {
    for seed in 0..200 {
        let scenario = Scenario {
            plan: Plan::drawn(seed, Some(Bug::GapsSkipped)),
            checks: vec![(9, vec![1, 2])],
            fails: Some("slot 1 is decided as".to_owned()),
        };
        assert_eq!(
            Scenario::read(&scenario.write()),
            Ok(scenario),
            "seed {seed}"
        );
    }
}
