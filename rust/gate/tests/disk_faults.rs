//! A disk that is full, fails, or is taken away: no approval, an error that names the file and the cause, a gate that
//! stops, and nothing lost that was acknowledged.

mod disk;
mod vault;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use disk::{Disk, Fault, Loss};
use gxrisk_core::{Mask, Order, Origin, Side, Terms, TradingState};
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{Approval, Custody, Gate, GateError, JournalError, ManualClock};
use vault::{Scratch, approve, clock, create, fill, fund, is_recorded, limits, n, open, order, sound};

/// Every fault, and a word of what is said of it.
const FAULTS: [(Fault, &str); 6] = [
    (Fault::Full, "full"),
    (Fault::Sync, "syncing"),
    (Fault::Write, "writing"),
    (Fault::Read, "reading"),
    (Fault::Open, "open"),
    (Fault::Perm, "readonly"),
];

/// What the outside was told before a fault.
#[derive(Default)]
struct Told {
    records: u64,
    tokens: Vec<Vec<u8>>,
}

/// Works until something fails; gives the gate, where there is one, and the error.
fn work(storage: &Storage, clock: &Arc<ManualClock>, told: &mut Told) -> (Option<Gate>, Option<GateError>) {
    let gate = match Gate::create(storage, vault::VAULT, limits(), Arc::clone(clock) as _, &Custody::default()) {
        Ok(gate) => gate,
        Err(error) => return (None, Some(error)),
    };
    if let Err(error) = fund(&gate) {
        return (Some(gate), Some(error));
    }
    for number in 0..30 {
        let decided = match gate.authorize(&order(Some(&format!("client-{number}"))), Origin::Agent) {
            Ok(decided) => decided,
            Err(error) => return (Some(gate), Some(error)),
        };
        told.records = decided.ruling.sequence;
        told.tokens.push(decided.approval.expect("an approval").token().expect("a token"));
    }
    (Some(gate), None)
}

/// A gate that lost a record does nothing any more, whatever becomes of the disk.
fn is_halted(gate: &Gate) {
    let (verdict, receipt) = gate.validate(&order(None).terms, None, Origin::Agent);
    assert!(verdict.mask == Mask(Mask::ENGINE_HALTED) && receipt.is_none());
    let why = *verdict.stopped.expect("why");
    assert!(matches!(why, GateError::RecordLost(_)), "{why:?}");
    assert_eq!(gate.authorize(&order(None), Origin::Agent).unwrap_err(), why);
    assert_eq!(gate.authorize(&order(Some("client-0")), Origin::Agent).unwrap_err(), why);
    assert_eq!(gate.deposit(n("1")), Err(why));
}

/// The same, of one that was perhaps closed.
fn is_stopped(gate: &Gate, is_closed: bool) {
    if !is_closed {
        return is_halted(gate);
    }
    assert_eq!(gate.authorize(&order(None), Origin::Agent).unwrap_err(), GateError::Journal(JournalError::Closed));
}

/// Whether an error names the file and says what is wrong with it.
fn is_clear(error: &GateError, storage: &Storage, word: &str) {
    let text = error.to_string();
    assert!(matches!(error, GateError::Journal(_)), "{error:?}");
    assert!(text.contains(&storage.path.display().to_string()) && text.contains(word), "{text}");
}

/// All that was told is in the journal.
fn is_kept(storage: &Storage, clock: &Arc<ManualClock>, told: &Told) {
    if told.records == 0 {
        let opened = open(storage, clock).map(|(gate, _)| gate);
        let made = opened
            .or_else(|_| Gate::create(storage, vault::VAULT, limits(), Arc::clone(clock) as _, &Custody::default()));
        made.unwrap_or_else(|error| panic!("opened or made again: {error}"));
        return;
    }
    let (gate, recovery) = open(storage, clock).expect("opened");
    assert!(recovery.sequence >= told.records);
    // What failed may stand all the same: nobody was told.
    if gate.view().expect("a view").account.killed {
        gate.reactivate(false, None).expect("reactivated");
    }
    approve(&gate, None).expect("it goes on");
    drop(gate);
    let (entries, engine) = (sound(storage).expect("sound"), JournalReader::open(storage).unwrap().engine().unwrap());
    assert!(told.tokens.iter().all(|token| is_recorded(&entries, &engine, token)));
}

