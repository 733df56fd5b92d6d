//! A reactivation: what the owner of a vault that is stopped signs, and the check of it.
//!
//! ```text
//! domain        23   "gxrisk reactivation v1\n"
//! vault id     1+n   its length, then 1 to 64 printable ASCII characters without spaces
//! ends           8   the record that stopped the vault, its sequence; big endian, above 0
//! rebase         1   1 to take the equity of then as the new base, else 0
//! expires        8   nanoseconds since 1970; two's complement, big endian
//! signature     64   Ed25519, by the owner's key, of everything before it
//! ```
//!
//! Nothing may follow. There is no nonce, since the record is one: it stops the vault once, and a later stop is another
//! record. Whether it has expired and whether that record stops the vault still is for the engine to judge.

use super::canonical::{Reader, VAULT_ID};
use super::key::verify;
use super::request::RequestError;

const DOMAIN: &[u8] = b"gxrisk reactivation v1\n";
const WHAT: &str = "reactivation";

fn malformed(problem: impl Into<String>) -> RequestError {
    RequestError::Malformed { what: WHAT, problem: problem.into() }
}

/// What an owner asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactivationRequest {
    vault_id: String,
    ends: u64,
    rebase: bool,
    expires: i64,
}

impl ReactivationRequest {
    /// A request: the record that stopped the vault, and the time from which it is worth nothing in nanoseconds since 1970.
    pub fn new(vault_id: &str, ends: u64, rebase: bool, expires: i64) -> Result<Self, RequestError> {
        VAULT_ID.check(vault_id.as_bytes()).map_err(malformed)?;
        if ends == 0 {
            return Err(malformed("it ends the stop of record 0, and records begin with 1"));
        }
        Ok(Self { vault_id: vault_id.to_owned(), ends, rebase, expires })
    }

    /// The vault that comes back.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// The record that stopped it.
    pub fn ends(&self) -> u64 {
        self.ends
    }

    /// Whether the equity of then is the new base.
    pub fn rebase(&self) -> bool {
        self.rebase
    }

    /// From this time on it is worth nothing; nanoseconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// The bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let mut message = DOMAIN.to_vec();
        // INVARIANT: the id was checked when it was made.
        let _ = VAULT_ID.write(&self.vault_id, &mut message);
        message.extend_from_slice(&self.ends.to_be_bytes());
        message.push(self.rebase.into());
        message.extend_from_slice(&self.expires.to_be_bytes());
        message
    }
}

/// A request with a signature, which is to be checked before anything of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReactivation {
    request: ReactivationRequest,
    signature: [u8; 64],
}

impl SignedReactivation {
    /// Reads a token.
    pub fn parse(token: &[u8]) -> Result<Self, RequestError> {
        let rest = token.strip_prefix(DOMAIN);
        let rest = rest.ok_or_else(|| malformed("it does not begin with `gxrisk reactivation v1`"))?;
        let mut reader = Reader(rest);
        let short = || malformed("it ends too early");
        let vault_id = VAULT_ID.check(reader.counted().ok_or_else(short)?).map_err(malformed)?;
        let ends = reader.array().map(u64::from_be_bytes).ok_or_else(short)?;
        let rebase = match reader.array().ok_or_else(short)? {
            [0] => false,
            [1] => true,
            [other] => return Err(malformed(format!("its rebase is {other}, and it takes 0 or 1"))),
        };
        let expires = reader.array().map(i64::from_be_bytes).ok_or_else(short)?;
        let signature = reader.array().ok_or_else(short)?;
        if !reader.0.is_empty() {
            return Err(malformed(format!("{} bytes follow its signature", reader.0.len())));
        }
        Ok(Self { request: ReactivationRequest::new(vault_id, ends, rebase, expires)?, signature })
    }

    /// A request and a signature that were kept apart.
    pub fn of(request: ReactivationRequest, signature: [u8; 64]) -> Self {
        Self { request, signature }
    }

    /// Checks that the owner of a vault signed it, for this vault.
    pub fn check(&self, owner_public: &[u8; 32], vault_id: &str) -> Result<(), RequestError> {
        if !verify(owner_public, &self.request.message(), &self.signature) {
            return Err(RequestError::Signature { what: WHAT });
        }
        if self.request.vault_id != vault_id {
            let (seen, expected) = (self.request.vault_id.clone(), vault_id.to_owned());
            return Err(RequestError::Vault { what: WHAT, seen, expected });
        }
        Ok(())
    }

