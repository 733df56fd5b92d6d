//! Bytes that have one form only: names with their length before them, fields in fixed order.

use std::fmt;

/// A name that cannot be written into a key file or a signed message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} {problem}; it takes 1 to {length_max} printable ASCII characters{}",
    if *.spaces { "" } else { " without spaces" }
)]
pub struct NameError {
    /// What is named.
    what: &'static str,
    /// What was seen.
    problem: String,
    /// The greatest length.
    length_max: usize,
    /// Whether spaces may be in it.
    spaces: bool,
}

impl From<NameError> for String {
    fn from(error: NameError) -> Self {
        error.to_string()
    }
}

/// The rule of one kind of name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameRule {
    /// What is named.
    what: &'static str,
    /// The greatest length; one byte holds it.
    length_max: u8,
    /// Whether spaces may be in it.
    spaces: bool,
}

/// Vault ids; the rule of `gxrisk_core::asset::check_name`.
pub(super) const VAULT_ID: NameRule = NameRule { what: "vault id", length_max: 64, spaces: false };
/// The names of key files: a vault id, or an owner's name.
pub(super) const LABEL: NameRule = NameRule { what: "name of the keys", length_max: 64, spaces: true };
/// Where a withdrawal goes.
pub(super) const DESTINATION: NameRule = NameRule { what: "destination", length_max: 128, spaces: false };

impl NameRule {
    /// Checks the bytes of a name.
    pub(super) fn check<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, NameError> {
        let first = if self.spaces { b' ' } else { b'!' };
        let problem = if bytes.is_empty() {
            "is empty".to_owned()
        } else if bytes.len() > usize::from(self.length_max) {
            format!("has {} bytes", bytes.len())
        } else if let Some(at) = bytes.iter().position(|byte| !(first..=b'~').contains(byte)) {
            format!("has byte {:#04x} at {at}", bytes[at])
        } else if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(text);
        } else {
            "is not text".to_owned()
        };
        Err(NameError { what: self.what, problem, length_max: self.length_max.into(), spaces: self.spaces })
    }

    /// Checks a name and writes it: one byte of length, then the characters.
    pub(super) fn write(&self, name: &str, to: &mut Vec<u8>) -> Result<(), NameError> {
        self.check(name.as_bytes())?;
        // INVARIANT: the check bounds the length by a byte.
        to.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        to.extend_from_slice(name.as_bytes());
        Ok(())
    }
}

/// Reads fields off the front of bytes.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes of a number known when compiling; `None` if there are too few.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    /// The next bytes of a number; `None` if there are too few.
    pub(super) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    /// The next bytes, as many as the byte before them says; `None` if there are too few.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let [length] = self.array()?;
        self.slice(length.into())
    }
}

/// Shows bytes as hex.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "v".repeat(65);
        let rows: [(&str, &NameRule, &str); 10] = [
            ("v", &VAULT_ID, "ok"),
            (&long[..64], &VAULT_ID, "ok"),
            ("growth 1", &LABEL, "ok"),
            ("", &LABEL, "the name of the keys is empty; it takes 1 to 64 printable ASCII characters"),
            (&long, &LABEL, "the name of the keys has 65 bytes; it takes 1 to 64 printable ASCII characters"),
            ("a\nb", &LABEL, "the name of the keys has byte 0x0a at 1; it takes 1 to 64 printable ASCII characters"),
            ("é", &LABEL, "the name of the keys has byte 0xc3 at 0; it takes 1 to 64 printable ASCII characters"),
            (
                "a b",
                &VAULT_ID,
                "the vault id has byte 0x20 at 1; it takes 1 to 64 printable ASCII characters without spaces",
            ),
            ("~!", &DESTINATION, "ok"),
            (
                "a b",
                &DESTINATION,
                "the destination has byte 0x20 at 1; it takes 1 to 128 printable ASCII characters without spaces",
            ),
        ];
        for (name, rule, expected) in rows {
            let seen = rule.check(name.as_bytes()).map_or_else(|error| error.to_string(), |_| "ok".to_owned());
            assert_eq!(seen, expected, "{name:?}");
        }
    }

    #[test]
    fn fields() {
        let mut reader = Reader(b"\x02ab\x05c");
        assert_eq!(reader.counted(), Some(&b"ab"[..]));
        assert_eq!(reader.counted(), None, "too few");
        assert_eq!(reader.slice(1), Some(&b"c"[..]));
        assert_eq!(reader.array::<1>(), None);
        assert_eq!(Hex(&[0, 0xfe]).to_string(), "00fe");
    }
}
