//! The sealed key file: Ed25519 seeds under a passphrase.
//!
//! ```text
//! magic           14   "gxrisk key v1\n"
//! kind             1   1 = vault (wallet, head), 2 = owner
//! label          1+n   its length, then 1 to 64 printable ASCII characters: the vault id, or the owner's name
//! m_kib, t, p    4x3   Argon2id's memory in KiB, passes and lanes; big endian
//! salt            16
//! nonce           12
//! public        32xk   the public halves; k = 2 for a vault, 1 for an owner
//! ciphertext 32xk+16   ChaCha20-Poly1305 of the seeds, in the order of the public halves, then the tag
//! ```
//!
//! The key is Argon2id version 0x13 (RFC 9106) of passphrase and salt, 32 bytes, without secret or associated data. The
//! cipher is that of RFC 8439; everything before the ciphertext is its associated data. Nothing may follow.

use std::path::Path;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use zeroize::Zeroize as _;

use super::canonical::{LABEL, NameError, Reader};
use super::error::CustodyError;
use super::key::{SEED_BYTES, Signer};
use super::passphrase::Passphrase;
use super::secret::{Secret, random};

const MAGIC: &[u8] = b"gxrisk key v1\n";
const MAGIC_STEM: &[u8] = b"gxrisk key v";
const TAG_BYTES: usize = 16;
/// No file of this version is as long.
pub(super) const FILE_BYTES_MAX: usize = 1024;

/// Why a key file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is something else.
    #[error("this is not a gxrisk key file; name one that begins with `gxrisk key v1`")]
    NotAKeyFile,
    /// A later version wrote it.
    #[error("the key file was made by a newer gxrisk (this one reads version 1); use that one, or a later one")]
    Newer,
    /// It ends too early.
    #[error("the key file ends too early: it was cut; put back a whole copy")]
    Truncated,
    /// Something follows.
    #[error("the key file has {seen} bytes after its end; put back an unaltered copy")]
    Trailing {
        /// How many were read.
        seen: usize,
    },
    /// The kind is another one.
    #[error(
        "the key file is of kind {seen}, and kind {expected} is needed (1 = vault, 2 = owner); name the right file"
    )]
    Kind {
        /// The kind in the file.
        seen: u8,
        /// The kind that was asked for.
        expected: u8,
    },
    /// The label is none that can be.
    #[error(transparent)]
    Label(#[from] NameError),
    /// The cost is out of bounds.
    #[error(
        "the key file asks for {m_kib} KiB, {t} passes and {p} lanes of Argon2id; at most {KIB} KiB, {PASSES} passes \
         and {LANES} lanes are done, and 8 KiB a lane at least; put back an unaltered copy",
        KIB = Cost::MAX.m_kib, PASSES = Cost::MAX.t, LANES = Cost::MAX.p
    )]
    Cost {
        /// The memory in KiB.
        m_kib: u32,
        /// The passes.
        t: u32,
        /// The lanes.
        p: u32,
    },
    /// The tag does not fit. Which of the two it was cannot be told.
    #[error("the passphrase is wrong or the file was altered")]
    Refused,
    /// The halves do not belong together.
    #[error("the public keys in the key file are not those of its secret keys; make new keys")]
    Mismatch,
    /// The memory for Argon2id was not to be had.
    #[error("there is no memory of {m_kib} KiB to derive the key in; free some")]
    Memory {
        /// The memory in KiB.
        m_kib: u32,
    },
}

/// What a key file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The wallet and the head key of a vault.
    Vault = 1,
    /// The key of an owner.
    Owner = 2,
}

impl Kind {
    /// How many keys it holds.
    fn keys(self) -> usize {
        match self {
            Self::Vault => 2,
            Self::Owner => 1,
        }
    }
}

/// What deriving the key costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    m_kib: u32,
    t: u32,
    p: u32,
}

impl Cost {
    /// What new files get: the second recommended option of RFC 9106, section 4, at half its memory; some 80 ms.
    const NEW: Self = Self { m_kib: 32 * 1024, t: 3, p: 4 };
    /// What is done for a file at most: a hostile one gets some seconds and 256 MiB.
    const MAX: Self = Self { m_kib: 256 * 1024, t: 16, p: 16 };

    fn params(self) -> Result<Params, SealError> {
        let Self { m_kib, t, p } = self;
        let is_bounded = m_kib <= Self::MAX.m_kib && t <= Self::MAX.t && p <= Self::MAX.p;
        let params = Params::new(m_kib, t, p, Some(32)).ok().filter(|_| is_bounded);
        params.ok_or(SealError::Cost { m_kib, t, p })
    }

