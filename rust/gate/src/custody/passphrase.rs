//! The passphrase that key files are sealed under, and where it comes from.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use super::error::CustodyError;
use super::file;
use super::secret::Secret;

/// Names a file that holds the passphrase.
const FILE_VARIABLE: &str = "GXRISK_PASSPHRASE_FILE";
/// Holds the passphrase itself.
const TEXT_VARIABLE: &str = "GXRISK_PASSPHRASE";
/// The fewest characters.
const CHARACTERS_MIN: usize = 12;
/// The most bytes.
const BYTES_MAX: usize = 1024;

/// Why a passphrase cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// There is nothing in it.
    #[error("the passphrase is empty; use at least {CHARACTERS_MIN} characters")]
    Empty,
    /// It is too short.
    #[error("the passphrase has {seen} characters; use at least {CHARACTERS_MIN}")]
    Short {
        /// How many it has.
        seen: usize,
    },
    /// It is too long.
    #[error("the passphrase has more than {BYTES_MAX} bytes; use at most that many (is this the right file?)")]
    Long,
    /// It is not UTF-8.
    #[error("the passphrase is not UTF-8 text; write it as UTF-8")]
    NotText,
}

/// A passphrase: UTF-8, 12 characters to 1,024 bytes, taken byte for byte. Wiped when dropped, never shown.
pub struct Passphrase(Secret);

impl Passphrase {
    /// Takes a passphrase over, as from a prompt.
    pub fn new(text: String) -> Result<Self, PassphraseError> {
        Self::from_secret(Secret::new(text.into_bytes()))
    }

