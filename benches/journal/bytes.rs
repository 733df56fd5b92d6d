//! How long the journal grows with each decision.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gxrisk_core::codec::encoded;
use gxrisk_core::{Event, Outcome, Record};
use gxrisk_gate::Journal;
use gxrisk_gate::journal::{FileJournal, Storage};

use crate::Extent;
use crate::desk::Desk;
use crate::plain::reader;
use crate::recovery::Deferred;

/// Length, format and epoch in front of a record.
const HEAD_BYTES: usize = 4 + 1 + 8;
const HASH_BYTES: usize = 32;

fn kind(record: &Record) -> &'static str {
    match &record.event {
        Event::Decided(ruling) => match ruling.outcome() {
            Outcome::Approved => "approval",
            Outcome::Rejected => "rejection",
            Outcome::Held => "order held for low confidence",
        },
        Event::Hold { .. } => "the model's own hold",
        Event::Market(_) => "marks of 8 assets since the last record",
        Event::Redeemed { .. } => "redemption",
        Event::Accepted { .. } => "acceptance",
        Event::Filled(_) => "fill",
        Event::Cancelled { .. } => "cancel",
        _ => "other",
    }
}

fn is_decision(kind: &str) -> bool {
    matches!(kind, "approval" | "rejection" | "order held for low confidence" | "the model's own hold")
}

#[allow(clippy::cast_precision_loss, reason = "sums far below 2^52")]
fn mean(sum: usize, count: usize) -> f64 {
    sum as f64 / count as f64
}

pub fn print(place: &Path, extent: Extent) {
    let path = place.join("bytes.journal");
    let journal = Arc::new(FileJournal::create(&Storage::from(&*path), "bench").expect("a journal"));
    let mut desk = Desk::over(Box::new(Deferred::without_checkpoints(Arc::clone(&journal))));
    (0..extent.records / 50).for_each(|_| desk.step());
    journal.sync(u64::MAX).expect("written");
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = journal.read(after, 1_000).expect("records");
        let Some(last) = page.last() else { break };
        after = last.record.sequence;
        for entry in &page {
            let (count, sum) = kinds.entry(kind(&entry.record)).or_default();
            *count += 1;
            *sum += HEAD_BYTES + encoded(&entry.record).len() + HASH_BYTES;
        }
    }
    // What is still in the log counts, too.
    let length = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let whole: isize = reader(&path).query_row(length, [], |row| row.get(0)).expect("a length");
    let decisions: usize = kinds.iter().filter(|(kind, _)| is_decision(kind)).map(|(_, (count, _))| count).sum();
    let own: usize = kinds.iter().filter(|(kind, _)| is_decision(kind)).map(|(_, (_, sum))| sum).sum();
    let all: usize = kinds.values().map(|(_, sum)| sum).sum();
    println!("**Bytes a record: frame and hash, {decisions} decisions**\n");
    println!("| record | share of the records | bytes, mean |\n|---|---|---|");
    let records: usize = kinds.values().map(|(count, _)| count).sum();
    for (kind, (count, sum)) in &kinds {
        println!("| {kind} | {:.1} % | {:.0} |", 100.0 * mean(*count, records), mean(*sum, *count));
    }
    println!("\n| a decision | bytes |\n|---|---|");
    println!("| its own record | {:.0} |", mean(own, decisions));
    println!("| with the marks before it and what the venue said after it | {:.0} |", mean(all, decisions));
    println!(
        "| of the file, SQLite's pages included, without checkpoints | {:.0} |\n",
        mean(whole.unsigned_abs(), decisions)
    );
}
