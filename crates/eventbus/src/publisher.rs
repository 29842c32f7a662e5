//! The ends that messages are published at.

mod draft;

pub use self::draft::Draft;

use std::fmt;
use std::sync::Arc;

use claude_flow_msgpool::{Buffer, Message, TakeError};

use crate::bus::Shared;
use crate::envelope::{self, Plan};
use crate::id::Stamper;
use crate::queue::Tally;
use crate::target::Target;
use crate::{Fields, MessageId, Priority, RouteCache, Topic};

/// How many messages of a batch are handed over at once.
const BATCH: usize = 64;

/// What became of a message at the moment of its publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it says whether somebody lost something"]
pub struct Receipt {
    /// What tells the message from every other.
    pub id: MessageId,
    /// How many queues it came into. One that leaves afterwards may leave it unread.
    pub delivered: u32,
    /// How many messages were dropped, this one or older ones that went for it; each was told to
    /// its subscriber as a [gap](crate::Item::Gap).
    pub dropped: u32,
    /// How many subscribers refused it; told to them as well.
    pub refused: u32,
}

/// What became of a batch: sums over its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it says whether somebody lost something"]
pub struct BatchReceipt {
    /// How many messages were published.
    pub published: u64,
    /// As [`Receipt::delivered`].
    pub delivered: u64,
    /// As [`Receipt::dropped`].
    pub dropped: u64,
    /// As [`Receipt::refused`].
    pub refused: u64,
}

/// Why nothing was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The pool has no buffer for it.
    #[error("taking a buffer: {0}")]
    Pool(#[from] TakeError),
    /// The key, the headers or the payload are beyond their limits.
    #[error("the key, the headers or the payload are beyond their limits")]
    TooLarge,
    /// The bus was closed.
    #[error("the bus is closed")]
    Closed,
}

/// Why the rest of a batch was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}, after {} messages of the batch", .before.published)]
pub struct BatchError {
    /// What became of those before.
    pub before: BatchReceipt,
    /// What went wrong with the next one.
    #[source]
    pub why: PublishError,
}

/// What both kinds of publishers have.
pub(crate) struct Source {
    shared: Arc<Shared>,
    stamper: Stamper,
}

impl Source {
    fn new(shared: Arc<Shared>) -> Self {
        let stamper = Stamper::new(Arc::clone(&shared.clock), shared.next_publisher());
        Self { shared, stamper }
    }

    /// A buffer with everything but the payload in it, and where that begins; under the time that
    /// was read last.
    #[inline]
    fn envelope(
        &mut self,
        topic: &Topic,
        fields: &Fields<'_>,
        payload_bytes: usize,
    ) -> Result<(Buffer, MessageId, usize), PublishError> {
        let plan = Plan::new(topic, fields, payload_bytes).ok_or(PublishError::TooLarge)?;
        let mut buffer = self.shared.pool.take(plan.total_bytes())?;
        let stamp = self.stamper.stamp();
        envelope::write(&mut buffer, plan, stamp, topic, fields);
        Ok((buffer, stamp.0, plan.payload_start.into()))
    }

    #[inline]
    fn message(
        &mut self,
        topic: &Topic,
        fields: &Fields<'_>,
        payload: &[u8],
    ) -> Result<(Message, MessageId), PublishError> {
        let (mut buffer, id, start) = self.envelope(topic, fields, payload.len())?;
        buffer[start..].copy_from_slice(payload);
        Ok((buffer.freeze(), id))
    }

    /// What a message gets that nobody wants.
    fn unwanted(&mut self, topic: &Topic, fields: &Fields<'_>, payload: &[u8]) -> Published {
        if self.shared.is_closed() {
            return Err(PublishError::Closed);
        }
        Plan::new(topic, fields, payload.len()).ok_or(PublishError::TooLarge)?;
        Ok(receipt(self.stamper.stamp().0, Tally::default()))
    }
}

type Published = Result<Receipt, PublishError>;

fn receipt(id: MessageId, tally: Tally) -> Receipt {
    Receipt {
        id,
        delivered: tally.delivered,
        dropped: tally.dropped,
        refused: tally.refused,
    }
}

