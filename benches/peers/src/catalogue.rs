//! Every measure with those that take part in it, and the peers that do not and why.
//!
//! To add a ring or a pool, write its adapter in `peers` and a line here.

use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::machine::{Effort, Figure};
use crate::peers::{
    async_broadcast, bus, concurrent_queue, crossbeam, crossfire, disruptor, executors, flume, gil,
    heapless, iceoryx2, kanal, magnetic, msgpool, multiqueue2, nexus_queue, omango, ours,
    ours_shared, pools, rapidfire, ringbuf, ringfire, rtrb, shaq, std_mpsc, thingbuf, tokio,
};
use crate::pool::{self, LocalPool, SharedPool};
use crate::process::{self, Link, Task};
use crate::ring::{BlockingPop, BlockingPush, Line, Message, PopBatch, PushBatch, Ring, Shape};
use crate::throughput::{self, Delivery};
use crate::{executor, floor, round_trip};

/// What somebody is in a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// A crate of this workspace.
    Ours,
    /// A rival.
    Peer,
    /// What the machine or an allocator does, as a scale.
    Floor,
}

/// One thing that is measured.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    /// What `cargo xtask bench` calls it by.
    pub(crate) area: &'static str,
    pub(crate) about: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// One that takes part in a measure.
pub(crate) struct Entry {
    pub(crate) who: &'static str,
    pub(crate) role: Role,
    pub(crate) work: Work,
}

type Alone = dyn Fn(&Effort) -> Vec<Figure>;

/// What a process does to measure.
pub(crate) enum Work {
    Alone(Box<Alone>),
    WithPartner {
        host: fn(&Effort, &mut Command) -> Vec<Figure>,
        partner: fn(&Path),
    },
}

/// Those of the rivals that are not measured, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    (
        "shaq 5.1.1",
        "needs a newer compiler than 1.95; 3.0.0 is measured, which cannot sleep",
    ),
    (
        "nexus-channel 1.2.4",
        "loses wake-ups, so that a blocking round trip hangs",
    ),
    (
        "rtrb, ringbuf, nexus-queue, magnetic, heapless, concurrent-queue",
        "have no receiver that sleeps, so they are not in the blocking measures",
    ),
    (
        "disruptor 4.4.0",
        "waits by spinning or by sleeping for a fixed time, so it is not in the blocking measures",
    ),
    (
        "chili 0.2.1",
        "splits work and takes no tasks, so it is in the measures of fork-join alone",
    ),
    (
        "rayon in priority/load",
        "runs what its own tasks submit first, so that a task from outside never begins",
    ),
    (
        "bevy_tasks, forte",
        "bevy_tasks is async-executor on threads of its own; forte needs a newer compiler than 1.95",
    ),
    (
        "kanal, flume, tokio, crossbeam-channel and the like",
        "send one message at a time, so they are not in the measures of batches",
    ),
];

const fn shape(senders: usize, receivers: usize, capacity: usize) -> Shape {
    Shape {
        capacity,
        senders,
        receivers,
    }
}

/// A ring large enough that its lines are fetched ahead: 1 MiB of 64-byte messages.
const LARGE: usize = 16_384;

pub(crate) fn measures() -> Vec<Measure> {
    let mut measures = spsc();
    measures.extend(round_trips());
    measures.extend(many());
    measures.extend(processes());
    measures.extend(pools());
    measures.extend(submissions());
    measures.extend(forks());
    measures.extend(urgency());
    measures
}

fn ringbuf(name: &'static str, about: &'static str, entries: Vec<Entry>) -> Measure {
    Measure {
        name,
        area: "ringbuf",
        about,
        entries,
    }
}

