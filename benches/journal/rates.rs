//! Durable `authorize` beside plain transactions of the very same frames.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use gxrisk_core::{Nano, Order, Origin, Record, Side};
use gxrisk_gate::journal::{Entry, FileJournal, Receipt, Storage};
use gxrisk_gate::{Gate, Journal, JournalError};
use rusqlite::Connection;

use crate::Extent;
use crate::desk::{Desk, order};
use crate::plain::{Plain, Row, reader, rows};
use crate::rounds::{Spread, timed};

/// Decisions in a round of one at a time.
const SINGLE: usize = 25;
const THREADS: usize = 64;
/// Decisions of each thread in a round.
const TURNS: usize = 16;

pub fn print(place: &Path, extent: Extent) {
    println!("**Durable `authorize`, in units of plain SQLite's rate for the same frames**\n");
    println!("| | rate, of SQLite's | decisions a second | SQLite's rows a second |\n|---|---|---|---|");
    one_at_a_time(place, extent);
    many_at_once(place, extent);
    println!();
}

fn line(what: &str, gate: &[Duration], plain: &[Duration], count: usize) {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let [gate_rate, plain_rate] = [gate, plain].map(|times| Spread::rate(times, count));
    println!("| {what} | {} | {:.0} | {:.0} |", Spread::quotient(plain, gate), gate_rate.median, plain_rate.median);
}

fn small() -> Arc<Order> {
    Arc::new(order(3, Side::Buy, Nano::from_raw(1_000_000), Nano::whole(100)))
}

fn approve(gate: &Gate, order: &Arc<Order>) {
    assert!(gate.authorize(order, Origin::Agent).expect("a decision").approval.is_some());
}

/// Takes the rows that were written since.
fn taken(journal: &Connection, last: &mut u64) -> Vec<Row> {
    let found = rows(journal, *last);
    *last = found.last().map_or(*last, |row| row.sequence);
    found
}

/// Both sides in turn, decision by decision: what disturbs the disk disturbs them alike. The plain side writes the
/// frames of the round before.
fn one_at_a_time(place: &Path, extent: Extent) {
    let path = place.join("one.journal");
    let journal = FileJournal::create(&Storage::from(&*path), "bench").expect("a journal");
    let (desk, written, order) = (Desk::over(Box::new(journal)), reader(&path), small());
    let plain = Plain::create(&place.join("one.plain"));
    let mut last = 0;
    taken(&written, &mut last);
    (0..SINGLE).for_each(|_| approve(&desk.gate, &order));
    let mut known = taken(&written, &mut last);
    let (mut gate_times, mut plain_times) = (Vec::new(), Vec::new());
    for round in 0..extent.rounds * 4 {
        let (mut by_gate, mut by_plain) = (Duration::ZERO, Duration::ZERO);
        // One row a decision, or two where a checkpoint is told of.
        for row in known.iter().take(SINGLE) {
            let alone = std::slice::from_ref(row);
            if round % 2 == 0 {
                by_plain += timed(|| plain.write(alone)).0;
            }
            by_gate += timed(|| approve(&desk.gate, &order)).0;
            if round % 2 == 1 {
                by_plain += timed(|| plain.write(alone)).0;
            }
        }
        known = taken(&written, &mut last);
        gate_times.push(by_gate);
        plain_times.push(by_plain);
    }
    line("one at a time, one row a transaction", &gate_times, &plain_times, SINGLE);
}

/// A journal that notes where its transactions end.
#[derive(Clone)]
struct Watched(Arc<FileJournal>);

thread_local! {
    static ENDS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Journal for Watched {
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError> {
        self.0.append(records)
    }
    fn sync(&self, through: u64) -> Result<(), JournalError> {
        self.0.sync(through)?;
        ENDS.with_borrow_mut(|ends| ends.push(self.0.durable()));
        Ok(())
    }
    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        self.0.read(after, max)
    }
    fn is_durable(&self) -> bool {
        true
    }
    fn wants_checkpoint(&self) -> bool {
        self.0.wants_checkpoint()
    }
    fn put_checkpoint(&self, sequence: u64, state: Vec<u8>) {
        self.0.put_checkpoint(sequence, state);
    }
}

/// The rows by the transactions that they were in.
fn grouped(rows: Vec<Row>, ends: &mut Vec<u64>) -> Vec<Vec<Row>> {
    ends.sort_unstable();
    let mut groups: Vec<Vec<Row>> = Vec::new();
    let mut end = 0;
    for row in rows {
        if row.sequence > end {
            end = ends.get(ends.partition_point(|end| *end < row.sequence)).copied().unwrap_or(u64::MAX);
            groups.push(Vec::new());
        }
        groups.last_mut().expect("a group").push(row);
    }
    ends.clear();
    groups
}

/// 64 threads on one gate, beside one thread that writes the same frames: in the transactions that they were in, and 64 in each.
fn many_at_once(place: &Path, extent: Extent) {
    let path = place.join("many.journal");
    let journal = Watched(Arc::new(FileJournal::create(&Storage::from(&*path), "bench").expect("a journal")));
    let (desk, written, order) = (Desk::over(Box::new(journal)), reader(&path), small());
    let [alike, full] = ["alike", "full"].map(|name| Plain::create(&place.join(name)));
    let (begin, end, ends) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1), Mutex::new(Vec::new()));
    let [mut by_gate, mut by_alike, mut by_full] = [const { Vec::new() }; 3];
    let mut sizes = Vec::new();
    let mut last = 0;
    taken(&written, &mut last);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..=extent.rounds {
                    begin.wait();
                    (0..TURNS).for_each(|_| approve(&desk.gate, &order));
                    end.wait();
                    ENDS.with_borrow_mut(|own| ends.lock().expect("ends").append(own));
                    end.wait();
                }
            });
        }
        for round in 0..=extent.rounds {
            begin.wait();
            let (time, _) = timed(|| end.wait());
            end.wait();
            let groups = grouped(taken(&written, &mut last), &mut ends.lock().expect("ends"));
            let whole: Vec<Vec<Row>> = groups.concat().chunks(THREADS).map(<[Row]>::to_vec).collect();
            let (alike_time, ()) = timed(|| groups.iter().for_each(|group| alike.write(group)));
            let (full_time, ()) = timed(|| whole.iter().for_each(|group| full.write(group)));
            // The first round warms up.
            if round > 0 {
                by_gate.push(time);
                by_alike.push(alike_time);
                by_full.push(full_time);
                sizes.extend(groups.iter().map(|group| f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX))));
            }
        }
    });
    let count = THREADS * TURNS;
    line("64 at once, the transactions that occurred", &by_gate, &by_alike, count);
    line("64 at once, 64 rows a transaction", &by_gate, &by_full, count);
    println!("\nRows a transaction that occurred with 64 threads: {}.", Spread::of(sizes));
}
