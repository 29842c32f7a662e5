//! Values in the postcard format: into a buffer, out of a message.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Buffer, Message, Part};

/// Why a value was not written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// The value needs more bytes than the buffer has.
    Full {
        /// How many bytes there was room for.
        rest: usize,
    },
    /// The value cannot be expressed in the format, or the bytes are not such a value.
    Format(String),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { rest } => write!(f, "the value needs more than {rest} bytes"),
            Self::Format(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for CodecError {}

impl Buffer {
    /// Appends a value in the postcard format.
    ///
    /// # Errors
    ///
    /// [`CodecError`]; the length is unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_msgpool::{Options, Pool};
    ///
    /// let pool = Pool::new(&Options::default())?;
    /// let mut buffer = pool.take_empty(64)?;
    /// buffer.encode(&("saved", 7_u32))?;
    /// let message = buffer.freeze();
    /// assert_eq!(message.decode::<(&str, u32)>()?, ("saved", 7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), CodecError> {
        let before = self.len();
        let rest = self.capacity() - before;
        let written = match self.grow(rest) {
            Ok(place) => postcard::to_slice(value, place).map(|bytes| bytes.len()),
            Err(_) => Err(postcard::Error::SerializeBufferFull),
        };
        self.truncate(before + written.as_ref().copied().unwrap_or(0));
        written.map(|_| ()).map_err(|error| match error {
            postcard::Error::SerializeBufferFull => CodecError::Full { rest },
            error => CodecError::Format(error.to_string()),
        })
    }
}

impl Message {
    /// Reads a value in the postcard format, which may borrow from the message.
    ///
    /// # Errors
    ///
    /// [`CodecError::Format`] if the bytes are not such a value; bytes behind it do not matter.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CodecError> {
        postcard::from_bytes(self).map_err(|error| CodecError::Format(error.to_string()))
    }
}

impl Part {
    /// As [`Message::decode`].
    ///
    /// # Errors
    ///
    /// As for [`Message::decode`].
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CodecError> {
        postcard::from_bytes(self).map_err(|error| CodecError::Format(error.to_string()))
    }
}
