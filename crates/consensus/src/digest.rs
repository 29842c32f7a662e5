//! Digests, one domain for each thing that is digested.

use std::fmt;

/// How long the name of a domain is.
const TAG_BYTES: usize = 16;

/// What is not longer than this with its tag is digested in one piece: a ballot, a link of the
/// chain, a proposal with four ballots.
const SHORT_BYTES: usize = 512;

/// A blake3 digest of 32 bytes.
///
/// The bytes that are digested begin with the name of their [`Domain`], so that no two kinds of
/// things share a digest.
///
/// # Examples
///
/// ```
/// use claude_flow_consensus::{Digest, Domain};
///
/// let subject = Digest::of(Domain::Subject, b"release 1.4.0");
/// assert_ne!(subject, Digest::of(Domain::Evidence, b"release 1.4.0"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; Self::BYTES]);

impl Digest {
    /// How long a digest is.
    pub const BYTES: usize = 32;

    /// What a null request is called on the wire: no bytes digest to it but by breaking blake3.
    pub const NULL: Self = Self([0; Self::BYTES]);

    /// Digests bytes of one domain.
    ///
    /// # Complexity
    ///
    /// Linear in the bytes; allocates nothing.
    #[must_use]
    pub fn of(domain: Domain, bytes: &[u8]) -> Self {
        #[cfg(feature = "planted-bugs")]
        if simulated::is_on() {
            return simulated::digest(domain, bytes);
        }
        let whole = TAG_BYTES + bytes.len();
        let digest = if whole <= SHORT_BYTES {
            // A hasher that takes pieces is as long to make as these are to digest.
            let mut short = [0; SHORT_BYTES];
            short[..TAG_BYTES].copy_from_slice(domain.tag());
            short[TAG_BYTES..whole].copy_from_slice(bytes);
            blake3::hash(&short[..whole])
        } else {
            let mut hasher = blake3::Hasher::new();
            hasher.update(domain.tag()).update(bytes).finalize()
        };
        Self(*digest.as_bytes())
    }

    /// A digest that came over the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The digest as it goes over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// For simulations only: digests that cost little and that nobody tries to break.
#[cfg(feature = "planted-bugs")]
pub mod simulated {
    use std::cell::Cell;

    use super::{Digest, Domain};

    thread_local! {
        static IS_ON: Cell<bool> = const { Cell::new(false) };
    }

    /// Whether [`Digest::of`] is [`digest`] on this thread.
    pub(super) fn is_on() -> bool {
        IS_ON.get()
    }

    /// Chooses for this thread from now on.
    pub fn switch(is_on: bool) {
        IS_ON.set(is_on);
    }

    /// Four sums of products over all bytes; a change anywhere changes the digest.
    pub(super) fn digest(domain: Domain, bytes: &[u8]) -> Digest {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut sums = [bytes.len() as u64, domain as u64 + 1, ODD, !ODD];
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            take(&mut sums, block);
        }
        let mut last = [0; 32];
        last[..rest.len()].copy_from_slice(rest);
        take(&mut sums, &last);
        let mut digest = [0; 32];
        let mut all = 0;
        // Twice round, so that each word of the digest depends on each sum.
        for turn in 0..8 {
            all = (all ^ sums[turn % 4]).wrapping_mul(ODD).rotate_left(29) ^ turn as u64;
            sums[turn % 4] = all ^ all >> 31;
        }
        for (word, sum) in digest.as_chunks_mut().0.iter_mut().zip(sums) {
            *word = sum.to_le_bytes();
        }
        Digest(digest)
    }

    fn take(sums: &mut [u64; 4], block: &[u8; 32]) {
        const FACTOR: u64 = 0xd1b5_4a32_d192_ed03;
        let (words, _) = block.as_chunks::<8>();
        for lane in 0..4 {
            let product = (sums[lane] ^ u64::from_le_bytes(words[lane])).wrapping_mul(FACTOR);
            sums[lane] = product ^ product >> 32;
        }
    }
}

/// What kind of thing is digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// What the validators vote on, as the caller names it.
    Subject,
    /// What a validator's vote rests on.
    Evidence,
    /// A roster.
    Roster,
    /// One validator's ballot.
    Ballot,
    /// A set of signed ballots.
    Proposal,
    /// The body of a VIEW-CHANGE, NEW-VIEW or status message.
    Body,
    /// The chain of everything decided so far.
    Chain,
    /// The end of an epoch: everything decided, and who goes on.
    Handover,
}

impl Domain {
    /// Sixteen bytes, the last of which is the version of the encoding that follows.
    const fn tag(self) -> &'static [u8; TAG_BYTES] {
        match self {
            Self::Subject => b"cf/subject     \x01",
            Self::Evidence => b"cf/evidence    \x01",
            Self::Roster => b"cf/roster      \x01",
            Self::Ballot => b"cf/ballot      \x01",
            Self::Proposal => b"cf/proposal    \x01",
            Self::Body => b"cf/body        \x01",
            Self::Chain => b"cf/chain       \x01",
            Self::Handover => b"cf/handover    \x01",
        }
    }
}
