//! What a layout of one's own in a region is built of.
//!
//! The rings of this crate are; so is the pool of messages of the crate above it. A layout that
//! several processes map needs a word that names a process ([`Owner`]), something to sleep on
//! ([`Bell`]), a number that finds damage ([`checksum`]), and bytes that are neither `&[u8]` nor
//! `&mut [u8]` ([`View::from_raw`](super::View::from_raw),
//! [`ViewMut::from_raw`](super::ViewMut::from_raw)).

pub use super::bell::Bell;
pub use super::process::Owner;

use super::process::{HASH_START, hash};

/// FNV-1a, 64 bits, over the words as little-endian bytes.
///
/// It finds damage and no lies: whoever can write the words can write the number.
///
/// # Examples
///
/// ```
/// use claude_flow_ringbuf::shared::parts::checksum;
///
/// assert_ne!(checksum([1, 2]), checksum([2, 1]));
/// ```
#[must_use]
pub fn checksum(words: impl IntoIterator<Item = u64>) -> u64 {
    words
        .into_iter()
        .fold(HASH_START, |it, word| hash(it, &word.to_le_bytes()))
}
