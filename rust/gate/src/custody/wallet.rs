//! A vault's keys: the wallet key signs approvals, the head key signs what the journal says: its chain's head, its notes.

use std::path::{Path, PathBuf};

use super::canonical::Hex;
use super::error::CustodyError;
use super::file;
use super::key::Signer;
use super::passphrase::Passphrase;
use super::seal::{FILE_BYTES_MAX, Kind, Sealed, seal};
use super::secret::Secret;

/// Where the keys that come next are kept until the journal names them.
const NEXT: &str = ".next";

/// The bytes that a wallet key signs: always in the domain of approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApprovalMessage(Vec<u8>);

impl ApprovalMessage {
    /// What its bytes begin with.
    pub(crate) const DOMAIN: &[u8] = b"gxrisk approval v1\n";

    /// Puts the domain before a body.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self([Self::DOMAIN, body].concat())
    }

    /// The signed bytes, domain and all.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes that a head key signs: always in the domain of heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadMessage(Vec<u8>);

impl HeadMessage {
    /// What its bytes begin with.
    pub(crate) const DOMAIN: &[u8] = b"gxrisk head v1\n";

    /// Puts the domain before a body.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self([Self::DOMAIN, body].concat())
    }

    /// The signed bytes, domain and all.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of a note that a head key signs: always in the domain of notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteMessage(Vec<u8>);

impl NoteMessage {
    /// What its bytes begin with.
    pub(crate) const DOMAIN: &[u8] = b"gxrisk note v1\n";

    /// Puts the domain before a body.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self([Self::DOMAIN, body].concat())
    }

    /// The signed bytes, domain and all.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The keys of one vault. They sign what their types allow; nothing reads them back.
///
/// Keys change in three steps, and a crash between any two loses none: [`rotate`](Self::rotate) seals new keys beside
/// the old ones, the caller's journal records their public halves, [`promote`](Self::promote) puts them in the place of
/// the old ones. The journal decides: [`open`](Self::open) takes the file that holds the wallet key which it names.
#[derive(Debug)]
pub struct VaultKeys {
    wallet: Signer,
    head: Signer,
}

impl VaultKeys {
    /// New keys, kept nowhere.
    pub fn generate() -> Result<Self, CustodyError> {
        Ok(Self { wallet: Signer::generate()?, head: Signer::generate()? })
    }

    /// New keys, sealed to a new file.
    pub fn create(path: &Path, vault_id: &str, passphrase: &Passphrase) -> Result<Self, CustodyError> {
        let next = file::beside(path, NEXT);
        if next.symlink_metadata().is_ok() {
            return Err(CustodyError::Exists { path: next });
        }
        let keys = Self::generate()?;
        file::create(path, &keys.seal(path, vault_id, passphrase)?)?;
        Ok(keys)
    }

    /// Opens the keys of a vault: those with the wallet key that the journal names last, be they in `path` or, after a
    /// rotation that was cut short, in `path.next`, which then is promoted. Without a name `path` is taken as it is;
    /// only a vault that has no journal yet may do so.
    pub fn open(
        path: &Path,
        vault_id: &str,
        passphrase: &Passphrase,
        expected_wallet_public: Option<[u8; 32]>,
    ) -> Result<Self, CustodyError> {
        let current = KeyFile::read(path);
        let Some(expected) = expected_wallet_public else {
            return current?.open(vault_id, passphrase);
        };
        if let Ok(file) = &current
            && file.wallet_public == expected
        {
            return file.open(vault_id, passphrase);
        }
        let next = KeyFile::read(&file::beside(path, NEXT));
        if let Ok(file) = &next
            && file.wallet_public == expected
        {
            let keys = file.open(vault_id, passphrase)?;
            file::rename(&file.path, path)?;
            return Ok(keys);
        }
        Err(refusal(path, &expected, [current, next]))
    }

