//! What the tests of a vault's file share: roomy limits, an order, a folder of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gxrisk_core::limits::Value;
use gxrisk_core::{Asset, Limits, Nano, Order, Side, Terms};
use gxrisk_gate::{Gate, GateError};

/// A number from its text.
pub fn n(text: &str) -> Nano {
    Nano::parse(text).unwrap()
}

/// What the orders are in.
pub fn btc() -> Asset {
    Asset::new("BTC").unwrap()
}

/// The limits of the growth tier, where no number of orders is too many.
pub fn roomy() -> Limits {
    let many = || Value::Number(Nano::whole(1_000_000));
    let names = ["max_daily_trades", "orders_per_minute", "order_burst", "max_open_orders"];
    Limits::for_tier("growth").unwrap().replace(names.map(|name| (name, many()))).unwrap()
}

/// A small order that fits.
pub fn order(client_order_id: Option<&str>) -> Arc<Order> {
    let terms = Terms {
        asset: btc(),
        side: Side::Buy,
        quantity: n("0.001"),
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n("98")),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    };
    Arc::new(Order { terms, reasoning: "a test".into(), client_order_id: client_order_id.map(Into::into) })
}

/// Money, and a mark to trade at.
pub fn fund(gate: &Gate) -> Result<(), GateError> {
    gate.deposit(n("10000"))?;
    gate.mark(btc(), n("100"), Some(n("1")), None)?;
    Ok(())
}

/// A folder that is gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gxrisk-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where a vault's journal is in it.
    pub fn journal(&self) -> PathBuf {
        self.0.join("vault.journal")
    }

    /// Itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
