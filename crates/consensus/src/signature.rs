//! Keys and signatures, and the door to who makes and checks them.

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::error::RosterError;
use crate::quorum::ValidatorId;

/// An ed25519 public key, not yet checked to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

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
}

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
#[derive(Debug, Clone)]
pub struct Ed25519Verifier(Vec<ed25519_dalek::VerifyingKey>);

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
        Ok(Self(points))
    }
}

impl Verifier for Ed25519Verifier {
    fn is_signed(&self, signer: ValidatorId, statement: &[u8], signature: &Signature) -> bool {
        let key = usize::try_from(signer.0)
            .ok()
            .and_then(|index| self.0.get(index));
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.is_some_and(|key| key.verify_strict(statement, &signature).is_ok())
    }
}