    /// Seals new keys to `path.next` and returns them; these are the vault's keys as long as the journal does not name
    /// the new ones. `path` must hold these, or `path.next` from a rotation that the journal names and that was not
    /// promoted. The passphrase may be a new one.
    pub fn rotate(&self, path: &Path, vault_id: &str, passphrase: &Passphrase) -> Result<Self, CustodyError> {
        // INVARIANT: only a next file that no journal names is replaced, since the keys it named are in `path`.
        self.promote(path)?;
        KeyFile::read(path)?.check_label(vault_id)?;
        let keys = Self::generate()?;
        let next = file::beside(path, NEXT);
        file::replace(&next, &keys.seal(&next, vault_id, passphrase)?)?;
        Ok(keys)
    }

    /// Puts these keys, just rotated and recorded, in the place of the old ones, which are gone then. Nothing is left
    /// to do where they are there already.
    pub fn promote(&self, path: &Path) -> Result<(), CustodyError> {
        let public = self.wallet_public();
        let current = KeyFile::read(path);
        if current.as_ref().is_ok_and(|file| file.wallet_public == public) {
            return Ok(());
        }
        let next = KeyFile::read(&file::beside(path, NEXT));
        match &next {
            Ok(file) if file.wallet_public == public => file::rename(&file.path, path),
            _ => Err(refusal(path, &public, [current, next])),
        }
    }

    /// The key that approvals are checked with.
    pub fn wallet_public(&self) -> [u8; 32] {
        self.wallet.public()
    }

    /// The key that the head of the chain is checked with.
    pub fn head_public(&self) -> [u8; 32] {
        self.head.public()
    }

    /// Signs an approval with the wallet key.
    pub(crate) fn sign_approval(&self, message: &ApprovalMessage) -> [u8; 64] {
        self.wallet.sign(message.bytes())
    }

    /// Signs the head of the chain with the head key.
    pub(crate) fn sign_head(&self, message: &HeadMessage) -> [u8; 64] {
        self.head.sign(message.bytes())
    }

    /// Signs a note with the head key.
    pub(crate) fn sign_note(&self, message: &NoteMessage) -> [u8; 64] {
        self.head.sign(message.bytes())
    }

    fn seal(&self, path: &Path, vault_id: &str, passphrase: &Passphrase) -> Result<Vec<u8>, CustodyError> {
        seal(path, Kind::Vault, vault_id, &[&self.wallet, &self.head], passphrase)
    }
}

/// A vault's key file, read but not opened.
#[derive(Debug)]
struct KeyFile {
    path: PathBuf,
    bytes: Secret,
    label: String,
    /// Nothing vouches for it before the file is opened.
    wallet_public: [u8; 32],
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self, CustodyError> {
        let bytes = file::read(path, FILE_BYTES_MAX)?;
        let sealed =
            Sealed::parse(bytes.bytes(), Kind::Vault).map_err(|problem| CustodyError::key_file(path, problem))?;
        let (label, [wallet_public, _]) = (sealed.label.to_owned(), sealed.public());
        Ok(Self { path: path.to_owned(), label, wallet_public, bytes })
    }

    fn check_label(&self, vault_id: &str) -> Result<(), CustodyError> {
        if self.label == vault_id {
            return Ok(());
        }
        let (path, seen, expected) = (self.path.clone(), self.label.clone(), vault_id.to_owned());
        Err(CustodyError::Label { path, seen, expected })
    }

    fn open(&self, vault_id: &str, passphrase: &Passphrase) -> Result<VaultKeys, CustodyError> {
        self.check_label(vault_id)?;
        let opened = Sealed::parse(self.bytes.bytes(), Kind::Vault).and_then(|sealed| sealed.open(passphrase));
        let [wallet, head] = opened.map_err(|problem| CustodyError::key_file(&self.path, problem))?;
        Ok(VaultKeys { wallet, head })
    }
}

