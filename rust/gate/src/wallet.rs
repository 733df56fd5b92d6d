//! Where an approval finds the keys that sign it.

use std::sync::OnceLock;

use crate::custody::{CustodyError, VaultKeys};

/// A vault's keys; those of a gate in memory are made when something is first signed.
#[derive(Debug)]
pub(crate) struct Wallet(OnceLock<VaultKeys>);

impl Wallet {
    /// Keys that are known.
    pub fn holding(keys: VaultKeys) -> Self {
        Self(OnceLock::from(keys))
    }

    /// Keys that are made at their first use, and live as long as the gate.
    pub fn unmade() -> Self {
        Self(OnceLock::new())
    }

    /// The keys.
    pub fn keys(&self) -> Result<&VaultKeys, CustodyError> {
        if let Some(keys) = self.0.get() {
            return Ok(keys);
        }
        let made = VaultKeys::generate()?;
        Ok(self.0.get_or_init(|| made))
    }
}
