//! How long opening a journal takes, beside reading its rows with plain `SQLite` and hashing them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gxrisk_core::Record;
use gxrisk_gate::journal::{Entry, FileJournal, Receipt, Recovery, Storage};
use gxrisk_gate::{Gate, Journal, JournalError, SystemClock};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::Extent;
use crate::desk::Desk;
use crate::plain::reader;
use crate::rounds::{Spread, timed};

/// Records that one transaction of the preparation takes.
const BATCH: u64 = 5_000;
const ROUNDS: usize = 5;

/// A journal that writes much at a time: nobody measures how it is filled.
pub struct Deferred {
    journal: Arc<FileJournal>,
    takes_checkpoints: bool,
    written: AtomicU64,
}

impl Deferred {
    /// With the gate's own rule of when a checkpoint is due.
    pub fn with_checkpoints(journal: Arc<FileJournal>) -> Self {
        Self { journal, takes_checkpoints: true, written: AtomicU64::new(0) }
    }

    /// Without any.
    pub fn without_checkpoints(journal: Arc<FileJournal>) -> Self {
        Self { takes_checkpoints: false, ..Self::with_checkpoints(journal) }
    }
}

impl Journal for Deferred {
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError> {
        self.journal.append(records)
    }
    fn sync(&self, through: u64) -> Result<(), JournalError> {
        if through >= self.written.load(Ordering::Relaxed) + BATCH {
            self.journal.sync(through)?;
            self.written.store(through, Ordering::Relaxed);
        }
        Ok(())
    }
    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        self.journal.read(after, max)
    }
    fn is_durable(&self) -> bool {
        true
    }
    fn wants_checkpoint(&self) -> bool {
        self.takes_checkpoints && self.journal.wants_checkpoint()
    }
    fn put_checkpoint(&self, sequence: u64, state: Vec<u8>) {
        self.journal.put_checkpoint(sequence, state);
    }
}

/// Fills a journal with so many records, and leaves it as a crash would.
fn filled(path: &Path, records: u64, over: fn(Arc<FileJournal>) -> Deferred) {
    let journal = Arc::new(FileJournal::create(&Storage::from(path), "bench").expect("a journal"));
    let mut desk = Desk::over(Box::new(over(Arc::clone(&journal))));
    while journal.durable() < records {
        desk.step();
    }
}

/// Reads all the rows and hashes them along the chain; gives how many there are.
fn hashed(path: &Path) -> u64 {
    let journal = reader(path);
    let mut statement =
        journal.prepare("SELECT sequence, frame, hash FROM records ORDER BY sequence").expect("a query");
    let mut rows = statement.query([]).expect("rows");
    let (mut before, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next().expect("a row") {
        let blob = |index| row.get_ref(index).expect("a column").as_blob().expect("bytes");
        let hash =
            Sha256::new().chain_update(b"gxrisk record v1\n").chain_update(&before).chain_update(blob(1)).finalize();
        // The first follows on the vault's id, which is not read here.
        assert!(count == 0 || hash.as_slice() == blob(2));
        before.clear();
        before.extend_from_slice(blob(2));
        count += 1;
    }
    count
}

/// Opening takes a checkpoint where one is due, so that the next opening would find it.
fn without_checkpoint(path: &Path) {
    Connection::open(path).and_then(|journal| journal.execute("DELETE FROM checkpoints", [])).expect("deleted");
}

fn opened(path: &Path) -> Recovery {
    Gate::open(&Storage::from(path), Arc::new(SystemClock), None).expect("a gate").1
}

pub fn print(place: &Path, extent: Extent) {
    let [kept, bare] = ["kept", "bare"].map(|name| place.join(name));
    filled(&kept, extent.records, Deferred::with_checkpoints);
    filled(&bare, extent.records, Deferred::without_checkpoints);
    let [mut by_plain, mut by_kept, mut by_bare] = [const { Vec::new() }; 3];
    let mut replayed = [0, 0];
    // The first round warms up.
    for round in 0..=ROUNDS {
        without_checkpoint(&bare);
        let plain = timed(|| hashed(&bare));
        let (with, without) = (timed(|| opened(&kept)), timed(|| opened(&bare)));
        assert!(plain.1 >= extent.records && without.1.sequence >= extent.records);
        if round > 0 {
            by_plain.push(plain.0);
            by_kept.push(with.0);
            by_bare.push(without.0);
            replayed = [with.1.replayed, without.1.replayed];
        }
    }
    let seconds = |times: &[std::time::Duration]| Spread::of(times.iter().map(std::time::Duration::as_secs_f64));
    let length = std::fs::metadata(&bare).expect("a file").len() >> 20;
    println!("**Opening a journal of {} records ({length} MiB)**\n", extent.records);
    println!("| | in units of the first | seconds | records replayed |\n|---|---|---|---|");
    println!("| plain SQLite: all rows read and hashed | 1 | {} | |", seconds(&by_plain));
    for (what, times, replayed) in [
        ("`Gate.open`, checkpoints by the default rule", by_kept, replayed[0]),
        ("`Gate.open`, no checkpoint", by_bare, replayed[1]),
    ] {
        println!("| {what} | {} | {} | {replayed} |", Spread::quotient(&times, &by_plain), seconds(&times));
    }
    println!();
}
