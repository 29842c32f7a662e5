//! One producer, one consumer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::{Deadline, Park, PopError, PushError, Spin, Wait, Yield, spsc};

use crate::stress;
use crate::values::Census;

#[test]
fn capacity_is_a_power_of_two_up_to_the_maximum() {
    for capacity in [1, 2, 64, 1 << 20] {
        let (producer, consumer) = spsc::ring::<u8>(capacity).expect("a power of two");
        assert_eq!(
            (producer.capacity(), consumer.capacity()),
            (capacity, capacity)
        );
    }
    for capacity in [0, 3, 1_000, usize::MAX, 1 << 32] {
        let error = spsc::ring::<u8>(capacity).expect_err("not a capacity");
        assert_eq!(error.capacity, capacity);
    }
    spsc::ring::<[u8; 1 << 40]>(1 << 30).expect_err("more than the address space");
}

#[test]
fn values_come_out_in_order_and_the_full_ring_returns_the_value() {
    let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
    for lap in 0..5 {
        for number in 0..4 {
            producer
                .try_push(lap * 10 + number)
                .expect("there is a place");
        }
        assert_eq!(producer.try_push(99), Err(PushError::Full(99)));
        assert_eq!((producer.len(), consumer.len()), (4, 4));
        for number in 0..4 {
            assert_eq!(consumer.try_peek(), Ok(&(lap * 10 + number)));
            assert_eq!(consumer.try_pop(), Ok(lap * 10 + number));
        }
        assert_eq!(consumer.try_pop(), Err(PopError::Empty));
        assert!(producer.is_empty() && consumer.is_empty());
    }
}

#[test]
fn what_was_pushed_is_delivered_after_the_producer_is_gone() {
    let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
    producer.try_push(1).expect("there is a place");
    assert!(!consumer.is_disconnected());
    drop(producer);
    assert!(consumer.is_disconnected());
    assert_eq!(consumer.try_pop(), Ok(1));
    assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
    assert_eq!(consumer.pop(), Err(PopError::Disconnected));
    assert_eq!(consumer.try_peek(), Err(PopError::Disconnected));
    assert_eq!(consumer.try_chunk(1).err(), Some(PopError::Disconnected));
}

#[test]
fn nothing_is_pushed_once_the_consumer_is_gone() {
    let (mut producer, consumer) = spsc::ring(4).expect("a power of two");
    drop(consumer);
    assert!(producer.is_disconnected());
    assert_eq!(producer.try_push(1), Err(PushError::Disconnected(1)));
    assert_eq!(producer.push(1), Err(PushError::Disconnected(1)));
    assert_eq!(
        producer.try_claim(1).err(),
        Some(PushError::Disconnected(()))
    );
}

#[test]
fn every_value_is_dropped_once_however_the_ends_go() {
    for producer_goes_first in [false, true] {
        let census = Census::default();
        let (mut producer, mut consumer) = spsc::ring(8).expect("a power of two");
        for number in 0..6 {
            producer
                .try_push(census.value(number))
                .expect("there is a place");
        }
        for number in 0..4 {
            assert_eq!(consumer.try_pop().map(|it| it.number), Ok(number));
        }
        for number in 6..10 {
            producer
                .try_push(census.value(number))
                .expect("there is a place");
        }
        if producer_goes_first {
            drop(producer);
            drop(consumer);
        } else {
            drop(consumer);
            // What nobody can pop any more does not live on until the producer goes.
            census.check(0);
            drop(producer);
        }
        census.check(0);
    }
}

