//! The adapters: one file for each peer, each with an implementation of the traits of
//! `ring.rs`, `pool.rs`, `executor.rs` or `process.rs`.

pub(crate) mod async_broadcast;
pub(crate) mod bus;
pub(crate) mod concurrent_queue;
pub(crate) mod crossbeam;
pub(crate) mod crossfire;
pub(crate) mod disruptor;
pub(crate) mod executors;
pub(crate) mod flume;
pub(crate) mod gil;
pub(crate) mod heapless;
pub(crate) mod iceoryx2;
pub(crate) mod kanal;
pub(crate) mod magnetic;
pub(crate) mod msgpool;
pub(crate) mod multiqueue2;
pub(crate) mod nexus_queue;
pub(crate) mod omango;
pub(crate) mod ours;
pub(crate) mod ours_shared;
pub(crate) mod pools;
pub(crate) mod rapidfire;
pub(crate) mod ringbuf;
pub(crate) mod ringfire;
pub(crate) mod rtrb;
pub(crate) mod shaq;
pub(crate) mod std_mpsc;
pub(crate) mod thingbuf;
pub(crate) mod tokio;

/// As many clones of an end as are asked for.
fn clones<E: Clone>(end: &E, count: usize) -> Vec<E> {
    vec![end.clone(); count]
}