/// Why neither of two files gave the keys: what was wrong with a file that is there, or which keys were found instead.
fn refusal(path: &Path, expected: &[u8; 32], files: [Result<KeyFile, CustodyError>; 2]) -> CustodyError {
    let mut seen = Vec::new();
    for file in files {
        match file {
            Ok(file) => seen.push(Hex(&file.wallet_public).to_string()),
            Err(CustodyError::Missing { .. }) => {}
            Err(error) => return error,
        }
    }
    let path = path.to_owned();
    if seen.is_empty() {
        return CustodyError::Missing { path };
    }
    CustodyError::OtherKeys { path, expected: Hex(expected).to_string(), seen: seen.join(" and ") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::custody::file::Scratch;
    use crate::custody::{SealError, verify};

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse battery staple".into()).unwrap()
    }

    fn open(path: &Path, expected: Option<[u8; 32]>) -> Result<VaultKeys, CustodyError> {
        VaultKeys::open(path, "growth-1", &passphrase(), expected)
    }

    #[test]
    fn keys_are_opened_as_they_were_created() {
        let scratch = Scratch::new();
        let path = scratch.file("keys");
        let keys = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap();
        for expected in [None, Some(keys.wallet_public())] {
            let opened = open(&path, expected).unwrap();
            assert_eq!(opened.wallet_public(), keys.wallet_public());
            assert_eq!(opened.head_public(), keys.head_public());
        }
        assert_ne!(keys.wallet_public(), keys.head_public());
        assert_eq!(scratch.names(), ["keys"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let scratch = Scratch::new();
        let path = scratch.file("keys");
        assert_eq!(open(&path, None).unwrap_err(), CustodyError::Missing { path: path.clone() });
        let keys = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap();
        let before = fs::read(&path).unwrap();
        let again = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap_err();
        assert_eq!(again, CustodyError::Exists { path: path.clone() });
        assert_eq!(fs::read(&path).unwrap(), before);

        let other = VaultKeys::open(&path, "growth-2", &passphrase(), None).unwrap_err();
        assert!(
            other
                .to_string()
                .ends_with("the keys are those of `growth-1`, not of `growth-2`; name the key file of `growth-2`")
        );
        let wrong = Passphrase::new("something else entirely".into()).unwrap();
        let wrong = VaultKeys::open(&path, "growth-1", &wrong, Some(keys.wallet_public())).unwrap_err();
        assert_eq!(wrong, CustodyError::KeyFile { path: path.clone(), problem: SealError::Refused });
        let unknown = open(&path, Some([9; 32])).unwrap_err().to_string();
        assert!(
            unknown.contains(&"09".repeat(32)) && unknown.contains(&Hex(&keys.wallet_public()).to_string()),
            "{unknown}"
        );
        for name in ["", "a\nb"] {
            let refused = VaultKeys::create(&scratch.file("other"), name, &passphrase()).unwrap_err();
            assert!(matches!(refused, CustodyError::KeyFile { problem: SealError::Label(_), .. }));
        }
        assert_eq!(scratch.names(), ["keys"]);
    }

    #[test]
    fn a_signature_is_of_its_kind_only() {
        let keys = VaultKeys::generate().unwrap();
        let (approval, head) = (ApprovalMessage::new(b"body"), HeadMessage::new(b"body"));
        assert_eq!(approval.bytes(), b"gxrisk approval v1\nbody");
        assert_eq!(head.bytes(), b"gxrisk head v1\nbody");
        let (wallet_signature, head_signature) = (keys.sign_approval(&approval), keys.sign_head(&head));
        assert!(verify(&keys.wallet_public(), approval.bytes(), &wallet_signature));
        assert!(verify(&keys.head_public(), head.bytes(), &head_signature));
        assert!(!verify(&keys.wallet_public(), head.bytes(), &wallet_signature));
        assert!(!verify(&keys.head_public(), approval.bytes(), &head_signature));
        assert!(!verify(&keys.wallet_public(), b"body", &wallet_signature));
    }

    /// Every state that a crash can leave, or a careless hand: which files there are, which key the journal names, what
    /// is opened.
    #[test]
    fn a_rotation_that_was_cut_short_loses_no_key() {
        let scratch = Scratch::new();
        let path = scratch.file("keys");
        let next = scratch.file("keys.next");
        let old = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap();
        let new = old.rotate(&path, "growth-1", &passphrase()).unwrap();
        let (old_file, new_file) = (fs::read(&path).unwrap(), fs::read(&next).unwrap());
        let damaged = b"gxrisk key v1\n".to_vec();
        let (old, new) = (old.wallet_public(), new.wallet_public());
        assert_ne!(old, new);
        let rows = [
            ("before", Some(&old_file), None, old, Some("keys")),
            ("written", Some(&old_file), Some(&new_file), old, Some("keys keys.next")),
            ("recorded", Some(&old_file), Some(&new_file), new, Some("keys")),
            ("promoted", Some(&new_file), None, new, Some("keys")),
            ("only next", None, Some(&new_file), new, Some("keys")),
            ("only next, not recorded", None, Some(&new_file), old, None),
            ("an old journal", Some(&new_file), None, old, None),
            ("neither", Some(&old_file), Some(&new_file), [9; 32], None),
            ("no files", None, None, old, None),
            ("next damaged", Some(&old_file), Some(&damaged), old, Some("keys keys.next")),
            ("current damaged", Some(&damaged), Some(&new_file), new, Some("keys")),
            ("the one damaged", Some(&old_file), Some(&damaged), new, None),
        ];
        for (state, current_file, next_file, journal, expected) in rows {
            for (path, file) in [(&path, current_file), (&next, next_file)] {
                let _ = fs::remove_file(path);
                if let Some(file) = file {
                    file::create(path, file).unwrap();
                }
            }
            let before = scratch.names().join(" ");
            match (open(&path, Some(journal)), expected) {
                (Ok(keys), Some(names)) => {
                    assert_eq!(keys.wallet_public(), journal, "{state}");
                    assert_eq!(scratch.names().join(" "), names, "{state}");
                    assert_eq!(open(&path, Some(journal)).unwrap().wallet_public(), journal, "{state}, again");
                }
                (Err(_), None) => assert_eq!(scratch.names().join(" "), before, "{state}"),
                (seen, _) => panic!("{state}: {seen:?}"),
            }
        }
    }

    #[test]
    fn a_rotation_never_drops_the_keys_that_the_journal_names() {
        let scratch = Scratch::new();
        let path = scratch.file("keys");
        let rotate = |keys: &VaultKeys| keys.rotate(&path, "growth-1", &passphrase());
        let first = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap();
        let dropped = rotate(&first).unwrap();
        // The journal did not record that one, so the first keys rotate again.
        let second = rotate(&first).unwrap();
        assert!(matches!(open(&path, Some(dropped.wallet_public())), Err(CustodyError::OtherKeys { .. })));
        assert!(matches!(rotate(&dropped), Err(CustodyError::OtherKeys { .. })));
        // The journal records the second, its promotion is cut short, and it rotates nevertheless.
        let third = rotate(&second).unwrap();
        assert_eq!(open(&path, Some(second.wallet_public())).unwrap().wallet_public(), second.wallet_public());
        third.promote(&path).unwrap();
        third.promote(&path).unwrap();
        assert_eq!(scratch.names(), ["keys"]);
        assert!(matches!(second.promote(&path), Err(CustodyError::OtherKeys { .. })));
        assert!(matches!(third.rotate(&path, "growth-2", &passphrase()), Err(CustodyError::Label { .. })));
        assert_eq!(open(&path, None).unwrap().wallet_public(), third.wallet_public());
    }

    #[test]
    fn keys_are_not_created_beside_a_rotation() {
        let scratch = Scratch::new();
        let (path, next) = (scratch.file("keys"), scratch.file("keys.next"));
        file::create(&next, b"whatever").unwrap();
        let seen = VaultKeys::create(&path, "growth-1", &passphrase()).unwrap_err();
        assert_eq!(seen, CustodyError::Exists { path: next });
    }

    #[test]
    fn no_secret_is_shown() {
        let keys = VaultKeys {
            wallet: Signer::from_seed(&[0x11; 32]).unwrap(),
            head: Signer::from_seed(&[0x22; 32]).unwrap(),
        };
        let shown = format!("{keys:?}");
        assert!(shown.contains(&Hex(&keys.wallet_public()).to_string()));
        for secret in ["1111", "2222", "17, 17", "34, 34"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
