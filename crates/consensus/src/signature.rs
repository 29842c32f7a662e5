//! Keys and signatures, and the door to who makes and checks them.

use std::fmt;
use std::sync::LazyLock;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha512};

use crate::error::RosterError;
use crate::message::Statement;
use crate::multiples::{BASE, Multiples};
use crate::quorum::ValidatorId;

/// An ed25519 public key, not yet checked to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; Self::BYTES]);

impl PublicKey {
    /// How long a key is.
    pub const BYTES: usize = 32;
}

/// A signature of 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; Self::BYTES]);

impl Signature {
    /// How long a signature is.
    pub const BYTES: usize = 64;
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

/// Makes signatures with one validator's key.
///
/// The same statement must always give the same signature, as ed25519 does.
pub trait Signer: fmt::Debug + Send + Sync {
    /// Signs an encoded statement.
    fn sign(&self, statement: &[u8]) -> Signature;
}

/// Checks signatures of one roster's validators.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Whether a validator signed an encoded statement; `false` for an id outside of the roster.
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool;

    /// Whether each of several statements is signed by its validator; exactly what
    /// [`is_signed`](Self::is_signed) says of all of them, perhaps sooner.
    fn are_signed(&self, mut said: &mut dyn Iterator<Item = Said>) -> bool {
        Iterator::all(&mut said, |(signer, statement, signature)| {
            self.is_signed(signer, &statement, &signature)
        })
    }

    /// Whether signatures can be checked with these keys, so that they can be another roster's.
    fn are_keys(&self, keys: &[PublicKey]) -> bool {
        Ed25519Verifier::new(keys).is_ok()
    }
}

/// Who is said to have signed which encoded statement, and how.
pub type Said = (ValidatorId, [u8; Statement::BYTES], Signature);

/// Signs with ed25519.
pub struct Ed25519Signer(ed25519_dalek::SigningKey);

impl Ed25519Signer {
    /// A signer with a secret of 32 random bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// What goes into the roster.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
}

impl Signer for Ed25519Signer {
    fn sign(&self, statement: &[u8]) -> Signature {
        Signature(self.0.sign(statement).to_bytes())
    }
}

impl fmt::Debug for Ed25519Signer {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ed25519Signer")
            .field(&self.public_key())
            .finish()
    }
}

/// Checks ed25519 signatures, one by one and by the strict rule, so that no two replicas ever
/// differ on whether a signature is good.
///
/// [`new`](Self::new) is for a few signatures; [`with_tables`](Self::with_tables) takes as long as
/// some sixty checks and 640 KiB a key, and then each check takes less than half of the time.
/// Both accept the same signatures.
#[derive(Clone)]
pub struct Ed25519Verifier {
    keys: Vec<ed25519_dalek::VerifyingKey>,
    // Invariant: empty, or those of each key's negative.
    tables: Vec<Multiples>,
}

impl Ed25519Verifier {
    /// A verifier for keys in the order of the roster.
    ///
    /// # Errors
    ///
    /// [`RosterError::Key`] names the first key that is none, or a weak one.
    pub fn new(keys: &[PublicKey]) -> Result<Self, RosterError> {
        let mut points = Vec::with_capacity(keys.len());
        for (key, validator) in keys.iter().zip((0..).map(ValidatorId)) {
            match ed25519_dalek::VerifyingKey::from_bytes(&key.0) {
                Ok(point) if !point.is_weak() => points.push(point),
                _ => return Err(RosterError::Key { validator }),
            }
        }
        Ok(Self {
            keys: points,
            tables: Vec::new(),
        })
    }

    /// As [`new`](Self::new), with a table of multiples for each key.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_tables(keys: &[PublicKey]) -> Result<Self, RosterError> {
        let mut verifier = Self::new(keys)?;
        let points = verifier
            .keys
            .iter()
            .map(ed25519_dalek::VerifyingKey::to_edwards);
        verifier.tables = points.map(|point| Multiples::of(&-point)).collect();
        Ok(verifier)
    }
}

/// How the points of small order are written; an `R` among them is never accepted.
static SMALL: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));

/// The point whose one encoding `R` must be by the strict rule of `ed25519-dalek`'s `verify_strict`:
/// `[s]B − [k]A`. `None` if `s` is not reduced or `R` of small order. The key was seen not to be weak.
fn expected(
    key: &ed25519_dalek::VerifyingKey,
    negatives: &Multiples,
    statement: &[u8],
    signature: &Signature,
) -> Option<EdwardsPoint> {
    let [r, s] = halves(signature);
    let s = Scalar::from_canonical_bytes(s).into_option()?;
    if SMALL.contains(&r) {
        return None;
    }
    let challenge = Sha512::new()
        .chain_update(r)
        .chain_update(key.as_bytes())
        .chain_update(statement);
    let k = Scalar::from_hash(challenge);
    let sum = BASE.add_product(&s, EdwardsPoint::identity());
    Some(negatives.add_product(&k, sum))
}

/// `R` and `s`.
fn halves(signature: &Signature) -> [[u8; 32]; 2] {
    let (halves, _) = signature.0.as_chunks::<32>();
    [halves[0], halves[1]]
}

impl Verifier for Ed25519Verifier {
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool {
        let Ok(index) = usize::try_from(signer.0) else {
            return false;
        };
        match (self.keys.get(index), self.tables.get(index)) {
            (Some(key), Some(table)) => expected(key, table, statement, signature)
                .is_some_and(|point| point.compress().to_bytes() == halves(signature)[0]),
            (Some(key), None) => {
                let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
                key.verify_strict(statement, &signature).is_ok()
            }
            (None, _) => false,
        }
    }

    /// With tables the points of all are encoded together, which takes one inversion instead of
    /// one each: nothing is added up, so that each signature still stands for itself.
    fn are_signed(&self, mut said: &mut dyn Iterator<Item = Said>) -> bool {
        if self.tables.is_empty() {
            return Iterator::all(&mut said, |(signer, statement, signature)| {
                self.is_signed(signer, &statement, &signature)
            });
        }
        let (mut points, mut encodings) = (Vec::new(), Vec::new());
        for (signer, statement, signature) in said {
            let index = signer.0 as usize;
            let point = match (self.keys.get(index), self.tables.get(index)) {
                (Some(key), Some(table)) => expected(key, table, &statement, &signature),
                _ => None,
            };
            let Some(point) = point else {
                return false;
            };
            points.push(point);
            encodings.push(CompressedEdwardsY(halves(&signature)[0]));
        }
        EdwardsPoint::compress_batch_alloc(&points) == encodings
    }
}

impl fmt::Debug for Ed25519Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Verifier")
            .field("keys", &self.keys)
            .field("has_tables", &!self.tables.is_empty())
            .finish()
    }
}
