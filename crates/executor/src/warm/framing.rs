//! Cuts a stream of bytes into messages.
#![forbid(unsafe_code)]

/// The longest header of a message.
const HEADER_BYTES_MAX: usize = 4096;

/// The end of a header.
const HEADER_END: &[u8] = b"\r\n\r\n";

/// How messages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The base protocol of LSP: a header with `Content-Length`, then so many bytes of JSON-RPC.
    ///
    /// Requests have ids: several may be under way, and a late answer is known as such.
    ContentLength,
    /// One line asks, one line answers. A process that owes an answer is of no more use.
    Lines,
}

/// What is wrong with a stream. Nothing after it can be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a header of more than {HEADER_BYTES_MAX} bytes")]
    LongHeader,
    #[error("a header without a valid Content-Length: {0:?}")]
    Header(String),
    #[error("a message of {bytes} bytes or more, the limit is {limit}")]
    TooLarge { bytes: usize, limit: usize },
}

/// Takes bytes as they come and gives whole messages.
///
/// It holds at most one message, one header and what was pushed last.
#[derive(Debug)]
pub(super) struct Decoder {
    framing: Framing,
    message_bytes_max: usize,
    bytes: Vec<u8>,
    /// Where the next message begins in `bytes`.
    begin: usize,
    /// Up to where no end of a line or header was found.
    searched: usize,
}

impl Decoder {
    pub(super) fn new(framing: Framing, message_bytes_max: usize) -> Self {
        Self {
            framing,
            message_bytes_max,
            bytes: Vec::new(),
            begin: 0,
            searched: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, `None` if it has not come yet.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        match self.framing {
            Framing::ContentLength => self.next_by_length(),
            Framing::Lines => self.next_line(),
        }
    }

    fn next_by_length(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(header_end) = self.find(HEADER_END) else {
            return if self.bytes.len() - self.begin > HEADER_BYTES_MAX {
                Err(FrameError::LongHeader)
            } else {
                Ok(None)
            };
        };
        let header = &self.bytes[self.begin..header_end];
        if header.len() > HEADER_BYTES_MAX {
            return Err(FrameError::LongHeader);
        }
        let len = content_length(header)?;
        self.check_len(len)?;
        let body = header_end + HEADER_END.len();
        if self.bytes.len() - body < len {
            // The next search finds the same end at once.
            self.searched = header_end;
            return Ok(None);
        }
        Ok(Some(self.take(body, body + len, body + len)))
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(end) = self.find(b"\n") else {
            self.check_len(self.bytes.len() - self.begin)?;
            return Ok(None);
        };
        self.check_len(end - self.begin)?;
        let line_end = end - usize::from(self.bytes[self.begin..end].ends_with(b"\r"));
        Ok(Some(self.take(self.begin, line_end, end + 1)))
    }

    fn take(&mut self, from: usize, to: usize, next: usize) -> Vec<u8> {
        let message = self.bytes[from..to].to_vec();
        self.begin = next;
        self.searched = next;
        message
    }

    fn check_len(&self, bytes: usize) -> Result<(), FrameError> {
        let limit = self.message_bytes_max;
        if bytes > limit {
            return Err(FrameError::TooLarge { bytes, limit });
        }
        Ok(())
    }

    /// Where a separator begins, looking at each byte once.
    fn find(&mut self, separator: &[u8]) -> Option<usize> {
        let found = self.bytes[self.searched..]
            .windows(separator.len())
            .position(|window| window == separator);
        if found.is_none() {
            let seen = (self.bytes.len() + 1).saturating_sub(separator.len());
            self.searched = seen.max(self.searched);
        }
        Some(self.searched + found?)
    }
}

fn content_length(header: &[u8]) -> Result<usize, FrameError> {
    let error = || FrameError::Header(String::from_utf8_lossy(header).into_owned());
    let text = std::str::from_utf8(header).map_err(|_| error())?;
    let mut len = None;
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or_else(error)?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let value = value.trim();
            // `parse` alone would take a sign.
            let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
            let value = value.parse().ok().filter(|_| is_number).ok_or_else(error)?;
            if len
                .replace(value)
                .is_some_and(|other: usize| other != value)
            {
                return Err(error());
            }
        }
    }
    len.ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1000;

    /// Everything that comes out of a stream that arrives in pieces, and what ended it.
    fn decode(framing: Framing, stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<FrameError>) {
        let mut decoder = Decoder::new(framing, LIMIT);
        let mut messages = Vec::new();
        for bytes in stream.chunks(piece.max(1)) {
            decoder.push(bytes);
            loop {
                match decoder.next() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
            }
            let held = decoder.bytes.len() - decoder.begin;
            assert!(held <= LIMIT + HEADER_BYTES_MAX + HEADER_END.len() + piece);
        }
        (messages, None)
    }

    fn encode(framing: Framing, message: &[u8]) -> Vec<u8> {
        match framing {
            Framing::ContentLength => {
                let header = format!("Content-Length: {}\r\n\r\n", message.len());
                [header.as_bytes(), message].concat()
            }
            Framing::Lines => [message, b"\n"].concat(),
        }
    }

    fn check_header(header: &str, expected: Option<&str>) {
        let stream = format!("{header}\r\n\r\nhello");
        let (messages, error) = decode(Framing::ContentLength, stream.as_bytes(), 7);
        match expected {
            Some(text) => assert_eq!((messages, error), (vec![text.into()], None), "{header}"),
            None => assert!(messages.is_empty() && error.is_some(), "{header}"),
        }
    }

    #[test]
    fn header_is_read_as_the_specification_says() {
        check_header("Content-Length: 5", Some("hello"));
        check_header("content-length:4", Some("hell"));
        check_header(
            "Content-Type: x; charset=utf-8\r\nContent-Length: 5",
            Some("hello"),
        );
        check_header("Content-Length: 5\r\nContent-Length: 5", Some("hello"));
    }

    #[test]
    fn header_that_lies_is_refused() {
        check_header("Content-Length: 5\r\nContent-Length: 4", None);
        check_header("Content-Length: -5", None);
        check_header("Content-Length: +5", None);
        check_header("Content-Length: ", None);
        check_header("Content-Length: 99999999999999999999999", None);
        check_header("Content-Length: 1001", None);
        check_header("Content-Type: x", None);
        check_header("no colon", None);
        check_header(&"x".repeat(HEADER_BYTES_MAX + 1), None);
    }

    #[test]
    fn line_without_an_end_is_bounded() {
        let (messages, error) = decode(Framing::Lines, &[b'x'; LIMIT + 1], 100);
        assert!(messages.is_empty() && error.is_some());
    }

    fn framing() -> impl Strategy<Value = Framing> {
        prop_oneof![Just(Framing::ContentLength), Just(Framing::Lines)]
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            framing in framing(),
            texts in prop::collection::vec("[ -~]{0,40}", 0..8),
            piece in 1_usize..60,
        ) {
            let messages: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            let stream: Vec<u8> = messages.iter().flat_map(|it| encode(framing, it)).collect();
            prop_assert_eq!(decode(framing, &stream, piece), (messages, None));
        }

        #[test]
        fn any_bytes_give_the_same_however_they_are_cut(
            framing in framing(),
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"Content-Length: 3\r\n\r\n".to_vec()),
                    Just(b"\r\n".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..20),
                ],
                0..12,
            ),
            piece in 1_usize..40,
        ) {
            let stream = parts.concat();
            let whole = decode(framing, &stream, stream.len());
            prop_assert_eq!(decode(framing, &stream, piece), whole);
        }
    }
}
