//! Questions and their answers, over topics.

use std::fmt;

use claude_flow_ringbuf::Deadline;

use crate::{
    Bus, Event, Fields, Item, Overflow, Pattern, PublishError, Publisher, RecvError,
    SubscribeError, SubscribeOptions, Subscriber, Topic,
};

/// The header that names the topic on which answers are expected; see [`Event::reply_to`].
pub const REPLY_TO: &str = "reply-to";

/// The most answers that can wait for a requester, and that one question can gather.
pub const ANSWERS_MAX: usize = 1_024;

/// Asks, and receives the answers on a topic of its own.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Bus, Deadline, Pattern, SubscribeOptions, Topic};
/// use claude_flow_msgpool::{Options, Pool};
///
/// let bus = Bus::new(Pool::new(&Options::default())?);
/// let about = Topic::new("length.of")?;
/// let mut questions = bus.subscribe(&about.clone().into(), SubscribeOptions::default())?;
/// let mut publisher = bus.publisher();
/// let answering = std::thread::spawn(move || {
///     let question = questions.recv().ok().and_then(|it| it.into_event()).expect("one comes");
///     let answer_to = question.reply_to().expect("it is a question");
///     publisher.publish(&answer_to, &[question.payload().len() as u8])
/// });
/// let mut requester = bus.requester()?;
/// let answer = requester.request(&about, b"four", Deadline::Never)?;
/// assert_eq!(answer.payload(), [4]);
/// assert!(answering.join().expect("it only answers").is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Requester {
    publisher: Publisher,
    answers: Subscriber,
    /// The first tokens of the topics on which answers come.
    inbox: String,
    /// Of the next question; answers to earlier ones are late.
    next: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The question was not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The question came to nobody.
    #[error("nobody got the question")]
    Nobody,
    /// No answer came up to the deadline.
    #[error("no answer came in time")]
    TimedOut,
    /// The bus was closed before an answer came.
    #[error("the bus was closed")]
    Closed,
}

impl Bus {
    /// Somebody who asks.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Panics
    ///
    /// Never: the topic of the answers is made of a number.
    pub fn requester(&self) -> Result<Requester, SubscribeError> {
        let publisher = self.publisher();
        let inbox = format!("_inbox.{:010x}", publisher.number());
        let answers = Pattern::new(&format!("{inbox}.*")).expect("digits make a pattern");
        let options = SubscribeOptions {
            capacity: ANSWERS_MAX,
            overflow: Overflow::DropNewest,
            ..SubscribeOptions::default()
        };
        Ok(Requester {
            answers: self.subscribe(&answers, options)?,
            publisher,
            inbox,
            next: 0,
        })
    }
}

impl Event {
    /// The topic on which an answer is expected, if this is a question.
    #[must_use]
    pub fn reply_to(&self) -> Option<Topic> {
        let text = self.envelope().header(REPLY_TO)?;
        Topic::new(std::str::from_utf8(text).ok()?).ok()
    }
}

impl Requester {
    /// Asks, and waits for the first answer.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; an answer that comes later is thrown away.
    pub fn request(
        &mut self,
        topic: &Topic,
        payload: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<Event, RequestError> {
        let answers = self.gather(topic, payload, 1, deadline)?;
        answers.into_iter().next().ok_or(RequestError::TimedOut)
    }

    /// Asks all who listen, and waits for an answer from each that got the question, for `max`
    /// answers (up to [`ANSWERS_MAX`]) or for the deadline, whichever comes first.
    ///
    /// # Errors
    ///
    /// [`RequestError`], except that fewer answers than hoped for, or none, are no error.
    pub fn gather(
        &mut self,
        topic: &Topic,
        payload: &[u8],
        max: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<Event>, RequestError> {
        let deadline = deadline.into();
        let reply_to = format!("{}.{}", self.inbox, self.next);
        self.next += 1;
        let fields = Fields {
            headers: &[(REPLY_TO, reply_to.as_bytes())],
            ..Fields::default()
        };
        let receipt = self.publisher.publish_with(topic, &fields, payload)?;
        if receipt.delivered == 0 {
            return Err(RequestError::Nobody);
        }
        let wanted = max.min(ANSWERS_MAX).min(receipt.delivered as usize);
        let mut answers = Vec::new();
        while answers.len() < wanted {
            match self.answers.recv_until(deadline) {
                // Answers to earlier questions are late.
                Ok(Item::Event(answer)) if answer.topic() == reply_to => answers.push(answer),
                Ok(_) => {}
                Err(RecvError::Closed) if answers.is_empty() => return Err(RequestError::Closed),
                Err(_) => break,
            }
        }
        Ok(answers)
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("inbox", &self.inbox)
            .finish_non_exhaustive()
    }
}
