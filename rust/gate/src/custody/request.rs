//! What the owner asks for, by signature: why it is not one of this vault's owner.

/// Why an owner's request is not one of this vault's owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It cannot be read.
    #[error("the {what} is malformed: {problem}; sign a new one")]
    Malformed {
        /// What is asked for.
        what: &'static str,
        /// What was seen, and what is allowed.
        problem: String,
    },
    /// The signature is not the owner's.
    #[error("the {what} was not signed by the vault's owner, or was altered since; sign it with the owner's key")]
    Signature {
        /// What is asked for.
        what: &'static str,
    },
    /// It is for another vault.
    #[error("the {what} is for the vault `{seen}`, and this is `{expected}`; sign one for this vault")]
    Vault {
        /// What is asked for.
        what: &'static str,
        /// The vault that it names.
        seen: String,
        /// The vault that was asked.
        expected: String,
    },
}

impl RequestError {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Signature { .. } => "signature",
            Self::Vault { .. } => "vault",
        }
    }
}
