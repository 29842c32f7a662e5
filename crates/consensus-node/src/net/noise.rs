//! TCP connections that are encrypted, and whose ends prove to be validators of the roster.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use claude_flow_consensus::{Signature, ValidatorId};

use super::Party;

/// The Noise protocol: both sides send a static key and prove that they hold it.
const PROTOCOL: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// The first bytes of what a validator's key signs about a connection; statements of the agreement
/// begin otherwise.
const DOMAIN: &[u8; 16] = b"cf/consensus/net";

const VERSION: u8 = 1;

/// The longest message that Noise knows.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// What of a message is not payload.
const TAG_BYTES: usize = 16;

/// A key for connections.
pub(crate) struct Keys {
    secret: Vec<u8>,
    public: Vec<u8>,
}

impl Keys {
    pub(crate) fn generate() -> io::Result<Self> {
        let pair = snow::Builder::new(params()?)
            .generate_keypair()
            .map_err(refused)?;
        Ok(Self {
            secret: pair.private,
            public: pair.public,
        })
    }
}

/// An encrypted connection.
pub(crate) struct NoiseStream {
    tcp: TcpStream,
    noise: snow::TransportState,
    plain: Vec<u8>,
    /// What of `plain` is read already.
    read: usize,
    cipher: Vec<u8>,
}

impl NoiseStream {
    /// Connects to a validator, and to no other.
    pub(crate) fn dial(tcp: TcpStream, party: &Party, to: ValidatorId) -> io::Result<Self> {
        let prologue = claim(party, &[]);
        let mut noise = builder(party, &prologue)?
            .build_initiator()
            .map_err(refused)?;
        let mut tcp = tcp;
        tcp.set_nodelay(true)?;
        say(&mut tcp, &mut noise, &[])?;
        let payload = hear(&mut tcp, &mut noise)?;
        let found = prover(party, &noise, &payload)?;
        if found != to {
            return Err(denied(&format!(
                "validator {found} answers in the place of {to}"
            )));
        }
        say(&mut tcp, &mut noise, &proof(party))?;
        Self::new(tcp, noise)
    }

    /// Answers a connection, and says whose it is.
    pub(crate) fn accept(tcp: TcpStream, party: &Party) -> io::Result<(Self, ValidatorId)> {
        let prologue = claim(party, &[]);
        let mut noise = builder(party, &prologue)?
            .build_responder()
            .map_err(refused)?;
        let mut tcp = tcp;
        tcp.set_nodelay(true)?;
        hear(&mut tcp, &mut noise)?;
        say(&mut tcp, &mut noise, &proof(party))?;
        let payload = hear(&mut tcp, &mut noise)?;
        let found = prover(party, &noise, &payload)?;
        Ok((Self::new(tcp, noise)?, found))
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    fn new(tcp: TcpStream, noise: snow::HandshakeState) -> io::Result<Self> {
        Ok(Self {
            tcp,
            noise: noise.into_transport_mode().map_err(refused)?,
            plain: Vec::new(),
            read: 0,
            cipher: Vec::new(),
        })
    }
}

impl Read for NoiseStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.read == self.plain.len() {
            let mut len = [0; 2];
            match self.tcp.read_exact(&mut len) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            }
            self.cipher.resize(usize::from(u16::from_le_bytes(len)), 0);
            self.tcp.read_exact(&mut self.cipher)?;
            self.plain.resize(self.cipher.len(), 0);
            let count = self.noise.read_message(&self.cipher, &mut self.plain);
            self.plain.truncate(count.map_err(refused)?);
            self.read = 0;
        }
        let rest = &self.plain[self.read..];
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for NoiseStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(MESSAGE_BYTES_MAX - TAG_BYTES);
        self.cipher.resize(2 + count + TAG_BYTES, 0);
        let written = self
            .noise
            .write_message(&bytes[..count], &mut self.cipher[2..]);
        let written = written.map_err(refused)?;
        self.cipher[..2].copy_from_slice(&message_len(written));
        self.tcp.write_all(&self.cipher[..2 + written])?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Noise limits a message to what two bytes can count.
fn message_len(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes()
}

fn params() -> io::Result<snow::params::NoiseParams> {
    PROTOCOL.parse().map_err(refused)
}

/// The roster is part of the handshake: two that do not share one understand nothing.
fn builder<'a>(party: &'a Party, prologue: &'a [u8]) -> io::Result<snow::Builder<'a>> {
    let builder = snow::Builder::new(params()?);
    let builder = builder
        .local_private_key(&party.noise.secret)
        .map_err(refused)?;
    builder.prologue(prologue).map_err(refused)
}

/// What a validator's key signs: this connection key is mine, under this roster.
fn claim(party: &Party, public: &[u8]) -> Vec<u8> {
    let roster = party.roster.digest();
    [DOMAIN.as_slice(), &[VERSION], roster.as_bytes(), public].concat()
}

fn proof(party: &Party) -> Vec<u8> {
    let signature = party.signer.sign(&claim(party, &party.noise.public));
    [party.me.0.to_le_bytes().as_slice(), &signature.0].concat()
}

/// Which validator the other side has proved to be.
fn prover(party: &Party, noise: &snow::HandshakeState, payload: &[u8]) -> io::Result<ValidatorId> {
    let broken = || denied("the other side proves nothing");
    let (id, signature) = payload.split_first_chunk::<4>().ok_or_else(broken)?;
    let signature = Signature(signature.try_into().map_err(|_| broken())?);
    let public = noise.get_remote_static().ok_or_else(broken)?;
    let id = ValidatorId(u32::from_le_bytes(*id));
    if !party
        .verifier
        .is_signed(id, &claim(party, public), &signature)
    {
        return Err(denied("the other side is no validator of this roster"));
    }
    Ok(id)
}

fn say(tcp: &mut TcpStream, noise: &mut snow::HandshakeState, payload: &[u8]) -> io::Result<()> {
    let mut message = vec![0; 1024];
    let count = noise
        .write_message(payload, &mut message)
        .map_err(refused)?;
    tcp.write_all(&message_len(count))?;
    tcp.write_all(&message[..count])
}

fn hear(tcp: &mut TcpStream, noise: &mut snow::HandshakeState) -> io::Result<Vec<u8>> {
    let mut len = [0; 2];
    tcp.read_exact(&mut len)?;
    let len = usize::from(u16::from_le_bytes(len));
    if len > 1024 {
        return Err(denied("a handshake message is too long"));
    }
    let mut message = vec![0; len];
    tcp.read_exact(&mut message)?;
    let mut payload = vec![0; len];
    let count = noise
        .read_message(&message, &mut payload)
        .map_err(refused)?;
    payload.truncate(count);
    Ok(payload)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn refused(error: snow::Error) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("noise: {error}"))
}

fn denied(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}
