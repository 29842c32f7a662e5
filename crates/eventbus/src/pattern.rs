//! Which topics a subscription is for.

use std::fmt;
use std::sync::Arc;

use crate::topic::{ANY, REST, Wildcards, check};
use crate::{Topic, TopicError};

/// Which topics a subscription is for: a topic in which `*` stands for any one token and `>`, at
/// the end, for one token or more.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Pattern, Topic};
///
/// let saved = Pattern::new("edits.*.saved")?;
/// assert!(saved.matches(&Topic::new("edits.rust.saved")?));
/// assert!(!saved.matches(&Topic::new("edits.saved")?));
/// assert!(Pattern::new("edits.>")?.matches(&Topic::new("edits.rust.saved")?));
/// assert!(!Pattern::new("edits.>")?.matches(&Topic::new("edits")?));
/// # Ok::<(), claude_flow_eventbus::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// Checks a text and keeps a copy of it.
    ///
    /// # Errors
    ///
    /// [`TopicError`], with the first thing that is wrong.
    pub fn new(text: &str) -> Result<Self, TopicError> {
        check(text, Wildcards::Allowed)?;
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens in order, wildcards among them; at least one.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether a message on this topic is for the subscription.
    ///
    /// # Complexity
    ///
    /// Linear in the shorter of the two; no allocation. To find the patterns that match among
    /// many there is the [`Router`](crate::Router).
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        let mut topic = topic.tokens();
        for token in self.tokens() {
            match (token, topic.next()) {
                (REST, Some(_)) => return true,
                (token, Some(found)) if token == ANY || token == found => {}
                _ => return false,
            }
        }
        topic.next().is_none()
    }
}

impl From<Topic> for Pattern {
    /// Of this topic alone.
    fn from(topic: Topic) -> Self {
        Self(topic.as_str().into())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl std::str::FromStr for Pattern {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::new(text)
    }
}