    /// The cipher of a passphrase and a salt.
    fn cipher(self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<ChaCha20Poly1305, SealError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params()?);
        let length = argon2.params().block_count();
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(length).map_err(|_| SealError::Memory { m_kib: self.m_kib })?;
        blocks.resize(length, Block::new());
        let mut key = Secret::zeros(32);
        let derived = argon2.hash_password_into_with_memory(passphrase.bytes(), salt, key.bytes_mut(), &mut blocks[..]);
        // What is left there gives the key away.
        for block in &mut blocks {
            block.as_mut().zeroize();
        }
        // INVARIANT: the lengths of passphrase, salt and key are in Argon2's bounds, so that neither fails.
        derived.map_err(|_| SealError::Refused)?;
        ChaCha20Poly1305::new_from_slice(key.bytes()).map_err(|_| SealError::Refused)
    }
}

/// Seals keys: the bytes of a key file. The path is named in errors.
pub(super) fn seal(
    path: &Path,
    kind: Kind,
    label: &str,
    keys: &[&Signer],
    passphrase: &Passphrase,
) -> Result<Vec<u8>, CustodyError> {
    let (salt, nonce) = (random()?, random()?);
    let sealed = seal_with(kind, label, keys, passphrase, Cost::NEW, &salt, &nonce);
    sealed.map_err(|problem| CustodyError::key_file(path, problem))
}

fn seal_with(
    kind: Kind,
    label: &str,
    keys: &[&Signer],
    passphrase: &Passphrase,
    cost: Cost,
    salt: &[u8; 16],
    nonce: &[u8; 12],
) -> Result<Vec<u8>, SealError> {
    // INVARIANT: a kind's keys are always passed in its number; a file of another shape could not be read again.
    debug_assert_eq!(keys.len(), kind.keys());
    let mut file = MAGIC.to_vec();
    file.push(kind as u8);
    LABEL.write(label, &mut file)?;
    for number in [cost.m_kib, cost.t, cost.p] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    file.extend_from_slice(salt);
    file.extend_from_slice(nonce);
    for key in keys {
        file.extend_from_slice(&key.public());
    }
    let mut sealed = Secret::new(Vec::with_capacity(keys.len() * SEED_BYTES + TAG_BYTES));
    for key in keys {
        sealed.bytes_mut().extend_from_slice(key.seed());
    }
    let cipher = cost.cipher(passphrase, salt)?;
    cipher.encrypt_in_place(nonce.into(), &file, sealed.bytes_mut()).map_err(|_| SealError::Refused)?;
    file.extend_from_slice(sealed.bytes());
    Ok(file)
}

/// A key file, read but not opened. Nothing in it is to be believed before it is.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    /// Whose keys they are.
    pub(super) label: &'a str,
    /// The public halves, one after another.
    public: &'a [u8],
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 12],
    /// Everything before the ciphertext.
    header: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// Reads a key file of a kind.
    pub(super) fn parse(file: &'a [u8], kind: Kind) -> Result<Self, SealError> {
        let rest = after_magic(file)?;
        let mut reader = Reader(rest);
        let [seen] = reader.array().ok_or(SealError::Truncated)?;
        if seen != kind as u8 {
            return Err(SealError::Kind { seen, expected: kind as u8 });
        }
        let label = LABEL.check(reader.counted().ok_or(SealError::Truncated)?)?;
        let mut number = || reader.array().map(u32::from_be_bytes).ok_or(SealError::Truncated);
        let cost = Cost { m_kib: number()?, t: number()?, p: number()? };
        cost.params()?;
        let salt = reader.array().ok_or(SealError::Truncated)?;
        let nonce = reader.array().ok_or(SealError::Truncated)?;
        let length = kind.keys() * SEED_BYTES;
        let public = reader.slice(length).ok_or(SealError::Truncated)?;
        let header = &file[..file.len() - reader.0.len()];
        let ciphertext = reader.slice(length + TAG_BYTES).ok_or(SealError::Truncated)?;
        match reader.0.len() {
            0 => Ok(Self { label, public, cost, salt, nonce, header, ciphertext }),
            seen => Err(SealError::Trailing { seen }),
        }
    }

    /// The public halves, in their order. The number of keys is that of the kind it was read as.
    pub(super) fn public<const KEYS: usize>(&self) -> [[u8; 32]; KEYS] {
        // INVARIANT: parsing took 32 bytes for each key of the kind.
        std::array::from_fn(|at| self.public[at * 32..][..32].try_into().unwrap_or_default())
    }

    /// Opens it. The number of keys is that of the kind it was read as.
    pub(super) fn open<const KEYS: usize>(&self, passphrase: &Passphrase) -> Result<[Signer; KEYS], SealError> {
        let cipher = self.cost.cipher(passphrase, &self.salt)?;
        let mut seeds = Secret::new(self.ciphertext.to_vec());
        let opened = cipher.decrypt_in_place(&self.nonce.into(), self.header, seeds.bytes_mut());
        opened.map_err(|_| SealError::Refused)?;
        let keys: Vec<_> = seeds.bytes().chunks(SEED_BYTES).filter_map(Signer::from_seed).collect();
        if !keys.iter().map(Signer::public).eq(self.public.chunks(SEED_BYTES)) {
            return Err(SealError::Mismatch);
        }
        keys.try_into().map_err(|_| SealError::Mismatch)
    }
}

