//! One file for many vaults, or one a vault: a prototype of both in plain `SQLite`.
//!
//! In one file, vaults share transactions: whoever waits first writes for all. With one a vault, each syncs by itself.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::Extent;
use crate::plain::{Plain, Row};
use crate::rounds::{Spread, timed};

/// About as long as an approval's record.
const FRAME_BYTES: usize = 640;
/// Commits of all vaults in a round.
const COMMITS: usize = 400;

fn row(sequence: u64) -> Row {
    Row { sequence, frame: vec![7; FRAME_BYTES], hash: vec![7; 32] }
}

#[derive(Default)]
struct Queue {
    rows: Vec<Row>,
    taken: u64,
    durable: u64,
    is_writing: bool,
}

/// One file, written in groups as the journal does it.
struct Shared {
    plain: Mutex<Plain>,
    queue: Mutex<Queue>,
    written: Condvar,
}

impl Shared {
    fn over(plain: Plain) -> Self {
        Self { plain: Mutex::new(plain), queue: Mutex::default(), written: Condvar::new() }
    }

    fn write(&self) {
        let mut queue = self.queue.lock();
        queue.taken += 1;
        let own = queue.taken;
        queue.rows.push(row(own));
        while queue.durable < own {
            if queue.is_writing {
                self.written.wait(&mut queue);
                continue;
            }
            queue.is_writing = true;
            let (rows, last) = (std::mem::take(&mut queue.rows), queue.taken);
            drop(queue);
            self.plain.lock().write(&rows);
            queue = self.queue.lock();
            (queue.is_writing, queue.durable) = (false, last);
            self.written.notify_all();
        }
    }
}

/// A vault's own file, and how many rows are in it.
type Own = Mutex<(Plain, u64)>;

fn write_own(own: &Own) {
    let (plain, count) = &mut *own.lock();
    *count += 1;
    plain.write(&[row(*count)]);
}

/// One thread a vault, each with so many commits: how long all take, and each commit.
fn together(vaults: usize, commit: impl Fn(usize) + Sync) -> (Duration, Vec<Duration>) {
    let (begin, end) = (Barrier::new(vaults + 1), Barrier::new(vaults + 1));
    let waits = Mutex::new(Vec::new());
    let time = thread::scope(|scope| {
        for vault in 0..vaults {
            let (begin, end, waits, commit) = (&begin, &end, &waits, &commit);
            scope.spawn(move || {
                begin.wait();
                let own: Vec<Duration> = (0..COMMITS / vaults).map(|_| timed(|| commit(vault)).0).collect();
                end.wait();
                waits.lock().extend(own);
            });
        }
        begin.wait();
        timed(|| end.wait()).0
    });
    (time, waits.into_inner())
}

/// The wait that so many of a hundred commits do not exceed.
fn wait(waits: &mut [Duration], percent: usize) -> Duration {
    waits.sort_unstable();
    waits[(waits.len() - 1) * percent / 100]
}

#[derive(Default)]
struct Times {
    /// By one file and by many: a round, its median wait and its longest but for one in a hundred.
    all: [Vec<Duration>; 2],
    half: [Vec<Duration>; 2],
    most: [Vec<Duration>; 2],
    in_turn: [Vec<Duration>; 2],
}

fn measured(place: &Path, vaults: usize, rounds: usize) -> Times {
    let folder = place.join(vaults.to_string());
    std::fs::create_dir_all(&folder).expect("a folder");
    let shared = Shared::over(Plain::create(&folder.join("shared")));
    let own: Vec<Own> =
        (0..vaults).map(|vault| Mutex::new((Plain::create(&folder.join(vault.to_string())), 0))).collect();
    let mut times = Times::default();
    // The first round warms up.
    for round in 0..=rounds {
        let mut sides = [together(vaults, |_| shared.write()), together(vaults, |vault| write_own(&own[vault]))];
        let in_turn = [
            timed(|| (0..COMMITS / 4).for_each(|_| shared.write())).0,
            timed(|| (0..COMMITS / 4).for_each(|number| write_own(&own[number % vaults]))).0,
        ];
        for (side, (time, waits)) in sides.iter_mut().enumerate().filter(|_| round > 0) {
            times.all[side].push(*time);
            times.half[side].push(wait(waits, 50));
            times.most[side].push(wait(waits, 99));
            times.in_turn[side].push(in_turn[side]);
        }
    }
    times
}

pub fn print(place: &Path, extent: Extent) {
    println!("**One file for all vaults, in units of one file a vault**\n");
    println!("| vaults | rate, all at once | median wait | wait of the 99th percentile | rate, one thread in turn |");
    println!("|---|---|---|---|---|");
    for vaults in [1, 10, 100] {
        let Times { all, half, most, in_turn } = measured(place, vaults, extent.rounds.div_ceil(5));
        let [rate, turn] = [&all, &in_turn].map(|[one, many]| Spread::quotient(many, one));
        let [half, most] = [&half, &most].map(|[one, many]| Spread::quotient(one, many));
        println!("| {vaults} | {rate} | {half} | {most} | {turn} |");
    }
    println!();
}
