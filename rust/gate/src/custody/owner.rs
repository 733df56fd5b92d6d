//! The owner's key: it signs withdrawals and reactivations, and names the key that comes after it.
//!
//! A successor is signed as `"gxrisk owner key v1\n"`, the vault id (one byte of length, then the characters) and the
//! 32 bytes of the new public key.

use std::path::Path;

use super::canonical::{Hex, NameError, VAULT_ID};
use super::error::CustodyError;
use super::file;
use super::key::{Signer, is_usable, verify};
use super::passphrase::Passphrase;
use super::reactivation::ReactivationRequest;
use super::seal::{FILE_BYTES_MAX, Kind, Sealed, seal};
use super::withdrawal::WithdrawalRequest;

const SUCCESSOR_DOMAIN: &[u8] = b"gxrisk owner key v1\n";

/// The key of a vault's owner. A gate never needs it: it is for the owner's own machine.
#[derive(Debug)]
pub struct OwnerKey {
    label: String,
    key: Signer,
}

impl OwnerKey {
    /// A new key, sealed to a new file under a name of the owner's choice.
    pub fn create(path: &Path, label: &str, passphrase: &Passphrase) -> Result<Self, CustodyError> {
        let key = Signer::generate()?;
        file::create(path, &seal(path, Kind::Owner, label, &[&key], passphrase)?)?;
        Ok(Self { label: label.to_owned(), key })
    }

    /// Opens a key file.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, CustodyError> {
        let bytes = file::read(path, FILE_BYTES_MAX)?;
        let opened = Sealed::parse(bytes.bytes(), Kind::Owner).and_then(|sealed| {
            let [key] = sealed.open(passphrase)?;
            Ok(Self { label: sealed.label.to_owned(), key })
        });
        opened.map_err(|problem| CustodyError::key_file(path, problem))
    }

    /// The public half in a key file, which needs no passphrase; only opening the file shows that it is the right one.
    pub fn public_of(path: &Path) -> Result<[u8; 32], CustodyError> {
        let bytes = file::read(path, FILE_BYTES_MAX)?;
        let sealed =
            Sealed::parse(bytes.bytes(), Kind::Owner).map_err(|problem| CustodyError::key_file(path, problem))?;
        let [public] = sealed.public();
        Ok(public)
    }

    /// The owner's name for it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The half that a gate knows.
    pub fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    /// Signs a withdrawal: the whole token.
    pub fn sign_withdrawal(&self, request: &WithdrawalRequest) -> Vec<u8> {
        self.signed(request.message())
    }

    /// Signs a reactivation: the whole token.
    pub fn sign_reactivation(&self, request: &ReactivationRequest) -> Vec<u8> {
        self.signed(request.message())
    }

    fn signed(&self, mut message: Vec<u8>) -> Vec<u8> {
        let signature = self.key.sign(&message);
        message.extend_from_slice(&signature);
        message
    }

    /// Signs that another key is the owner's of a vault from now on.
    pub fn sign_successor(&self, vault_id: &str, new_public: &[u8; 32]) -> Result<[u8; 64], CustodyError> {
        if !is_usable(new_public) {
            return Err(CustodyError::PublicKey { seen: Hex(new_public).to_string() });
        }
        Ok(self.key.sign(&successor_message(vault_id, new_public)?))
    }
}

/// Whether the owner of a vault named a successor, and one that can sign.
pub fn check_successor(old_public: &[u8; 32], vault_id: &str, new_public: &[u8; 32], signature: &[u8; 64]) -> bool {
    let message = successor_message(vault_id, new_public);
    is_usable(new_public) && message.is_ok_and(|message| verify(old_public, &message, signature))
}

fn successor_message(vault_id: &str, new_public: &[u8; 32]) -> Result<Vec<u8>, NameError> {
    let mut message = SUCCESSOR_DOMAIN.to_vec();
    VAULT_ID.write(vault_id, &mut message)?;
    message.extend_from_slice(new_public);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::file::Scratch;
    use crate::custody::{SealError, VaultKeys};

    /// The seed of 32 times 0x33 names the key of 32 times 0x44 for `growth-1`; made by Python's cryptography.
    const VECTOR: &str = "\
        55828e8a7090a401ad2e863bfb92c96e8a9a9dacb56e6b0f3b84e5ea62af96cfe31ca7bbcd4f2062a268e93e4fe84be30c61\
        5d1d9edb3b1a80eee6363ee0180e";

    fn owner(byte: u8) -> OwnerKey {
        OwnerKey { label: "Ann".into(), key: Signer::from_seed(&[byte; 32]).unwrap() }
    }

    #[test]
    fn a_key_is_opened_as_it_was_created() {
        let scratch = Scratch::new();
        let path = scratch.file("owner");
        let passphrase = Passphrase::new("correct horse battery staple".into()).unwrap();
        let key = OwnerKey::create(&path, "Ann", &passphrase).unwrap();
        let opened = OwnerKey::open(&path, &passphrase).unwrap();
        assert_eq!((opened.public(), opened.label()), (key.public(), "Ann"));
        assert_eq!(OwnerKey::public_of(&path), Ok(key.public()));
        let again = OwnerKey::create(&path, "Ann", &passphrase).unwrap_err();
        assert_eq!(again, CustodyError::Exists { path: path.clone() });
        let as_vault = VaultKeys::open(&path, "Ann", &passphrase, None).unwrap_err();
        let problem = SealError::Kind { seen: 2, expected: 1 };
        assert_eq!(as_vault, CustodyError::KeyFile { path: path.clone(), problem });
        let wrong = Passphrase::new("something else entirely".into()).unwrap();
        let refused = OwnerKey::open(&path, &wrong).unwrap_err();
        assert_eq!(refused, CustodyError::KeyFile { path, problem: SealError::Refused });
    }

    #[test]
    fn a_successor_is_named_by_the_owner_for_one_vault() {
        let new = owner(4).public();
        let signature = owner(3).sign_successor("growth-1", &new).unwrap();
        let rows = [
            ("as signed", owner(3).public(), "growth-1", new, true),
            ("another owner", owner(5).public(), "growth-1", new, false),
            ("another vault", owner(3).public(), "growth-2", new, false),
            ("no vault", owner(3).public(), "", new, false),
            ("another successor", owner(3).public(), "growth-1", owner(5).public(), false),
        ];
        for (case, old, vault_id, new, expected) in rows {
            assert_eq!(check_successor(&old, vault_id, &new, &signature), expected, "{case}");
        }
        for bit in 0..512 {
            let mut altered = signature;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!check_successor(&owner(3).public(), "growth-1", &new, &altered), "bit {bit}");
        }
    }

    #[test]
    fn the_vector() {
        let signature = owner(0x33).sign_successor("growth-1", &owner(0x44).public()).unwrap();
        assert_eq!(Hex(&signature).to_string(), VECTOR);
    }

    #[test]
    fn a_successor_can_sign() {
        let mut weak = [0; 32];
        weak[0] = 1;
        assert!(matches!(owner(3).sign_successor("growth-1", &weak), Err(CustodyError::PublicKey { .. })));
        let signature = owner(3).key.sign(&successor_message("growth-1", &weak).unwrap());
        assert!(!check_successor(&owner(3).public(), "growth-1", &weak, &signature));
        assert!(matches!(owner(3).sign_successor("", &owner(4).public()), Err(CustodyError::Name(_))));
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", owner(0x11));
        assert!(!shown.contains("1111") && !shown.contains("17, 17"), "{shown}");
    }
}