/// What follows the magic of this version.
fn after_magic(file: &[u8]) -> Result<&[u8], SealError> {
    if let Some(rest) = file.strip_prefix(MAGIC) {
        return Ok(rest);
    }
    if MAGIC.starts_with(file) {
        return Err(SealError::Truncated);
    }
    let digits = file.strip_prefix(MAGIC_STEM).unwrap_or_default();
    let digits = digits.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok());
    Err(if version.is_some_and(|version| version > 1) { SealError::Newer } else { SealError::NotAKeyFile })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::canonical::Hex;

    const CHEAP: Cost = Cost { m_kib: 64, t: 1, p: 1 };
    const SALT: [u8; 16] = *b"sixteen of salt!";
    const NONCE: [u8; 12] = *b"twelve bytes";
    /// Two seeds, 32 times 0x11 and 0x22, for the vault `growth-1`, under `correct horse battery staple`, at 64 KiB,
    /// two passes and four lanes, with the salt and nonce above; made by argon2-cffi and Python's cryptography.
    const VECTOR: &str = "\
        67787269736b206b65792076310a010867726f7774682d310000004000000002000000047369787465656e206f662073616c\
        74217477656c7665206279746573d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737a09aa5f4\
        7a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f02aa907feebb78b08b69e21c2617104d8f68ec9327181\
        a91544beeade05d66402cdb2a1e0b3218ab2b81fa6db3b061fe102e898da307e3219e63dce667c0a5de9a3187c54dde38257\
        639b7a90fa9d05b1";

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse battery staple".into()).unwrap()
    }

    fn signer(byte: u8) -> Signer {
        Signer::from_seed(&[byte; 32]).unwrap()
    }

    fn vault_file() -> Vec<u8> {
        let keys = [&signer(0x11), &signer(0x22)];
        seal_with(Kind::Vault, "growth-1", &keys, &passphrase(), CHEAP, &SALT, &NONCE).unwrap()
    }

    fn open_vault(file: &[u8], passphrase: &Passphrase) -> Result<[Signer; 2], SealError> {
        Sealed::parse(file, Kind::Vault)?.open(passphrase)
    }

    #[test]
    fn the_vector() {
        let keys = [&signer(0x11), &signer(0x22)];
        let cost = Cost { m_kib: 64, t: 2, p: 4 };
        let file = seal_with(Kind::Vault, "growth-1", &keys, &passphrase(), cost, &SALT, &NONCE).unwrap();
        assert_eq!(Hex(&file).to_string(), VECTOR);
    }

    #[test]
    fn a_round_trip() {
        let file = vault_file();
        let sealed = Sealed::parse(&file, Kind::Vault).unwrap();
        assert_eq!(sealed.label, "growth-1");
        assert_eq!(sealed.public(), [signer(0x11).public(), signer(0x22).public()]);
        let [wallet, head] = sealed.open(&passphrase()).unwrap();
        assert_eq!((wallet.seed(), head.seed()), (&[0x11; 32], &[0x22; 32]));
        let owner = seal_with(Kind::Owner, "Ann", &[&signer(3)], &passphrase(), CHEAP, &SALT, &NONCE).unwrap();
        let [key] = Sealed::parse(&owner, Kind::Owner).unwrap().open(&passphrase()).unwrap();
        assert_eq!(key.seed(), &[3; 32]);
    }

    #[test]
    fn new_files_cost_what_they_should_and_differ() {
        let keys = [&signer(0x11), &signer(0x22)];
        let new = || seal(Path::new("k"), Kind::Vault, "growth-1", &keys, &passphrase()).unwrap();
        let (one, two) = (new(), new());
        let (one, two) = (Sealed::parse(&one, Kind::Vault).unwrap(), Sealed::parse(&two, Kind::Vault).unwrap());
        assert_eq!(one.cost, Cost::NEW);
        assert!(one.salt != two.salt && one.nonce != two.nonce && one.ciphertext != two.ciphertext);
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let file = vault_file();
        for bit in 0..file.len() * 8 {
            let mut altered = file.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open_vault(&altered, &passphrase()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_other_length_is_refused() {
        let mut file = vault_file();
        for length in 0..file.len() {
            assert_eq!(open_vault(&file[..length], &passphrase()).unwrap_err(), SealError::Truncated, "{length}");
        }
        file.push(0);
        assert_eq!(open_vault(&file, &passphrase()).unwrap_err(), SealError::Trailing { seen: 1 });
    }

    #[test]
    fn other_files_are_told_apart() {
        let rows: [(&[u8], SealError); 9] = [
            (b"", SealError::Truncated),
            (b"gxrisk key v", SealError::Truncated),
            (b"gxrisk key v2\n", SealError::Newer),
            (b"gxrisk key v10\nwhatever", SealError::Newer),
            (b"gxrisk key v1 ", SealError::NotAKeyFile),
            (b"gxrisk key v0\n", SealError::NotAKeyFile),
            (b"gxrisk withdrawal v1\n", SealError::NotAKeyFile),
            (b"-----BEGIN PRIVATE KEY-----", SealError::NotAKeyFile),
            (b"gxrisk key v1\n\x02", SealError::Kind { seen: 2, expected: 1 }),
        ];
        for (file, expected) in rows {
            assert_eq!(Sealed::parse(file, Kind::Vault).unwrap_err(), expected, "{}", file.escape_ascii());
        }
    }

    #[test]
    fn a_wrong_passphrase_is_refused() {
        for wrong in ["correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple"] {
            let wrong = Passphrase::new(wrong.into()).unwrap();
            let error = open_vault(&vault_file(), &wrong).unwrap_err();
            assert_eq!(error.to_string(), "the passphrase is wrong or the file was altered");
        }
    }

    #[test]
    fn a_hostile_cost_is_refused_before_anything_is_derived() {
        let at = MAGIC.len() + 1 + 1 + "growth-1".len();
        let rows: [(u32, u32, u32, bool); 11] = [
            (256 * 1024, 16, 16, true),
            (256 * 1024 + 1, 16, 16, false),
            (256 * 1024, 17, 16, false),
            (256 * 1024, 16, 17, false),
            (100 * 1024 * 1024, 1, 1, false),
            (u32::MAX, u32::MAX, u32::MAX, false),
            (8, 1, 1, true),
            (7, 1, 1, false),
            (8, 1, 2, false),
            (8, 0, 1, false),
            (8, 1, 0, false),
        ];
        for (m_kib, t, p, is_taken) in rows {
            let mut file = vault_file();
            file[at..at + 12].copy_from_slice(&[m_kib, t, p].map(u32::to_be_bytes).concat());
            let expected = if is_taken { Ok(()) } else { Err(SealError::Cost { m_kib, t, p }) };
            assert_eq!(Sealed::parse(&file, Kind::Vault).map(|_| ()), expected);
        }
        let text = SealError::Cost { m_kib: 1 << 30, t: 1, p: 1 }.to_string();
        assert!(text.contains("at most 262144 KiB, 16 passes and 16 lanes"), "{text}");
    }

    #[test]
    fn labels() {
        let seal = |label: &str| seal_with(Kind::Owner, label, &[&signer(3)], &passphrase(), CHEAP, &SALT, &NONCE);
        assert!(matches!(seal(""), Err(SealError::Label(_))));
        assert!(matches!(seal(&"x".repeat(65)), Err(SealError::Label(_))));
        assert!(matches!(seal("a\x1b[2J"), Err(SealError::Label(_))));
        assert!(seal(&"x".repeat(64)).is_ok_and(|file| file.len() < FILE_BYTES_MAX));
        let mut file = vault_file();
        file[MAGIC.len() + 2] = 0x1b;
        assert!(matches!(Sealed::parse(&file, Kind::Vault), Err(SealError::Label(_))));
    }

    #[test]
    fn public_halves_that_were_swapped_are_refused_even_by_one_who_knows_the_passphrase() {
        let mut header = vault_file();
        let sealed_bytes = 2 * SEED_BYTES + TAG_BYTES;
        header.truncate(header.len() - sealed_bytes);
        let at = header.len() - 64;
        header[at..].copy_from_slice(&[signer(0x22).public(), signer(0x11).public()].concat());
        let mut sealed = [[0x11; 32], [0x22; 32]].concat();
        let cipher = CHEAP.cipher(&passphrase(), &SALT).unwrap();
        cipher.encrypt_in_place(&NONCE.into(), &header, &mut sealed).unwrap();
        assert_eq!(open_vault(&[header, sealed].concat(), &passphrase()).unwrap_err(), SealError::Mismatch);
    }

    #[test]
    fn no_secret_is_shown() {
        let file = vault_file();
        let shown = format!("{:?} {:?}", Sealed::parse(&file, Kind::Vault).unwrap(), open_vault(&file, &passphrase()));
        for secret in ["1111", "2222", "17, 17", "34, 34", "correct"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
