//! A withdrawal: what its owner signs, and the check of it.
//!
//! ```text
//! domain        21   "gxrisk withdrawal v1\n"
//! vault id     1+n   its length, then 1 to 64 printable ASCII characters without spaces
//! amount        16   in units of 1e-9, above 0; two's complement, big endian
//! destination  1+n   its length, then 1 to 128 printable ASCII characters without spaces
//! nonce         16
//! expires        8   nanoseconds since 1970; two's complement, big endian
//! signature     64   Ed25519, by the owner's key, of everything before it
//! ```
//!
//! Nothing may follow. Whether it has expired, was used before or can be paid is for the engine to judge.

use super::canonical::{DESTINATION, Reader, VAULT_ID};
use super::error::CustodyError;
use super::key::verify;
use super::request::RequestError;
use super::secret::random;

const DOMAIN: &[u8] = b"gxrisk withdrawal v1\n";
const WHAT: &str = "withdrawal";

fn malformed(problem: impl Into<String>) -> RequestError {
    RequestError::Malformed { what: WHAT, problem: problem.into() }
}

/// What an owner asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalRequest {
    vault_id: String,
    amount: i128,
    destination: String,
    nonce: [u8; 16],
    expires: i64,
}

impl WithdrawalRequest {
    /// A request: the amount in units of 1e-9, the time from which it is worth nothing in nanoseconds since 1970.
    pub fn new(
        vault_id: &str,
        amount: i128,
        destination: &str,
        nonce: [u8; 16],
        expires: i64,
    ) -> Result<Self, RequestError> {
        VAULT_ID.check(vault_id.as_bytes()).map_err(malformed)?;
        DESTINATION.check(destination.as_bytes()).map_err(malformed)?;
        if amount <= 0 {
            return Err(malformed(format!("its amount is {amount} e-9, and it takes more than 0")));
        }
        Ok(Self { vault_id: vault_id.to_owned(), amount, destination: destination.to_owned(), nonce, expires })
    }

    /// A nonce that no other request has.
    pub fn draw_nonce() -> Result<[u8; 16], CustodyError> {
        random()
    }

    /// The vault to take it from.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// How much, in units of 1e-9.
    pub fn amount(&self) -> i128 {
        self.amount
    }

    /// Where it goes.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// What makes it a single one.
    pub fn nonce(&self) -> [u8; 16] {
        self.nonce
    }

    /// From this time on it is worth nothing; nanoseconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// The bytes that are signed.
    pub(super) fn message(&self) -> Vec<u8> {
        let mut message = DOMAIN.to_vec();
        // INVARIANT: both names were checked when it was made.
        let _ = VAULT_ID.write(&self.vault_id, &mut message);
        message.extend_from_slice(&self.amount.to_be_bytes());
        let _ = DESTINATION.write(&self.destination, &mut message);
        message.extend_from_slice(&self.nonce);
        message.extend_from_slice(&self.expires.to_be_bytes());
        message
    }
}

/// A request with a signature, which is to be checked before anything of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedWithdrawal {
    request: WithdrawalRequest,
    signature: [u8; 64],
}

impl SignedWithdrawal {
    /// Reads a token.
    pub fn parse(token: &[u8]) -> Result<Self, RequestError> {
        let rest = token.strip_prefix(DOMAIN);
        let rest = rest.ok_or_else(|| malformed("it does not begin with `gxrisk withdrawal v1`"))?;
        let mut reader = Reader(rest);
        let short = || malformed("it ends too early");
        let vault_id = VAULT_ID.check(reader.counted().ok_or_else(short)?).map_err(malformed)?;
        let amount = reader.array().map(i128::from_be_bytes).ok_or_else(short)?;
        let destination = DESTINATION.check(reader.counted().ok_or_else(short)?).map_err(malformed)?;
        let nonce = reader.array().ok_or_else(short)?;
        let expires = reader.array().map(i64::from_be_bytes).ok_or_else(short)?;
        let signature = reader.array().ok_or_else(short)?;
        if !reader.0.is_empty() {
            return Err(malformed(format!("{} bytes follow its signature", reader.0.len())));
        }
        Ok(Self { request: WithdrawalRequest::new(vault_id, amount, destination, nonce, expires)?, signature })
    }