    /// What it asks for.
    pub fn request(&self) -> &ReactivationRequest {
        &self.request
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::canonical::Hex;
    use crate::custody::key::Signer;

    /// The end of the stop of record 12 of `growth-1` with a new base, until 2026-01-01T00:00:00Z, by the seed of 32 times
    /// 0x33; made by Python's cryptography.
    const VECTOR: &str = "\
        67787269736b20726561637469766174696f6e2076310a0867726f7774682d31000000000000000c0118867251edfa0000a3\
        f337db1046e89cd80472ae71c141e11896c6a7cc6970ef1a00721a0af2e2ad1db5992bae0e80e6223bbb7bd3761e0c651266\
        462dc4341f419ee72b04942505";

    fn request() -> ReactivationRequest {
        ReactivationRequest::new("growth-1", 12, true, 1_767_225_600_000_000_000).unwrap()
    }

    fn owner() -> Signer {
        Signer::from_seed(&[0x33; 32]).unwrap()
    }

    fn sign(message: Vec<u8>) -> Vec<u8> {
        let signature = owner().sign(&message);
        [message, signature.to_vec()].concat()
    }

    fn code(token: &[u8], vault_id: &str) -> &'static str {
        let checked = SignedReactivation::parse(token).and_then(|signed| signed.check(&owner().public(), vault_id));
        checked.map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn the_vector() {
        assert_eq!(Hex(&sign(request().message())).to_string(), VECTOR);
    }

    #[test]
    fn a_round_trip() {
        let signed = SignedReactivation::parse(&sign(request().message())).unwrap();
        assert_eq!(signed.check(&owner().public(), "growth-1"), Ok(()));
        assert_eq!(signed.request(), &request());
        assert_eq!(SignedReactivation::of(request(), *signed.signature()), signed);
        for (ends, rebase, expires) in [(1, false, i64::MIN), (u64::MAX, true, i64::MAX)] {
            let request = ReactivationRequest::new(&"v".repeat(64), ends, rebase, expires).unwrap();
            assert_eq!(SignedReactivation::parse(&sign(request.message())).unwrap().request(), &request);
        }
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let token = sign(request().message());
        for bit in 0..token.len() * 8 {
            let mut altered = token.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(["malformed", "signature"].contains(&code(&altered, "growth-1")), "bit {bit}");
        }
    }

    #[test]
    fn what_is_refused() {
        let message = request().message();
        let token = sign(message.clone());
        let ends_at = DOMAIN.len() + 1 + "growth-1".len();
        let with = |at: usize, bytes: &[u8]| {
            let mut message = message.clone();
            message[at..at + bytes.len()].copy_from_slice(bytes);
            sign(message)
        };
        let by_another = {
            let signature = Signer::from_seed(&[0x34; 32]).unwrap().sign(&message);
            [&message[..], &signature].concat()
        };
        let in_another_domain = sign([b"gxrisk withdrawal v1\n", &message[DOMAIN.len()..]].concat());
        let rows: [(&str, &[u8], &str, &str); 11] = [
            ("as signed", &token, "growth-1", "ok"),
            ("another vault", &token, "growth-2", "vault"),
            ("another owner", &by_another, "growth-1", "signature"),
            ("another owner and vault", &by_another, "growth-2", "signature"),
            ("another domain", &in_another_domain, "growth-1", "malformed"),
            ("record 0", &with(ends_at, &[0; 8]), "growth-1", "malformed"),
            ("without a new base", &with(ends_at + 8, &[0]), "growth-1", "ok"),
            ("a base of another kind", &with(ends_at + 8, &[2]), "growth-1", "malformed"),
            ("nothing at all", b"", "growth-1", "malformed"),
            ("more after it", &[&token[..], b"\n"].concat(), "growth-1", "malformed"),
            ("no signature", &message, "growth-1", "malformed"),
        ];
        for (case, token, vault_id, expected) in rows {
            assert_eq!(code(token, vault_id), expected, "{case}");
        }
        for length in 0..token.len() {
            assert_eq!(code(&token[..length], "growth-1"), "malformed", "{length}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for() {
        for (vault_id, ends, expected) in
            [("", 1, "the vault id is empty"), ("v", 0, "it ends the stop of record 0, and records begin with 1")]
        {
            let text = ReactivationRequest::new(vault_id, ends, false, 0).unwrap_err().to_string();
            assert!(text.starts_with(&format!("the reactivation is malformed: {expected}")), "{text}");
        }
    }
}
