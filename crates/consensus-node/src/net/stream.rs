//! The two kinds of connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::noise::NoiseStream;

/// A connection whose other end is known.
pub(crate) enum Stream {
    Unix(UnixStream),
    Noise(Box<NoiseStream>),
}

/// Ends a connection from another thread.
pub(crate) enum Hook {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Hook {
    pub(crate) fn shut(&self) {
        // The other side may have been faster.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Stream {
    pub(crate) fn hook(&self) -> io::Result<Hook> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Hook::Unix),
            Self::Noise(stream) => stream.tcp().try_clone().map(Hook::Tcp),
        }
    }

    pub(crate) fn set_timeouts(&self, read: Duration, write: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(read))?;
                stream.set_write_timeout(Some(write))
            }
            Self::Noise(stream) => {
                stream.tcp().set_read_timeout(Some(read))?;
                stream.tcp().set_write_timeout(Some(write))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(bytes),
            Self::Noise(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Noise(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.flush(),
            Self::Noise(stream) => stream.flush(),
        }
    }
}