fn spsc() -> Vec<Measure> {
    vec![
        ringbuf(
            "spsc/u64",
            "one sender, one receiver, one at a time, 1,024 slots",
            spsc_single::<u64>(1_024),
        ),
        ringbuf(
            "spsc/u64/64",
            "the same with 64 slots",
            spsc_single::<u64>(64),
        ),
        ringbuf(
            "spsc/u64/batch",
            "batches of 32, 1,024 slots",
            spsc_batched::<u64>(1_024),
        ),
        ringbuf(
            "spsc/64B",
            "64 bytes, one at a time, 1,024 slots",
            spsc_single::<Line>(1_024),
        ),
        ringbuf(
            "spsc/64B/large",
            "64 bytes, one at a time, 16,384 slots",
            spsc_single::<Line>(LARGE),
        ),
    ]
}

fn spsc_single<T: Message>(capacity: usize) -> Vec<Entry> {
    let shape = shape(1, 1, capacity);
    vec![
        alone("lines streamed", Role::Floor, move |effort| {
            floor::stream::<T>(capacity, effort)
        }),
        alone("copy on one core", Role::Floor, move |effort| {
            floor::copy::<T>(capacity, effort)
        }),
        ours(single::<ours::Spsc, T>("our spsc", shape)),
        ours(single::<ours::Packed, T>("our packed", shape)),
        single::<rtrb::Rtrb, T>("rtrb", shape),
        single::<ringbuf::Ringbuf, T>("ringbuf", shape),
        single::<gil::Spsc, T>("gil", shape),
        single::<nexus_queue::Spsc, T>("nexus-queue", shape),
        single::<magnetic::Spsc, T>("magnetic", shape),
        single::<disruptor::Spsc, T>("disruptor", shape),
        single::<crossbeam::Queue, T>("ArrayQueue", shape),
        single::<crossbeam::Channel, T>("crossbeam-channel", shape),
        single::<std_mpsc::SyncChannel, T>("std sync_channel", shape),
        single::<heapless::Spsc, T>("heapless", shape),
        single::<concurrent_queue::Queue, T>("concurrent-queue", shape),
        single::<thingbuf::Queue, T>("thingbuf", shape),
        single::<kanal::Channel, T>("kanal", shape),
        single::<flume::Channel, T>("flume", shape),
        single::<crossfire::Spsc, T>("crossfire", shape),
        single::<rapidfire::Mpsc, T>("rapidfire", shape),
        single::<omango::Spsc, T>("omango", shape),
        single::<shaq::Spsc, T>("shaq", shape),
        single::<tokio::Mpsc, T>("tokio mpsc", shape),
    ]
}

fn spsc_batched<T: Message>(capacity: usize) -> Vec<Entry> {
    let shape = shape(1, 1, capacity);
    vec![
        alone("lines streamed", Role::Floor, move |effort| {
            floor::stream::<T>(capacity, effort)
        }),
        alone("copy on one core", Role::Floor, move |effort| {
            floor::copy::<T>(capacity, effort)
        }),
        ours(batched::<ours::Spsc, T>("our spsc", shape)),
        batched::<rtrb::Rtrb, T>("rtrb", shape),
        batched::<ringbuf::Ringbuf, T>("ringbuf", shape),
        batched::<gil::Spsc, T>("gil", shape),
        batched::<disruptor::Spsc, T>("disruptor", shape),
        batched::<shaq::Spsc, T>("shaq", shape),
    ]
}

