//! Rings in shared memory, both ends in this process.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use bytemuck::{Pod, Zeroable};
use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::{Heap, Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{
    Peer, Plain, PopError, PushError, SeatError, Waiting, lines, records, spsc,
};

/// A deadline that has passed.
fn now() -> Deadline {
    Deadline::At(Instant::now())
}

pub(crate) fn heap(size_bytes: Option<usize>) -> Arc<dyn Region> {
    Arc::new(Heap::new(size_bytes.expect("it fits the memory")))
}

/// Two mappings of one memfd, as two processes have them.
pub(crate) fn mappings(size_bytes: Option<usize>) -> [Arc<dyn Region>; 2] {
    let size_bytes = size_bytes.expect("it fits the memory");
    let ours = Mapping::memfd("test", size_bytes, Hints::default()).expect("there is memory");
    let descriptor = ours.descriptor().expect("a memfd has one");
    let descriptor = descriptor.try_clone_to_owned().expect("one more is free");
    let theirs = Mapping::file(descriptor.into(), Hints::default()).expect("it can be mapped");
    [Arc::new(ours), Arc::new(theirs)]
}

fn ends<T: Plain>(capacity: usize) -> (spsc::Producer<T>, spsc::Consumer<T>) {
    let [ours, theirs] = mappings(spsc::Ring::<T>::size_bytes(capacity));
    let ring = spsc::Ring::create(ours, capacity, 0).expect("the region is new");
    let producer = ring.producer().expect("the seat is free");
    let ring = spsc::Ring::attach(theirs, 0).expect("there is a ring");
    (producer, ring.consumer().expect("the seat is free"))
}

/// Of a length that is no multiple of a word, and without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Odd([u8; 13]);

/// Would catch a stride, a mask or a copy that is off, at every length of an element.
#[test]
fn values_come_out_in_order_and_a_full_ring_says_so() {
    fn check<T: Plain + PartialEq + std::fmt::Debug>(value: impl Fn(u8) -> T) {
        let (mut producer, mut consumer) = ends::<T>(4);
        for lap in 0..5 {
            for number in 0..4 {
                producer
                    .try_push(&value(lap * 10 + number))
                    .expect("there is a place");
            }
            assert_eq!(producer.try_push(&value(0)), Err(PushError::Full));
            assert_eq!(producer.push_until(&value(0), now()), Err(PushError::Full));
            assert_eq!(producer.len(), Ok(4));
            for number in 0..4 {
                assert_eq!(consumer.try_pop(), Ok(value(lap * 10 + number)));
            }
            assert_eq!(consumer.try_pop(), Err(PopError::Empty));
            assert_eq!(consumer.pop_until(now()), Err(PopError::Empty));
            assert_eq!(producer.is_empty(), Ok(true));
        }
    }
    check(|number| number);
    check(|number| u64::from(number) << 50);
    check(|number| Odd([number; 13]));
    check(|number| [u128::from(number) << 100; 4]);
    check(|number| [number; 64]);
}

#[test]
fn batches_are_published_and_released_together() {
    let (mut producer, mut consumer) = ends::<u32>(8);
    assert_eq!(producer.try_push_slice(&[1, 2, 3]), Ok(3));
    let mut claim = producer.try_claim(9).expect("there are places");
    assert_eq!(claim.len(), 5);
    claim.write(0, &4);
    claim.write(1, &5);
    claim.commit(2);
    assert_eq!(producer.try_claim(3).expect("there are places").len(), 3);
    assert_eq!(
        producer.try_claim(9).expect("there are places").fill(6..),
        3
    );
    assert_eq!(
        producer.try_claim(1).expect_err("it is full"),
        PushError::Full
    );
    let chunk = consumer.try_chunk(3).expect("there are values");
    assert_eq!(chunk.iter().collect::<Vec<_>>(), [1, 2, 3]);
    chunk.release(2);
    let mut values = [0; 9];
    assert_eq!(consumer.try_pop_slice(&mut values), Ok(6));
    assert_eq!(values[..6], [3, 4, 5, 6, 7, 8]);
    assert_eq!(
        consumer.try_chunk(1).expect_err("it is empty"),
        PopError::Empty
    );
    assert!(
        consumer
            .try_chunk(0)
            .expect("none were asked for")
            .is_empty()
    );
}

/// Would catch an end that is given out twice, and one that is lost with its owner.
#[test]
fn a_seat_has_one_owner_and_is_free_when_he_leaves() {
    let ring = spsc::Ring::<u64>::create(heap(spsc::Ring::<u64>::size_bytes(8)), 8, 0)
        .expect("the region is new");
    let mut consumer = ring.consumer().expect("the seat is free");
    assert_eq!(consumer.peer(), Peer::Absent);
    assert_eq!(
        consumer.pop_until(now()),
        Err(PopError::Empty),
        "it may still come"
    );
    let mut producer = ring.producer().expect("the seat is free");
    let pid = std::process::id();
    assert_eq!(
        (consumer.peer(), producer.peer()),
        (Peer::Alive { pid }, Peer::Alive { pid })
    );
    for refused in [ring.producer().err(), ring.consumer().err()] {
        assert!(matches!(refused, Some(SeatError::Taken { pid: it }) if it == pid));
    }
    producer.try_push(&1).expect("there is a place");
    drop(producer);
    assert_eq!(consumer.peer(), Peer::Left);
    assert_eq!(consumer.pop(), Ok(1), "what was published comes first");
    assert_eq!(consumer.pop(), Err(PopError::Left));
    let mut producer = ring.producer().expect("the last one left");
    assert_eq!(producer.predecessor(), None);
    producer.try_push(&2).expect("there is a place");
    drop(consumer);
    for number in 3..10 {
        producer
            .try_push(&number)
            .expect("there is a place, though nobody is there");
    }
    assert_eq!(producer.push(&10), Err(PushError::Left));
    let mut consumer = ring.consumer().expect("the last one left");
    assert!((2..10).all(|number| consumer.pop() == Ok(number)));
}

/// Would catch a lost wake-up: an end that sleeps for ever never finishes, and one that sleeps
/// for a slice each time takes hours.
#[test]
fn every_pair_of_ways_to_wait_hands_over_every_value() {
    let ways = [
        Waiting::Spin,
        Waiting::Yield { spins: 10 },
        Waiting::Sleep { spins: 0 },
        Waiting::default(),
    ];
    for (first, second) in ways.iter().flat_map(|it| ways.map(|other| (*it, other))) {
        let (mut producer, mut consumer) = ends::<u64>(2);
        producer.set_waiting(first);
        consumer.set_waiting(second);
        let count = 5_000;
        let sender = thread::spawn(move || {
            for number in 0..count {
                producer.push(&number).expect("the consumer is there");
            }
        });
        for number in 0..count {
            assert_eq!(consumer.pop(), Ok(number), "{first:?} {second:?}");
        }
        sender.join().expect("the sender does not panic");
        assert_eq!(consumer.pop(), Err(PopError::Left));
    }
}

#[test]
fn records_of_any_length_lie_where_they_were_written() {
    for granularity in [records::Ring::GRANULARITY, records::Ring::GRANULARITY_LINE] {
        let [ours, theirs] = mappings(records::Ring::size_bytes(1 << 12));
        let ring = records::Ring::create(ours, 1 << 12, granularity, 0).expect("it is new");
        let mut producer = ring.producer().expect("the seat is free");
        let ring = records::Ring::attach(theirs, 0).expect("there is a ring");
        let mut consumer = ring.consumer().expect("the seat is free");
        let len_max = ring.len_max();
        assert_eq!(len_max, (1 << 11) - 8);
        for len in (0..=len_max).chain([len_max; 5]) {
            let bytes: Vec<u8> = (0..len)
                .map(|index| (index * 7 + len).to_le_bytes()[0])
                .collect();
            producer.try_push(&bytes).expect("there is a place");
            let record = consumer.try_peek().expect("a record is there");
            assert_eq!(record.bytes().to_vec(), bytes);
            assert_eq!(consumer.try_pop(), Ok(bytes), "what is not released stays");
            assert_eq!(consumer.try_peek().err(), Some(PopError::Empty));
        }
        let too_long = PushError::TooLong { len_max };
        assert_eq!(producer.try_claim(len_max + 1).err(), Some(too_long));
        assert_eq!(producer.try_claim(usize::MAX).err(), Some(too_long));
    }
}

#[test]
fn a_claim_that_is_dropped_was_never_there() {
    let region = heap(records::Ring::size_bytes(64));
    let ring = records::Ring::create(region, 64, 8, 0).expect("it is new");
    let (mut producer, mut consumer) = (
        ring.producer().expect("free"),
        ring.consumer().expect("free"),
    );
    let mut claim = producer.try_claim(20).expect("there is a place");
    claim.bytes().write(4, &0x0102_0304_u32);
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
    let mut claim = producer.try_claim(24).expect("there is a place");
    claim.bytes().write(8, &7_u64);
    claim.commit(16);
    let record = consumer.try_peek().expect("a record is there");
    assert_eq!(record.bytes().len(), 16);
    assert_eq!(record.bytes().read::<u64>(8), Some(7));
    assert_eq!(record.bytes().read::<u64>(9), None);
    assert_eq!(record.bytes().read::<u64>(usize::MAX), None);
    assert!(record.bytes().part(16, 0).is_some_and(|it| it.is_empty()));
    record.release();
    assert_eq!(consumer.pop_until(now()), Err(PopError::Empty));
    producer.try_push(&[1; 24]).expect("there is a place");
    producer.try_push(&[2; 16]).expect("there is a place");
    assert_eq!(producer.push_until(&[3; 1], now()), Err(PushError::Full));
}

/// Would catch a region that is shorter or less aligned than it says, or a hint that is required.
#[test]
fn regions_are_zeroed_aligned_and_say_what_they_got() {
    let hints = Hints {
        huge_pages: true,
        prefault: true,
        numa_node: Some(0),
    };
    let none = Hints::default();
    let far = Hints {
        numa_node: Some(1_000),
        ..none
    };
    for hints in [none, hints, far] {
        let anonymous = Mapping::anonymous(10_000, hints).expect("there is memory");
        let memfd = Mapping::memfd("test", 10_000, hints).expect("there is memory");
        assert!(anonymous.descriptor().is_none() && memfd.descriptor().is_some());
        for mapping in [anonymous, memfd] {
            assert!(mapping.size_bytes() >= 10_000);
            let grants = mapping.grants();
            assert!(grants.is_shrink_sealed);
            assert_eq!(grants.is_prefaulted, hints.prefault);
            assert!(!grants.has_huge_pages || hints.huge_pages);
            assert!(grants.numa_node.is_none_or(|node| node == 0));
            let ring = spsc::Ring::<u8>::create(Arc::new(mapping), 1_024, 0);
            let ring = ring.expect("it begins with zeros and is long enough");
            assert_eq!(ring.capacity(), 1_024);
        }
    }
    let descriptor_of = |it: &Mapping| {
        let descriptor = it.descriptor().expect("a memfd has one");
        std::fs::File::from(descriptor.try_clone_to_owned().expect("one more is free"))
    };
    let memfd = Mapping::memfd("test", 4_096, none).expect("there is memory");
    descriptor_of(&memfd).set_len(0).expect_err("it is sealed");
    Mapping::memfd("zero\0byte", 4_096, none).expect_err("that is no name");
    Mapping::memfd("empty", 0, none).expect_err("there is nothing to map");
}

/// Would catch a stamp of the lap before that is taken for one of this lap, a tail that is not
/// found again, and an element that lies over the next one's stamp.
#[test]
fn elements_on_lines_of_their_own_come_out_in_order() {
    fn check<T: Plain + PartialEq + std::fmt::Debug>(capacity: u8, value: impl Fn(u8) -> T) {
        let [ours, theirs] = mappings(lines::Ring::<T>::size_bytes(capacity.into()));
        let ring = lines::Ring::<T>::create(ours, capacity.into(), 7).expect("it is new");
        let other = lines::Ring::<T>::attach(theirs, 7).expect("there is a ring");
        let mut producer = ring.producer().expect("the seat is free");
        let mut consumer = other.consumer().expect("the seat is free");
        for lap in 0..6 {
            for number in 0..capacity {
                producer
                    .try_push(&value(lap * 20 + number))
                    .expect("there is a place");
                if number % 3 == lap % 3 {
                    drop(producer);
                    producer = other.producer().expect("the last one left");
                }
            }
            assert_eq!(producer.try_push(&value(0)), Err(PushError::Full));
            assert_eq!(producer.push_until(&value(0), now()), Err(PushError::Full));
            for number in 0..capacity {
                assert_eq!(consumer.try_pop(), Ok(value(lap * 20 + number)));
                if number % 3 == lap % 3 {
                    drop(consumer);
                    consumer = ring.consumer().expect("the last one left");
                }
            }
            assert_eq!(consumer.try_pop(), Err(PopError::Empty));
            assert_eq!(consumer.pop_until(now()), Err(PopError::Empty));
        }
        assert!(matches!(ring.producer(), Err(SeatError::Taken { .. })));
        drop(producer);
        assert_eq!(consumer.pop(), Err(PopError::Left));
    }
    for capacity in [1, 2, 4, 16] {
        check(capacity, |number| number);
        check(capacity, |number| [number; 56]);
        check(capacity, |number| [number; 57]);
        check(capacity, |number| [u64::from(number) << 40; 8]);
    }
}

/// Would catch a stamp that is stored before its element, or a wake-up that is lost.
#[test]
fn elements_on_lines_of_their_own_cross_between_threads() {
    for waiting in [
        Waiting::Spin,
        Waiting::Yield { spins: 1 },
        Waiting::Sleep { spins: 0 },
    ] {
        let region = heap(lines::Ring::<[u64; 9]>::size_bytes(4));
        let ring = lines::Ring::<[u64; 9]>::create(region, 4, 0).expect("it is new");
        let mut producer = ring.producer().expect("the seat is free");
        let mut consumer = ring.consumer().expect("the seat is free");
        producer.set_waiting(waiting);
        consumer.set_waiting(waiting);
        let count = 5_000;
        let sender = thread::spawn(move || {
            for number in 0..count {
                producer.push(&[number; 9]).expect("the consumer is there");
            }
        });
        for number in 0..count {
            assert_eq!(consumer.pop(), Ok([number; 9]), "{waiting:?}");
        }
        sender.join().expect("the sender does not panic");
        assert_eq!(consumer.pop(), Err(PopError::Left));
    }
}
