use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};

use super::*;

/// Says what became of it; `_payload` gives it a size and an alignment.
struct Told<P> {
    tell: Sender<&'static str>,
    _payload: P,
}

impl<P: Send + 'static> Work for Told<P> {
    fn run(self) -> Outcome {
        self.tell.send("run").expect("the test listens");
        Outcome::Finished
    }

    fn refuse(self, why: Refusal) -> Outcome {
        let text = if why == Refusal::Stopped {
            "stopped"
        } else {
            "other"
        };
        self.tell.send(text).expect("the test listens");
        Outcome::Refused
    }
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Aligned;

/// Each way to end a job, for a payload; the payload is dropped once, which the channel's end shows.
fn check<P: Send + 'static>(payload: impl Fn() -> P) {
    let end: [fn(Job); 3] = [
        |job| assert_eq!(job.run(), Outcome::Finished),
        |job| assert_eq!(job.refuse(Refusal::Displaced), Outcome::Refused),
        drop,
    ];
    for (end, expected) in end.into_iter().zip(["run", "other", "stopped"]) {
        let (tell, told) = channel();
        let job = Job::new(Told {
            tell,
            _payload: payload(),
        });
        end(job);
        let told: Vec<_> = told.into_iter().collect();
        assert_eq!(told, [expected]);
    }
}

#[test]
fn values_of_every_size_and_alignment_end_once() {
    check(|| ());
    check(|| [1_u64; 5]);
    check(|| [1_u64; 50]);
    check(|| Aligned);
    check(|| vec![String::from("dropped")]);
}

#[test]
fn a_job_is_a_cache_line() {
    assert_eq!(size_of::<Job>(), 64);
    assert!(fits::<[u64; 6]>() && !fits::<[u64; 7]>() && !fits::<Aligned>());
}

/// Catches a value that is dropped again after its run panicked.
#[test]
fn a_job_that_panics_is_dropped_once() {
    struct Panics(Sender<()>);
    impl Work for Panics {
        fn run(self) -> Outcome {
            self.0.send(()).expect("the test listens");
            panic!("as it should");
        }
        fn refuse(self, _why: Refusal) -> Outcome {
            unreachable!("it ran")
        }
    }
    let (tell, told) = channel();
    let job = Job::new(Panics(tell));
    let run = catch_unwind(AssertUnwindSafe(|| job.run()));
    assert!(run.is_err());
    assert_eq!(told.into_iter().count(), 1);
}