fn round_trips() -> Vec<Measure> {
    vec![
        ringbuf(
            "round-trip/spin",
            "a message and its reply over two rings, both threads spin",
            vec![
                alone("one line", Role::Floor, floor::one_line),
                alone("two lines", Role::Floor, floor::two_lines),
                ours(spinning::<ours::Spsc>("our spsc")),
                ours(spinning::<ours::Packed>("our packed")),
                spinning::<rtrb::Rtrb>("rtrb"),
                spinning::<ringbuf::Ringbuf>("ringbuf"),
                spinning::<gil::Spsc>("gil"),
                spinning::<nexus_queue::Spsc>("nexus-queue"),
                spinning::<magnetic::Spsc>("magnetic"),
                spinning::<disruptor::Spsc>("disruptor"),
                spinning::<crossbeam::Queue>("ArrayQueue"),
                spinning::<crossbeam::Channel>("crossbeam-channel"),
                spinning::<std_mpsc::SyncChannel>("std sync_channel"),
                spinning::<heapless::Spsc>("heapless"),
                spinning::<concurrent_queue::Queue>("concurrent-queue"),
                spinning::<thingbuf::Queue>("thingbuf"),
                spinning::<kanal::Channel>("kanal"),
                spinning::<flume::Channel>("flume"),
                spinning::<crossfire::Spsc>("crossfire"),
                spinning::<rapidfire::Mpsc>("rapidfire"),
                spinning::<omango::Spsc>("omango"),
                spinning::<shaq::Spsc>("shaq"),
                spinning::<tokio::Mpsc>("tokio mpsc"),
            ],
        ),
        ringbuf(
            "round-trip/block",
            "a message and its reply over two rings, both threads may sleep",
            sleepers()
                .into_iter()
                .map(|sleeper| sleeper.round_trip)
                .collect(),
        ),
        ringbuf(
            "round-trip/idle",
            "processor time of a receiver that waits for a second",
            sleepers().into_iter().map(|sleeper| sleeper.idle).collect(),
        ),
    ]
}

/// The two measures of rings whose ends can sleep.
struct Sleeper {
    round_trip: Entry,
    idle: Entry,
}

fn sleepers() -> Vec<Sleeper> {
    let our = |sleeper: Sleeper| Sleeper {
        round_trip: ours(sleeper.round_trip),
        idle: ours(sleeper.idle),
    };
    vec![
        our(sleeper::<ours::SpscParking>("our spsc")),
        our(sleeper::<ours::PackedParking>("our packed")),
        sleeper::<gil::SpscParking>("gil parking"),
        sleeper::<crossbeam::Channel>("crossbeam-channel"),
        sleeper::<std_mpsc::SyncChannel>("std sync_channel"),
        sleeper::<thingbuf::Channel>("thingbuf"),
        sleeper::<kanal::Channel>("kanal"),
        sleeper::<flume::Channel>("flume"),
        sleeper::<crossfire::Spsc>("crossfire"),
        sleeper::<rapidfire::Mpsc>("rapidfire"),
        sleeper::<omango::Spsc>("omango"),
        sleeper::<tokio::Mpsc>("tokio mpsc"),
    ]
}

fn many() -> Vec<Measure> {
    let mpsc = shape(4, 1, 1_024);
    let broadcast = shape(1, 3, 1_024);
    vec![
        ringbuf(
            "mpsc/u64",
            "four senders, one receiver, one at a time",
            mpsc_single::<u64>(mpsc),
        ),
        ringbuf(
            "mpsc/u64/batch",
            "four senders, one receiver, batches of 32",
            vec![
                ours(batched::<ours::Lanes, u64>("our lanes", mpsc)),
                ours(batched::<ours::Mpsc, u64>("our mpsc", mpsc)),
                batched::<disruptor::Mpsc, u64>("disruptor", mpsc),
                batched::<gil::MpscSharded, u64>("gil sharded", mpsc),
                batched::<shaq::Mpmc, u64>("shaq", mpsc),
            ],
        ),
        ringbuf(
            "mpsc/64B",
            "four senders, one receiver, 64 bytes, one at a time",
            mpsc_single::<Line>(mpsc),
        ),
        ringbuf(
            "mpmc/u64",
            "two senders, two receivers, one at a time",
            mpmc_single::<u64>(shape(2, 2, 1_024)),
        ),
        ringbuf(
            "broadcast/u64",
            "one sender, three receivers that get everything; deliveries",
            vec![
                ours(to_all::<ours::Broadcast, u64>("our broadcast", broadcast)),
                to_all::<disruptor::Broadcast, u64>("disruptor", broadcast),
                to_all::<multiqueue2::Broadcast, u64>("multiqueue2", broadcast),
                to_all::<bus::Broadcast, u64>("bus", broadcast),
                to_all::<ringfire::Broadcast, u64>("ringfire", broadcast),
                to_all::<crossbeam::FanOut, u64>("crossbeam fan-out", broadcast),
                to_all::<tokio::Broadcast, u64>("tokio broadcast", broadcast),
                to_all::<async_broadcast::Broadcast, u64>("async-broadcast", broadcast),
            ],
        ),
        ringbuf(
            "broadcast/u64/batch",
            "the same in batches of 32",
            vec![
                ours(batched_to_all::<ours::Broadcast, u64>(
                    "our broadcast",
                    broadcast,
                )),
                batched_to_all::<disruptor::Broadcast, u64>("disruptor", broadcast),
                batched_to_all::<ringfire::Broadcast, u64>("ringfire", broadcast),
            ],
        ),
    ]
}

