//! A pool in shared memory, both processes played by this one.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_msgpool::shared::{
    AttachError, ClaimError, CreateError, Handle, InFlightError, Options, Pool,
};
use claude_flow_msgpool::{ClassOptions, Deadline, FullError, TakeError};
use claude_flow_ringbuf::region::{Heap, Hints, Mapping, Region};

pub(crate) fn options(classes: &[(usize, usize)], processes: usize) -> Options {
    let classes = classes.iter().map(|(payload_bytes, slots)| ClassOptions {
        payload_bytes: *payload_bytes,
        slots: *slots,
    });
    Options {
        classes: classes.collect(),
        processes,
        schema: 0x5eed,
    }
}

pub(crate) fn memfd(options: &Options) -> Arc<Mapping> {
    let size = Pool::size_bytes(options).expect("the options are valid");
    Arc::new(Mapping::memfd("test", size, Hints::default()).expect("there is memory"))
}

/// The pool of a new memory, and of further mappings of it, as so many processes have them.
pub(crate) fn pools(options: &Options, count: usize) -> Vec<Pool> {
    let memory = memfd(options);
    let again = |_| {
        let descriptor = memory.descriptor().expect("a memfd has one");
        let descriptor = descriptor.try_clone_to_owned().expect("one more is free");
        let region = Mapping::file(descriptor.into(), Hints::default()).expect("it can be mapped");
        Pool::attach(Arc::new(region), 0x5eed).expect("there is a pool")
    };
    let first = Pool::create(Arc::clone(&memory) as Arc<dyn Region>, options);
    let first = first.expect("the region is new");
    [first].into_iter().chain((1..count).map(again)).collect()
}

/// Of this process alone, which Miri can follow.
fn heap(options: &Options) -> Arc<dyn Region> {
    Arc::new(Heap::new(Pool::size_bytes(options).expect("valid")))
}

/// Would catch a payload or a length that does not arrive, and a slot that does not come back.
#[test]
fn a_message_crosses_as_a_handle_and_comes_back() {
    let options = options(&[(64, 2), (256, 1)], 3);
    let pools = pools(&options, 2);
    for len in [0, 1, 64, 65, 256] {
        let mut buffer = pools[0].take_empty(len).expect("there is a slot");
        assert_eq!(buffer.capacity(), if len <= 64 { 64 } else { 256 });
        let bytes: Vec<u8> = (0..len).map(|it| it.to_le_bytes()[0]).collect();
        buffer.write_all(&bytes).expect("it fits");
        assert_eq!(buffer.view().to_vec(), bytes);
        let message = buffer.freeze();
        let copy = message.clone();
        let handle = message.into_handle().expect("it is the first");
        assert!(handle.is_reference() && !copy.handle().is_reference());
        drop(copy);
        assert_eq!(pools[1].stats().in_use(), 1, "it is in flight");
        let handle: Handle = bytemuck::pod_read_unaligned(bytemuck::bytes_of(&handle));
        let message = pools[1].claim(handle).expect("it is in flight");
        assert_eq!(message.to_vec(), bytes);
        assert_eq!(message.view().as_ptr().addr() % 64, 0);
        assert_eq!(pools[0].claim(handle).err(), Some(ClaimError::Stale));
        assert_eq!(pools[0].stats().payload_bytes_in_use(), len);
        drop(message);
        assert_eq!(pools[0].stats().in_use(), 0);
        assert_eq!(pools[0].claim(handle).err(), Some(ClaimError::Stale));
    }
}

/// Would catch a limit that is not kept, and an answer that changes something.
#[test]
fn a_pool_is_bounded_and_says_so() {
    let options = options(&[(64, 3), (128, 1)], 2);
    let pool = Pool::create(heap(&options), &options).expect("it is new");
    let exhausted = |class_bytes, slots| TakeError::Exhausted { class_bytes, slots };
    let all: Vec<_> = (0..3)
        .map(|_| pool.take(64).expect("there is one"))
        .collect();
    assert_eq!(pool.take(1).err(), Some(exhausted(64, 3)));
    let now = Deadline::At(Instant::now());
    assert_eq!(pool.take_until(1, now).err(), Some(exhausted(64, 3)));
    let too_large = TakeError::TooLarge {
        len: 129,
        len_max: 128,
    };
    assert_eq!(pool.take(129).err(), Some(too_large));
    let mut one = pool.take_empty(65).expect("there is one");
    one.set_len(100).expect("it fits");
    let full = FullError { len: 29, rest: 28 };
    assert_eq!(one.set_len(129), Err(full));
    assert_eq!(one.extend_from_slice(&[1; 29]), Err(full));
    assert_eq!(one.write(&[1; 29]).expect("some fit"), 28);
    drop(one);
    drop(all);
    let stats = pool.stats();
    assert_eq!((stats.in_use(), stats.classes[0].high_water), (0, 3));
    assert!(stats.touched_bytes <= stats.mapped_bytes);
}

