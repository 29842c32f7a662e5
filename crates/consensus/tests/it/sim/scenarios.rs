//! Schedules that someone thought of, beside those that are drawn.

use claude_flow_consensus::{Bug, Replica};

use super::actors::Kind;
use super::plan::Plan;
use super::world::{Filter, World};

const PRE_PREPARE: u8 = 1;
const PREPARE: u8 = 2;
const COMMIT: u8 = 3;
const REQUEST: u8 = 7;
const DECISION: u8 = 32;

/// Two proposals: the later one is first at node 1, and node 0 hears only of its own.
fn rivals(n: u32, bug: Option<Bug>, filter: Filter) -> Result<World, String> {
    let mut plan = Plan::calm(n, 2);
    plan.submissions = vec![2_000, 2_000];
    plan.settled_at = 2_000;
    plan.bug = bug;
    let mut world = World::new(plan)?;
    world.filter = Some(filter);
    world.submit_to(1, 0)?;
    world.submit_to(0, 1)?;
    Ok(world)
}

/// Whether it is a message of view 0; the view comes after version, kind and sender.
fn is_of_first_view(bytes: &[u8]) -> bool {
    bytes.get(6..14) == Some(&[0; 8])
}

fn is_of(kind: u8, bytes: &[u8]) -> bool {
    bytes.get(1) == Some(&kind)
}

/// Five honest nodes. In view 0 the PREPAREs reach 0 to 3 and the COMMITs only node 0, which
/// decides and is then cut off; the others go to view 1.
fn half_decided(bug: Option<Bug>) -> Result<World, String> {
    let filter = |now, from, to, bytes: &[u8]| {
        let is_early = now < 55;
        let is_lost = is_of(COMMIT, bytes) && to != 0 || is_of(PREPARE, bytes) && to == 4;
        let is_heard = !(is_of_first_view(bytes) && is_lost);
        let is_cut_off = now < 800
            && (from == 0 && !(is_early && (is_of(PRE_PREPARE, bytes) || is_of(COMMIT, bytes)))
                || to == 0 && (!is_early || is_of(REQUEST, bytes)));
        is_heard && !is_cut_off
    };
    let mut world = rivals(5, bug, Box::new(filter))?;
    world.run_until(50)?;
    let delivered: Vec<_> = world
        .nodes
        .iter()
        .map(|node| node.seen.delivered.len())
        .collect();
    assert_eq!(delivered, [1, 0, 0, 0, 0], "only node 0 has decided");
    Ok(world)
}

/// Four honest nodes. In view 0 only node 0 prepares its proposal, and is cut off. In view 1 the
/// others prepare the rival, which only node 2 decides before it is cut off in its turn; then node 0
/// comes back with its older certificate.
fn prepared_twice(bug: Option<Bug>) -> Result<World, String> {
    let filter = |now, from, to, bytes: &[u8]| {
        let is_early = now < 55;
        let of_zero = from == 0 || to == 0;
        let of_two = from == 2 || to == 2;
        let is_vote = is_of(COMMIT, bytes) || is_of(PREPARE, bytes) && to != 0;
        if is_of_first_view(bytes) && is_vote || of_zero && is_of(REQUEST, bytes) && now < 190 {
            return false;
        }
        if now < 190 {
            let is_told = from == 2 && is_of(DECISION, bytes);
            let is_late_commit = is_of(COMMIT, bytes) && to != 2;
            return (is_early || !of_zero) && !is_told && !is_late_commit;
        }
        now >= 1_500 || !of_two
    };
    let mut world = rivals(4, bug, Box::new(filter))?;
    world.run_until(185)?;
    let decided: Vec<_> = world
        .nodes
        .iter()
        .map(|node| node.seen.delivered.len())
        .collect();
    assert_eq!(decided, [0, 0, 2, 0], "only node 2 has decided");
    Ok(world)
}

/// Of two certificates for one slot the one of the later view counts.
#[test]
fn the_latest_prepared_certificate_wins() {
    let mut world = prepared_twice(None).unwrap();
    let decided = world.nodes[2].seen.delivered.clone();
    world.run_until(1_400).unwrap();
    for node in [0, 1, 3] {
        let delivered = &world.nodes[node].seen.delivered;
        assert_eq!(delivered.first(), decided.first(), "node {node}");
    }
    world.run().unwrap();
}

/// Shows that the scenario above would see the fork.
#[test]
fn with_the_earliest_certificate_the_next_view_forks() {
    let mut world = prepared_twice(Some(Bug::EarliestViewWins)).unwrap();
    let what = world.run().unwrap_err();
    assert!(what.contains("slot 1 is decided as"), "{what}");
}

/// An archived implementation forks here: its VIEW-CHANGE carries no prepared certificate, so that
/// the next primary proposes something else for the slot that node 0 has decided.
#[test]
fn the_next_view_keeps_what_one_node_has_decided() {
    let mut world = half_decided(None).unwrap();
    let decided = world.nodes[0].seen.delivered[0];
    world.run_until(700).unwrap();
    for node in &world.nodes[1..] {
        assert_eq!(
            node.seen.delivered.first(),
            Some(&decided),
            "node {}",
            node.id
        );
        let status = node.replica.as_ref().map(Replica::status);
        assert!(
            status.is_some_and(|status| status.view > 0),
            "node {}",
            node.id
        );
    }
    world.run().unwrap();
}

/// Shows that the scenario above would see the fork.
#[test]
fn without_prepared_certificates_the_next_view_forks() {
    let mut world = half_decided(Some(Bug::NoPreparedCertificates)).unwrap();
    let what = world.run().unwrap_err();
    assert!(what.contains("slot 1 is decided as"), "{what}");
}

/// Another archived implementation wants more PREPAREs than two live backups can give.
#[test]
fn four_with_one_backup_down_decide_in_the_first_view() {
    let mut plan = Plan::calm(4, 20);
    plan.settled_at = 10_000;
    plan.crashes = vec![(3, 0, 9_000)];
    let mut world = World::new(plan).unwrap();
    world.run_until(1_000).unwrap();
    for node in &world.nodes[..3] {
        assert_eq!(node.seen.delivered.len(), 20, "node {}", node.id);
        let status = node.replica.as_ref().map(Replica::status);
        assert_eq!(
            status.map(|status| status.view),
            Some(0),
            "node {}",
            node.id
        );
    }
}

/// Who was down for all of it gets it all when it comes back, windows later.
#[test]
fn a_node_that_slept_catches_up() {
    let mut plan = Plan::calm(4, 60);
    plan.settled_at = 2_000;
    plan.crashes = vec![(3, 0, 2_000)];
    let mut world = World::new(plan).unwrap();
    let outcome = world.run().unwrap();
    // Null requests may come on top.
    assert!(outcome.decisions >= 60);
    assert_eq!(world.nodes[3].seen.delivered.len(), outcome.decisions);
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