#[test]
fn whichever_call_fails_nothing_acknowledged_is_lost() {
    let mut struck = 0;
    for (fault, word) in FAULTS {
        for (pass, is_once) in (0..60).chain((60..400).step_by(17)).flat_map(|pass| [(pass, false), (pass, true)]) {
            let (scratch, disk, clock, mut told) =
                (Scratch::new("faults"), Disk::powersafe(), clock(), Told::default());
            let storage = Storage { checkpoint_bytes: 8 << 10, ..scratch.storage_on(disk.vfs()) };
            if is_once {
                disk.fail_once(fault, pass);
            } else {
                disk.fail_after(fault, pass);
            }
            let (gate, error) = work(&storage, &clock, &mut told);
            let Some(error) = error else { continue };
            struck += 1;
            // A file that cannot be made is one that cannot be opened, whoever forbids it.
            let word = if error.to_string().contains("denied") { "denied" } else { word };
            is_clear(&error, &storage, word);
            gate.iter().for_each(is_halted);
            disk.heal();
            gate.iter().for_each(is_halted);
            let trace = disk.trace();
            drop(gate);
            for loss in [Loss::Everything, Loss::Random(pass as u64), Loss::Torn(pass as u64)] {
                is_kept(&scratch.storage_on(trace.image(trace.len(), loss).vfs()), &clock, &told);
            }
            is_kept(&storage, &clock, &told);
        }
    }
    assert!(struck > 300, "{struck}");
}

#[test]
fn a_journal_that_cannot_be_opened_is_left_as_it_is() {
    for (fault, word) in FAULTS {
        let (scratch, disk, clock, mut told) = (Scratch::new("faults"), Disk::powersafe(), clock(), Told::default());
        let storage = scratch.storage_on(disk.vfs());
        drop(work(&storage, &clock, &mut told));
        for pass in 0..40 {
            disk.fail_after(fault, pass);
            if let Err(error) = open(&storage, &clock).map(|_| ()) {
                let word = if error.to_string().contains("denied") { "denied" } else { word };
                is_clear(&error, &storage, word);
            }
            disk.heal();
            is_kept(&storage, &clock, &told);
        }
    }
}

/// What is asked of a gate when the disk fails: everything that is recorded.
type Deed = fn(&Gate, &[Arc<Approval>; 3]) -> Result<(), GateError>;

const DEEDS: [(&str, Deed); 11] = [
    ("authorize", |gate, _| gate.authorize(&order(None), Origin::Agent).map(|_| ())),
    ("a repeat that is refused", |gate, _| gate.authorize(&order(Some("a")), Origin::Owner).map(|_| ())),
    ("an exit", |gate, _| gate.authorize(&exit(), Origin::Owner).map(|_| ())),
    ("redeem", |gate, [approval, ..]| gate.redeem(approval).map(|_| ())),
    ("accepted", |gate, [_, approval, _]| gate.order_accepted(&approval.order_id()).map(|_| ())),
    ("a fill", |gate, [_, approval, _]| gate.apply_fill(&fill(&approval.order_id(), "1")).map(|_| ())),
    ("cancelled", |gate, [_, approval, _]| gate.order_cancelled(&approval.order_id()).map(|_| ())),
    ("failed", |gate, [_, approval, _]| gate.order_failed(&approval.order_id(), "no venue").map(|_| ())),
    ("hold", |gate, _| gate.hold(None, n("0.5"), "nothing").map(|_| ())),
    ("kill", |gate, _| gate.kill("a drill")),
    ("close", |gate, _| gate.close()),
];

/// A small sale out of a position.
fn exit() -> Arc<Order> {
    let buy = order(None);
    let terms = Terms { side: Side::Sell, stop_loss: None, reduce_only: true, ..buy.terms };
    Arc::new(Order { terms, ..(*buy).clone() })
}

/// A funded vault with a position, and orders that were redeemed, handed out, and filled.
fn at_work(storage: &Storage, clock: &Arc<ManualClock>) -> (Gate, [Arc<Approval>; 3]) {
    let gate = create(storage, clock).expect("a vault");
    let approvals = ["a", "b", "c"].map(|id| approve(&gate, Some(id)).expect("approved").1);
    gate.redeem(&approvals[1]).expect("redeemed");
    gate.apply_fill(&fill(&approvals[2].order_id(), "1")).expect("filled");
    (gate, approvals)
}

