//! One Ed25519 key pair, and the check of a signature.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::canonical::Hex;
use super::error::CustodyError;
use super::secret::Secret;

/// The length of a seed, the secret half.
pub(super) const SEED_BYTES: usize = 32;

/// A key pair that signs. It is boxed, so that moving it leaves no copies; dropping it wipes it.
pub(super) struct Signer(Box<SigningKey>);

/// INVARIANT: the library wipes its keys, which one of its features could switch off.
const _: () = {
    const fn is_wiped<Key: zeroize::ZeroizeOnDrop>() {}
    is_wiped::<SigningKey>();
};

impl Signer {
    /// A new key from the system's random bytes.
    pub(super) fn generate() -> Result<Self, CustodyError> {
        let seed = Secret::random(SEED_BYTES)?;
        // INVARIANT: the seed is as long as it was asked for.
        Self::from_seed(seed.bytes()).ok_or_else(|| CustodyError::Random { cause: "too few".into() })
    }

    /// The key of a seed; `None` unless the seed has 32 bytes.
    pub(super) fn from_seed(seed: &[u8]) -> Option<Self> {
        Some(Self(Box::new(SigningKey::from_bytes(seed.try_into().ok()?))))
    }

    /// The secret half, to be sealed.
    pub(super) fn seed(&self) -> &[u8; SEED_BYTES] {
        self.0.as_bytes()
    }

    /// The public half.
    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", Hex(&self.public()))
    }
}

/// Whether a signature is that of a message by a key.
///
/// Strict (`verify_strict` of ed25519-dalek): keys and commitments of low order, scalars that are not reduced and
/// encodings that are not canonical are refused, so that a signature has one form and binds one message.
pub fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// Whether a public key can have signed anything: a point of the curve, of full order.
pub(super) fn is_usable(public: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(public).is_ok_and(|key| !key.is_weak())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Verifier as _;

    use super::*;

    /// The order of the group, little endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn signer() -> Signer {
        Signer::from_seed(&[7; 32]).unwrap()
    }

    #[test]
    fn a_signature_binds_key_and_message() {
        let signature = signer().sign(b"message");
        assert!(verify(&signer().public(), b"message", &signature));
        assert!(!verify(&signer().public(), b"massage", &signature));
        assert!(!verify(&Signer::generate().unwrap().public(), b"message", &signature));
    }

    #[test]
    fn a_seed_has_32_bytes() {
        assert!(Signer::from_seed(&[7; 31]).is_none());
        assert!(Signer::from_seed(&[7; 33]).is_none());
    }

    #[test]
    fn a_scalar_that_is_not_reduced_is_refused() {
        let mut signature = signer().sign(b"message");
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!verify(&signer().public(), b"message", &signature));
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        // The identity as key and commitment, zero as scalar: the lenient equation holds for every message.
        let mut public = [0; 32];
        public[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let lenient = VerifyingKey::from_bytes(&public).unwrap();
        assert!(lenient.verify(b"anything", &Signature::from_bytes(&signature)).is_ok());
        assert!(!verify(&public, b"anything", &signature));
        assert!(!is_usable(&public));
        assert!(is_usable(&signer().public()));
    }

    #[test]
    fn a_commitment_of_low_order_is_refused() {
        let mut signature = signer().sign(b"message");
        signature[..32].fill(0);
        signature[0] = 1;
        assert!(!verify(&signer().public(), b"message", &signature));
    }

    #[test]
    fn the_seed_is_not_shown() {
        let shown = format!("{:?}", signer());
        assert_eq!(shown, format!("Signer({})", Hex(&signer().public())));
        assert!(!shown.contains("0707"));
    }
}