/// Hands a message to each; the last one gets the handle that is there.
#[inline]
fn deliver<'a>(
    mut targets: impl DoubleEndedIterator<Item = &'a Target>,
    priority: Priority,
    message: Message,
    tally: &mut Tally,
) {
    let Some(last) = targets.next_back() else {
        return;
    };
    for target in targets {
        target.offer(priority, message.clone(), tally);
    }
    last.offer(priority, message, tally);
}

/// A publisher for any topics, for one thread at a time.
///
/// It remembers the routes of the topics that it used lately ([`RouteCache`]).
///
/// # Complexity
///
/// A publication is one buffer from the pool, and for each subscriber one exchange in its ring,
/// and one addition for each but the last. It allocates nothing and takes no lock, unless a
/// subscriber displaces its oldest messages or lets publishers wait.
pub struct Publisher {
    source: Source,
    routes: RouteCache<Target>,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            routes: RouteCache::new(Arc::clone(&shared.router)),
            source: Source::new(shared),
        }
    }

    /// Its number, as in the identifiers of its messages.
    pub(crate) fn number(&self) -> u64 {
        self.source.stamper.publisher()
    }

    /// Publishes a copy of a payload.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody gets anything.
    pub fn publish(&mut self, topic: &Topic, payload: &[u8]) -> Published {
        self.publish_with(topic, &Fields::default(), payload)
    }

    /// As [`publish`](Self::publish), with key, headers, priority and so on.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody gets anything.
    pub fn publish_with(
        &mut self,
        topic: &Topic,
        fields: &Fields<'_>,
        payload: &[u8],
    ) -> Published {
        self.source.stamper.read_clock();
        let targets = self.routes.route(topic);
        if targets.len() == 0 {
            return self.source.unwanted(topic, fields, payload);
        }
        let (message, id) = self.source.message(topic, fields, payload)?;
        let mut tally = Tally::default();
        deliver(targets, fields.priority, message, &mut tally);
        Ok(receipt(id, tally))
    }

    /// A message whose payload is written in place.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub fn draft<'a>(
        &'a mut self,
        topic: &'a Topic,
        fields: &Fields<'_>,
        payload_bytes: usize,
    ) -> Result<Draft<'a>, PublishError> {
        self.source.stamper.read_clock();
        let (buffer, id, start) = self.source.envelope(topic, fields, payload_bytes)?;
        Ok(Draft::new(
            draft::To::Any(self, topic),
            buffer,
            (id, start, fields.priority),
        ))
    }

    fn send(
        &mut self,
        topic: &Topic,
        priority: Priority,
        message: Message,
        id: MessageId,
    ) -> Published {
        let targets = self.routes.route(topic);
        if targets.len() == 0 && self.source.shared.is_closed() {
            return Err(PublishError::Closed);
        }
        let mut tally = Tally::default();
        deliver(targets, priority, message, &mut tally);
        Ok(receipt(id, tally))
    }
}

/// A publisher for one topic, for one thread at a time: its way to the subscribers is looked up
/// only when they change.
///
/// # Complexity
///
/// As [`Publisher`], without the look into the cache.
pub struct TopicPublisher {
    source: Source,
    topic: Topic,
    /// Of the router, when the targets were looked up.
    generation: u64,
    targets: Box<[Target]>,
    /// What a batch is gathered in; empty between calls.
    batch: Vec<Message>,
}

impl TopicPublisher {
    pub(crate) fn new(shared: Arc<Shared>, topic: Topic) -> Self {
        let mut publisher = Self {
            source: Source::new(shared),
            topic,
            generation: 0,
            targets: Box::default(),
            batch: Vec::with_capacity(BATCH),
        };
        publisher.look_up();
        publisher
    }

    /// What it publishes about.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Publishes a copy of a payload.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody gets anything.
    #[inline]
    pub fn publish(&mut self, payload: &[u8]) -> Published {
        self.publish_with(&Fields::default(), payload)
    }

    /// As [`publish`](Self::publish), with key, headers, priority and so on.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody gets anything.
    #[inline]
    pub fn publish_with(&mut self, fields: &Fields<'_>, payload: &[u8]) -> Published {
        self.refresh();
        self.source.stamper.read_clock();
        if self.targets.is_empty() {
            return self.source.unwanted(&self.topic, fields, payload);
        }
        let (message, id) = self.source.message(&self.topic, fields, payload)?;
        let mut tally = Tally::default();
        deliver(self.targets.iter(), fields.priority, message, &mut tally);
        Ok(receipt(id, tally))
    }

