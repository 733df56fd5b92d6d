//! Killed at any moment, a vault keeps what it told: no approval that was handed out is missing from its journal.
//!
//! The test runs itself again as a child that trades on a vault's file, and kills it. `GXRISK_KILLS` says how often,
//! `GXRISK_SEED` when.

mod support;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gxrisk_core::{Engine, Event, Nano, Origin, Outcome, Record};
use gxrisk_gate::journal::{Entry, Hex, JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError, SignedApproval, SystemClock};
use support::{Folder, fund, order, roomy};

const VAULT: &str = "crash";
const JOURNAL: &str = "GXRISK_CRASH_JOURNAL";
const THREADS: u64 = 8;
const KILLS_A_VAULT: u64 = 20;
/// How many vaults are traded on at once.
const LANES: u64 = 4;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a child was told by its gate before it told its parent.
#[derive(Debug)]
enum Told {
    Opened,
    Decided(u64, Option<Vec<u8>>),
    Redeemed(u64),
    Held(u64),
    Cancelled(u64),
}

impl Told {
    fn line(&self) -> String {
        match self {
            Self::Opened => "opened\n".to_owned(),
            Self::Decided(sequence, None) => format!("decided {sequence} -\n"),
            Self::Decided(sequence, Some(token)) => format!("decided {sequence} {}\n", Hex(token)),
            Self::Redeemed(sequence) => format!("redeemed {sequence}\n"),
            Self::Held(sequence) => format!("held {sequence}\n"),
            Self::Cancelled(sequence) => format!("cancelled {sequence}\n"),
        }
    }

    /// A line of the child, but for those of the test harness and one that was cut short.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.strip_suffix('\n')?.split(' ').collect();
        match words[..] {
            ["opened"] => Some(Self::Opened),
            ["decided", sequence, "-"] => Some(Self::Decided(sequence.parse().ok()?, None)),
            ["decided", sequence, token] => Some(Self::Decided(sequence.parse().ok()?, Some(bytes(token)?))),
            ["redeemed", sequence] => Some(Self::Redeemed(sequence.parse().ok()?)),
            ["held", sequence] => Some(Self::Held(sequence.parse().ok()?)),
            ["cancelled", sequence] => Some(Self::Cancelled(sequence.parse().ok()?)),
            _ => None,
        }
    }
}

/// The bytes of hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// Tells the parent, in one write; without a parent there is nothing to do any more.
fn tell(told: &Told) {
    if std::io::stdout().lock().write_all(told.line().as_bytes()).is_err() {
        std::process::exit(2);
    }
}

fn nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()))
}

/// Opens the vault, or makes it where a child before did not come so far.
fn open(path: &Path) -> Gate {
    let (storage, clock) = (Storage::from(path), Arc::new(SystemClock));
    match Gate::open(&storage, clock.clone(), None) {
        Ok((gate, _)) => gate,
        Err(GateError::Journal(JournalError::Missing(_) | JournalError::Foreign { .. })) => {
            Gate::create(&storage, VAULT, roomy(), clock, &Custody::default()).unwrap()
        }
        Err(error) => panic!("{error}"),
    }
}

/// Not a test of its own: what the parent kills.
#[test]
#[ignore = "run by killed_at_any_moment"]
fn child() {
    let Some(path) = std::env::var_os(JOURNAL) else { return };
    let path = Path::new(&path);
    // The harness begins a line before this.
    std::io::stdout().write_all(b"\n").unwrap();
    let mut gate = open(path);
    if nanos().is_multiple_of(4) {
        gate.close().unwrap();
        gate = open(path);
    }
    fund(&gate).unwrap();
    tell(&Told::Opened);
    let (run, started) = (gate.view().unwrap().sequence, Instant::now());
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while started.elapsed() < PATIENCE {
                    if let Err(error) = trade(&gate, run, next.fetch_add(1, Ordering::Relaxed)) {
                        eprintln!("the child met: {error}");
                        std::process::exit(3);
                    }
                }
            });
        }
    });
}

/// One order and what follows on it; every id is used by two threads.
fn trade(gate: &Gate, run: u64, number: u64) -> Result<(), GateError> {
    let decided = gate.authorize(&order(Some(&format!("{run}-{}", number / 2))), Origin::Agent)?;
    let sequence = decided.ruling.sequence;
    let token = decided.approval.as_ref().map(|approval| approval.token()).transpose()?;
    tell(&Told::Decided(sequence, token));
    if number.is_multiple_of(5) {
        tell(&Told::Held(gate.hold(Nano::ONE, &"nothing ".repeat(200))?));
    }
    let Some(approval) = decided.approval.filter(|_| !number.is_multiple_of(7)) else { return Ok(()) };
    // The other thread with the same id may have been first.
    match gate.redeem(&approval) {
        Ok(_) => tell(&Told::Redeemed(sequence)),
        Err(GateError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    if gate.order_cancelled(&approval.order_id())? {
        tell(&Told::Cancelled(sequence));
    }
    Ok(())
}

/// Numbers that the seed determines (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A child, killed when nobody needs it any more.
struct Running(Child);

impl Running {
    fn start(journal: &Path) -> (Self, Receiver<Told>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(JOURNAL, journal)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, told) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).is_ok_and(|length| length > 0) {
                if let Some(told) = Told::parse(&line)
                    && sender.send(told).is_err()
                {
                    return;
                }
                line.clear();
            }
        });
        (Self(child), told)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets a child trade for a while, kills it, and gives all that it told.
