//! Many producers, many consumers.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::mpmc::{Consumer, Producer, ring, ring_with};
use claude_flow_ringbuf::{Deadline, Park, Pop, PopError, Push, PushError, Spin, Wait, Yield};

use crate::values::{Aligned, Census, Counted, Explosive, Nothing, must_panic};

/// Long enough for a busy machine, short enough to end a hanging test.
const PATIENCE: Duration = Duration::from_mins(1);

fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    ring(capacity).expect("the capacity is a power of two")
}

#[test]
fn ends_go_to_other_threads() {
    fn check<T: Send>() {}
    fn check_sync<T: Sync>() {}
    check::<Producer<u8>>();
    check_sync::<Producer<u8>>();
    check::<Consumer<u8>>();
}

#[test]
fn odd_capacity_is_refused() {
    for capacity in [0, 3, 12, usize::MAX] {
        let error = ring::<u8>(capacity).expect_err("no power of two");
        assert_eq!(error.capacity, capacity);
    }
}

#[test]
fn full_ring_returns_the_value_and_an_empty_one_says_so() {
    for capacity in [1, 2, 4, 64] {
        let (tx, rx) = new(capacity);
        for lap in 0..5 {
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
            for value in 0..capacity {
                assert_eq!(tx.try_push(lap + value), Ok(()));
            }
            assert_eq!(tx.try_push(99), Err(PushError::Full(99)));
            for value in 0..capacity {
                assert_eq!(rx.try_pop(), Ok(lap + value));
            }
        }
    }
}

#[test]
fn consumers_see_that_every_producer_is_gone_after_the_last_value() {
    let (tx, rx) = new(4);
    let other = tx.clone();
    tx.try_push(1).expect("there is a place");
    drop(tx);
    other.try_push(2).expect("there is a place");
    drop(other);
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!(rx.try_pop(), Ok(2));
    assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
}

#[test]
fn producers_see_that_every_consumer_is_gone() {
    let (tx, rx) = new(4);
    let other = rx.clone();
    drop(rx);
    assert_eq!(tx.try_push(1), Ok(()));
    drop(other);
    assert_eq!(tx.try_push(2), Err(PushError::Disconnected(2)));
    assert_eq!(
        tx.try_push_slice(&[2]).err(),
        Some(PushError::Disconnected(()))
    );
    assert_eq!(tx.try_claim(1).err(), Some(PushError::Disconnected(())));
}

#[test]
fn slices_go_in_and_out_over_the_end_of_the_array() {
    let (tx, rx) = new(8);
    let mut buf = [0_u32; 16];
    for lap in 0..10 {
        let values = [lap, lap + 1, lap + 2, lap + 3, lap + 4];
        assert_eq!(tx.try_push_slice(&values), Ok(5));
        assert_eq!(rx.try_pop_slice(&mut buf), Ok(5));
        assert_eq!(buf[..5], values);
    }
    assert_eq!(tx.try_push_slice(&[7; 20]), Ok(8));
    assert_eq!(tx.try_push_slice(&[7]), Err(PushError::Full(())));
    assert_eq!(tx.try_push_slice(&[]), Ok(0));
    assert_eq!(rx.try_pop_slice(&mut buf[..3]), Ok(3));
    assert_eq!(rx.try_pop_slice(&mut buf[..0]), Ok(0));
    assert_eq!(rx.try_pop_slice(&mut buf), Ok(5));
    assert_eq!(rx.try_pop_slice(&mut buf), Err(PopError::Empty));
}

