//! A parked journal: no file of it is open but its lock, and everything that is promised of a journal holds all the same.

mod disk;
mod vault;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use disk::{Disk, Fault, Loss};
use gxrisk_core::{Event, Origin, Outcome};
use gxrisk_gate::journal::{Hex, JournalReader, Pool, Storage};
use gxrisk_gate::{Gate, GateError, JournalError};
use vault::{Dice, Scratch, VAULT, approve, bytes, clock, create, is_recorded, open, order, setting, sound};

const JOURNAL: &str = "GXRISK_PARKED";

/// How many files of a folder this process has open.
fn files(folder: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|one| fs::read_link(one.unwrap().path()).ok());
    open.filter(|file| file.starts_with(folder)).count()
}

/// What a gate holds that was just parked.
fn parked(storage: &Storage) -> Gate {
    let gate = create(storage, &clock()).unwrap();
    approve(&gate, Some("before")).unwrap();
    gate.park();
    gate
}

/// The number of the last decision that the file holds.
fn last(storage: &Storage) -> u64 {
    JournalReader::open(storage).unwrap().head().unwrap().sequence
}

#[test]
fn a_parked_vault_holds_its_lock_alone() {
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let gate = create(&storage, &clock()).unwrap();
    assert_eq!(files(&scratch.0), 4, "journal, log, index, lock");
    let records = gate.events(0, usize::MAX).unwrap().len();
    assert_eq!(files(&scratch.0), 6, "and journal and log of the reader");
    for _ in 0..3 {
        gate.park();
        assert_eq!(files(&scratch.0), 1, "the lock");
        // Questions are answered from memory.
        assert_eq!(gate.validate(&order(None).terms, None, Origin::Agent).0.mask.0, 0);
        assert_eq!(files(&scratch.0), 1, "the lock");
        assert!(gate.events(0, usize::MAX).unwrap().len() >= records);
        assert_eq!(files(&scratch.0), 4, "journal, log, index, lock");
        approve(&gate, None).unwrap();
        assert_eq!(files(&scratch.0), 6);
    }
    gate.park();
    gate.close().unwrap();
    let left: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(left.len() == 2 && files(&scratch.0) == 0, "closed, it is the journal and the empty lock: {left:?}");
    sound(&storage).unwrap();
}

#[test]
fn another_writer_is_refused_while_parked() {
    if let Ok(path) = std::env::var(JOURNAL) {
        let error = open(&Storage::from(Path::new(&path)), &clock()).map(|_| ()).unwrap_err();
        println!("\n{error}");
        return;
    }
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let gate = parked(&storage);
    for error in [open(&storage, &clock()).map(|_| ()), create(&storage, &clock()).map(|_| ())] {
        assert_eq!(error.unwrap_err(), GateError::Journal(JournalError::InUse(storage.path.clone())));
    }
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "another_writer_is_refused_while_parked", "--nocapture"]).env(JOURNAL, &storage.path);
    let said = String::from_utf8(other.output().unwrap().stdout).unwrap();
    assert!(said.contains("is open in another gate or process"), "{said}");
    approve(&gate, None).unwrap();
    gate.park();
    drop(gate);
    approve(&open(&storage, &clock()).unwrap().0, None).unwrap();
    sound(&storage).unwrap();
}

