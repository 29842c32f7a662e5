//! The beginning and the end of a stream.

use std::collections::VecDeque;

/// What was kept of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its beginning; all of it if `omitted_bytes` is 0.
    pub head: Vec<u8>,
    /// How many bytes between head and tail were read and not kept.
    pub omitted_bytes: u64,
    /// Its end, empty unless something was omitted.
    pub tail: Vec<u8>,
}

/// Keeps the first and the last half of a limit, for outputs that somebody reads by themselves.
///
/// # Examples
///
/// ```
/// use claude_flow_sandbox::Capture;
///
/// let mut capture = Capture::new(8);
/// capture.push(b"abcdefghi");
/// let kept = capture.snapshot();
/// assert_eq!((&kept.head[..], kept.omitted_bytes, &kept.tail[..]), (&b"abcd"[..], 1, &b"fghi"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    omitted_bytes: u64,
    half: usize,
}

impl Capture {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            omitted_bytes: 0,
            half: limit / 2,
        }
    }

    /// Takes what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        let kept = &rest[rest.len().saturating_sub(self.half)..];
        let surplus = (self.tail.len() + kept.len()).saturating_sub(self.half);
        self.tail.drain(..surplus);
        self.tail.extend(kept);
        self.omitted_bytes += (rest.len() - kept.len() + surplus) as u64;
    }

    /// What was kept until now.
    #[must_use]
    pub fn snapshot(&self) -> Captured {
        self.clone().finish()
    }

    /// What was kept.
    #[must_use]
    pub fn finish(mut self) -> Captured {
        let tail = Vec::from(self.tail);
        if self.omitted_bytes == 0 {
            self.head.extend(tail);
            return Captured {
                head: self.head,
                ..Captured::default()
            };
        }
        Captured {
            head: self.head,
            omitted_bytes: self.omitted_bytes,
            tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: usize, pieces: &[&[u8]], head: &[u8], omitted_bytes: u64, tail: &[u8]) {
        let mut capture = Capture::new(limit);
        for piece in pieces {
            capture.push(piece);
        }
        let expected = Captured {
            head: head.to_vec(),
            omitted_bytes,
            tail: tail.to_vec(),
        };
        assert_eq!(capture.finish(), expected);
    }

    #[test]
    fn short_stream_is_kept_whole() {
        check(8, &[b"abc", b"defgh"], b"abcdefgh", 0, b"");
    }

    #[test]
    fn middle_of_a_long_stream_is_counted() {
        check(8, &[b"abcdefghi"], b"abcd", 1, b"fghi");
        check(
            8,
            &[b"abc", b"de", b"fgh", b"ijk", b"l"],
            b"abcd",
            4,
            b"ijkl",
        );
        check(0, &[b"abc"], b"", 3, b"");
    }
}