/// Would catch a handle that is believed.
#[test]
fn handles_that_are_none_are_refused_by_name() {
    let options = options(&[(64, 2)], 2);
    let ours = Pool::create(heap(&options), &options).expect("it is new");
    let theirs = Pool::create(heap(&options), &options).expect("it is new");
    let buffer = ours.take_empty(64).expect("there is one");
    let message = buffer.freeze();
    let good: [u32; 4] = bytemuck::cast(message.handle());
    let claim = |word: usize, value: u32| {
        let mut words = good;
        words[word] = value;
        ours.claim(bytemuck::cast(words)).err()
    };
    assert_eq!(claim(0, good[0]), None);
    assert_eq!(
        theirs.claim(message.handle()).err(),
        Some(ClaimError::Foreign)
    );
    assert_eq!(claim(3, !good[3]), Some(ClaimError::Foreign));
    for slot in [2, 1 << 24, u32::MAX] {
        assert_eq!(claim(0, slot), Some(ClaimError::OutOfRange), "slot {slot}");
    }
    assert_eq!(claim(0, 1), Some(ClaimError::Stale), "nobody has it");
    for generation in [1, u32::MAX] {
        assert_eq!(claim(1, generation), Some(ClaimError::Stale));
    }
    assert_eq!(
        claim(2, 2),
        Some(ClaimError::OutOfRange),
        "there are two seats"
    );
    for sender in [0, 1, 0x0001_0000, 0xffff_0000] {
        assert_eq!(claim(2, sender), Some(ClaimError::Stale), "{sender:#x}");
    }
    // A buffer is nobody's message, whoever names its slot.
    let buffer = ours.take(64).expect("there is one");
    assert_eq!(claim(0, 1), Some(ClaimError::Stale));
    drop(buffer);
    drop(message);
    assert_eq!(claim(0, good[0]), Some(ClaimError::Stale));
    assert_eq!(ours.stats().in_use(), 0, "no refused claim kept anything");
}

/// Would catch references that are miscounted when many of one message are in flight.
#[test]
fn up_to_511_references_are_in_flight_and_each_is_claimed_once() {
    let options = options(&[(64, 1)], 4);
    let pools = pools(&options, 3);
    let message = pools[0].take_empty(0).expect("there is one").freeze();
    let handles: Vec<Handle> = (0..511)
        .map(|_| message.clone().into_handle().expect("there is room"))
        .collect();
    let InFlightError(back) = message.clone().into_handle().expect_err("too many");
    drop((back, message));
    for (index, handle) in handles.iter().enumerate() {
        assert_eq!(pools[0].stats().in_use(), 1);
        drop(
            pools[1 + index % 2]
                .claim(*handle)
                .expect("it is in flight"),
        );
    }
    assert_eq!(pools[2].claim(handles[0]).err(), Some(ClaimError::Stale));
    assert_eq!(pools[0].stats().in_use(), 0);
}

/// Would catch references in flight that outlive the seat of their sender, and a seat that is lost.
#[test]
fn what_is_in_flight_from_one_that_left_lasts_until_it_is_reclaimed() {
    let options = options(&[(64, 4)], 2);
    let pools = pools(&options, 2);
    let [ours, theirs] = <[Pool; 2]>::try_from(pools).expect("there are two");
    let send = || {
        let message = theirs.take_empty(0).expect("there is one").freeze();
        message.into_handle().expect("it is the first")
    };
    let (first, second) = (send(), send());
    let kept = theirs.take_empty(0).expect("there is one").freeze();
    drop(theirs);
    assert_eq!(ours.reclaim(), 0, "a message keeps the place");
    drop(kept);
    drop(ours.claim(first).expect("it is still in flight"));
    assert_eq!(ours.stats().in_use(), 1);
    assert_eq!(ours.reclaim(), 1);
    assert_eq!(ours.claim(second).err(), Some(ClaimError::Stale));
    assert_eq!((ours.stats().in_use(), ours.reclaim()), (0, 0));
}