fn mpsc_single<T: Message>(shape: Shape) -> Vec<Entry> {
    vec![
        ours(single::<ours::Lanes, T>("our lanes", shape)),
        ours(single::<ours::Mpsc, T>("our mpsc", shape)),
        single::<gil::MpscSharded, T>("gil sharded", shape),
        single::<gil::Mpsc, T>("gil", shape),
        single::<disruptor::Mpsc, T>("disruptor", shape),
        single::<nexus_queue::Mpsc, T>("nexus-queue", shape),
        single::<magnetic::Mpsc, T>("magnetic", shape),
        single::<crossbeam::Queue, T>("ArrayQueue", shape),
        single::<crossbeam::Channel, T>("crossbeam-channel", shape),
        single::<std_mpsc::SyncChannel, T>("std sync_channel", shape),
        single::<concurrent_queue::Queue, T>("concurrent-queue", shape),
        single::<thingbuf::Queue, T>("thingbuf", shape),
        single::<kanal::Channel, T>("kanal", shape),
        single::<flume::Channel, T>("flume", shape),
        single::<crossfire::Mpsc, T>("crossfire", shape),
        single::<rapidfire::Mpsc, T>("rapidfire", shape),
        single::<omango::Mpmc, T>("omango", shape),
        single::<shaq::Mpmc, T>("shaq", shape),
        single::<tokio::Mpsc, T>("tokio mpsc", shape),
    ]
}

fn mpmc_single<T: Message>(shape: Shape) -> Vec<Entry> {
    vec![
        ours(single::<ours::Mpmc, T>("our mpmc", shape)),
        single::<gil::MpmcSharded, T>("gil sharded", shape),
        single::<gil::Mpmc, T>("gil", shape),
        single::<magnetic::Mpmc, T>("magnetic", shape),
        single::<crossbeam::Queue, T>("ArrayQueue", shape),
        single::<crossbeam::Channel, T>("crossbeam-channel", shape),
        single::<concurrent_queue::Queue, T>("concurrent-queue", shape),
        single::<thingbuf::Queue, T>("thingbuf", shape),
        single::<kanal::Channel, T>("kanal", shape),
        single::<flume::Channel, T>("flume", shape),
        single::<crossfire::Mpmc, T>("crossfire", shape),
        single::<rapidfire::Mpmc, T>("rapidfire", shape),
        single::<omango::Mpmc, T>("omango", shape),
        single::<shaq::Mpmc, T>("shaq", shape),
    ]
}

