//! Bytes that nobody else may see.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::error::CustodyError;

/// Secret bytes: wiped when dropped, never shown, never copied.
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// Takes bytes over. What its capacity held before is wiped with it.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Zeros, to be filled in place.
    pub(super) fn zeros(length: usize) -> Self {
        Self(vec![0; length])
    }

    /// Random bytes of the system.
    pub(super) fn random(length: usize) -> Result<Self, CustodyError> {
        let mut secret = Self::zeros(length);
        fill_random(&mut secret.0)?;
        Ok(secret)
    }

    /// The bytes, to be used at once.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be written in place. INVARIANT: callers never grow them past their capacity, which would leave a
    /// copy.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// Fills with random bytes of the system.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), CustodyError> {
    getrandom::fill(bytes).map_err(|error| CustodyError::Random { cause: error.to_string() })
}

/// Random bytes of the system that need not be hidden: salts, nonces.
pub(super) fn random<const N: usize>() -> Result<[u8; N], CustodyError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new(vec![1, 2, 3])), "Secret(..)");
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(Secret::random(32).unwrap().bytes(), Secret::random(32).unwrap().bytes());
        assert_ne!(random::<16>().unwrap(), random::<16>().unwrap());
    }
}
