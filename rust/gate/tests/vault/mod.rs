//! A vault for tests: its orders, its files, and what must be true of its journal after anything.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gxrisk_core::engine::FillReport;
use gxrisk_core::event::Ruling;
use gxrisk_core::time::Span;
use gxrisk_core::{Asset, Engine, Event, Limits, Mask, Nano, Order, Origin, Record, Side, Terms, Time};
use gxrisk_gate::custody::Passphrase;
use gxrisk_gate::journal::{Entry, JournalReader, Pool, Recovery, Storage};
use gxrisk_gate::{
    Approval, Custody, Decided, Gate, GateError, JournalError, ManualClock, SignedApproval, limits_hash,
};

/// The id of every vault here.
pub const VAULT: &str = "vault";
/// When a manual clock starts.
pub const START: Time = Time::from_nanos(1_584_000_000_000_000_000);
/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// A directory for one test, removed with it.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gxrisk-{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// A journal in it.
    pub fn storage(&self) -> Storage {
        Storage::from(self.0.join("journal.db").as_path())
    }

    /// A journal on a simulated disk; only its lock is in the directory. No other test parks it.
    pub fn storage_on(&self, vfs: String) -> Storage {
        Storage { vfs: Some(vfs), pool: Pool::of(64), ..self.storage() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Random numbers from a seed: `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

/// A whole number from the environment, or the default.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

pub fn n(text: &str) -> Nano {
    Nano::parse(text).expect("a number")
}

/// The bytes of hexadecimal digits.
pub fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

pub fn asset(name: &str) -> Asset {
    Asset::new(name).expect("an asset")
}

/// A passphrase for keys at rest.
pub fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned()).expect("a passphrase")
}

/// A small buy that passes every rule.
pub fn order(client_order_id: Option<&str>) -> Arc<Order> {
    order_of("0.001", client_order_id)
}

/// A buy of some quantity.
pub fn order_of(quantity: &str, client_order_id: Option<&str>) -> Arc<Order> {
    let terms = Terms {
        asset: asset("BTC"),
        side: Side::Buy,
        quantity: n(quantity),
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n("98")),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    };
    Arc::new(Order { terms, reasoning: "a test".into(), client_order_id: client_order_id.map(Into::into) })
}

/// Growth limits without those on how often one trades.
pub fn limits() -> Limits {
    Limits {
        max_daily_trades: 1_000_000,
        orders_per_minute: 1_000_000,
        order_burst: 1_000_000,
        max_open_orders: 1_000_000,
        approval_ttl_s: Span::seconds(3_600),
        ..Limits::for_tier("growth").expect("a tier")
    }
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

/// Money and a mark: then orders pass.
pub fn fund(gate: &Gate) -> Result<(), GateError> {
    gate.deposit(n("1000000"))?;
    mark(gate, "100")
}

pub fn mark(gate: &Gate, price: &str) -> Result<(), GateError> {
    gate.mark(asset("BTC"), n(price), Some(n("1")), None).map(|_| ())
}

/// A new vault without keys at rest, funded.
pub fn create(storage: &Storage, clock: &Arc<ManualClock>) -> Result<Gate, GateError> {
    let gate = Gate::create(storage, VAULT, limits(), Arc::clone(clock) as _, &Custody::default())?;
    fund(&gate)?;
    Ok(gate)
}

pub fn open(storage: &Storage, clock: &Arc<ManualClock>) -> Result<(Gate, Recovery), GateError> {
    Gate::open(storage, Arc::clone(clock) as _, None)
}

/// An approval that was handed out.
pub fn approve(gate: &Gate, client_order_id: Option<&str>) -> Result<(Decided, Arc<Approval>), GateError> {
    let decided = gate.authorize(&order(client_order_id), Origin::Agent)?;
    let approval = decided.approval.clone().unwrap_or_else(|| panic!("{:?}", decided.ruling.violations()));
    Ok((decided, approval))
}

/// A fill of the whole of an order.
pub fn fill<'a>(order_id: &'a str, fill_id: &'a str) -> FillReport<'a> {
    let (asset, side) = (None, None);
    FillReport { order_id, fill_id, quantity: n("0.001"), price: n("100"), fee: Nano::ZERO, asset, side }
}

/// Reads a journal whole and checks all of it: hashes, signatures, decisions, and that its state is that of a replay.
pub fn sound(storage: &Storage) -> Result<Vec<Entry>, JournalError> {
    let reader = JournalReader::open(storage)?;
    let verified = reader.verify(None, |_| true)?;
    let entries = reader.read(0, usize::MAX)?;
    assert_eq!(verified.head.sequence, entries.len() as u64);
    let records: Vec<Record> = entries.iter().map(|entry| entry.record.clone()).collect();
    let replayed = Engine::replay(&records).expect("a whole history");
    assert!(reader.engine()?.checkpoint() == replayed.checkpoint(), "the state is not that of a replay");
    Ok(entries)
}

/// The decision of a record.
pub fn ruling(entries: &[Entry], sequence: u64) -> Option<&Arc<Ruling>> {
    match &entries.get(usize::try_from(sequence).ok()?.checked_sub(1)?)?.record.event {
        Event::Decided(ruling) => Some(ruling),
        _ => None,
    }
}

/// Whether an approval that was handed out says what the journal says, and is signed by the key that it names.
pub fn is_recorded(entries: &[Entry], engine: &Engine, token: &[u8]) -> bool {
    let Ok(signed) = SignedApproval::parse(token) else { return false };
    let Some(ruling) = ruling(entries, signed.sequence) else { return false };
    let Some(entry) = usize::try_from(signed.sequence - 1).ok().and_then(|at| entries.get(at)) else { return false };
    let is_signed = engine.keys_at(signed.sequence).is_some_and(|keys| signed.check(&keys.wallet, VAULT).is_ok());
    is_signed
        && ruling.mask == Mask(0)
        && signed.order == *ruling.order
        && (signed.origin, signed.expires) == (ruling.origin, ruling.expires)
        && signed.limits_hash == limits_hash(&ruling.evidence.limits)
        && signed.epoch == entry.stamp.epoch
        && entry.stamp.hash.starts_with(&signed.nonce)
}