fn kill_one(journal: &Path, random: &mut Random) -> Vec<Told> {
    let (mut running, receiver) = Running::start(journal);
    let mut told = Vec::new();
    if random.below(3) > 0 {
        told.push(receiver.recv_timeout(PATIENCE).expect("the child opens the vault"));
    }
    thread::sleep(Duration::from_micros(random.below(40_000)));
    assert_eq!(running.0.try_wait().unwrap(), None, "the child ended before it was killed");
    drop(running);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(one) => told.push(one),
            Err(RecvTimeoutError::Disconnected) => return told,
            Err(RecvTimeoutError::Timeout) => panic!("the child's output does not end"),
        }
    }
}

/// Reads a journal as a whole; `None` where the vault was not made before the kill.
fn verified(journal: &Path) -> Result<(Vec<Entry>, Engine), JournalError> {
    let reader = JournalReader::open(&Storage::from(journal))?;
    reader.verify(None, |_| true)?;
    let (entries, engine) = (reader.read(0, usize::MAX)?, reader.engine()?);
    let replayed = Engine::replay(entries.iter().map(|entry| &entry.record)).expect("the records replay");
    assert!(engine.checkpoint() == replayed.checkpoint(), "recovery and replay come to different states");
    Ok((entries, engine))
}

/// Whether the journal has all that a child told; `before` are the records that were there at the kill before.
fn check(told: &[Told], before: &[Entry], entries: &[Entry], engine: &Engine) {
    assert!(entries.starts_with(before), "records that were safe are gone or changed");
    let (mut decided, mut others) = (HashMap::new(), HashSet::new());
    for Entry { record: Record { sequence, event, .. }, stamp } in entries {
        match event {
            Event::Decided(ruling) => drop(decided.insert(*sequence, (ruling, stamp))),
            Event::Redeemed { order, .. } => assert!(others.insert(("redeemed", *order)), "{order} was used twice"),
            Event::Cancelled { order } => drop(others.insert(("cancelled", *order))),
            Event::Hold { .. } => drop(others.insert(("held", *sequence))),
            _ => {}
        }
    }
    for one in told {
        match one {
            Told::Opened => {}
            Told::Redeemed(order) => assert!(others.contains(&("redeemed", *order)), "{one:?}"),
            Told::Cancelled(order) => assert!(others.contains(&("cancelled", *order)), "{one:?}"),
            Told::Held(sequence) => assert!(others.contains(&("held", *sequence)), "{one:?}"),
            Told::Decided(sequence, token) => {
                let (ruling, stamp) = decided.get(sequence).unwrap_or_else(|| panic!("not on record: {one:?}"));
                let Some(token) = token else { continue };
                assert_eq!(ruling.outcome(), Outcome::Approved);
                let signed = SignedApproval::parse(token).unwrap();
                signed.check(&engine.keys_at(*sequence).unwrap().wallet, VAULT).unwrap();
                assert_eq!((signed.sequence, signed.epoch), (*sequence, stamp.epoch));
                assert_eq!((signed.expires, &signed.order), (ruling.expires, &*ruling.order));
                assert!(stamp.hash.starts_with(&signed.nonce));
            }
        }
    }
}

/// Kills so many children of one vault; gives how many told something, and how much.
fn one_vault(kills: u64, mut random: Random) -> (u64, usize) {
    let folder = Folder::new();
    let journal = folder.journal();
    let (mut before, mut lively, mut heard) = (Vec::new(), 0, 0);
    for _ in 0..kills {
        let told = kill_one(&journal, &mut random);
        match verified(&journal) {
            Ok((entries, engine)) => {
                check(&told, &before, &entries, &engine);
                before = entries;
            }
            Err(error) => assert!(before.is_empty() && told.is_empty(), "{error}"),
        }
        lively += u64::from(!told.is_empty());
        heard += told.len();
    }
    let gate = open(&journal);
    fund(&gate).unwrap();
    assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    gate.close().unwrap();
    let (entries, engine) = verified(&journal).unwrap();
    check(&[], &before, &entries, &engine);
    (lively, heard)
}

fn number_of(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn killed_at_any_moment() {
    let kills = number_of("GXRISK_KILLS").unwrap_or(200);
    let seed = number_of("GXRISK_SEED").unwrap_or_else(nanos);
    println!("GXRISK_KILLS={kills} GXRISK_SEED={seed}");
    let (next, lively, heard) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let vault = next.fetch_add(1, Ordering::Relaxed);
                    let left = kills.saturating_sub(vault * KILLS_A_VAULT);
                    if left == 0 {
                        return;
                    }
                    let (lived, told) = one_vault(left.min(KILLS_A_VAULT), Random(seed.wrapping_add(vault << 32)));
                    lively.fetch_add(lived, Ordering::Relaxed);
                    heard.fetch_add(u64::try_from(told).unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} of {kills} children told {} things", lively.load(Ordering::Relaxed), heard.load(Ordering::Relaxed));
    assert!(lively.into_inner() * 2 >= kills, "most children were killed before they did anything");
}
