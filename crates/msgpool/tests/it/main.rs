//! What a pool promises, seen from outside.
#![expect(
    clippy::disallowed_methods,
    reason = "a test reads what the system says of its memory"
)]

mod allocation;
mod behaviour;
mod features;
mod memory;
mod prop_model;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod prop_shared;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod prop_shared_any_bytes;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_any_bytes;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_layout;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_processes;
mod stress;

use claude_flow_msgpool::{ClassOptions, Options, Pool};

/// A pool with one class.
fn pool_of(payload_bytes: usize, slots: usize) -> Pool {
    Pool::new(&options_of(payload_bytes, slots)).expect("the options are valid")
}

fn options_of(payload_bytes: usize, slots: usize) -> Options {
    Options {
        classes: vec![ClassOptions {
            payload_bytes,
            slots,
        }],
        ..Options::default()
    }
}

/// Every slot is at home: none in use, and as many in caches and free as there are.
fn assert_all_home(pool: &Pool) {
    let stats = pool.stats();
    assert_eq!(stats.in_use(), 0);
    for class in &stats.classes {
        assert_eq!(class.in_caches + class.free, class.slots, "{class:?}");
    }
}
