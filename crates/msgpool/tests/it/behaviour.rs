//! Taking, writing, sharing, giving back.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use claude_flow_msgpool::{
    Deadline, FullError, Options, OptionsError, Oversize, Pool, TakeError, Waiting,
};

use crate::{assert_all_home, options_of, pool_of};

#[test]
fn a_buffer_has_the_length_asked_for_and_the_capacity_of_its_class() {
    let pool = Pool::new(&Options::default()).expect("the default is valid");
    for (len, capacity) in [
        (0, 64),
        (1, 64),
        (64, 64),
        (65, 128),
        (1_000, 1_024),
        (65_536, 65_536),
    ] {
        let buffer = pool.take(len).expect("the pool is fresh");
        assert_eq!((buffer.len(), buffer.capacity()), (len, capacity));
        assert_eq!(buffer.as_ptr().align_offset(32), 0, "payloads are aligned");
    }
    assert_all_home(&pool);
}

#[test]
fn quarter_steps_waste_at_most_a_fifth() {
    let pool = Pool::new(&Options::quarter_steps()).expect("the preset is valid");
    for len in (257..=65_536).step_by(if cfg!(miri) { 4_001 } else { 1 }) {
        let buffer = pool.take(len).expect("one slot is in use at a time");
        assert!(
            buffer.capacity() >= len && buffer.capacity() * 4 <= len * 5 + 256,
            "{len}"
        );
    }
}

/// Two buffers at once would show one another's bytes if slots overlapped or were given out twice.
#[test]
fn slots_do_not_overlap() {
    for bytes in [64, 512, 1_024, 4_096] {
        let pool = pool_of(bytes, 300);
        let mut buffers: Vec<_> = (0..300)
            .map(|_| pool.take(bytes).expect("there are 300"))
            .collect();
        for (index, buffer) in buffers.iter_mut().enumerate() {
            buffer.fill(u8::try_from(index % 251).expect("below 251"));
        }
        for (index, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|byte| usize::from(*byte) == index % 251));
        }
        assert!(pool.take(bytes).is_err());
    }
}

#[test]
fn exhaustion_is_an_error_that_names_the_class() {
    let pool = pool_of(128, 2);
    let held = [pool.take(100), pool.take(100)];
    let error = pool.take(100).expect_err("both are held");
    let expected = TakeError::Exhausted {
        class_bytes: 128,
        slots: 2,
    };
    assert_eq!(error, expected);
    drop(held);
    assert!(pool.take(100).is_ok());
}

/// Stranded slots would make this fail: all lie in the cache of a thread that is alive and idle.
#[test]
fn slots_in_the_cache_of_an_idle_thread_are_reclaimed() {
    let pool = pool_of(64, 64);
    let (done, is_done) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    let other = pool.clone();
    let thread = thread::spawn(move || {
        let held: Vec<_> = (0..64)
            .map(|_| other.take(64).expect("there are 64"))
            .collect();
        drop(held);
        done.send(()).expect("the test waits");
        may_end.recv().expect_err("the test hangs up");
    });
    is_done.recv().expect("the thread sends");
    assert!(pool.stats().classes[0].in_caches > 0);
    let held: Vec<_> = (0..64)
        .map(|_| pool.take(64).expect("none is in use"))
        .collect();
    assert!(pool.take(64).is_err());
    drop(held);
    drop(end);
    thread.join().expect("the thread ends");
    assert_all_home(&pool);
}

#[test]
fn an_ending_thread_flushes_its_cache() {
    let pool = pool_of(64, 64);
    let other = pool.clone();
    thread::spawn(move || drop(other.take(64).expect("it is fresh")))
        .join()
        .expect("the thread ends");
    let class = pool.stats().classes[0];
    assert_eq!((class.in_caches, class.free), (0, 64));
}

#[test]
fn a_taker_waits_for_a_slot_from_another_thread() {
    for waiting in [Waiting::Spin, Waiting::Yield, Waiting::Park] {
        let pool = Pool::new(&Options {
            waiting,
            ..options_of(64, 1)
        })
        .expect("the options are valid");
        let held = pool.take(1).expect("it is fresh");
        let other = pool.clone();
        let taker = thread::spawn(move || other.take_until(1, Deadline::Never).map(drop));
        drop(held);
        assert_eq!(taker.join().expect("the taker ends"), Ok(()));
        assert_all_home(&pool);
    }
}

#[test]
fn a_taker_gives_up_at_the_deadline() {
    for waiting in [Waiting::Spin, Waiting::Yield, Waiting::Park] {
        let pool = Pool::new(&Options {
            waiting,
            ..options_of(64, 1)
        })
        .expect("the options are valid");
        let held = pool.take(1).expect("it is fresh");
        let waited = pool.take_until(1, Deadline::after(Duration::from_millis(1)));
        assert!(matches!(waited, Err(TakeError::Exhausted { .. })));
        drop(held);
        assert!(pool.take_until(1, Deadline::Never).is_ok());
    }
}

