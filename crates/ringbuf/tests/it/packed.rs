//! One producer, one consumer, values beside the news of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::{
    Deadline, Park, Pop, PopError, Push, PushError, Spin, Wait, Yield, packed,
};

use crate::stress;
use crate::values::Census;

#[test]
fn capacity_is_a_power_of_two_up_to_the_maximum() {
    for capacity in [1, 2, 64, 1 << 20] {
        let (producer, consumer) = packed::ring::<u8>(capacity).expect("a power of two");
        assert_eq!(
            (producer.capacity(), consumer.capacity()),
            (capacity, capacity)
        );
    }
    for capacity in [0, 3, 1_000, usize::MAX, 1 << 32] {
        let error = packed::ring::<u8>(capacity).expect_err("not a capacity");
        assert_eq!(error.capacity, capacity);
    }
    packed::ring::<[u8; 1 << 40]>(1 << 30).expect_err("more than the address space");
}

/// A line too few would show a value of the lap before; a place too many would take one more.
#[test]
fn a_ring_holds_exactly_its_capacity_in_every_phase() {
    fn check<T: From<u8> + PartialEq + std::fmt::Debug + Clone>(capacity: usize) {
        let (mut producer, mut consumer) = packed::ring::<T>(capacity).expect("a power of two");
        let mut numbers = (0..=u8::MAX).cycle();
        // The start goes through every slot of every line.
        for _ in 0..capacity * 9 {
            let values: Vec<T> = numbers.by_ref().take(capacity).map(T::from).collect();
            for value in &values {
                producer.try_push(value.clone()).expect("there is a place");
            }
            let more = T::from(0);
            assert_eq!(producer.try_push(more.clone()), Err(PushError::Full(more)));
            assert_eq!((producer.len(), consumer.len()), (capacity, capacity));
            assert_eq!(consumer.try_peek(), Ok(&values[0]));
            assert_eq!(consumer.drain().collect::<Vec<_>>(), values);
            assert_eq!(consumer.try_pop(), Err(PopError::Empty));
            producer.try_push(T::from(7)).expect("there is a place");
            assert_eq!(consumer.try_pop(), Ok(T::from(7)));
            assert!(producer.is_empty() && consumer.is_empty());
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    #[repr(align(512))]
    struct Page(u8);

    impl From<u8> for Page {
        fn from(number: u8) -> Self {
            Self(number)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    struct Large([u8; 100]);

    impl From<u8> for Large {
        fn from(number: u8) -> Self {
            Self([number; 100])
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    struct Nothing;

    impl From<u8> for Nothing {
        fn from(_: u8) -> Self {
            Self
        }
    }

    for capacity in [1, 2, 4, 8, 16] {
        check::<u64>(capacity);
        check::<u8>(capacity);
        check::<u128>(capacity);
        check::<String2>(capacity);
        check::<Page>(capacity);
        check::<Large>(capacity);
        check::<Nothing>(capacity);
    }
}

/// 24 bytes with something to drop.
#[derive(Debug, Clone, PartialEq)]
struct String2(String);

impl From<u8> for String2 {
    fn from(number: u8) -> Self {
        Self(number.to_string())
    }
}

#[test]
fn what_was_pushed_is_delivered_after_the_producer_is_gone() {
    let (mut producer, mut consumer) = packed::ring(4).expect("a power of two");
    producer.try_push(1).expect("there is a place");
    assert!(!consumer.is_disconnected());
    drop(producer);
    assert!(consumer.is_disconnected());
    assert_eq!(consumer.try_pop(), Ok(1));
    assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
    assert_eq!(consumer.pop(), Err(PopError::Disconnected));
    assert_eq!(consumer.try_peek(), Err(PopError::Disconnected));
    assert_eq!(
        consumer.try_pop_slice(&mut [0; 2]),
        Err(PopError::Disconnected)
    );
}

#[test]
fn nothing_is_pushed_once_the_consumer_is_gone() {
    let (mut producer, consumer) = packed::ring(4).expect("a power of two");
    drop(consumer);
    assert!(producer.is_disconnected());
    assert_eq!(producer.try_push(1), Err(PushError::Disconnected(1)));
    assert_eq!(producer.push(1), Err(PushError::Disconnected(1)));
    assert_eq!(
        producer.try_push_slice(&[1]),
        Err(PushError::Disconnected(()))
    );
}

#[test]
fn every_value_is_dropped_once_however_the_ends_go() {
    for producer_goes_first in [false, true] {
        for start in 0..20 {
            let census = Census::default();
            let (mut producer, mut consumer) = packed::ring(16).expect("a power of two");
            for number in 0..start {
                producer
                    .try_push(census.value(number))
                    .expect("there is a place");
                assert_eq!(consumer.try_pop().map(|it| it.number), Ok(number));
            }
            for number in 0..11 {
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
}

#[test]
fn a_value_that_panics_in_its_drop_does_not_keep_the_others_alive() {
    let census = Census::default();
    let (mut producer, consumer) = packed::ring(16).expect("a power of two");
    for number in 0..9 {
        let value = if number == 3 {
            census.bomb()
        } else {
            census.value(number)
        };
        producer.try_push(value).expect("there is a place");
    }
    catch_unwind(AssertUnwindSafe(|| drop(consumer))).expect_err("one of them panics");
    drop(producer);
    census.check(0);
}

#[test]
fn slices_go_over_lines_and_round_the_end() {
    let (mut producer, mut consumer) = packed::ring::<u32>(16).expect("a power of two");
    let mut numbers = 0..;
    for count in (0..20).cycle().take(200) {
        let values: Vec<u32> = numbers.by_ref().take(count).collect();
        let pushed = producer.try_push_slice(&values).expect("the ring is empty");
        assert_eq!(pushed, count.min(16));
        let mut popped = vec![0; pushed + 2];
        assert_eq!(
            consumer.try_pop_slice(&mut popped),
            if count == 0 {
                Err(PopError::Empty)
            } else {
                Ok(pushed)
            }
        );
        assert_eq!(popped[..pushed], values[..pushed]);
    }
    assert_eq!(consumer.try_pop_slice(&mut []), Ok(0));
}

#[test]
fn a_deadline_ends_the_waiting_and_the_value_comes_back() {
    fn check<W: Wait>() {
        let (mut producer, mut consumer) = packed::ring_with::<_, W>(1).expect("a power of two");
        let soon = || Deadline::after(Duration::from_millis(5));
        assert_eq!(consumer.pop_until(soon()), Err(PopError::Empty));
        producer.push(1).expect("there is a place");
        assert_eq!(producer.push_until(2, soon()), Err(PushError::Full(2)));
        assert_eq!(consumer.pop_until(soon()), Ok(1));
        assert!(producer.is_push_ready() && !consumer.is_pop_ready());
    }
    check::<Spin>();
    check::<Yield>();
    check::<Park>();
    check::<Park<0>>();
}

/// A wake-up that is lost would hang here.
#[test]
fn blocking_ping_pong_loses_no_wake_up() {
    fn check<W: Wait + 'static>() {
        let rounds = u64::from(stress::rounds(5_000));
        let (mut request, mut requests) = packed::ring_with::<_, W>(1).expect("a power of two");
        let (mut answer, mut answers) = packed::ring_with::<_, W>(1).expect("a power of two");
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
    check::<Park<1>>();
    check::<Park>();
    check::<Yield<16>>();
}

/// A wait that nobody ends would hang here, and a value that comes twice or not at all is seen.
#[test]
fn a_stream_with_waiting_ends_arrives_whole_and_in_order() {
    fn check<W: Wait + 'static>(capacity: usize) {
        let count = u64::from(stress::rounds(20_000));
        let (mut producer, mut consumer) =
            packed::ring_with::<_, W>(capacity).expect("a power of two");
        let sender = thread::spawn(move || {
            for number in 0..count {
                producer.push(number).expect("the consumer listens");
            }
        });
        assert!(consumer.iter().eq(0..count));
        sender.join().expect("the sender does not panic");
    }
    for capacity in [1, 8, 64] {
        check::<Yield<16>>(capacity);
        check::<Park<0>>(capacity);
        check::<Park>(capacity);
    }
}