/// Not a test of its own: what the parent kills.
#[test]
#[ignore = "run by what_was_told_outlives_a_kill_while_parked"]
fn child() {
    let Ok(path) = std::env::var(JOURNAL) else { return };
    let storage = Storage::from(Path::new(&path));
    let gate =
        if storage.path.exists() { open(&storage, &clock()).unwrap().0 } else { create(&storage, &clock()).unwrap() };
    let mut told = b"\n".to_vec();
    for _ in 0..5 {
        gate.park();
        let token = approve(&gate, None).unwrap().1.token().unwrap();
        writeln!(told, "token {}", Hex(&token)).unwrap();
    }
    gate.park();
    told.extend(b"parked\n");
    std::io::stdout().write_all(&told).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn what_was_told_outlives_a_kill_while_parked() {
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let mut tokens = Vec::new();
    for run in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(JOURNAL, &storage.path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for line in lines.take_while(|line| line != "parked") {
            tokens.extend(line.strip_prefix("token ").map(|token| bytes(token).unwrap()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(tokens.len(), 5 * run);
        let (entries, engine) = (sound(&storage).unwrap(), JournalReader::open(&storage).unwrap().engine().unwrap());
        assert!(tokens.iter().all(|token| is_recorded(&entries, &engine, token)));
    }
    let gate = open(&storage, &clock()).unwrap().0;
    gate.redeem_token(tokens.last().unwrap()).unwrap();
}

#[test]
fn what_is_recorded_after_parking_is_durable_and_chained() {
    for disk in [Disk::new(), Disk::powersafe()] {
        let scratch = Scratch::new("parked");
        let storage = scratch.storage_on(disk.vfs());
        let gate = create(&storage, &clock()).unwrap();
        for _ in 0..30 {
            gate.park();
            let (_, approval) = approve(&gate, None).unwrap();
            let trace = disk.trace();
            let image = trace.image(trace.len(), Loss::Everything);
            let engine = JournalReader::open(&scratch.storage_on(image.vfs())).unwrap().engine().unwrap();
            let ruling = engine.ruling(approval.sequence()).expect("the decision is lost");
            assert_eq!(ruling.outcome(), Outcome::Approved);
        }
        let before = disk.len();
        gate.park();
        assert_eq!(disk.len(), before, "parking writes nothing");
        drop(gate);
        sound(&storage).unwrap();
    }
}

#[test]
fn readers_see_all_of_a_parked_journal_and_do_not_stand_in_its_way() {
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let gate = parked(&storage);
    let early = JournalReader::open(&storage).unwrap();
    for _ in 0..5 {
        let told = gate.view().unwrap().sequence;
        let late = JournalReader::open(&storage).unwrap();
        assert!([&early, &late].iter().all(|reader| reader.head().unwrap().sequence == told));
        // The gate's own reader, too, while both are there and when they are gone.
        assert_eq!(gate.events(told - 1, 2).unwrap().len(), 1);
        gate.park();
        let (decided, _) = approve(&gate, None).unwrap();
        let found = late.read(decided.ruling.sequence - 1, 1).unwrap();
        assert!(matches!(&found[0].record.event, Event::Decided(ruling) if **ruling == *decided.ruling));
        drop(late);
        gate.park();
    }
    early.verify(None, |_| true).unwrap();
    drop(early);
    approve(&gate, None).unwrap();
}

#[test]
fn the_log_of_a_journal_that_is_always_parked_stays_short() {
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let gate = parked(&storage);
    for number in 0..400 {
        approve(&gate, None).unwrap();
        gate.park();
        let log = fs::metadata(scratch.0.join("journal.db-wal")).unwrap().len();
        assert!(log < 80 * 4_120, "{log} bytes after {number} records");
    }
    drop(gate);
    sound(&storage).unwrap();
}

#[test]
fn a_parked_journal_that_was_touched_stops_the_gate() {
    type Deed = fn(&Path, &Path);
    let deeds: [(&str, Deed, &str); 5] = [
        ("deleted", |path, _| fs::remove_file(path).unwrap(), "moved, replaced or deleted"),
        ("moved", |path, aside| fs::rename(path, aside).unwrap(), "moved, replaced or deleted"),
        (
            "replaced",
            |path, aside| {
                fs::rename(path, aside).unwrap();
                fs::copy(aside, path).map(|_| ()).unwrap();
            },
            "moved, replaced or deleted",
        ),
        ("log deleted", |path, _| fs::remove_file(path.with_file_name("journal.db-wal")).unwrap(), "is damaged at"),
        (
            "a log cut short",
            |path, _| {
                let log = path.with_file_name("journal.db-wal");
                let older = fs::read(&log).unwrap();
                fs::write(log, &older[..older.len() / 2]).unwrap();
            },
            "is damaged at",
        ),
    ];
    for (name, deed, word) in deeds {
        let scratch = Scratch::new("parked");
        let storage = scratch.storage();
        parked(&storage).close().unwrap();
        let gate = open(&storage, &clock()).unwrap().0;
        approve(&gate, None).unwrap();
        gate.park();
        deed(&storage.path, &scratch.0.join("aside.db"));
        let error = gate.authorize(&order(None), Origin::Agent).expect_err(name);
        let text = error.to_string();
        assert!(text.contains(word) && text.contains("journal.db"), "{name}: {text}");
        let again = gate.authorize(&order(None), Origin::Agent).unwrap_err();
        assert!(matches!(again, GateError::RecordLost(_)), "{name}: {again}");
    }
}

#[test]
fn a_parked_writer_that_was_overtaken_is_fenced() {
    let scratch = Scratch::new("parked");
    let storage = scratch.storage();
    let old = parked(&storage);
    // As on a file system without locks.
    fs::remove_file(scratch.0.join("journal.db.lock")).unwrap();
    let new = open(&storage, &clock()).unwrap().0;
    new.park();
    let error = old.authorize(&order(None), Origin::Agent).unwrap_err();
    assert_eq!(error, GateError::Journal(JournalError::Fenced { mine: 0, seen: 1 }));
    approve(&new, None).unwrap();
    sound(&storage).unwrap();
}

/// What a failed sync left in the log reads well once the file is opened again; nobody was told of it.
#[test]
fn what_failed_is_not_read_after_parking() {
    for fault in [Fault::Sync, Fault::Write, Fault::Full] {
        let (scratch, disk) = (Scratch::new("parked"), Disk::powersafe());
        let gate = create(&scratch.storage_on(disk.vfs()), &clock()).unwrap();
        let told = gate.view().unwrap().sequence;
        disk.fail(fault);
        gate.authorize(&order(None), Origin::Agent).expect_err("a fault");
        disk.heal();
        gate.park();
        assert_eq!(gate.events(0, usize::MAX).unwrap().len() as u64, told, "{fault:?}");
    }
}

/// The first decision on a repeated id is read from the file: where that cannot be opened there is no approval, and
/// nothing is lost, so the gate goes on.
#[test]
fn a_first_decision_that_cannot_be_read_is_given_as_soon_as_it_can() {
    let (scratch, disk) = (Scratch::new("parked"), Disk::powersafe());
    let gate = create(&scratch.storage_on(disk.vfs()), &clock()).unwrap();
    let first = approve(&gate, Some("a")).unwrap().1.token().unwrap();
    gate.park();
    for fault in [Fault::Open, Fault::Read, Fault::Perm] {
        disk.fail(fault);
        let error = gate.authorize(&order(Some("a")), Origin::Agent).map(|_| ()).unwrap_err();
        assert!(matches!(error, GateError::Journal(JournalError::Storage { .. })), "{fault:?}: {error}");
        disk.heal();
    }
    assert_eq!(approve(&gate, Some("a")).unwrap().1.token().unwrap(), first);
    approve(&gate, None).unwrap();
}

#[test]
fn many_vaults_share_few_files() {
    let (scratch, clock) = (Scratch::new("many"), clock());
    let seed = setting("GXRISK_SEED", 0x6669_6C65);
    println!("GXRISK_SEED={seed}");
    let pool = Pool::of(5);
    let storage = |number: usize| {
        let path = scratch.0.join(format!("{number}.db"));
        Storage { pool: Arc::clone(&pool), ..Storage::from(path.as_path()) }
    };
    let gates: Vec<_> = (0..40).map(|number| create(&storage(number), &clock).unwrap()).collect();
    assert_eq!(files(&scratch.0), 40 + 5 * 3);
    // One of them is asked between all others, and so stays open.
    for gate in &gates {
        approve(&gates[0], None).unwrap();
        approve(gate, None).unwrap();
        assert_eq!(files(&scratch.0.join("0.db")), 1);
    }
    let tokens = thread::scope(|scope| {
        let work = |thread: u64| {
            let (mut dice, mut tokens) = (Dice::new(seed ^ thread), Vec::new());
            for _ in 0..60 {
                let number = usize::try_from(dice.below(40)).unwrap();
                tokens.push((number, approve(&gates[number], None).unwrap().1.token().unwrap()));
                if dice.below(3) == 0 {
                    assert!(!gates[number].events(0, 3).unwrap().is_empty());
                }
            }
            tokens
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    // What is at work stays open beyond the number; the next one to open a file makes room again.
    for gate in &gates {
        drop(approve(gate, None).unwrap());
    }
    assert!(files(&scratch.0) <= 40 + 5 * 3, "{}", files(&scratch.0));
    drop(gates);
    assert_eq!(files(&scratch.0), 0);
    for number in 0..40 {
        let (entries, engine) = (sound(&storage(number)).unwrap(), JournalReader::open(&storage(number)).unwrap());
        let engine = engine.engine().unwrap();
        let mut own = tokens.iter().filter(|(of, _)| *of == number);
        assert!(own.all(|(_, token)| is_recorded(&entries, &engine, token)));
    }
}

/// In a process of its own, whose limit of open files would end at a tenth of these vaults.
#[test]
fn more_vaults_than_files() {
    let Ok(path) = std::env::var(JOURNAL) else {
        let scratch = Scratch::new("limit");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "more_vaults_than_files", "--nocapture"]).env(JOURNAL, &scratch.0);
        let done = child.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        return;
    };
    let limit = rustix::process::Rlimit { current: Some(256), maximum: Some(256) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let storage = |number: usize| Storage::from(Path::new(&path).join(format!("{number}.db")).as_path());
    let gates: Vec<_> = (0..180).map(|number| create(&storage(number), &clock()).unwrap()).collect();
    // Others take every file that is left: the idle journals give up theirs to the one that has to write.
    let others: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(!others.is_empty());
    for gate in &gates {
        drop(approve(gate, None).unwrap());
    }
    drop(others);
    for gate in &gates {
        gate.close().unwrap();
    }
    for number in 0..180 {
        assert_eq!(open(&storage(number), &clock()).unwrap().0.vault_id(), VAULT);
        assert!(last(&storage(number)) > 0);
    }
}
