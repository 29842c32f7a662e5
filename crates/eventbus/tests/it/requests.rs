//! Questions and answers.

use std::thread;

use claude_flow_eventbus::{Bus, Deadline, Event, PublishError, RequestError, Subscriber};

use crate::make::{bus, passed, subscribe, topic};

/// Answers what comes with what it was asked and its own name, until the bus closes.
fn answer(bus: &Bus, name: &'static str) -> thread::JoinHandle<()> {
    let mut questions = subscribe(bus, "ask");
    let mut publisher = bus.publisher();
    thread::spawn(move || {
        for item in questions.iter() {
            let question = item.into_event().expect("nothing was dropped");
            let to = question.reply_to().expect("it is a question");
            let answer = [question.payload(), name.as_bytes()].concat();
            // The other answer may have been enough, and the bus closed before this one.
            match publisher.publish(&to, &answer) {
                Ok(_) | Err(PublishError::Closed) => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
}

fn next(subscriber: &mut Subscriber) -> Event {
    let item = subscriber.try_recv().expect("it is there");
    item.into_event().expect("nothing was dropped")
}

fn words(answers: &[Event]) -> Vec<&[u8]> {
    let mut words: Vec<_> = answers.iter().map(Event::payload).collect();
    words.sort_unstable();
    words
}

#[test]
fn all_who_listen_are_asked_and_one_may_be_enough() {
    let bus = bus();
    let mut requester = bus.requester().expect("there is room");
    let threads = ["a", "b"].map(|it| answer(&bus, it));
    let ask = topic("ask");
    let all = requester.gather(&ask, b"1", 10, Deadline::Never);
    assert_eq!(words(&all.expect("they answer")), [b"1a", b"1b"]);
    let one = requester.gather(&ask, b"2", 1, Deadline::Never);
    assert_eq!(one.expect("they answer").len(), 1);
    // The other answer to the question before may come first; it is not taken for this one's.
    let one = requester.request(&ask, b"3", Deadline::Never);
    assert_eq!(one.expect("they answer").payload()[0], b'3');
    bus.close();
    for it in threads {
        it.join().expect("it only answers");
    }
}

#[test]
fn who_gets_no_answer_is_told_why() {
    let bus = bus();
    let mut requester = bus.requester().expect("there is room");
    let ask = topic("ask");
    let nobody = requester.request(&ask, b"1", Deadline::Never);
    assert_eq!(nobody, Err(RequestError::Nobody));
    let mut silent = subscribe(&bus, "ask");
    assert_eq!(
        requester.request(&ask, b"2", passed()),
        Err(RequestError::TimedOut)
    );
    assert_eq!(requester.gather(&ask, b"3", 9, passed()), Ok(Vec::new()));
    let late = next(&mut silent).reply_to().expect("it is a question");
    assert!(bus.publisher().publish(&late, b"late").is_ok());
    assert_eq!(
        requester.request(&ask, b"4", passed()),
        Err(RequestError::TimedOut),
        "a late answer answers nothing else"
    );
    bus.close();
    assert_eq!(
        requester.request(&ask, b"5", Deadline::Never),
        Err(RequestError::Publish(PublishError::Closed))
    );
}

#[test]
fn the_end_wakes_who_waits_for_an_answer() {
    let bus = bus();
    let mut requester = bus.requester().expect("there is room");
    let mut silent = subscribe(&bus, "ask");
    let closing = bus.clone();
    let closing = thread::spawn(move || {
        assert!(silent.recv().is_ok());
        closing.close();
    });
    let answer = requester.request(&topic("ask"), b"", Deadline::Never);
    assert_eq!(answer, Err(RequestError::Closed));
    closing.join().expect("it only closes");
}

#[test]
fn what_is_no_question_has_no_topic_for_an_answer() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    assert!(bus.publisher().publish(&topic("a"), b"").is_ok());
    assert_eq!(next(&mut subscriber).reply_to(), None);
}
