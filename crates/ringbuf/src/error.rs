//! What a ring answers when it cannot do what was asked.

use core::fmt;

/// Why a value was not pushed; the value comes back in it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError<T> {
    /// There is no place, or there was none up to the deadline.
    Full(T),
    /// There is no consumer: no push can succeed any more, unless one subscribes again (only
    /// [`broadcast`](crate::broadcast) has that).
    Disconnected(T),
}

impl<T> PushError<T> {
    /// The value that was not pushed.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether a later push may succeed.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the ring is full",
            Self::Disconnected(_) => "the ring has no consumer",
        })
    }
}

impl<T> core::error::Error for PushError<T> {}

/// Why there is no value to pop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// Nothing is there, or nothing came up to the deadline.
    Empty,
    /// Nothing is there and every producer is gone: nothing will come any more.
    Disconnected,
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the ring is empty",
            Self::Disconnected => "the ring is empty and every producer is gone",
        })
    }
}

impl core::error::Error for PopError {}

/// A capacity that no ring can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityError {
    /// What was asked for, in elements.
    pub capacity: usize,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the capacity {} is not a power of two from 1 to {}",
            self.capacity,
            crate::CAPACITY_MAX
        )
    }
}

impl core::error::Error for CapacityError {}
