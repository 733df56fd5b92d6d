//! A signed note: what a vault's journal says on a topic, for whoever does not have the journal.

use crate::custody::{NoteMessage, VaultKeys, verify};
use crate::journal::{Hash, Stamp};

const SIGNATURE_BYTES: usize = 64;

/// A note with its place in the chain. As a token it is followed by the signature of the vault's head key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Whose note.
    pub vault_id: String,
    /// Its record.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// The hash of the chain up to it.
    pub hash: Hash,
    /// What it is about.
    pub topic: String,
    /// The text.
    pub text: String,
}

/// Why a token attests nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// It cannot be read.
    #[error("the bytes are no attested note")]
    Malformed,
    /// It is another vault's.
    #[error("the note is of another vault")]
    Vault,
    /// Someone else signed it, or nobody.
    #[error("the signature is not by this vault's head key")]
    Signature,
}

impl Attestation {
    pub(crate) fn of(vault_id: &str, sequence: u64, stamp: &Stamp, topic: &str, text: &str) -> Self {
        let Stamp { epoch, hash } = *stamp;
        let (vault_id, topic, text) = (vault_id.to_owned(), topic.to_owned(), text.to_owned());
        Self { vault_id, sequence, epoch, hash, topic, text }
    }

    fn message(&self) -> NoteMessage {
        let mut bytes = Vec::with_capacity(256);
        for name in [&self.vault_id, &self.topic] {
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(self.text.as_bytes());
        NoteMessage::new(&bytes)
    }

    /// The token: the message and its signature.
    pub(crate) fn signed(&self, keys: &VaultKeys) -> Vec<u8> {
        let message = self.message();
        let mut token = message.bytes().to_vec();
        token.extend_from_slice(&keys.sign_note(&message));
        token
    }

    /// What a token says, where this vault's head key signed it.
    pub fn verified(token: &[u8], head_key: &[u8; 32], vault_id: &str) -> Result<Self, AttestationError> {
        let (note, signature) = Self::parse(token).ok_or(AttestationError::Malformed)?;
        if note.vault_id != vault_id {
            return Err(AttestationError::Vault);
        }
        let is_signed = verify(head_key, note.message().bytes(), &signature);
        is_signed.then_some(note).ok_or(AttestationError::Signature)
    }

    fn parse(token: &[u8]) -> Option<(Self, [u8; SIGNATURE_BYTES])> {
        let (message, signature) = token.split_last_chunk::<SIGNATURE_BYTES>()?;
        let mut rest = message.strip_prefix(NoteMessage::DOMAIN)?;
        let vault_id = take_name(&mut rest)?;
        let topic = take_name(&mut rest)?;
        let (sequence, after) = rest.split_first_chunk()?;
        let (epoch, after) = after.split_first_chunk()?;
        let (hash, text) = after.split_first_chunk()?;
        let text = std::str::from_utf8(text).ok()?.to_owned();
        let (sequence, epoch) = (u64::from_be_bytes(*sequence), u64::from_be_bytes(*epoch));
        Some((Self { vault_id, sequence, epoch, hash: *hash, topic, text }, *signature))
    }
}

fn take_name(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first()?;
    let (name, after) = after.split_at_checked(usize::from(*length))?;
    *rest = after;
    let name = std::str::from_utf8(name).ok()?;
    gxrisk_core::asset::check_name(name).ok()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_altered_bit_is_refused() {
        let (keys, others) = (VaultKeys::generate().unwrap(), VaultKeys::generate().expect("keys"));
        let stamp = Stamp { epoch: 3, hash: [7; 32] };
        let note = Attestation::of("paper", 12, &stamp, "certificate", "{\"sharpe\": \"1.5\"}");
        let token = note.signed(&keys);
        let key = keys.head_public();
        assert_eq!(Attestation::verified(&token, &key, "paper"), Ok(note));
        assert_eq!(Attestation::verified(&token, &key, "other"), Err(AttestationError::Vault));
        assert_eq!(Attestation::verified(&token, &others.head_public(), "paper"), Err(AttestationError::Signature));
        assert_eq!(Attestation::verified(&token, &keys.wallet_public(), "paper"), Err(AttestationError::Signature));
        for bit in 0..token.len() * 8 {
            let mut altered = token.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(Attestation::verified(&altered, &key, "paper").is_err(), "bit {bit}");
        }
        for length in 0..token.len() {
            assert!(Attestation::verified(&token[..length], &key, "paper").is_err(), "{length} bytes");
        }
    }
}