    /// A request and a signature that were kept apart.
    pub fn of(request: WithdrawalRequest, signature: [u8; 64]) -> Self {
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
    pub fn request(&self) -> &WithdrawalRequest {
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

    /// 1,500.25 from `growth-1` to `0xabc`, nonce 16 times 0x07, until 2026-01-01T00:00:00Z, by the seed of 32 times
    /// 0x33; made by Python's cryptography.
    const VECTOR: &str = "\
        67787269736b207769746864726177616c2076310a0867726f7774682d3100000000000000000000015d4dde4a8005307861\
        62630707070707070707070707070707070718867251edfa000007fdc0eea9ac8f657bc11d85ba80d0fd74a6740611dd6b93\
        91840a6cf35c4019fe4fafae7cf07771131c4089cc84454a59a4e295d7a7b201e39674446b2ffe01";
    const PUBLIC: &str = "17cb79fb2b4120f2b1ec65e4198d6e08b28e813feb01e4a400839b85e18080ce";

    fn request() -> WithdrawalRequest {
        WithdrawalRequest::new("growth-1", 1_500_250_000_000, "0xabc", [7; 16], 1_767_225_600_000_000_000).unwrap()
    }

    fn owner() -> Signer {
        Signer::from_seed(&[0x33; 32]).unwrap()
    }

    fn sign(message: Vec<u8>) -> Vec<u8> {
        let signature = owner().sign(&message);
        [message, signature.to_vec()].concat()
    }

    fn code(token: &[u8], vault_id: &str) -> &'static str {
        let checked = SignedWithdrawal::parse(token).and_then(|signed| signed.check(&owner().public(), vault_id));
        checked.map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn the_vector() {
        assert_eq!(Hex(&owner().public()).to_string(), PUBLIC);
        assert_eq!(Hex(&sign(request().message())).to_string(), VECTOR);
    }

    #[test]
    fn a_round_trip() {
        let signed = SignedWithdrawal::parse(&sign(request().message())).unwrap();
        assert_eq!(signed.check(&owner().public(), "growth-1"), Ok(()));
        assert_eq!(signed.request(), &request());
        assert_eq!(SignedWithdrawal::of(request(), *signed.signature()), signed);
        let longest = WithdrawalRequest::new(&"v".repeat(64), i128::MAX, &"d".repeat(128), [0; 16], i64::MIN).unwrap();
        assert_eq!(SignedWithdrawal::parse(&sign(longest.message())).unwrap().request(), &longest);
        assert_ne!(WithdrawalRequest::draw_nonce(), WithdrawalRequest::draw_nonce());
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
        let token = sign(request().message());
        let message = request().message();
        let amount_at = DOMAIN.len() + 1 + "growth-1".len();
        let with_amount = |amount: i128| {
            let mut message = message.clone();
            message[amount_at..amount_at + 16].copy_from_slice(&amount.to_be_bytes());
            sign(message)
        };
        let by_another = {
            let signature = Signer::from_seed(&[0x34; 32]).unwrap().sign(&message);
            [&message[..], &signature].concat()
        };
        let in_another_domain = sign([b"gxrisk approval v1\n", &message[DOMAIN.len()..]].concat());
        let rows: [(&str, &[u8], &str, &str); 11] = [
            ("as signed", &token, "growth-1", "ok"),
            ("another vault", &token, "growth-2", "vault"),
            ("another owner", &by_another, "growth-1", "signature"),
            ("another owner and vault", &by_another, "growth-2", "signature"),
            ("another domain", &in_another_domain, "growth-1", "malformed"),
            ("the least amount", &with_amount(1), "growth-1", "ok"),
            ("nothing", &with_amount(0), "growth-1", "malformed"),
            ("less than nothing", &with_amount(-1), "growth-1", "malformed"),
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
        let rows = [
            ("", 1, "d", "the vault id is empty"),
            ("v", 0, "d", "its amount is 0 e-9, and it takes more than 0"),
            ("v", i128::MIN, "d", "its amount is -170141183460469231731687303715884105728 e-9"),
            ("v", 1, "", "the destination is empty"),
            ("v", 1, "a b", "the destination has byte 0x20 at 1"),
            ("v", 1, &"d".repeat(129), "the destination has 129 bytes"),
        ];
        for (vault_id, amount, destination, expected) in rows {
            let text = WithdrawalRequest::new(vault_id, amount, destination, [0; 16], 0).unwrap_err().to_string();
            assert!(text.starts_with(&format!("the withdrawal is malformed: {expected}")), "{text}");
        }
    }
}
