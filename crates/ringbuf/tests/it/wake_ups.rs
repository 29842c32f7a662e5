//! No wake-up is lost: round trips between two threads that sleep, as many as [`stress`] says.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::{Park, Pop, Push, Wait, packed, spsc};

use crate::stress;

/// Round trips between two signs of life.
const BLOCK: u32 = 1_000;

/// A wake-up that does not come in this time is lost; a round trip takes a thousandth of a second on
/// a machine that is very busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A thread that is never woken gives no sign of life.
#[track_caller]
fn check<P, C>(rounds: u32, request: (P, C), reply: (P, C))
where
    P: Push<u32> + Send + 'static,
    C: Pop<u32> + Send + 'static,
{
    let (mut asks, mut is_asked) = request;
    let (mut answers, mut is_answered) = reply;
    let (alive, signs) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(number) = is_asked.pop() {
            answers.push(number).expect("the other thread listens");
        }
    });
    thread::spawn(move || {
        for number in 0..rounds {
            asks.push(number).expect("the other thread listens");
            assert_eq!(is_answered.pop(), Ok(number), "the reply is another");
            if number % BLOCK == BLOCK - 1 || number + 1 == rounds {
                alive.send(number + 1).expect("the test listens");
            }
        }
    });
    let mut done = 0;
    while done < rounds {
        done = signs.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!(
                "a wake-up was lost after {done} to {} round trips",
                done + BLOCK
            )
        });
    }
}

fn check_spsc<W: Wait + 'static>(rounds: u32) {
    let ring = || spsc::ring_with::<_, W>(2).expect("a power of two");
    check(rounds, ring(), ring());
}

/// `STRESS=5000` makes it 10⁸.
#[test]
fn ends_that_poll_before_they_sleep_answer_every_time() {
    check_spsc::<Park>(stress::rounds(20_000));
}

/// `STRESS=1000` makes it 10⁶, each of which sleeps twice.
#[test]
fn ends_that_sleep_at_once_answer_every_time() {
    check_spsc::<Park<0>>(stress::rounds(1_000));
}

/// At 1 to 64 µs a poll often ends just when the other side answers.
#[test]
fn ends_of_packed_rings_answer_every_time() {
    let ring = || packed::ring_with::<_, Park<1>>(2).expect("a power of two");
    check(stress::rounds(1_000), ring(), ring());
}