#[test]
fn claim_is_published_as_a_whole_and_only_then() {
    let (tx, mut rx) = new(8);
    let mut claim = tx.try_claim(3).expect("there are eight places");
    assert_eq!(claim.remaining(), 3);
    assert_eq!(claim.extend(["a", "b"]), 2);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(claim.extend(["c", "d"]), 1);
    assert_eq!(claim.push("e"), Err("e"));
    claim.commit();
    let mut chunk = rx.try_chunk(8).expect("three values are there");
    assert_eq!(chunk.as_slice(), ["a", "b", "c"]);
    assert_eq!(chunk.len(), 3);
    assert_eq!(chunk.next(), Some("a"));
    assert_eq!(chunk.as_slice(), ["b", "c"]);
    drop(chunk);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(tx.try_claim(9).err(), Some(PushError::Full(())));
    assert_eq!(tx.try_claim(0).expect("nothing fits always").remaining(), 0);
    assert_eq!(rx.try_chunk(0).expect("nothing is always there").len(), 0);
}

#[test]
#[expect(unsafe_code, reason = "raw places are what is tested")]
fn raw_places_are_filled_over_the_end_of_the_array() {
    let (tx, rx) = new(4);
    for _ in 0..3 {
        tx.try_push(0).expect("there is a place");
        rx.try_pop().expect("a value is there");
    }
    let mut claim = tx.try_claim(3).expect("the ring is empty");
    let (first, second) = claim.places();
    assert_eq!((first.len(), second.len()), (1, 2));
    first[0].write(1);
    second[0].write(2);
    // SAFETY: one place of the first slice and one of the second one were filled.
    unsafe { claim.advance(2) };
    assert_eq!(claim.remaining(), 1);
    drop(claim);
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!(rx.try_pop(), Ok(2));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

#[test]
fn claim_that_is_given_up_skips_its_places() {
    let census = Census::default();
    let (tx, mut rx) = new(4);
    let mut first = tx.try_claim(2).expect("there are four places");
    first.push(census.value(0)).expect("two were claimed");
    let mut second = tx.try_claim(2).expect("two places are left");
    assert!(tx.try_push(census.value(9)).is_err());
    second.extend([census.value(1), census.value(2)]);
    // Not the last claim: its second place cannot be given back.
    drop(first);
    drop(second);
    let mut seen = Vec::new();
    while let Ok(value) = rx.try_pop() {
        seen.push(value.number);
    }
    assert_eq!(seen, [0, 1, 2]);
    // The last claim: all is given back.
    drop(tx.try_claim(4).expect("the ring is empty"));
    assert!(rx.try_chunk(4).is_err());
    for number in 0..4 {
        tx.try_push(census.value(number)).expect("there are four");
    }
    drop((tx, rx));
    census.check(0);
}

#[test]
fn producer_that_panics_in_a_claim_stops_nobody() {
    let census = Census::default();
    let (tx, rx) = new(4);
    let mut behind = None;
    must_panic(|| {
        let mut claim = tx.try_claim(3).expect("the ring is empty");
        behind = Some(tx.try_claim(1).expect("one place is left"));
        let values = (0..3).map(|number| {
            assert!(number < 2, "the source fails");
            census.value(number)
        });
        claim.extend(values);
    });
    let mut behind = behind.expect("it was claimed before the panic");
    behind.push(census.value(7)).expect("one was claimed");
    drop(behind);
    let seen: Vec<u64> = std::iter::from_fn(|| rx.try_pop().ok())
        .map(|value| value.number)
        .collect();
    assert_eq!(seen, [0, 1, 7]);
    for lap in 0..12 {
        tx.try_push(census.value(lap)).expect("the ring goes on");
        assert_eq!(rx.try_pop().map(|value| value.number), Ok(lap));
    }
    census.check(0);
}

#[test]
fn what_is_left_is_dropped_once() {
    let census = Census::default();
    for popped in 0..4 {
        let (tx, mut rx) = new(4);
        for number in 0..4 {
            tx.try_push(census.value(number)).expect("there are four");
        }
        let mut chunk = rx.try_chunk(3).expect("four values are there");
        assert_eq!(chunk.by_ref().take(popped).count(), popped.min(3));
        census.check(4 - popped.min(3));
        drop(chunk);
        census.check(1);
        drop(rx);
        census.check(1);
        drop(tx);
        census.check(0);
    }
}

#[test]
fn values_without_size_are_counted() {
    let (tx, mut rx) = new(4);
    for _ in 0..4 {
        tx.try_push(Nothing::new()).expect("there are four places");
    }
    drop(rx.try_pop());
    assert_eq!(Nothing::alive(), 3);
    drop(rx.try_chunk(2));
    assert_eq!(Nothing::alive(), 1);
    drop((tx, rx));
    assert_eq!(Nothing::alive(), 0);
}

#[test]
fn over_aligned_values_lie_aligned() {
    let (tx, mut rx) = new(4);
    for lap in 0..6 {
        tx.try_push(Aligned(lap)).expect("there is a place");
        tx.try_push(Aligned(lap + 1)).expect("there is a place");
        let chunk = rx.try_chunk(1).expect("values are there");
        chunk.as_slice()[0].check(lap);
        drop(chunk);
        rx.try_pop().expect("a value is there").check(lap + 1);
    }
}

#[test]
fn value_that_panics_when_dropped_leaks_no_other() {
    let census = Census::default();
    let fill = |tx: &Producer<Explosive>| {
        for number in 0..4 {
            let value = Explosive {
                is_armed: number == 1,
                inner: census.value(number),
            };
            assert!(tx.try_push(value).is_ok());
        }
    };
    let (tx, mut rx) = new(4);
    fill(&tx);
    must_panic(|| drop(rx.try_chunk(3)));
    census.check(1);
    assert!(rx.try_pop().is_ok(), "the fourth value is there");
    fill(&tx);
    drop(rx);
    must_panic(|| drop(tx));
    census.check(0);
}

#[test]
fn rejected_value_is_the_callers() {
    let census = Census::default();
    let (tx, rx) = new::<Counted>(1);
    tx.try_push(census.value(0)).expect("there is a place");
    let back = tx.try_push(census.value(1)).expect_err("it is full");
    assert_eq!(back.into_inner().number, 1);
    census.check(1);
    drop((tx, rx));
    census.check(0);
}

#[test]
fn deadline_ends_a_wait() {
    let (mut tx, mut rx) = ring_with::<u32, Park>(1).expect("one is a power of two");
    let soon = || Deadline::after(Duration::from_millis(1));
    assert_eq!(rx.pop_until(soon()), Err(PopError::Empty));
    tx.push(1).expect("there is a place");
    assert_eq!(tx.push_until(2, soon()), Err(PushError::Full(2)));
}

/// Counts wake-ups of a future.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn futures_of_several_ends_are_woken_one_for_each_value() {
    let (tx, mut rx) = ring_with::<u32, Park>(2).expect("two is a power of two");
    let mut other = rx.clone();
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut ctx = Context::from_waker(&waker);
    let mut ours = pin!(rx.pop_async());
    let mut theirs = pin!(other.pop_async());
    assert!(ours.as_mut().poll(&mut ctx).is_pending());
    assert!(theirs.as_mut().poll(&mut ctx).is_pending());
    tx.try_push(1).expect("there is a place");
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(tx.try_push_slice(&[2]), Ok(1));
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(ours.as_mut().poll(&mut ctx), Poll::Ready(Ok(1)));
    assert_eq!(theirs.as_mut().poll(&mut ctx), Poll::Ready(Ok(2)));
}

