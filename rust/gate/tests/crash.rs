//! Killed at any moment, a vault keeps what it told: no approval that was handed out is missing from its journal.
//!
//! The test runs itself again as a child that opens a vault's file and trades on it with eight threads, and kills it:
//! before it opened the vault, while it does, or after. `GXRISK_KILLS` says how often, `GXRISK_SEED` when.

mod vault;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer as _, SigningKey};
use gxrisk_core::engine::ReactivationRefusal;
use gxrisk_core::{Engine, Event, Nano, Origin, Outcome, Record, Refusal};
use gxrisk_gate::custody::ReactivationRequest;
use gxrisk_gate::journal::{Entry, Hex, JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError, SignedApproval, SystemClock};
use vault::{Dice, Scratch, VAULT, bytes, fund, limits, order, setting};

const JOURNAL: &str = "GXRISK_CRASH_JOURNAL";
const THREADS: u64 = 8;
const KILLS_A_VAULT: u64 = 20;
/// Little, so that children are killed while they take checkpoints, too.
const CHECKPOINT_BYTES: usize = 4 << 10;
/// How many vaults are traded on at once.
const LANES: u64 = 4;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a child was told by its gate before it told its parent.
#[derive(Debug)]
enum Told {
    Opening,
    Opened,
    Decided(u64, Option<Vec<u8>>),
    Redeemed(u64),
    Held(u64),
    Cancelled(u64),
    Reactivated(u64),
}

impl Told {
    fn line(&self) -> String {
        match self {
            Self::Opening => "opening\n".to_owned(),
            Self::Opened => "opened\n".to_owned(),
            Self::Decided(sequence, None) => format!("decided {sequence} -\n"),
            Self::Decided(sequence, Some(token)) => format!("decided {sequence} {}\n", Hex(token)),
            Self::Redeemed(sequence) => format!("redeemed {sequence}\n"),
            Self::Held(sequence) => format!("held {sequence}\n"),
            Self::Cancelled(sequence) => format!("cancelled {sequence}\n"),
            Self::Reactivated(stop) => format!("reactivated {stop}\n"),
        }
    }