fn processes() -> Vec<Measure> {
    vec![
        ringbuf(
            "process/round-trip",
            "two processes, a message of 64 bytes and its reply, both spin",
            vec![
                linked_round_trip::<floor::SharedLine>("one line", Role::Floor),
                linked_round_trip::<ours_shared::Lines>("our lines", Role::Ours),
                linked_round_trip::<ours_shared::Elements>("our elements", Role::Ours),
                linked_round_trip::<ringfire::Rings>("ringfire", Role::Peer),
                linked_round_trip::<shaq::Files>("shaq", Role::Peer),
                linked_round_trip::<iceoryx2::Lines>("iceoryx2", Role::Peer),
            ],
        ),
        ringbuf(
            "process/throughput",
            "two processes, messages of 64 bytes, one at a time",
            vec![
                linked_throughput::<ours_shared::Elements>("our elements", Role::Ours),
                linked_throughput::<ours_shared::Lines>("our lines", Role::Ours),
                linked_throughput::<ringfire::Rings>("ringfire", Role::Peer),
                linked_throughput::<shaq::Files>("shaq", Role::Peer),
                linked_throughput::<iceoryx2::Lines>("iceoryx2", Role::Peer),
            ],
        ),
        ringbuf(
            "process/lend-1MiB",
            "two processes, 1 MiB lent without a copy and another lent back",
            vec![
                linked_round_trip::<floor::SharedLine>("one line", Role::Floor),
                linked_round_trip::<ours_shared::LentRecords>("our records", Role::Ours),
                linked_round_trip::<ours_shared::PooledHandles>("our pooled handles", Role::Ours),
                linked_round_trip::<iceoryx2::Lent>("iceoryx2", Role::Peer),
            ],
        ),
    ]
}

fn pools() -> Vec<Measure> {
    let msgpool = |name, about, entries| Measure {
        name,
        area: "msgpool",
        about,
        entries,
    };
    vec![
        msgpool(
            "pool/one-thread",
            "a buffer of 1 KiB out and back",
            local_pools(|pools| pools.one_thread),
        ),
        msgpool(
            "pool/two-threads",
            "the same by two threads at once, each",
            shared_pools(|pools| pools.two_threads),
        ),
        msgpool(
            "pool/burst",
            "64 buffers out, then 64 back, each",
            local_pools(|pools| pools.burst),
        ),
        msgpool(
            "pool/hand-off",
            "taken by one thread, given back by another",
            {
                let mut entries = shared_pools(|pools| pools.hand_off);
                entries.push(alone("return ring", Role::Floor, pool::return_ring));
                entries
            },
        ),
    ]
}

type System = pools::Blocks<pools::SystemHeap>;
type Mimalloc = pools::Blocks<pools::Mimalloc>;

fn local_pools(measure: fn(Local) -> Entry) -> Vec<Entry> {
    let pools = [
        local::<pools::FreeList>("free list", Role::Floor),
        local::<System>("glibc malloc", Role::Floor),
        local::<msgpool::LocalBuffers>("our local buffers", Role::Ours),
        local::<msgpool::LocalMessages>("our local messages", Role::Ours),
        local::<msgpool::Buffers>("our buffers", Role::Ours),
        local::<Mimalloc>("mimalloc", Role::Peer),
        local::<pools::OpoolLocal>("opool local", Role::Peer),
        local::<pools::Opool>("opool", Role::Peer),
        local::<pools::Queue>("ArrayQueue", Role::Peer),
        local::<pools::LinearObjectPool>("lockfree-object-pool linear", Role::Peer),
        local::<pools::SpinLockObjectPool>("lockfree-object-pool spin", Role::Peer),
        local::<pools::ObjectPool>("object-pool", Role::Peer),
    ];
    pools.into_iter().map(measure).collect()
}

fn shared_pools(measure: fn(Shared) -> Entry) -> Vec<Entry> {
    let pools = [
        shared::<System>("glibc malloc", Role::Floor),
        shared::<msgpool::Locals>("our local buffers", Role::Ours),
        shared::<msgpool::Frozen>("our local messages", Role::Ours),
        shared::<msgpool::Buffers>("our buffers", Role::Ours),
        shared::<Mimalloc>("mimalloc", Role::Peer),
        shared::<pools::Opool>("opool", Role::Peer),
        shared::<pools::Queue>("ArrayQueue", Role::Peer),
        shared::<pools::LinearObjectPool>("lockfree-object-pool linear", Role::Peer),
        shared::<pools::SpinLockObjectPool>("lockfree-object-pool spin", Role::Peer),
        shared::<pools::ObjectPool>("object-pool", Role::Peer),
    ];
    pools.into_iter().map(measure).collect()
}

