//! The end that messages are received at.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use claude_flow_msgpool::Message;
use claude_flow_ringbuf::select::Source;
use claude_flow_ringbuf::{Deadline, Enrol};

use crate::bus::Shared;
use crate::queue::{Popped, Queue, Receiver};
use crate::{Event, Item};

/// Why there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing is there, or nothing came up to the deadline, or the subscription is paused.
    #[error("nothing is there")]
    Empty,
    /// Everything was received, and the bus was closed or the subscription drained.
    #[error("everything was received and nothing more will come")]
    Closed,
}

/// Receives what is published on the topics of its pattern.
///
/// It unsubscribes when it is dropped; what waits for it then is dropped with it. Several can be
/// waited for at once with [`ringbuf`'s selection](claude_flow_ringbuf::select::Select), for
/// which a subscriber is a [`Source`].
///
/// # Examples
///
/// Over several, whichever has something:
///
/// ```
/// use claude_flow_eventbus::{Bus, Pattern, SubscribeOptions, Topic};
/// use claude_flow_msgpool::{Options, Pool};
/// use claude_flow_ringbuf::{Deadline, select::Select};
///
/// let bus = Bus::new(Pool::new(&Options::default())?);
/// let edits = bus.subscribe(&Pattern::new("edits.>")?, SubscribeOptions::default())?;
/// let mut checks = bus.subscribe(&Pattern::new("checks.>")?, SubscribeOptions::default())?;
/// bus.publisher().publish(&Topic::new("checks.done")?, b"clean")?;
/// let ready = Select::new().ready(&[&edits, &checks], Deadline::Never);
/// assert_eq!(ready, Some(1));
/// assert!(checks.try_recv().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Subscriber {
    receiver: Receiver<Message>,
    control: Control,
}

/// Steers a subscription from anywhere; a handle that is cheap to clone.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
    queue: Arc<Queue<Message>>,
    number: u64,
}

/// What a subscription has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// How many messages wait.
    pub waiting: usize,
    /// How many can wait.
    pub capacity: usize,
    /// How many were dropped since the beginning.
    pub dropped: u64,
    /// How many were refused since the beginning.
    pub refused: u64,
}

impl Subscriber {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, receiver: Receiver<Message>) -> Self {
        let queue = Arc::clone(receiver.queue());
        Self {
            receiver,
            control: Control {
                shared,
                queue,
                number,
            },
        }
    }

    /// Receives without waiting.
    ///
    /// # Errors
    ///
    /// [`RecvError`].
    ///
    /// # Complexity
    ///
    /// Wait-free, but for a lock that is taken where publishers drop the oldest.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Item, RecvError> {
        self.receiver.try_recv().map(item)
    }

    /// Receives, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`].
    #[inline]
    pub fn recv(&mut self) -> Result<Item, RecvError> {
        self.recv_until(Deadline::Never)
    }

    /// Receives, waiting up to the deadline: polls for some microseconds, then sleeps.
    ///
    /// # Errors
    ///
    /// [`RecvError`].
    #[inline]
    pub fn recv_until(&mut self, deadline: impl Into<Deadline>) -> Result<Item, RecvError> {
        self.receiver.recv_until(deadline.into()).map(item)
    }

    /// Receives, giving the task up to the executor while there is nothing; dropping the future
    /// loses nothing.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`].
    pub fn recv_async(&mut self) -> RecvFuture<'_> {
        RecvFuture(self)
    }

    /// What `Stream::poll_next` of the futures crates does: none at the end.
    pub fn poll_next(&mut self, ctx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.receiver
            .poll_recv(ctx)
            .map(|popped| popped.ok().map(item))
    }

    /// Appends what is there, up to `max`, and says how much that was.
    pub fn recv_many(&mut self, items: &mut Vec<Item>, max: usize) -> usize {
        let before = items.len();
        items.extend(std::iter::from_fn(|| self.try_recv().ok()).take(max));
        items.len() - before
    }

    /// What comes, waiting between, until it is over.
    pub fn iter(&mut self) -> Iter<'_> {
        Iter(self)
    }

    /// Whether [`try_recv`](Self::try_recv) would not say that there is nothing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.receiver.is_ready()
    }

    /// What steers it from elsewhere.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }
}

#[inline]
fn item(popped: Popped<Message>) -> Item {
    match popped {
        Popped::Value(message) => Item::Event(Event::trusted(message)),
        Popped::Gap(count) => Item::Gap(count),
    }
}

impl Control {
    /// Gives the subscriber nothing until [`resume`](Self::resume): its messages wait, and its
    /// policy decides about what does not fit.
    pub fn pause(&self) {
        self.queue.set_paused(true);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.queue.set_paused(false);
    }

    /// Unsubscribes: the subscriber still receives what waits for it, and then that it is over.
    pub fn drain(&self) {
        self.shared.leave(self.number);
        self.queue.close();
    }

    /// What it has come to.
    #[must_use]
    pub fn stats(&self) -> SubscriptionStats {
        SubscriptionStats {
            waiting: self.queue.len(),
            capacity: self.queue.capacity(),
            dropped: self.queue.dropped(),
            refused: self.queue.refused(),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.control.shared.leave(self.control.number);
    }
}

impl Source for Subscriber {
    fn is_ready(&self) -> bool {
        self.receiver.is_ready()
    }

    fn condition(&self) -> &dyn Enrol {
        self.receiver.condition()
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("stats", &self.control.stats())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What [`Subscriber::iter`] returns.
#[derive(Debug)]
pub struct Iter<'a>(&'a mut Subscriber);

impl Iterator for Iter<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        self.0.recv().ok()
    }
}

/// What [`Subscriber::recv_async`] returns.
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct RecvFuture<'a>(&'a mut Subscriber);

impl Future for RecvFuture<'_> {
    type Output = Result<Item, RecvError>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        let popped = self.0.receiver.poll_recv(ctx);
        popped.map(|it| it.map(item))
    }
}

impl Drop for RecvFuture<'_> {
    fn drop(&mut self) {
        self.0.receiver.leave();
    }
}