#[test]
fn a_value_that_panics_in_its_drop_does_not_keep_the_others_alive() {
    let census = Census::default();
    let (mut producer, mut consumer) = spsc::ring(8).expect("a power of two");
    for number in 0..5 {
        producer
            .try_push(census.value(number))
            .expect("there is a place");
    }
    drop(consumer.try_pop());
    // Released by a chunk: the places are given back although the release panics.
    producer.try_push(census.bomb()).expect("there is a place");
    let chunk = consumer.try_chunk(5).expect("five are there");
    catch_unwind(AssertUnwindSafe(|| chunk.release(5))).expect_err("the last one panics");
    assert_eq!((consumer.len(), census.dropped()), (0, 6));
    // Left in the ring, round its end, when both ends go.
    for _ in 0..3 {
        producer
            .try_push(census.value(0))
            .expect("there is a place");
    }
    producer.try_push(census.bomb()).expect("there is a place");
    producer
        .try_push(census.value(0))
        .expect("there is a place");
    catch_unwind(AssertUnwindSafe(|| drop(consumer))).expect_err("one of them panics");
    drop(producer);
    census.check(0);
}

#[test]
fn zero_sized_values_are_counted_like_any_other() {
    let (mut producer, mut consumer) = spsc::ring(2).expect("a power of two");
    assert_eq!(producer.try_push_slice(&[(); 5]), Ok(2));
    assert_eq!(producer.try_push(()), Err(PushError::Full(())));
    assert_eq!(consumer.try_pop(), Ok(()));
    assert_eq!(consumer.try_pop_slice(&mut [(); 5]), Ok(1));
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
}

#[test]
fn over_aligned_values_lie_at_their_alignment() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[repr(align(512))]
    struct Page(u8);

    let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
    for lap in 0..3 {
        assert_eq!(producer.try_push_slice(&[Page(lap); 3]), Ok(3));
        let chunk = consumer.try_chunk(3).expect("three are there");
        let (first, rest) = chunk.as_slices();
        for page in first.iter().chain(rest) {
            assert_eq!(*page, Page(lap));
            assert_eq!(std::ptr::from_ref(page).addr() % 512, 0);
        }
        chunk.release(3);
    }
}

#[test]
fn a_claim_publishes_what_was_filled_and_nothing_else() {
    let census = Census::default();
    let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
    drop(producer.try_claim(2).expect("there are places"));
    assert_eq!(consumer.len(), 0);
    let claim = producer.try_claim(9).expect("there are places");
    assert_eq!(claim.len(), 4);
    assert_eq!(claim.fill((0..3).map(|it| census.value(it))), 3);
    assert_eq!(consumer.len(), 3);
    // A source that panics: what it gave before is in the ring.
    let claim = producer.try_claim(1).expect("there is a place");
    let source = std::iter::once_with(|| panic!("the source panics"));
    catch_unwind(AssertUnwindSafe(|| claim.fill(source))).expect_err("the source panics");
    assert_eq!(consumer.len(), 3);
    assert!(
        producer
            .try_claim(0)
            .expect("none was asked for")
            .is_empty()
    );
    producer
        .try_push(census.value(3))
        .expect("there is a place");
    assert_eq!(producer.try_claim(1).err(), Some(PushError::Full(())));
    // What is not taken out of a chunk stays.
    let mut taking = consumer.try_chunk(3).expect("four are there").into_iter();
    assert_eq!(taking.next().map(|it| it.number), Some(0));
    assert_eq!(taking.len(), 2);
    drop(taking);
    let numbers: Vec<u64> = consumer.drain().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    census.check(0);
}