/// Every kind of write fails of every deed, with a checkpoint at each record and with none.
#[test]
fn whatever_is_asked_a_failing_disk_answers_it() {
    let faults = FAULTS.into_iter().filter(|(fault, _)| !matches!(fault, Fault::Read | Fault::Open));
    for (fault, word) in faults {
        for checkpoint_bytes in [1, 4 << 20] {
            for (name, deed) in DEEDS {
                let (scratch, disk, clock) = (Scratch::new("faults"), Disk::powersafe(), clock());
                let storage = Storage { checkpoint_bytes, ..scratch.storage_on(disk.vfs()) };
                let (gate, approvals) = at_work(&storage, &clock);
                // Its reader is open, so that what fails is to write.
                gate.events(0, 1).expect("read");
                let tokens = approvals.iter().map(|approval| approval.token().expect("a token")).collect();
                let told = Told { records: gate.view().expect("a view").sequence, tokens };
                disk.fail(fault);
                let error = deed(&gate, &approvals).expect_err(name);
                is_clear(&error, &storage, word);
                is_stopped(&gate, name == "close");
                disk.heal();
                is_stopped(&gate, name == "close");
                let trace = disk.trace();
                drop(gate);
                for loss in [Loss::Everything, Loss::Random(1), Loss::Torn(2)] {
                    is_kept(&scratch.storage_on(trace.image(trace.len(), loss).vfs()), &clock, &told);
                }
                is_kept(&storage, &clock, &told);
            }
        }
    }
}

/// The disk fails a parked journal when it is opened again, or at a later call of the same record.
#[test]
fn a_parked_journal_that_cannot_be_opened_again_answers_it() {
    for (fault, word) in FAULTS {
        let mut struck = 0;
        for (pass, is_once) in (0..12).flat_map(|pass| [(pass, false), (pass, true)]) {
            let (scratch, disk, clock) = (Scratch::new("faults"), Disk::powersafe(), clock());
            let storage = scratch.storage_on(disk.vfs());
            let (gate, approvals) = at_work(&storage, &clock);
            let tokens = approvals.iter().map(|approval| approval.token().expect("a token")).collect();
            let mut told = Told { records: gate.view().expect("a view").sequence, tokens };
            gate.park();
            if is_once {
                disk.fail_once(fault, pass);
            } else {
                disk.fail_after(fault, pass);
            }
            match gate.authorize(&order(None), Origin::Agent) {
                Err(error) => {
                    struck += 1;
                    let word = if error.to_string().contains("denied") { "denied" } else { word };
                    is_clear(&error, &storage, word);
                    is_halted(&gate);
                    disk.heal();
                    gate.park();
                    is_halted(&gate);
                }
                Ok(decided) => told.records = decided.ruling.sequence,
            }
            disk.heal();
            let trace = disk.trace();
            drop(gate);
            for loss in [Loss::Everything, Loss::Random(pass as u64), Loss::Torn(pass as u64)] {
                is_kept(&scratch.storage_on(trace.image(trace.len(), loss).vfs()), &clock, &told);
            }
            is_kept(&storage, &clock, &told);
        }
        assert!(struck > 0, "{fault:?}");
    }
}

/// An exit passes a halted vault as long as its record can be kept, and again as soon as it can.
#[test]
fn an_exit_waits_for_nothing_but_the_disk() {
    let (scratch, disk, clock) = (Scratch::new("faults"), Disk::powersafe(), clock());
    let storage = scratch.storage_on(disk.vfs());
    let (gate, _) = at_work(&storage, &clock);
    gate.kill("a drill").unwrap();
    let passed = gate.authorize(&exit(), Origin::Owner).unwrap();
    gate.order_cancelled(&passed.approval.expect("an exit").order_id()).unwrap();
    disk.fail(Fault::Full);
    is_clear(&gate.authorize(&exit(), Origin::Owner).unwrap_err(), &storage, "full");
    // What is asked from here on hears of the disk, not of a bug.
    let said = gate.authorize(&exit(), Origin::Owner).unwrap_err().to_string();
    let path = storage.path.display().to_string();
    for part in ["stopped (engine_halted)", &path, "full", "open the vault again with Gate.open"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("bug"), "{said}");
    disk.heal();
    drop(gate);
    let (gate, _) = open(&storage, &clock).unwrap();
    assert_eq!(gate.state(), TradingState::Halted);
    assert!(gate.authorize(&exit(), Origin::Owner).unwrap().approval.is_some());
}