/// Would catch a description that is believed, and an attachment too many.
#[test]
fn what_is_no_pool_for_us_is_refused_by_name() {
    let options = options(&[(64, 4)], 2);
    let size_bytes = Pool::size_bytes(&options).expect("valid");
    let create = |classes: &[(usize, usize)], processes| {
        let it = self::options(classes, processes);
        Pool::create(Arc::new(Heap::new(size_bytes)), &it).expect_err("it is refused")
    };
    assert!(matches!(create(&[], 2), CreateError::ClassCount(0)));
    for bytes in [0, 63, 96, (1 << 30) + 64] {
        let error = create(&[(bytes, 1)], 2);
        assert!(matches!(error, CreateError::ClassBytes(it) if it == bytes));
    }
    assert!(matches!(
        create(&[(64, 1), (64, 1)], 2),
        CreateError::ClassBytes(64)
    ));
    for slots in [0, (1 << 24) + 1, usize::MAX] {
        let error = create(&[(64, slots)], 2);
        assert!(matches!(error, CreateError::SlotCount(it) if it == slots));
    }
    for processes in [0, 1_025, usize::MAX] {
        let error = create(&[(64, 1)], processes);
        assert!(matches!(error, CreateError::Processes(it) if it == processes));
    }
    assert!(matches!(
        create(&[(64, 5)], 2),
        CreateError::TooSmall { size_bytes: it, needed } if it == size_bytes && needed == it + 128
    ));
    let region = heap(&options);
    let attach = |schema| Pool::attach(Arc::clone(&region), schema).err();
    assert!(matches!(attach(0x5eed), Some(AttachError::Unfinished)));
    let one = Pool::create(Arc::clone(&region), &options).expect("it is new");
    assert!(matches!(
        Pool::create(Arc::clone(&region), &options),
        Err(CreateError::Occupied)
    ));
    assert!(matches!(
        attach(1),
        Some(AttachError::Schema {
            found: 0x5eed,
            expected: 1
        })
    ));
    let two = Pool::attach(Arc::clone(&region), 0x5eed).expect("there is a place");
    assert!(matches!(
        attach(0x5eed),
        Some(AttachError::Crowded { processes: 2 })
    ));
    drop(one);
    assert!(attach(0x5eed).is_none(), "the first one left");
    drop(two);
}

/// Would catch a wake-up that is lost: the wait would last until the deadline.
#[test]
fn who_waits_gets_what_another_thread_gives_back() {
    let options = options(&[(64, 1)], 2);
    let pools = pools(&options, 2);
    for round in 0..200_u32 {
        let buffer = pools[0].take(64).expect("there is one");
        let started = Instant::now();
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| {
                let deadline = Deadline::after(Duration::from_mins(1));
                pools[1].take_until(64, deadline).map(drop)
            });
            for _ in 0..round * 20 {
                std::hint::spin_loop();
            }
            drop(buffer);
            assert_eq!(taker.join().expect("it does not panic"), Ok(()));
        });
        assert!(started.elapsed() < Duration::from_mins(1));
    }
}

/// Would catch a slot that two threads get, or one that is lost between them.
#[test]
fn threads_of_two_processes_hand_messages_round() {
    let options = options(&[(64, 3)], 3);
    let pools = pools(&options, 2);
    std::thread::scope(|scope| {
        for (number, pool) in (0_u64..).zip([&pools[0], &pools[0], &pools[1], &pools[1]]) {
            scope.spawn(move || {
                for round in 0..5_000_u64 {
                    let Ok(mut buffer) = pool.take(64) else {
                        continue;
                    };
                    let mark = number << 32 | round;
                    for word in 0..8 {
                        buffer.bytes().write(word * 8, &mark);
                    }
                    let message = buffer.freeze();
                    let copy = message.clone();
                    let handle = message.into_handle().expect("it is the first");
                    let again = pool.claim(handle).expect("nobody else knows it");
                    assert!((0..8).all(|word| copy.view().read(word * 8) == Some(mark)));
                    drop(copy);
                    assert!((0..8).all(|word| again.view().read(word * 8) == Some(mark)));
                }
            });
        }
    });
    assert_eq!(pools[0].stats().in_use(), 0);
    let all: Vec<_> = (0..3)
        .map(|_| pools[1].take(1).expect("it is free"))
        .collect();
    assert_eq!(all.len(), 3);
}