    /// A line of the child, but for those of the test harness and one that was cut short.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.strip_suffix('\n')?.split(' ').collect();
        match words[..] {
            ["opening"] => Some(Self::Opening),
            ["opened"] => Some(Self::Opened),
            ["decided", sequence, "-"] => Some(Self::Decided(sequence.parse().ok()?, None)),
            ["decided", sequence, token] => Some(Self::Decided(sequence.parse().ok()?, Some(bytes(token)?))),
            ["redeemed", sequence] => Some(Self::Redeemed(sequence.parse().ok()?)),
            ["held", sequence] => Some(Self::Held(sequence.parse().ok()?)),
            ["cancelled", sequence] => Some(Self::Cancelled(sequence.parse().ok()?)),
            ["reactivated", stop] => Some(Self::Reactivated(stop.parse().ok()?)),
            _ => None,
        }
    }
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
    let storage = Storage { checkpoint_bytes: CHECKPOINT_BYTES, ..Storage::from(path) };
    let clock = Arc::new(SystemClock);
    match Gate::open(&storage, clock.clone(), None) {
        Ok((gate, _)) => gate,
        Err(GateError::Journal(JournalError::Missing(_) | JournalError::Foreign { .. })) => {
            let custody = Custody { owner_key: Some(owner().verifying_key().to_bytes()), ..Custody::default() };
            Gate::create(&storage, VAULT, limits(), clock, &custody).unwrap()
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
    tell(&Told::Opening);
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

/// The key of the vault's owner.
fn owner() -> SigningKey {
    SigningKey::from_bytes(&[0x33; 32])
}

/// What the owner signs for the end of a stop, good for ever.
fn signed(ends: u64) -> Vec<u8> {
    let mut token = ReactivationRequest::new(VAULT, ends, false, i64::MAX).unwrap().message();
    let signature = owner().sign(&token);
    token.extend_from_slice(&signature.to_bytes());
    token
}

/// Ends what stops the vault, also what a child before left; another thread may be first, or kill it again.
fn come_back(gate: &Gate) -> Result<(), GateError> {
    let Some(stop) = gate.stopped_by()? else { return Ok(()) };
    match gate.reactivate(false, Some(&signed(stop))) {
        Ok(()) => tell(&Told::Reactivated(stop)),
        Err(GateError::Refused(Refusal::Reactivation(ReactivationRefusal::OtherStop { .. }))) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// One order and what follows on it; every id is used by two threads.
fn trade(gate: &Gate, run: u64, number: u64) -> Result<(), GateError> {
    let decided = gate.authorize(&order(Some(&format!("{run}-{}", number / 2))), Origin::Agent)?;
    let sequence = decided.ruling.sequence;
    let token = decided.approval.as_ref().map(|approval| approval.token()).transpose()?;
    tell(&Told::Decided(sequence, token));
    if number.is_multiple_of(13) {
        gate.kill("a drill")?;
        come_back(gate)?;
    }
    if number.is_multiple_of(5) {
        tell(&Told::Held(gate.hold(None, Nano::ONE, &"nothing ".repeat(200))?));
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
    if number.is_multiple_of(11) {
        gate.park();
    }
    Ok(())
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

/// Lets a child come so far, kills it, and gives all that it told.
fn kill_one(journal: &Path, dice: &mut Dice) -> Vec<Told> {
    let (mut running, receiver) = Running::start(journal);
    let mut told = Vec::new();
    let wait = |told: &mut Vec<Told>| told.push(receiver.recv_timeout(PATIENCE).expect("the child goes on"));
    // The moment of the kill is what is tried here, so this does sleep.
    let moment = match dice.below(8) {
        0 => dice.below(20_000),
        1..4 => {
            wait(&mut told);
            dice.below(4_000)
        }
        _ => {
            wait(&mut told);
            wait(&mut told);
            dice.below(80_000)
        }
    };
    thread::sleep(Duration::from_micros(moment));
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
            Event::Reactivated { consent, .. } => {
                let stop = consent.as_deref().expect("the owner's word").ends;
                assert!(others.insert(("reactivated", stop)), "the stop of {stop} ended twice");
            }
            Event::Cancelled { order } => drop(others.insert(("cancelled", *order))),
            Event::Hold { .. } => drop(others.insert(("held", *sequence))),
            _ => {}
        }
    }
    for one in told {
        match one {
            Told::Opening | Told::Opened => {}
            Told::Redeemed(order) => assert!(others.contains(&("redeemed", *order)), "{one:?}"),
            Told::Cancelled(order) => assert!(others.contains(&("cancelled", *order)), "{one:?}"),
            Told::Reactivated(stop) => assert!(others.contains(&("reactivated", *stop)), "{one:?}"),
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

/// The stop that a record ended.
fn ended_stop(entry: &Entry) -> Option<u64> {
    match &entry.record.event {
        Event::Reactivated { consent, .. } => consent.as_deref().map(|consent| consent.ends),
        _ => None,
    }
}

/// How the children of some vaults fared.
#[derive(Debug, Default)]
struct Tally {
    killed_opening: u64,
    killed_trading: u64,
    things_told: u64,
    checkpoints: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.killed_opening += other.killed_opening;
        self.killed_trading += other.killed_trading;
        self.things_told += other.things_told;
        self.checkpoints += other.checkpoints;
    }
}

/// Kills so many children of one vault.
fn one_vault(kills: u64, mut dice: Dice) -> Tally {
    let scratch = Scratch::new("crash");
    let journal = scratch.storage().path;
    let (mut before, mut tally) = (Vec::new(), Tally::default());
    for _ in 0..kills {
        let told = kill_one(&journal, &mut dice);
        match verified(&journal) {
            Ok((entries, engine)) => {
                check(&told, &before, &entries, &engine);
                before = entries;
            }
            Err(error) => assert!(before.is_empty() && told.len() < 2, "{error}"),
        }
        tally.killed_opening += u64::from(told.len() == 1);
        tally.killed_trading += u64::from(told.len() > 2);
        tally.things_told += told.len() as u64;
    }
    let gate = open(&journal);
    fund(&gate).unwrap();
    // Whatever was signed before is worth nothing now: what it ended is over.
    for stop in before.iter().filter_map(ended_stop) {
        assert!(gate.reactivate(false, Some(&signed(stop))).is_err(), "{stop} ended again");
    }
    if let Some(stop) = gate.stopped_by().unwrap() {
        gate.reactivate(false, Some(&signed(stop))).unwrap();
    }
    assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    gate.close().unwrap();
    let (entries, engine) = verified(&journal).unwrap();
    check(&[], &before, &entries, &engine);
    let is_checkpoint = |entry: &&Entry| matches!(entry.record.event, Event::Checkpointed { .. });
    tally.checkpoints = entries.iter().filter(is_checkpoint).count() as u64;
    tally
}

#[test]
fn killed_at_any_moment() {
    let kills = setting("GXRISK_KILLS", 200);
    let seed = setting("GXRISK_SEED", nanos());
    println!("GXRISK_KILLS={kills} GXRISK_SEED={seed}");
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let vault = next.fetch_add(1, Ordering::Relaxed);
                    let left = kills.saturating_sub(vault * KILLS_A_VAULT);
                    if left == 0 {
                        return;
                    }
                    let tally = one_vault(left.min(KILLS_A_VAULT), Dice::new(seed.wrapping_add(vault << 32)));
                    total.lock().unwrap().add(&tally);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("{total:?}");
    assert!(total.killed_opening * 20 >= kills, "few children were killed while they opened the vault");
    assert!(total.killed_trading * 3 >= kills, "few children were killed while they traded");
    assert!(total.checkpoints * 10 >= kills, "few checkpoints were taken");
}