#[test]
fn futures_of_producers_are_woken_for_every_place_of_a_chunk() {
    let (tx, mut rx) = ring_with::<u32, Park>(2).expect("two is a power of two");
    assert_eq!(tx.try_push_slice(&[0, 0]), Ok(2));
    let (mut first, mut second) = (tx.clone(), tx.clone());
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut ctx = Context::from_waker(&waker);
    let mut first = pin!(first.push_async(1));
    let mut second = pin!(second.push_async(2));
    assert!(first.as_mut().poll(&mut ctx).is_pending());
    assert!(second.as_mut().poll(&mut ctx).is_pending());
    drop(rx.try_chunk(2).expect("two values are there"));
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(first.as_mut().poll(&mut ctx), Poll::Ready(Ok(())));
    assert_eq!(second.as_mut().poll(&mut ctx), Poll::Ready(Ok(())));
}

/// Values a producer pushes in the runs below.
const STRESS_VALUES: u32 = if cfg!(miri) { 200 } else { 20_000 };

/// The values of a run are kept, so that stress is more runs and not longer ones.
fn stress<W: Wait + 'static>(producers: u64, consumers: usize, capacity: usize, batch: usize) {
    for _ in 0..crate::stress::rounds(1) {
        run::<W>(producers, consumers, capacity, batch);
    }
}