/// The measures of a pool that one thread uses.
struct Local {
    one_thread: Entry,
    burst: Entry,
}

fn local<P: LocalPool>(who: &'static str, role: Role) -> Local {
    Local {
        one_thread: alone(who, role, pool::one_thread::<P>),
        burst: alone(who, role, pool::bursts::<P>),
    }
}

/// The measures of a pool that threads share.
struct Shared {
    two_threads: Entry,
    hand_off: Entry,
}

fn shared<P: SharedPool>(who: &'static str, role: Role) -> Shared {
    Shared {
        two_threads: alone(who, role, pool::two_threads::<P>),
        hand_off: alone(who, role, pool::hand_off::<P>),
    }
}

fn executor(name: &'static str, about: &'static str, entries: Vec<Entry>) -> Measure {
    Measure {
        name,
        area: "executor",
        about,
        entries,
    }
}

fn submissions() -> Vec<Measure> {
    vec![
        executor(
            "submit/outside",
            "empty tasks from one thread that is no worker",
            all_workers(|workers| workers.one),
        ),
        executor(
            "submit/four",
            "the same from four threads at once",
            all_workers(|workers| workers.four),
        ),
        executor(
            "submit/bulk",
            "the same from one thread, many at once",
            vec![
                ours(alone("ours", Role::Peer, executor::bulk::<executors::Ours>)),
                alone(
                    "async-executor",
                    Role::Peer,
                    executor::bulk::<executors::AsyncExecutor>,
                ),
                alone(
                    "batches in a channel",
                    Role::Peer,
                    executor::bulk::<executors::Batches>,
                ),
            ],
        ),
        executor(
            "wake/hot",
            "from handing over a task until it begins, 5 µs after the last; the submitter spins",
            all_workers(|workers| workers.hot),
        ),
        executor(
            "wake/cold",
            "the same after 300 µs in which everybody sleeps",
            all_workers(|workers| workers.cold),
        ),
        executor("idle", "processor time of a second without tasks", {
            let mut entries = all_workers(|workers| workers.idle);
            entries.push(alone("no workers", Role::Floor, executor::no_workers));
            entries
        }),
    ]
}

fn forks() -> Vec<Measure> {
    vec![
        executor(
            "fork-join/even",
            "a fork of a tree of two million nodes",
            vec![
                alone("calls", Role::Floor, executor::even::<executors::Calls>),
                ours(alone("ours", Role::Peer, executor::even::<executors::Ours>)),
                alone("chili", Role::Peer, executor::even::<executors::Chili>),
                alone("rayon", Role::Peer, executor::even::<executors::Rayon>),
            ],
        ),
        executor(
            "fork-join/uneven",
            "the same where one child of each node is less high than the other",
            vec![
                alone("calls", Role::Floor, executor::uneven::<executors::Calls>),
                ours(alone(
                    "ours",
                    Role::Peer,
                    executor::uneven::<executors::Ours>,
                )),
                alone("chili", Role::Peer, executor::uneven::<executors::Chili>),
                alone("rayon", Role::Peer, executor::uneven::<executors::Rayon>),
            ],
        ),
    ]
}

fn urgency() -> Vec<Measure> {
    vec![
        executor(
            "priority/idle",
            "from handing over a critical task until it begins, nothing else to do",
            vec![ours(alone(
                "ours",
                Role::Peer,
                executor::urgent_idle::<executors::Ours>,
            ))],
        ),
        executor(
            "priority/load",
            "the same beside 128 tasks of 20 µs that never end; others have no priorities",
            {
                let mut entries = all_workers(|workers| workers.loaded);
                entries.retain(|entry| entry.who != "rayon");
                entries[0] = ours(alone(
                    "ours",
                    Role::Peer,
                    executor::urgent_loaded::<executors::Ours>,
                ));
                entries
            },
        ),
    ]
}