#[test]
fn an_iterator_longer_than_the_claim_loses_no_value() {
    let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
    let mut source = 0..10;
    let mut come = Vec::new();
    while come.len() < 10 {
        let claim = producer.try_claim(3).expect("there are places");
        claim.fill(&mut source);
        come.extend(consumer.drain());
    }
    assert_eq!(come, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_deadline_ends_the_waiting_and_the_value_comes_back() {
    fn check<W: Wait>() {
        let (mut producer, mut consumer) = spsc::ring_with::<_, W>(1).expect("a power of two");
        let soon = || Deadline::after(Duration::from_millis(5));
        assert_eq!(consumer.pop_until(soon()), Err(PopError::Empty));
        assert_eq!(consumer.pop_until(Instant::now()), Err(PopError::Empty));
        producer.push(1).expect("there is a place");
        assert_eq!(producer.push_until(2, soon()), Err(PushError::Full(2)));
        assert_eq!(
            producer.claim_until(1, soon()).err(),
            Some(PushError::Full(()))
        );
        assert_eq!(consumer.pop_until(soon()), Ok(1));
        assert_eq!(consumer.chunk_until(1, soon()).err(), Some(PopError::Empty));
    }
    check::<Spin>();
    check::<Yield>();
    check::<Park>();
    check::<Park<0>>();
}

/// A wait that nobody ends would hang here.
#[test]
fn an_end_that_goes_wakes_the_one_that_waits() {
    fn check<W: Wait + 'static>() {
        for _ in 0..50 {
            let (producer, mut consumer) = spsc::ring_with::<u8, W>(1).expect("a power of two");
            let waiting = thread::spawn(move || consumer.pop());
            drop(producer);
            let answer = waiting.join().expect("the consumer does not panic");
            assert_eq!(answer, Err(PopError::Disconnected));

            let (mut producer, consumer) = spsc::ring_with::<u8, W>(1).expect("a power of two");
            producer.push(1).expect("there is a place");
            let waiting = thread::spawn(move || producer.push(2));
            drop(consumer);
            let answer = waiting.join().expect("the producer does not panic");
            assert_eq!(answer, Err(PushError::Disconnected(2)));
        }
    }
    check::<Yield>();
    check::<Park<0>>();
    check::<Park>();
}

/// A wake-up that is lost would hang here; the deep suite repeats it far more often.
#[test]
fn blocking_ping_pong_loses_no_wake_up() {
    fn check<W: Wait + 'static>() {
        let rounds = u64::from(stress::rounds(5_000));
        let (mut request, mut requests) = spsc::ring_with::<_, W>(1).expect("a power of two");
        let (mut answer, mut answers) = spsc::ring_with::<_, W>(1).expect("a power of two");
        let other = thread::spawn(move || {
            for number in requests.iter() {
                answer.push(number).expect("somebody waits for it");
            }
        });
        for number in 0..rounds {
            request.push(number).expect("the other side listens");
            assert_eq!(answers.pop(), Ok(number));
        }
        drop(request);
        other.join().expect("the other side does not panic");
    }
    check::<Park<0>>();
    check::<Park<64>>();
    check::<Park>();
    check::<Yield<16>>();
}

#[test]
fn a_stream_through_a_small_ring_arrives_whole_and_in_order() {
    fn check<W: Wait + 'static>(capacity: usize, batch: usize) {
        let count = u64::from(stress::rounds(30_000));
        let (mut producer, mut consumer) =
            spsc::ring_with::<[u64; 3], W>(capacity).expect("a power of two");
        let sender = thread::spawn(move || {
            let mut numbers = 0..count;
            while !numbers.is_empty() {
                if batch == 0 {
                    let number = numbers.next().expect("some are left");
                    producer.push([number; 3]).expect("the consumer listens");
                } else {
                    let claim = producer
                        .claim_until(batch, Deadline::Never)
                        .expect("the consumer listens");
                    claim.fill(numbers.by_ref().map(|it| [it; 3]));
                }
            }
        });
        let mut next = 0;
        while let Ok(chunk) = consumer.chunk_until(batch.max(1), Deadline::Never) {
            for value in chunk {
                assert_eq!(value, [next; 3]);
                next += 1;
            }
        }
        assert_eq!(next, count);
        sender.join().expect("the sender does not panic");
    }
    for (capacity, batch) in [(1, 0), (2, 1), (64, 0), (64, 7), (1_024, 32)] {
        check::<Yield<16>>(capacity, batch);
        check::<Park<16>>(capacity, batch);
    }
}