/// Many threads wait for their records; none gets an approval when the disk fails, and none of the orders stands.
#[test]
fn none_of_many_that_wait_gets_an_approval() {
    for fault in [Fault::Sync, Fault::Full, Fault::Write] {
        let (scratch, disk, clock, mut told) = (Scratch::new("faults"), Disk::powersafe(), clock(), Told::default());
        let storage = scratch.storage_on(disk.vfs());
        let (Some(gate), None) = work(&storage, &clock, &mut told) else { panic!("a gate") };
        let before = gate.view().unwrap().sequence;
        disk.hold();
        let (gate, disk) = (&gate, &disk);
        let given = std::thread::scope(|scope| {
            let ask = || scope.spawn(|| gate.authorize(&order(None), Origin::Agent));
            let threads: Vec<_> = (0..64).map(|_| ask()).collect();
            while gate.view().unwrap().sequence < before + 64 {
                std::thread::yield_now();
            }
            disk.fail(fault);
            if fault != Fault::Sync {
                disk.fail(Fault::Sync);
            }
            disk.release();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(given.iter().all(|given| matches!(given, Err(GateError::Journal(JournalError::Storage { .. })))));
        is_halted(gate);
        disk.heal();
        is_halted(gate);
        assert_eq!(gate.events(0, usize::MAX).unwrap().len() as u64, before);
    }
}

#[test]
fn a_file_that_is_deleted_moved_or_replaced_stops_the_gate() {
    type Deed = fn(&Path, &Path);
    let deeds: [(Deed, bool); 4] = [
        (|path, _| fs::remove_file(path).unwrap(), false),
        (|path, aside| fs::rename(path, aside).unwrap(), true),
        (
            |path, aside| {
                fs::rename(path, aside).unwrap();
                fs::copy(aside, path).map(|_| ()).unwrap();
            },
            true,
        ),
        (|path, _| fs::remove_file(path.with_file_name("journal.db-wal")).unwrap(), false),
    ];
    for (deed, comes_back) in deeds {
        let (scratch, clock, mut told) = (Scratch::new("faults"), clock(), Told::default());
        let storage = scratch.storage();
        let (Some(gate), None) = work(&storage, &clock, &mut told) else { panic!("a gate") };
        let aside = scratch.0.join("aside.db");
        deed(&storage.path, &aside);
        let error = gate.authorize(&order(None), Origin::Agent).expect_err("no file");
        assert!(matches!(error, GateError::Journal(JournalError::Moved(_))), "{error:?}");
        is_clear(&error, &storage, "moved, replaced or deleted");
        is_halted(&gate);
        if comes_back {
            fs::rename(&aside, &storage.path).unwrap();
            drop(gate);
            is_kept(&storage, &clock, &told);
        }
    }
}

/// What a user without rights is told, in a process of its own since root has them all.
#[test]
fn without_rights() {
    let Ok(path) = std::env::var("GXRISK_WITHOUT_RIGHTS") else { return a_user_without_rights() };
    let storage = Storage::from(Path::new(&path));
    let (opened, made) = (open(&storage, &clock()).err(), work(&storage, &clock(), &mut Told::default()).1);
    println!("\nopening: {}\nmaking: {}", opened.expect("no rights"), made.expect("no rights"));
}

fn a_user_without_rights() {
    let scratch = Scratch::new("rights");
    let storage = scratch.storage();
    let (there, clock, mut told) = (scratch.0.join("there"), clock(), Told::default());
    fs::create_dir(&there).unwrap();
    let kept = Storage::from(there.join("journal.db").as_path());
    work(&kept, &clock, &mut told).0.expect("a gate").close().expect("closed");
    let program = scratch.0.join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0);
    fs::set_permissions(&there, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o555)).unwrap();
    // Of a journal that is not there, opening says so.
    for (storage, opened) in [(storage, "does not exist"), (kept.clone(), "denied")] {
        let mut command = Command::new(&program);
        command.args(["--exact", "without_rights", "--nocapture"]).env("GXRISK_WITHOUT_RIGHTS", &storage.path);
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        let said = String::from_utf8(command.current_dir("/").output().unwrap().stdout).unwrap();
        let path = storage.path.display().to_string();
        for (what, word) in [("opening", opened), ("making", "denied")] {
            let is_said = |line: &str| line.starts_with(what) && line.contains(&path) && line.contains(word);
            assert!(said.lines().any(is_said), "{what}: {said}");
        }
    }
    fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
    is_kept(&kept, &clock, &told);
}
