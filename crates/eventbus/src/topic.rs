//! What messages are about: tokens with dots between.

use std::fmt;
use std::sync::Arc;

/// The longest topic or pattern, in bytes.
pub const TOPIC_BYTES_MAX: usize = 255;
/// The most tokens that a topic or pattern has.
pub const TOKENS_MAX: usize = 16;

/// In a pattern: any one token.
pub(crate) const ANY: &str = "*";
/// In a pattern, at its end: one token or more.
pub(crate) const REST: &str = ">";

/// What a message is about: `edits.rust.saved`.
///
/// One to [`TOKENS_MAX`] tokens with dots between, at most [`TOPIC_BYTES_MAX`] bytes. A token has
/// at least one character; spaces, control characters of ASCII, `*` and `>` are none. Capitals
/// count. A clone shares the text.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Topic, TopicError};
///
/// let topic = Topic::new("edits.rust.saved")?;
/// assert_eq!(topic.tokens().nth(1), Some("rust"));
/// assert_eq!(Topic::new("edits..saved"), Err(TopicError::EmptyToken { at: 6 }));
/// # Ok::<(), TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks a text and keeps a copy of it.
    ///
    /// # Errors
    ///
    /// [`TopicError`], with the first thing that is wrong.
    pub fn new(text: &str) -> Result<Self, TopicError> {
        check(text, Wildcards::Refused)?;
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens in order; at least one.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl std::str::FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::new(text)
    }
}

/// Why a text is no topic or no pattern; places are in bytes from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// There is no text.
    #[error("the text is empty; a topic has at least one token")]
    Empty,
    /// The text is longer than [`TOPIC_BYTES_MAX`].
    #[error("{bytes} bytes are more than the {TOPIC_BYTES_MAX} that a topic may have")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// There are more tokens than [`TOKENS_MAX`].
    #[error("{tokens} tokens are more than the {TOKENS_MAX} that a topic may have")]
    TooDeep {
        /// How many there are.
        tokens: usize,
    },
    /// Two dots meet, or a dot is first or last.
    #[error("the token at byte {at} is empty")]
    EmptyToken {
        /// Where it would begin.
        at: usize,
    },
    /// A space or a control character.
    #[error("the byte {byte:#04x} at {at} is a space or a control character")]
    Byte {
        /// Where it is.
        at: usize,
        /// What it is.
        byte: u8,
    },
    /// `*` or `>` in a topic, or beside other characters in a token of a pattern.
    #[error("the wildcard at byte {at} is not a token of a pattern")]
    Wildcard {
        /// Where it is.
        at: usize,
    },
    /// Tokens behind `>`, which stands for all of them.
    #[error("`>` at byte {at} stands for the rest and must be last")]
    RestNotLast {
        /// Where it is.
        at: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Refused,
    Allowed,
}

/// Whether a text is a topic, or a pattern.
pub(crate) fn check(text: &str, wildcards: Wildcards) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > TOPIC_BYTES_MAX {
        return Err(TopicError::TooLong { bytes: text.len() });
    }
    let mut at = 0;
    let mut tokens = 0;
    for token in text.split('.') {
        let is_wildcard = wildcards == Wildcards::Allowed && [ANY, REST].contains(&token);
        if !is_wildcard {
            check_token(token, at)?;
        }
        if token == REST && at + token.len() != text.len() {
            return Err(TopicError::RestNotLast { at });
        }
        at += token.len() + 1;
        tokens += 1;
    }
    if tokens > TOKENS_MAX {
        return Err(TopicError::TooDeep { tokens });
    }
    Ok(())
}

fn check_token(token: &str, start: usize) -> Result<(), TopicError> {
    if token.is_empty() {
        return Err(TopicError::EmptyToken { at: start });
    }
    for (index, byte) in token.bytes().enumerate() {
        let at = start + index;
        match byte {
            b'*' | b'>' => return Err(TopicError::Wildcard { at }),
            0..=b' ' | 0x7f => return Err(TopicError::Byte { at, byte }),
            _ => {}
        }
    }
    Ok(())
}