/// Everybody that takes tasks, ours first.
fn all_workers(measure: fn(Workers) -> Entry) -> Vec<Entry> {
    let workers = [
        workers::<executors::Ours>("ours"),
        workers::<executors::Rayon>("rayon"),
        workers::<executors::Tokio>("tokio"),
        workers::<executors::AsyncExecutor>("async-executor"),
        workers::<executors::Threads>("threads and a channel"),
    ];
    let mut entries: Vec<Entry> = workers.into_iter().map(measure).collect();
    entries[0].role = Role::Ours;
    entries
}

/// The measures of whatever takes tasks.
struct Workers {
    one: Entry,
    four: Entry,
    hot: Entry,
    cold: Entry,
    idle: Entry,
    loaded: Entry,
}

fn workers<W: executor::Workers>(who: &'static str) -> Workers {
    let entry = |work: fn(&Effort) -> Vec<Figure>| alone(who, Role::Peer, work);
    Workers {
        one: entry(|effort| executor::outside::<W>(1, effort)),
        four: entry(|effort| executor::outside::<W>(4, effort)),
        hot: entry(executor::wake_hot::<W>),
        cold: entry(executor::wake_cold::<W>),
        idle: entry(executor::idle::<W>),
        loaded: entry(executor::plain_loaded::<W>),
    }
}

fn alone(who: &'static str, role: Role, work: impl Fn(&Effort) -> Vec<Figure> + 'static) -> Entry {
    Entry {
        who,
        role,
        work: Work::Alone(Box::new(work)),
    }
}

/// An entry of a crate of this workspace.
fn ours(entry: Entry) -> Entry {
    Entry {
        role: Role::Ours,
        ..entry
    }
}

fn single<R: Ring<T>, T: Message>(who: &'static str, shape: Shape) -> Entry {
    alone(who, Role::Peer, move |effort| {
        throughput::single::<R, T>(shape, Delivery::Once, effort)
    })
}

fn batched<R: Ring<T>, T: Message>(who: &'static str, shape: Shape) -> Entry
where
    R::Sender: PushBatch<T>,
    R::Receiver: PopBatch<T>,
{
    alone(who, Role::Peer, move |effort| {
        throughput::batched::<R, T>(shape, Delivery::Once, effort)
    })
}

fn to_all<R: Ring<T>, T: Message>(who: &'static str, shape: Shape) -> Entry {
    alone(who, Role::Peer, move |effort| {
        throughput::single::<R, T>(shape, Delivery::All, effort)
    })
}

fn batched_to_all<R: Ring<T>, T: Message>(who: &'static str, shape: Shape) -> Entry
where
    R::Sender: PushBatch<T>,
    R::Receiver: PopBatch<T>,
{
    alone(who, Role::Peer, move |effort| {
        throughput::batched::<R, T>(shape, Delivery::All, effort)
    })
}

fn spinning<R: Ring<u64>>(who: &'static str) -> Entry {
    alone(who, Role::Peer, round_trip::spinning::<R>)
}

fn sleeper<R: Ring<u64>>(who: &'static str) -> Sleeper
where
    R::Sender: BlockingPush<u64>,
    R::Receiver: BlockingPop<u64>,
{
    Sleeper {
        round_trip: alone(who, Role::Peer, round_trip::blocking::<R>),
        idle: alone(who, Role::Peer, round_trip::idle::<R>),
    }
}

fn linked_round_trip<L: Link>(who: &'static str, role: Role) -> Entry {
    Entry {
        who,
        role,
        work: Work::WithPartner {
            host: process::round_trip::<L>,
            partner: |dir| process::partner::<L>(dir, Task::Echo),
        },
    }
}

fn linked_throughput<L: Link>(who: &'static str, role: Role) -> Entry {
    Entry {
        who,
        role,
        work: Work::WithPartner {
            host: process::throughput::<L>,
            partner: |dir| process::partner::<L>(dir, Task::Stream),
        },
    }
}
