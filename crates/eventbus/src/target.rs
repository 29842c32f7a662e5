//! Who is behind a pattern: one subscriber, or a group that shares the work.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use claude_flow_msgpool::Message;
use foldhash::fast::FixedState;

use crate::queue::{Queue, Tally};
use crate::sync::{AtomicU64, Ordering};
use crate::{Envelope, Priority};

/// Says which messages a subscriber wants, beside its pattern.
///
/// It runs on the publisher's thread, for each message that the pattern lets through: it should
/// be short, and a panic in it is the publisher's.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::Filter;
///
/// let json = Filter::new(|it| it.header("content-type") == Some(b"application/json"));
/// # let _ = json;
/// ```
#[derive(Clone)]
pub struct Filter(Arc<dyn Fn(&Envelope<'_>) -> bool + Send + Sync>);

impl Filter {
    /// Lets through what the predicate is true for.
    #[must_use]
    pub fn new(wants: impl Fn(&Envelope<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(wants))
    }

    #[inline]
    pub(crate) fn wants(&self, message: &[u8]) -> bool {
        (self.0)(&Envelope::trusted(message))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

/// How the members of a queue group share messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Share {
    /// Each goes to the member with the fewest waiting, in turn among equals.
    #[default]
    LeastLoaded,
    /// Those with the same key go to the same member, and keep their order, while the members
    /// stay the same; when one comes or goes, only the keys that it gets or had move. Those without
    /// a key go to the least loaded.
    ByKey,
}

/// One subscriber, as publishers see it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) queue: Arc<Queue<Message>>,
    pub(crate) filter: Option<Filter>,
    /// Tells it from every other of its bus.
    pub(crate) number: u64,
}

impl Member {
    #[inline]
    fn wants(&self, message: &[u8]) -> bool {
        self.filter.as_ref().is_none_or(|it| it.wants(message))
    }
}

/// Subscribers of which one gets each message.
#[derive(Debug)]
pub(crate) struct Group {
    share: Share,
    members: Box<[Member]>,
    /// Whose turn it is among equals; a hint.
    turn: AtomicU64,
}

/// Who is behind a pattern.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    One(Arc<Member>),
    Group(Arc<Group>),
}

impl Target {
    /// Hands a message over.
    #[inline]
    pub(crate) fn offer(&self, priority: Priority, message: Message, tally: &mut Tally) {
        match self {
            Self::One(member) => {
                if member.wants(&message) {
                    // Whoever is gone is no subscriber any more: there is nothing to count.
                    let _ = member.queue.offer(priority, message, tally);
                }
            }
            Self::Group(group) => group.offer(priority, message, tally),
        }
    }

    /// Hands many messages of one priority over, which others may have as well.
    pub(crate) fn offer_all(&self, priority: Priority, messages: &[Message], tally: &mut Tally) {
        match self {
            Self::One(member) if member.filter.is_none() => {
                let mut messages = messages.iter().cloned();
                let _ = member.queue.offer_all(priority, &mut messages, tally);
            }
            _ => messages
                .iter()
                .for_each(|it| self.offer(priority, it.clone(), tally)),
        }
    }

    /// As [`offer_all`](Self::offer_all), where nobody else has them.
    pub(crate) fn offer_rest(
        &self,
        priority: Priority,
        messages: &mut Vec<Message>,
        tally: &mut Tally,
    ) {
        match self {
            Self::One(member) if member.filter.is_none() => {
                let _ = member
                    .queue
                    .offer_all(priority, &mut messages.drain(..), tally);
            }
            _ => messages
                .drain(..)
                .for_each(|it| self.offer(priority, it, tally)),
        }
    }
}

impl Group {
    pub(crate) fn new(share: Share, members: Vec<Member>) -> Self {
        Self {
            share,
            members: members.into_boxed_slice(),
            turn: AtomicU64::new(0),
        }
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn share(&self) -> Share {
        self.share
    }

    /// To one of those that want it; to another, if that one has left.
    fn offer(&self, priority: Priority, mut message: Message, tally: &mut Tally) {
        let mut gone = Gone::default();
        while let Some(index) = self.choose(&message, &gone) {
            match self.members[index].queue.offer(priority, message, tally) {
                Ok(()) => return,
                Err(back) => message = back,
            }
            gone.add(index);
        }
    }

    fn choose(&self, message: &[u8], gone: &Gone) -> Option<usize> {
        let candidates = || {
            let all = self.members.iter().enumerate();
            all.filter(|(index, member)| !gone.has(*index) && member.wants(message))
        };
        let key = match self.share {
            Share::ByKey => Envelope::trusted(message).key(),
            Share::LeastLoaded => &[],
        };
        if !key.is_empty() {
            let best = candidates().max_by_key(|(_, member)| affinity(key, member.number));
            return best.map(|(index, _)| index);
        }
        // Relaxed: a hint.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.members.len();
        #[expect(clippy::cast_possible_truncation, reason = "less than `count`")]
        let first = (turn % count as u64) as usize;
        let distance = |index: usize| (index + count - first) % count;
        let best = candidates().min_by_key(|(index, it)| (it.queue.len(), distance(*index)));
        best.map(|(index, _)| index)
    }
}

/// Members of a group that have left, of which there are almost never any.
#[derive(Default)]
struct Gone(Vec<usize>);

impl Gone {
    fn add(&mut self, index: usize) {
        self.0.push(index);
    }

    fn has(&self, index: usize) -> bool {
        self.0.contains(&index)
    }
}

/// How well a key and a member go together: rendezvous hashing, the best member has the key.
fn affinity(key: &[u8], member: u64) -> u64 {
    let mut hasher = FixedState::with_seed(member).build_hasher();
    hasher.write(key);
    hasher.finish()
}
