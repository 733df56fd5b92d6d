//! Names: of assets, inline and hashed once, so that a lookup in a hot loop touches no heap; and of what else is named.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// The most bytes that a name has.
pub const NAME_BYTES_MAX: usize = 64;

/// The name of an asset: 1 to 64 printable ASCII characters without a space.
#[derive(Clone, Copy, Eq)]
pub struct Asset {
    hash: u64,
    bytes: [u8; NAME_BYTES_MAX],
}

impl PartialEq for Asset {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Without an early way out the comparison stays in registers; a slice's would be a call.
        let (ours, theirs) = (self.bytes.as_chunks::<8>().0, other.bytes.as_chunks::<8>().0);
        let differ = |sum: u64, (a, b): (&[u8; 8], &[u8; 8])| sum | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b));
        self.hash == other.hash && ours.iter().zip(theirs).fold(0, differ) == 0
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 printable ASCII characters without a space")]
pub struct NameError;

/// Checks that a text can name something: a vault, an asset, an order, a fill.
pub fn check_name(text: &str) -> Result<(), NameError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(NameError) }
}

impl Asset {
    /// The asset of that name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        let mut bytes = [0; NAME_BYTES_MAX];
        let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a
        for (slot, byte) in bytes.iter_mut().zip(name.bytes()) {
            *slot = byte;
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(Self { hash, bytes })
    }

    /// The name.
    pub fn name(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES_MAX);
        // INVARIANT: only ASCII gets in.
        self.bytes.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

impl Hash for Asset {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for Asset {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Asset {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Takes over the hash that an [`Asset`] carries.
#[derive(Clone, Copy, Default)]
pub struct CarriedHash(u64);

/// Builds [`CarriedHash`]: the same in every process, so nothing depends on a random seed.
pub type CarriedHashBuilder = BuildHasherDefault<CarriedHash>;

impl Hasher for CarriedHash {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_bounded() {
        let longest = "A".repeat(64);
        for name in ["BTC", "BTC/USDT:USDT-250627-100000-C", longest.as_str()] {
            assert_eq!(Asset::new(name).unwrap().name(), name);
        }
        for name in ["", "BTC USD", "BTC\n", "\0", "BТC", &"A".repeat(65)] {
            assert_eq!(Asset::new(name), Err(NameError), "{name:?}");
        }
    }
}
