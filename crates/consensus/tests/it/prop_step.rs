//! A replica under any input, signed by members who know no bounds.

use std::sync::Arc;

use claude_flow_consensus::{
    Body, Ed25519Signer, Ed25519Verifier, Input, Options, Packet, Replica, Statement, Timer,
    ValidatorId,
};
use proptest::prelude::*;

use crate::make::Group;

fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4_u64,
        Just(63),
        Just(64),
        Just(128),
        Just(129),
        Just(u64::MAX - 1),
        Just(u64::MAX)
    ]
}

#[derive(Debug, Clone)]
enum Step {
    /// A golden packet with other numbers, signed anew.
    Said {
        which: usize,
        sender: u32,
        view: u64,
        seq: u64,
    },
    /// A golden packet with a byte changed.
    Changed {
        which: usize,
        at: prop::sample::Index,
        byte: u8,
    },
    Timer(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..10_usize, 0..5_u32, edge(), edge())
            .prop_map(|(which, sender, view, seq)| Step::Said { which, sender, view, seq }),
        2 => (0..12_usize, any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(which, at, byte)| Step::Changed { which, at, byte }),
        1 => any::<bool>().prop_map(Step::Timer),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Would be broken by an addition that overflows, a window that is not checked, or a slot that
    /// a stranger can open.
    #[test]
    fn no_input_stops_a_replica_or_fills_it(steps in prop::collection::vec(step(), 1..40)) {
        let group = Group::new(5, 1, 3);
        let packets = group.packets();
        let verifier = Arc::new(Ed25519Verifier::new(group.roster.keys()).unwrap());
        let signer = Arc::new(Ed25519Signer::from_secret(&[3; 32]));
        let options = Options::new(group.roster.clone(), ValidatorId(2));
        let (mut replica, _) = Replica::new(options, signer, verifier).unwrap();
        for step in steps {
            let twin = replica.clone();
            let effects = match &step {
                Step::Timer(true) => replica.step(Input::Timer(Timer::Progress)),
                Step::Timer(false) => replica.step(Input::Timer(Timer::Status)),
                Step::Changed { which, at, byte } => {
                    let mut bytes = packets[*which].1.encode();
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                    replica.step(Input::Packet(&bytes))
                }
                Step::Said { which, sender, view, seq } => {
                    let Packet::Signed(message) = &packets[*which].1 else { continue };
                    let statement = Statement { view: *view, seq: *seq, ..message.statement };
                    let body: Body = message.body.clone();
                    let said = Packet::Signed(group.message(*sender, statement, body));
                    replica.step(Input::Packet(&said.encode()))
                }
            };
            let status = replica.status();
            prop_assert!(status.executed <= 1, "only one decision is proven");
            prop_assert!(status.held < 4 * 128 + 64);
            // Nothing to do and nothing to keep means that nothing has changed but counters.
            if effects.records.is_empty() && effects.sealed.is_empty() {
                prop_assert_eq!(twin.status().view, status.view);
                prop_assert_eq!(twin.status().chain, status.chain);
            }
        }
    }
}
