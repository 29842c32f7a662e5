//! Schedules that someone thought of or that failed once, `fixtures/consensus/scenarios`.

use std::path::PathBuf;

use claude_flow_consensus::{Bug, Replica};

use super::actors::Kind;
use super::group::{CHANGE, Members};
use super::plan::{Change, Crash, DiskFault, DiskFaultKind, Plan, When};
use super::text::Scenario;
use super::world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/consensus/scenarios")
}

fn load(name: &str) -> Scenario {
    let path = folder().join(name).with_extension("txt");
    #[expect(clippy::disallowed_methods, reason = "a test reads its fixture")]
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(!text.is_empty(), "{} is missing", path.display());
    Scenario::read(&text).unwrap_or_else(|what| panic!("{name}: {what}"))
}

fn delivered(world: &World) -> Vec<usize> {
    let nodes = world.nodes.iter();
    nodes.map(|node| node.seen.delivered.len()).collect()
}

/// Plays a scenario to its end, through its checks.
fn replay(name: &str, scenario: &Scenario) {
    let mut world = World::new(scenario.plan.clone()).unwrap();
    for (at, expected) in &scenario.checks {
        let is_ended_early = world.run_until(at - 1).is_err();
        assert!(!is_ended_early, "{name} fails before tick {at}");
        assert_eq!(delivered(&world), *expected, "{name} at tick {at}");
    }
    match (world.run(), &scenario.fails) {
        (Ok(_), None) => {}
        (Err(what), Some(wanted)) => {
            assert!(what.contains(wanted.as_str()), "{name} fails with {what}");
        }
        (result, wanted) => panic!("{name}: {result:?} instead of {wanted:?}"),
    }
}

/// Would be broken by a scenario that does not do any more what it was written down for.
#[test]
fn every_scenario_on_file_ends_as_it_says() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        replay(&name, &load(&name));
    }
}

/// What holds must fail with the bug that the scenario is there for, or it would see nothing.
#[test]
fn scenarios_see_the_bugs_that_they_are_there_for() {
    for (name, bug) in [
        ("half_decided", Bug::NoPreparedCertificates),
        ("prepared_twice", Bug::EarliestViewWins),
    ] {
        let mut scenario = load(name);
        scenario.plan.bug = Some(bug);
        scenario.fails = Some("slot 1 is decided as".to_owned());
        replay(name, &scenario);
    }
}

/// An archived implementation forks here: its VIEW-CHANGE carries no prepared certificate, so that
/// the next primary proposes something else for the slot that node 0 has decided.
#[test]
fn the_next_view_keeps_what_one_node_has_decided() {
    let scenario = load("half_decided");
    let mut world = World::new(scenario.plan).unwrap();
    world.run_until(50).unwrap();
    assert_eq!(delivered(&world), [1, 0, 0, 0, 0]);
    let decided = world.nodes[0].seen.delivered[0];
    world.run_until(700).unwrap();
    for node in &world.nodes[1..] {
        let id = node.id;
        assert_eq!(node.seen.delivered.first(), Some(&decided), "node {id}");
        let status = node.replica.as_ref().map(Replica::status);
        assert!(status.is_some_and(|status| status.view > 0), "node {id}");
    }
    world.run().unwrap();
}

/// Another archived implementation wants more PREPAREs than two live backups can give.
#[test]
fn four_with_one_backup_down_decide_in_the_first_view() {
    let mut world = World::new(load("one_backup_down").plan).unwrap();
    world.run_until(1_000).unwrap();
    for node in &world.nodes[..3] {
        let status = node.replica.as_ref().map(Replica::status);
        assert_eq!(node.seen.delivered.len(), 20, "node {}", node.id);
        assert_eq!(status.map(|it| it.view), Some(0), "node {}", node.id);
    }
}