/// Each producer's values come in order to each consumer, none is lost, none comes twice.
fn run<W: Wait + 'static>(producers: u64, consumers: usize, capacity: usize, batch: usize) {
    let (tx, rx) = ring_with::<Counted, W>(capacity).expect("the capacity is a power of two");
    let census = Census::default();
    let pushing: Vec<_> = (0..producers)
        .map(|producer| {
            let (mut tx, census) = (tx.clone(), census.clone());
            thread::spawn(move || {
                let mut values = (0..STRESS_VALUES).map(|at| u64::from(at) * producers + producer);
                while values.len() > 0 {
                    let wanted = batch.min(values.len());
                    if wanted > 1
                        && let Ok(mut claim) = tx.try_claim(wanted)
                    {
                        // Sometimes a place is not filled.
                        let filled = wanted - usize::from(values.len() % 3 == 0);
                        claim.extend(values.by_ref().take(filled).map(|it| census.value(it)));
                    } else if let Some(number) = values.next() {
                        tx.push_until(census.value(number), Deadline::after(PATIENCE))
                            .expect("consumers go on until the producers are gone");
                    }
                }
            })
        })
        .collect();
    drop(tx);
    let popping: Vec<_> = (0..consumers)
        .map(|_| {
            let mut rx = rx.clone();
            thread::spawn(move || {
                let mut numbers = Vec::new();
                loop {
                    if batch > 1
                        && let Ok(chunk) = rx.try_chunk(batch)
                    {
                        numbers.extend(chunk.map(|value| value.number));
                        continue;
                    }
                    match rx.pop_until(Deadline::after(PATIENCE)) {
                        Ok(value) => numbers.push(value.number),
                        Err(PopError::Disconnected) => return numbers,
                        Err(why) => panic!("{why} for {PATIENCE:?}"),
                    }
                }
            })
        })
        .collect();
    drop(rx);
    for thread in pushing {
        thread.join().expect("a producer does not panic");
    }
    let mut all = Vec::new();
    for thread in popping {
        let numbers = thread.join().expect("a consumer does not panic");
        for producer in 0..producers {
            let mut of_one = numbers.iter().filter(|it| *it % producers == producer);
            assert!(of_one.by_ref().is_sorted(), "out of order");
        }
        all.extend(numbers);
    }
    all.sort_unstable();
    assert!(
        all.iter()
            .copied()
            .eq(0..u64::from(STRESS_VALUES) * producers)
    );
    census.check(0);
}

#[test]
fn nothing_is_lost_yielding() {
    stress::<Yield>(2, 2, 64, 1);
    stress::<Yield>(3, 1, 1, 1);
    stress::<Yield>(1, 3, 2, 1);
}

#[test]
fn nothing_is_lost_in_batches() {
    stress::<Yield>(2, 2, 64, 7);
    stress::<Yield>(3, 3, 8, 3);
}

#[test]
fn nothing_is_lost_sleeping() {
    stress::<Park<0>>(2, 2, 1, 1);
    stress::<Park<0>>(3, 3, 4, 1);
    stress::<Park>(2, 2, 8, 3);
}

#[test]
fn nothing_is_lost_spinning() {
    stress::<Spin>(1, 1, 64, 1);
}
