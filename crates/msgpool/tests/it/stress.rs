//! Many threads, bounded in count.

use std::sync::mpsc::sync_channel;
use std::thread;

use claude_flow_msgpool::{Deadline, Message, Options, Pool, TakeError, Waiting};

use crate::{assert_all_home, options_of};

const THREADS: usize = 6;
/// So many times `usual`, times what the environment variable `STRESS` says (1 without it); few
/// under Miri. `cargo xtask test --deep` sets it to 1,000.
fn rounds(usual: usize) -> usize {
    if cfg!(miri) {
        return usual.min(50);
    }
    let factor = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    usual.saturating_mul(factor)
}

/// A message carries its length and a number twice; whoever gets it checks both.
fn write(buffer: &mut claude_flow_msgpool::Buffer, number: u64) {
    let end = buffer.len() - 8;
    buffer[..8].copy_from_slice(&number.to_le_bytes());
    buffer[end..].copy_from_slice(&number.to_le_bytes());
}

fn check(message: &Message) {
    assert_eq!(message[..8], message[message.len() - 8..]);
}

fn stress(options: &Options, is_waiting: bool) {
    let rounds = rounds(20_000);
    let pool = Pool::new(options).expect("the options are valid");
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| sync_channel::<Message>(16)).unzip();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (index, receiver) in receivers.into_iter().enumerate() {
            let (pool, next) = (&pool, senders[(index + 1) % THREADS].clone());
            threads.push(scope.spawn(move || {
                for round in 0..rounds {
                    let len = 16 + (round * 7 + index * 13) % 100;
                    let taken = if is_waiting && round % 4 == 0 {
                        pool.take_until(len, Deadline::after(std::time::Duration::from_millis(20)))
                    } else {
                        pool.take(len)
                    };
                    match taken {
                        Ok(mut buffer) => {
                            write(&mut buffer, (round * THREADS + index) as u64);
                            let message = buffer.freeze();
                            check(&message);
                            // When the neighbour is behind, the message ends here.
                            let _ = next.try_send(message.clone());
                        }
                        Err(error) => assert!(matches!(error, TakeError::Exhausted { .. })),
                    }
                    for message in receiver.try_iter() {
                        check(&message);
                    }
                }
                drop(next);
                // Others may still be sending: what comes is dropped with the channel.
            }));
        }
        drop(senders);
        // The scope itself does not wait for what a thread does at its end, which is when its
        // magazine goes back to the shared list.
        for thread in threads {
            thread.join().expect("a thread's assertions hold");
        }
    });
    assert_all_home(&pool);
}

#[test]
fn plenty_of_slots() {
    stress(&options_of(128, 4_096), false);
}

/// Takers reclaim from one another all the time.
#[test]
fn too_few_slots() {
    stress(&options_of(128, 24), false);
}

#[test]
fn too_few_slots_and_caches() {
    let options = Options {
        thread_caches: 2,
        ..options_of(128, 24)
    };
    stress(&options, false);
}

#[test]
fn too_few_slots_with_waiting() {
    for waiting in [Waiting::Yield, Waiting::Park] {
        let options = Options {
            waiting,
            ..options_of(128, 24)
        };
        stress(&options, true);
    }
}

/// Threads come and go, pools come and go, messages outlive both.
#[test]
fn threads_and_pools_end_in_any_order() {
    for round in 0..rounds(300) {
        let pool = Pool::new(&options_of(64, 40)).expect("the options are valid");
        let threads: Vec<_> = (0..3)
            .map(|index| {
                let pool = pool.clone();
                thread::spawn(move || {
                    let held: Vec<Message> = (0..10 + index)
                        .filter_map(|_| Some(pool.take(8).ok()?.freeze()))
                        .collect();
                    drop(pool);
                    held
                })
            })
            .collect();
        let mut pool = Some(pool);
        if round % 2 == 0 {
            pool = None;
        }
        for thread in threads {
            drop(thread.join().expect("the thread ends"));
        }
        if let Some(pool) = pool {
            assert_all_home(&pool);
        }
    }
}