/// Who was down for all of it gets it all when it comes back, windows later.
#[test]
fn a_node_that_slept_catches_up() {
    let mut plan = Plan::calm(4, 60);
    plan.settled_at = 2_000;
    plan.crashes = vec![Crash {
        node: 3,
        when: When::Tick(0),
        down: 2_000,
    }];
    let mut world = World::new(plan).unwrap();
    let outcome = world.run().unwrap();
    // Null requests may come on top.
    assert!(outcome.decisions >= 60);
    assert_eq!(world.nodes[3].seen.delivered.len(), outcome.decisions);
}

/// Who has lost synced records counts as a liar until it has caught up; it says nothing until a later
/// checkpoint, and then takes part again.
#[test]
fn who_has_forgotten_observes_until_a_checkpoint() {
    let mut plan = Plan::calm(4, 20);
    for (submission, at) in plan.submissions.iter_mut().zip((1..).step_by(20)) {
        submission.at = at;
    }
    plan.settled_at = 420;
    let (node, at, kind) = (1, 105, DiskFaultKind::Rot);
    plan.disks = vec![DiskFault { node, at, kind }];
    let mut world = World::new(plan).unwrap();
    let status = |world: &World| {
        let replica = world.nodes[1].replica.as_ref();
        replica.map(|it| (it.status().is_amnesiac, it.status().view))
    };
    world.run_until(104).unwrap();
    assert_eq!(status(&world), Some((false, 0)));
    world.run_until(126).unwrap();
    assert_eq!(status(&world), Some((true, 0)));
    let outcome = world.run().unwrap();
    assert_eq!((outcome.decisions, outcome.view), (20, 0));
    assert_eq!(status(&world), Some((false, 0)));
}

/// Three validators more, and one less, from slot 9 on: the oracle follows both epochs.
#[test]
fn a_second_roster_goes_on_where_the_first_ended() {
    for (n, first) in [(7, 0), (4, 1), (4, 4)] {
        let mut plan = Plan::calm(4, 20);
        for (submission, at) in plan.submissions.iter_mut().zip((1..).step_by(20)) {
            submission.at = at;
        }
        let is_approved = true;
        let members = Members {
            n,
            first,
            is_approved,
        };
        plan.change = Some(Change { at: 90, members });
        plan.settled_at = 420;
        let mut world = World::new(plan).unwrap();
        let outcome = world.run().unwrap();
        assert_eq!((outcome.epochs, outcome.view), (2, 0));
        let later: Vec<_> = world.nodes[4..]
            .iter()
            .filter_map(|node| node.replica.as_ref())
            .map(Replica::status)
            .collect();
        assert_eq!(later.len(), n as usize);
        let executed = world.oracles[0].decided.len() + world.oracles[1].decided.len();
        assert!(world.oracles[1].decided.len() >= 8, "{executed}");
        assert!(later.iter().all(|it| it.executed == executed as u64));
    }
}

/// Agreement is not approval: what is decided and not approved changes nothing.
#[test]
fn a_roster_that_is_not_approved_changes_nothing() {
    let mut plan = Plan::calm(4, 20);
    let members = Members {
        n: 4,
        first: 1,
        is_approved: false,
    };
    plan.change = Some(Change { at: 1, members });
    let mut world = World::new(plan).unwrap();
    let outcome = world.run().unwrap();
    assert_eq!((outcome.decisions, outcome.epochs), (21, 1));
    assert!(world.oracles[0].has_decided(CHANGE));
}

/// With f + 1 liars agreement must break, or the oracle is blind.
#[test]
fn one_liar_too_many_breaks_agreement() {
    let mut plan = Plan::calm(4, 4);
    plan.settled_at = 300;
    plan.liars = vec![(0, Kind::Sycophant), (1, Kind::Sycophant)];
    let mut world = World::new(plan).unwrap();
    // What breaks first is that a slot is prepared twice; the group runs on.
    let broken: Vec<String> = (0..100)
        .filter_map(|_| world.run_until(1_000).err())
        .collect();
    let has_split = broken.iter().any(|what| what.contains("is decided as"));
    assert!(has_split, "{broken:?}");
}
