//! One lane a producer, one consumer for all of them.

use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::lanes::{self, Options};
use claude_flow_ringbuf::{Deadline, Park, PopError, PushError, Wait, Yield};

use crate::stress;
use crate::values::Census;

const TWO_OF_FOUR: Options = Options {
    lanes_max: 2,
    capacity: 4,
};

#[test]
fn there_are_as_many_producers_as_lanes_and_a_lane_serves_again() {
    let (door, mut consumer) = lanes::lanes(TWO_OF_FOUR).expect("a power of two");
    let other_door = door.clone();
    let mut first = door.open().expect("two lanes");
    let second = other_door.open().expect("two lanes");
    assert!(door.open().is_none(), "both lanes are taken");
    first.try_push(1).expect("there is a place");
    drop(first);
    let mut third = door.open().expect("one lane is free again");
    third.try_push(2).expect("there is a place");
    assert_eq!(consumer.drain().collect::<Vec<_>>(), [1, 2]);
    drop((door, other_door, second));
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
    third.try_push(3).expect("there is a place");
    drop(third);
    assert!(consumer.is_disconnected());
    assert_eq!(consumer.iter().collect::<Vec<_>>(), [3]);
    assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
    assert_eq!(consumer.try_chunk(1).err(), Some(PopError::Disconnected));
}

#[test]
fn options_without_a_lane_or_with_an_odd_capacity_are_refused() {
    for (lanes_max, capacity) in [(0, 4), (2, 3), (2, 0)] {
        let options = Options {
            lanes_max,
            capacity,
        };
        lanes::lanes::<u8>(options).expect_err("there is no such ring");
    }
}

/// A consumer that stayed with a full lane would starve the other.
#[test]
fn a_busy_lane_does_not_starve_a_quiet_one() {
    let (door, mut consumer) = lanes::lanes(TWO_OF_FOUR).expect("a power of two");
    let mut busy = door.open().expect("two lanes");
    let mut quiet = door.open().expect("two lanes");
    assert_eq!(busy.try_push_slice(&[0; 9]), Ok(4));
    quiet.try_push(1).expect("there is a place");
    let mut taken = 0;
    while consumer.try_pop() != Ok(1) {
        taken += 1;
        busy.try_push(0).expect("a place was freed just now");
        assert!(taken <= 4, "at most a lane's capacity before the next lane");
    }
    assert_eq!(busy.try_push(0), Err(PushError::Full(0)));
    assert_eq!((busy.len(), quiet.len(), consumer.len()), (4, 0, 4));
}

#[test]
fn every_value_is_dropped_once() {
    let census = Census::default();
    let (door, mut consumer) = lanes::lanes(TWO_OF_FOUR).expect("a power of two");
    let mut producer = door.open().expect("two lanes");
    let claim = producer.try_claim(3).expect("there are places");
    assert_eq!(claim.fill((0..3).map(|it| census.value(it))), 3);
    drop(consumer.try_pop());
    drop(consumer);
    let refused = producer.try_push(census.value(4));
    assert!(matches!(refused, Err(PushError::Disconnected(_))));
    drop((refused, producer, door));
    census.check(0);
}

#[test]
fn a_deadline_ends_the_waiting() {
    let (door, mut consumer) = lanes::lanes_with::<u8, Park<0>>(TWO_OF_FOUR).expect("two lanes");
    let soon = Deadline::after(Duration::from_millis(5));
    assert_eq!(consumer.pop_until(soon), Err(PopError::Empty));
    let mut producer = door.open().expect("two lanes");
    assert_eq!(producer.try_push_slice(&[0; 4]), Ok(4));
    let soon = Deadline::after(Duration::from_millis(5));
    assert_eq!(producer.push_until(4, soon), Err(PushError::Full(4)));
    assert_eq!(
        producer.claim_until(1, soon).err(),
        Some(PushError::Full(()))
    );
}

#[test]
fn streams_of_several_producers_arrive_whole_each_in_its_order() {
    fn check<W: Wait + 'static>(batch: usize) {
        let each = u64::from(stress::rounds(10_000));
        let options = Options {
            lanes_max: 4,
            capacity: 16,
        };
        let (door, mut consumer) = lanes::lanes_with::<_, W>(options).expect("a power of two");
        let senders = [0, 1, 2, 3].map(|lane: usize| {
            let mut producer = door.open().expect("four lanes");
            thread::spawn(move || {
                let mut numbers = 0..each;
                while !numbers.is_empty() {
                    let claim = producer
                        .claim_until(batch, Deadline::Never)
                        .expect("the consumer listens");
                    claim.fill(numbers.by_ref().map(|number| (lane, number)));
                }
            })
        });
        drop(door);
        let mut next = [0; 4];
        while let Ok(chunk) = consumer.chunk_until(batch, Deadline::Never) {
            for (lane, number) in chunk {
                assert_eq!(number, next[lane], "in the order of the lane");
                next[lane] += 1;
            }
        }
        assert_eq!(next, [each; 4]);
        for sender in senders {
            sender.join().expect("the sender does not panic");
        }
    }
    for batch in [1, 5] {
        check::<Yield<16>>(batch);
        check::<Park<16>>(batch);
    }
}