    /// Publishes copies of many payloads, which are handed over in batches: much cheaper than one
    /// by one. They have the same fields and nearly the same time.
    ///
    /// # Errors
    ///
    /// [`BatchError`], with what became of those before the one that failed.
    pub fn publish_all<P: AsRef<[u8]>>(
        &mut self,
        fields: &Fields<'_>,
        payloads: impl IntoIterator<Item = P>,
    ) -> Result<BatchReceipt, BatchError> {
        let mut payloads = payloads.into_iter();
        let mut before = BatchReceipt::default();
        loop {
            self.refresh();
            self.source.stamper.read_clock();
            if self.source.shared.is_closed() {
                let why = PublishError::Closed;
                return Err(BatchError { before, why });
            }
            // A filter or an iterator that panicked left what was gathered.
            self.batch.clear();
            let gathered = self.gather(fields, &mut payloads);
            let is_last = self.batch.len() < BATCH;
            self.hand_over(fields.priority, &mut before);
            match gathered {
                Err(why) => return Err(BatchError { before, why }),
                Ok(()) if is_last => return Ok(before),
                Ok(()) => {}
            }
        }
    }

    fn gather<P: AsRef<[u8]>>(
        &mut self,
        fields: &Fields<'_>,
        payloads: &mut impl Iterator<Item = P>,
    ) -> Result<(), PublishError> {
        while self.batch.len() < BATCH
            && let Some(payload) = payloads.next()
        {
            let message = self.source.message(&self.topic, fields, payload.as_ref())?;
            self.batch.push(message.0);
        }
        Ok(())
    }

    fn hand_over(&mut self, priority: Priority, sums: &mut BatchReceipt) {
        let mut tally = Tally::default();
        sums.published += self.batch.len() as u64;
        if let Some((last, others)) = self.targets.split_last() {
            for target in others {
                target.offer_all(priority, &self.batch, &mut tally);
            }
            last.offer_rest(priority, &mut self.batch, &mut tally);
        }
        self.batch.clear();
        sums.delivered += u64::from(tally.delivered);
        sums.dropped += u64::from(tally.dropped);
        sums.refused += u64::from(tally.refused);
    }

    /// A message whose payload is written in place.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_eventbus::{Bus, Fields, Topic};
    /// use claude_flow_msgpool::{Options, Pool};
    ///
    /// let bus = Bus::new(Pool::new(&Options::default())?);
    /// let mut saved = bus.publisher_to(&Topic::new("edits.rust.saved")?);
    /// let mut draft = saved.draft(&Fields::default(), 4)?;
    /// draft.copy_from_slice(b"main");
    /// let receipt = draft.publish()?;
    /// assert_eq!(receipt.delivered, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn draft(
        &mut self,
        fields: &Fields<'_>,
        payload_bytes: usize,
    ) -> Result<Draft<'_>, PublishError> {
        self.source.stamper.read_clock();
        let (buffer, id, start) = self.source.envelope(&self.topic, fields, payload_bytes)?;
        Ok(Draft::new(
            draft::To::One(self),
            buffer,
            (id, start, fields.priority),
        ))
    }

    fn send(&mut self, priority: Priority, message: Message, id: MessageId) -> Published {
        self.refresh();
        if self.targets.is_empty() && self.source.shared.is_closed() {
            return Err(PublishError::Closed);
        }
        let mut tally = Tally::default();
        deliver(self.targets.iter(), priority, message, &mut tally);
        Ok(receipt(id, tally))
    }

    /// Looks up who subscribes, if that changed.
    #[inline]
    fn refresh(&mut self) {
        if !self.source.shared.router.is_current(self.generation) {
            self.look_up();
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&mut self) {
        let table = self.source.shared.router.table();
        let mut targets = Vec::new();
        table.each_match(&self.topic, |place| {
            targets.push(table.target(place).clone());
        });
        self.targets = targets.into_boxed_slice();
        self.generation = table.generation;
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl fmt::Debug for TopicPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicPublisher")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