#[test]
fn oversize_is_refused_or_says_that_it_is_from_the_heap() {
    let refusing = pool_of(64, 1);
    let error = refusing.take(65).expect_err("65 is more than 64");
    assert_eq!(
        error,
        TakeError::TooLarge {
            len: 65,
            len_max: 64
        }
    );
    let pool = Pool::new(&Options {
        oversize: Oversize::Heap,
        ..options_of(64, 1)
    })
    .expect("the options are valid");
    let mut large = pool.take(100_000).expect("the heap has it");
    assert!(large.is_heap() && !pool.take(64).expect("it is fresh").is_heap());
    large.fill(9);
    let message = large.freeze();
    let part = message.slice(99_990..);
    drop(message);
    drop(pool);
    assert_eq!(&*part, [9; 10]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let error = |options: &Options| Pool::new(options).expect_err("they make no sense");
    assert_eq!(error(&options_of(100, 1)), OptionsError::ClassBytes(100));
    assert_eq!(error(&options_of(64, 0)), OptionsError::SlotCount(0));
    let none = Options {
        classes: Vec::new(),
        ..Options::default()
    };
    assert_eq!(error(&none), OptionsError::ClassCount(0));
    let descending = Options {
        classes: [128, 64]
            .iter()
            .map(|bytes| options_of(*bytes, 1).classes[0])
            .collect(),
        ..Options::default()
    };
    assert_eq!(error(&descending), OptionsError::ClassBytes(64));
    let caches = Options {
        thread_caches: 1 << 20,
        ..Options::default()
    };
    assert_eq!(error(&caches), OptionsError::ThreadCaches(1 << 20));
}

#[test]
fn a_buffer_refuses_what_does_not_fit_and_stays_as_it_is() {
    let pool = pool_of(64, 1);
    let mut buffer = pool.take_empty(64).expect("it is fresh");
    buffer.extend_from_slice(&[1; 60]).expect("60 fit");
    let error = buffer.extend_from_slice(&[2; 5]).expect_err("5 do not");
    assert_eq!(error, FullError { len: 5, rest: 4 });
    assert_eq!(&*buffer, [1; 60]);
    assert_eq!(buffer.write(&[3; 5]).expect("writing is partial"), 4);
    assert!(buffer.write_all(b"x").is_err());
    assert_eq!(buffer.len(), 64);
    buffer.truncate(2);
    buffer.resize(4, 7).expect("4 fit");
    assert_eq!(&*buffer, [1, 1, 7, 7]);
    assert!(buffer.resize(65, 0).is_err());
    assert_eq!(buffer.len(), 4);
}

#[test]
fn messages_share_slice_and_compare_their_bytes() {
    let pool = pool_of(64, 1);
    let mut buffer = pool.take_empty(64).expect("it is fresh");
    buffer.extend_from_slice(b"hello world").expect("it fits");
    let message = buffer.freeze();
    let clone = message.clone();
    assert_eq!(message, clone);
    assert_eq!(message.as_ptr(), clone.as_ptr(), "a clone shares");
    let world = message.slice(6..);
    let or = world.slice(1..=2);
    assert_eq!((&*world, &*or), (&b"world"[..], &b"or"[..]));
    assert!(message.try_slice(6..12).is_none());
    assert!(message.try_slice(11..).is_some_and(|it| it.is_empty()));
    drop((message, clone, world));
    assert_eq!(pool.stats().in_use(), 1, "the last slice keeps the slot");
    assert_eq!(&*or, b"or");
    drop(or);
    assert_all_home(&pool);
}

#[test]
fn a_message_becomes_a_buffer_again_when_it_is_alone() {
    let pool = pool_of(64, 1);
    let mut buffer = pool.take_empty(64).expect("it is fresh");
    buffer.extend_from_slice(b"hello world").expect("it fits");
    let message = buffer.freeze();
    let world = message.slice(6..);
    let message = message.try_into_buffer().expect_err("there is a slice");
    drop(message);
    let mut buffer = world.try_into_buffer().expect("it is alone");
    assert_eq!((&*buffer, buffer.capacity()), (&b"world"[..], 64));
    buffer.extend_from_slice(b"!").expect("it fits");
    assert_eq!(buffer.freeze(), b"world!"[..]);
    assert_all_home(&pool);
}

#[test]
fn messages_outlive_the_pool() {
    let pool = pool_of(64, 4);
    let message = pool.take(3).expect("it is fresh").freeze();
    let clone = message.clone();
    drop(pool);
    assert_eq!(message.len(), 3);
    thread::spawn(move || drop(message))
        .join()
        .expect("the thread ends");
    assert_eq!(clone.len(), 3);
}

/// A pool that comes after another may lie at its address: the thread's memory of the first must
/// not be taken for the second's.
#[test]
fn a_thread_tells_pools_apart() {
    for round in 0..if cfg!(miri) { 2 } else { 100 } {
        let pools: Vec<_> = (0..12).map(|_| pool_of(64, 4)).collect();
        for pool in &pools {
            let held: Vec<_> = (0..4)
                .map(|_| pool.take(1).expect("there are four"))
                .collect();
            assert!(pool.take(1).is_err(), "round {round}");
            drop(held);
            assert_all_home(pool);
        }
    }
}

#[test]
fn a_pool_without_caches_works() {
    let pool = Pool::new(&Options {
        thread_caches: 0,
        ..options_of(64, 16)
    })
    .expect("the options are valid");
    let held: Vec<_> = (0..16)
        .map(|_| pool.take(1).expect("there are 16"))
        .collect();
    assert!(pool.take(1).is_err());
    drop(held);
    assert_eq!(pool.stats().classes[0].free, 16);
}

#[test]
fn zeroize_leaves_nothing_behind() {
    for is_on in [false, true] {
        let pool = Pool::new(&Options {
            zeroize: is_on,
            ..options_of(64, 1)
        })
        .expect("the options are valid");
        let mut buffer = pool.take(64).expect("it is fresh");
        buffer.fill(0xAB);
        buffer.truncate(1);
        drop(buffer.freeze());
        let buffer = pool.take(64).expect("it is back");
        let has_old = buffer.contains(&0xAB);
        assert_eq!(
            has_old, !is_on,
            "without the option the bytes are as they were left"
        );
    }
}
