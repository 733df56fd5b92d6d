//! What can go wrong with keys and their files.

use std::io;
use std::path::{Path, PathBuf};

use super::canonical::NameError;
use super::passphrase::PassphraseError;
use super::seal::SealError;

/// Why keys could not be made, kept or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// The system refused.
    #[error("{path}: could not {action}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        cause: String,
    },
    /// There is no such file.
    #[error("{path}: there is no such file; name the file that the keys were sealed to, or make keys first")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is there already.
    #[error("{path}: the file is there already, and keys are never written over; choose another name or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may use the file.
    #[error(
        "{path}: its mode is {mode:03o}, so group or others may use it; only 600 or less is taken: chmod 600 {path}"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file was refused.
    #[error("{path}: {problem}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: SealError,
    },
    /// The key file was made for another vault.
    #[error("{path}: the keys are those of `{seen}`, not of `{expected}`; name the key file of `{expected}`")]
    Label {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        seen: String,
        /// The name that was asked for.
        expected: String,
    },
    /// Neither the key file nor its successor holds the wallet key that the journal names.
    #[error(
        "{path}: the journal names the wallet key {expected}, but the key files hold {seen}; \
         put back the key file that belongs to this journal"
    )]
    OtherKeys {
        /// The file.
        path: PathBuf,
        /// The public key on record, in hex.
        expected: String,
        /// The public keys found, in hex.
        seen: String,
    },
    /// The passphrase cannot be used.
    #[error("{origin}: {problem}")]
    Passphrase {
        /// Where it was read.
        origin: String,
        /// Why.
        problem: PassphraseError,
    },
    /// A public key is none.
    #[error("{seen} is no Ed25519 public key that can sign; give the 32 bytes that its owner's key file shows")]
    PublicKey {
        /// The bytes, in hex.
        seen: String,
    },
    /// A vault's id or an owner's name cannot be written.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {cause}; no key was made, try again")]
    Random {
        /// What the system said.
        cause: String,
    },
}

impl CustodyError {
    /// The system's refusal to do something with a file.
    pub(crate) fn io(path: &Path, action: &'static str, cause: &io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::NotFound if action == "open" => Self::Missing { path },
            _ => Self::Io { path, action, cause: cause.to_string() },
        }
    }

    /// The refusal of what a file holds.
    pub(super) fn key_file(path: &Path, problem: SealError) -> Self {
        Self::KeyFile { path: path.to_owned(), problem }
    }
}
