//! A length of four bytes and so many bytes.

use std::io::{self, Read, Write};

/// Reads one frame; `None` at the end of the stream.
///
/// # Errors
///
/// What the stream answers, and [`io::ErrorKind::InvalidData`] for a frame that is too long, of
/// which nothing is allocated.
pub(crate) fn read_frame(stream: &mut impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    match stream.read_exact(&mut len) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > most {
        let text = format!("a frame of {len} bytes is over the limit of {most}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    // Grows with what really comes, so that a length alone takes no memory.
    let mut bytes = Vec::with_capacity(len.min(64 << 10));
    stream.by_ref().take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

/// Writes one frame.
///
/// # Errors
///
/// What the stream answers.
pub(crate) fn write_frame(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut framed = Vec::with_capacity(4 + bytes.len());
    push_frame(&mut framed, bytes);
    stream.write_all(&framed)?;
    stream.flush()
}

/// Appends a frame to what is written next.
///
/// # Panics
///
/// For 2³² bytes, which no packet has.
pub(crate) fn push_frame(framed: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("no packet has 2^32 bytes");
    framed.extend(len.to_le_bytes());
    framed.extend(bytes);
}