    /// Reads a file that its owner alone may use; one line break at its end does not count.
    pub fn from_file(path: &Path) -> Result<Self, CustodyError> {
        // Room for the longest, its line break (perhaps of two bytes), and one byte that is too many.
        let mut secret = file::read(path, BYTES_MAX + 3)?;
        let kept = secret.bytes().strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line).len());
        if let Some(kept) = kept {
            secret.bytes_mut().truncate(kept);
        }
        let origin = || path.display().to_string();
        Self::from_secret(secret).map_err(|problem| CustodyError::Passphrase { origin: origin(), problem })
    }

    /// The passphrase of the first source that is set: the file named here, the file that `GXRISK_PASSPHRASE_FILE`
    /// names, `GXRISK_PASSPHRASE`. `None` when none is. A source that is set and cannot be used is an error, never
    /// passed over.
    pub fn find(explicit: Option<&Path>) -> Result<Option<Self>, CustodyError> {
        Self::find_in(explicit, |name| env::var_os(name))
    }

    fn find_in(
        explicit: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, CustodyError> {
        if let Some(path) = explicit {
            return Self::from_file(path).map(Some);
        }
        if let Some(path) = variable(FILE_VARIABLE) {
            return Self::from_file(Path::new(&path)).map(Some);
        }
        let Some(text) = variable(TEXT_VARIABLE) else { return Ok(None) };
        let found = Self::from_secret(Secret::new(text.into_encoded_bytes()));
        found.map(Some).map_err(|problem| CustodyError::Passphrase { origin: TEXT_VARIABLE.into(), problem })
    }

    fn from_secret(secret: Secret) -> Result<Self, PassphraseError> {
        if secret.bytes().len() > BYTES_MAX {
            return Err(PassphraseError::Long);
        }
        let text = std::str::from_utf8(secret.bytes()).map_err(|_| PassphraseError::NotText)?;
        match text.chars().count() {
            0 => Err(PassphraseError::Empty),
            seen if seen < CHARACTERS_MIN => Err(PassphraseError::Short { seen }),
            _ => Ok(Self(secret)),
        }
    }

    /// The bytes, to derive a key from.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::custody::file::Scratch;

    /// What a file holds, and what is made of it.
    type Row<'a> = (&'a [u8], Result<&'a [u8], PassphraseError>);
    /// The argument, the two variables, and what is found.
    type Sources<'a> = (Option<&'a PathBuf>, Option<&'a PathBuf>, Option<&'a str>, &'a str);

    fn written(scratch: &Scratch, name: &str, bytes: &[u8]) -> PathBuf {
        let path = scratch.file(name);
        file::replace(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_a_file_may_hold() {
        let scratch = Scratch::new();
        let longest = vec![b'x'; BYTES_MAX];
        let with = |end: &[u8]| [&longest, end].concat();
        let rows: [Row; 15] = [
            (b"twelve chars", Ok(b"twelve chars")),
            (b"twelve chars\n", Ok(b"twelve chars")),
            (b"twelve chars\r\n", Ok(b"twelve chars")),
            (b"twelve chars\n\n", Ok(b"twelve chars\n")),
            (b" twelve chars ", Ok(b" twelve chars ")),
            ("éééééééééééé\n".as_bytes(), Ok("éééééééééééé".as_bytes())),
            (b"eleven char\n", Err(PassphraseError::Short { seen: 11 })),
            ("ééééééééééé".as_bytes(), Err(PassphraseError::Short { seen: 11 })),
            (b"", Err(PassphraseError::Empty)),
            (b"\n", Err(PassphraseError::Empty)),
            (b"twelve chars\xff", Err(PassphraseError::NotText)),
            (&with(b""), Ok(&longest)),
            (&with(b"\r\n"), Ok(&longest)),
            (&with(b"x"), Err(PassphraseError::Long)),
            (&with(b"\r\nx"), Err(PassphraseError::Long)),
        ];
        for (bytes, expected) in rows {
            let path = written(&scratch, "passphrase", bytes);
            let seen = Passphrase::from_file(&path);
            let problem = |problem| CustodyError::Passphrase { origin: path.display().to_string(), problem };
            assert_eq!(seen.as_ref().map(Passphrase::bytes), expected.map_err(problem).as_ref().copied(), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_source_that_is_set_is_taken() {
        let scratch = Scratch::new();
        let explicit = written(&scratch, "explicit", b"from the argument");
        let named = written(&scratch, "named", b"from the named file");
        let short = written(&scratch, "short", b"short");
        let missing = scratch.file("missing");
        let rows: [Sources; 10] = [
            (Some(&explicit), Some(&named), Some("from the variable"), "from the argument"),
            (None, Some(&named), Some("from the variable"), "from the named file"),
            (None, None, Some("from the variable"), "from the variable"),
            (None, None, None, "none"),
            (Some(&short), Some(&named), None, "error"),
            (Some(&missing), Some(&named), None, "error"),
            (None, Some(&missing), Some("from the variable"), "error"),
            (None, None, Some(""), "error"),
            (None, None, Some("short"), "error"),
            (None, Some(&PathBuf::new()), Some("from the variable"), "error"),
        ];
        for (explicit, file, text, expected) in rows {
            let variable = |name: &str| match name {
                FILE_VARIABLE => file.map(OsString::from),
                TEXT_VARIABLE => text.map(OsString::from),
                _ => None,
            };
            let seen = match Passphrase::find_in(explicit.map(PathBuf::as_path), variable) {
                Ok(Some(found)) => String::from_utf8(found.bytes().to_vec()).unwrap(),
                Ok(None) => "none".into(),
                Err(error) => {
                    assert!(!error.to_string().contains("from the"), "{error}");
                    "error".into()
                }
            };
            assert_eq!(seen, expected, "{explicit:?} {file:?} {text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let scratch = Scratch::new();
        let path = written(&scratch, "passphrase", b"twelve chars");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Passphrase::from_file(&path).unwrap_err(), CustodyError::Mode { path, mode: 0o644 });
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Passphrase::new("correct horse battery".into()).unwrap()), "Passphrase(..)");
        assert_eq!(Passphrase::new("short".into()).unwrap_err(), PassphraseError::Short { seen: 5 });
    }
}
