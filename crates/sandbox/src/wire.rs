//! What goes between caller, zygote and supervisor.
//!
//! Both sides are the same program and trust each other; the child never sees these sockets.
//!
//! | from | to | over | what |
//! |---|---|---|---|
//! | zygote | caller | the zygote's socket | one [`Available`](crate::Available) at its start |
//! | caller | zygote | the zygote's socket | one byte and five descriptors: request, control, stdin, stdout, stderr |
//! | supervisor | zygote | a pipe | a fingerprint of the policy's paths, when everything is set up |
//! | zygote | supervisor | its socket | one descriptor: control |
//! | zygote | target | its socket | four descriptors: request, stdin, stdout, stderr |
//! | supervisor | caller | control | [`Event::Started`] and then [`Event::Ended`], or [`Event::Failed`] |
//! | caller | supervisor | control | a [`Demand`], or a closed end: end everything |
//!
//! The request is a memory file, because a packet's size is limited and arguments may be long.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Command, End, Level, Policy, Usage};

/// The largest request: arguments, environment and paths.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 << 20;

/// The most descriptors in one packet.
const DESCRIPTORS_MAX: usize = 5;

/// The largest packet on a socket.
const PACKET_BYTES_MAX: usize = 16 << 10;

/// What the caller asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) confinement: Confinement,
    pub(crate) command: Command,
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// What can be set up before the command is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confinement {
    /// The policy without its environment.
    pub(crate) policy: Policy,
    pub(crate) level: Level,
    pub(crate) landlock_abi: u32,
}

/// What the supervisor tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    Started,
    Failed { step: String, errno: i32 },
    Ended { end: End, usage: Usage },
}

/// What the caller asks of a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Demand {
    /// Ask the child to end by itself.
    Terminate,
}

/// Two ends of a socket that keeps packets apart, both closed on exec.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends one value as one packet.
pub(crate) fn send_value<T: Serialize>(socket: impl AsFd, value: &T) -> io::Result<()> {
    let bytes = postcard::to_stdvec(value).map_err(io::Error::other)?;
    send(socket, &bytes, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one value, or `None` when the other end is closed.
pub(crate) fn receive_value<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<T>> {
    receive_with(socket, RecvFlags::empty())
}

fn receive_with<T: DeserializeOwned>(socket: impl AsFd, flags: RecvFlags) -> io::Result<Option<T>> {
    let mut bytes = [0; PACKET_BYTES_MAX];
    let (len, _) = recv(socket, &mut bytes[..], flags)?;
    if len == 0 {
        return Ok(None);
    }
    postcard::from_bytes(&bytes[..len])
        .map(Some)
        .map_err(io::Error::other)
}

/// Receives one value if there is one, `None` when the other end is closed.
///
/// # Errors
///
/// `WouldBlock` when there is none yet.
pub(crate) fn try_receive_value<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<T>> {
    receive_with(socket, RecvFlags::DONTWAIT)
}

/// Receives one value and the id of the process that sent it, as it is seen from here.
///
/// The socket tells it after [`rustix::net::sockopt::set_socket_passcred`].
pub(crate) fn receive_value_and_sender<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, u32)>> {
    let mut bytes = [0; PACKET_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let sender = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid),
        _ => None,
    });
    let sender = sender.ok_or_else(|| io::Error::other("a packet without its sender"))?;
    let value = postcard::from_bytes(&bytes[..received.bytes]).map_err(io::Error::other)?;
    Ok(Some((value, sender.as_raw_nonzero().get().unsigned_abs())))
}

/// Puts a request into a memory file.
pub(crate) fn write_request(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("sandbox-request", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

/// Takes a request out of its memory file, leaving it there for the next reader.
pub(crate) fn read_request(file: &OwnedFd) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let mut file = File::from(file.try_clone()?);
    file.seek(SeekFrom::Start(0))?;
    file.take(REQUEST_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}

/// Sends descriptors as one packet.
pub(crate) fn send_descriptors<const COUNT: usize>(
    socket: impl AsFd,
    fds: [BorrowedFd<'_>; COUNT],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("too many descriptors for one packet"));
    }
    sendmsg(
        socket,
        &[IoSlice::new(&[0])],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Receives so many descriptors, or `None` when the other end is closed.
pub(crate) fn receive_descriptors<const COUNT: usize>(
    socket: impl AsFd,
) -> io::Result<Option<[OwnedFd; COUNT]>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    match fds.try_into() {
        Ok(fds) => Ok(Some(fds)),
        Err(_) => Err(io::Error::other("a packet without its descriptors")),
    }
}
