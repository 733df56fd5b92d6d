//! A journal of every released format, as it was written then: each version since opens it, comes to the same head and
//! state, and goes on.
//!
//! A release with a new format adds one: `cargo test -p gxrisk-gate --test formats -- --ignored` writes
//! `formats/v<format>.db` where none is, and beside it what it comes to.

mod vault;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::engine::FillReport;
use gxrisk_core::limits::Value;
use gxrisk_core::time::Span;
use gxrisk_core::{Origin, Side, TradingState};
use gxrisk_gate::custody::{OwnerKey, ReactivationRequest, WithdrawalRequest};
use gxrisk_gate::journal::{Entry, FORMAT, Hex, JournalReader, Storage, Verified};
use gxrisk_gate::{Approval, Clock as _, Custody, Gate, ManualClock, SignedApproval};
use vault::{
    SECOND, START, Scratch, VAULT, approve, asset, bytes, clock, fill, fund, is_recorded, limits, mark, n, open, order,
    order_of, passphrase,
};

/// How many kinds of events each format has.
const KINDS: [usize; 1] = [31];

fn path(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/v{format}.db"))
}

/// What a journal comes to, and the last approval that was handed out, as it is kept beside it.
fn outcome(verified: &Verified, token: &[u8]) -> String {
    let Verified { head, decisions, approvals, signatures, checkpoints, state } = verified;
    let (sequence, epoch, hash) = (head.sequence, head.epoch, Hex(&head.hash));
    format!(
        "records {sequence}\nepoch {epoch}\nhead {hash}\nstate {}\ndecisions {decisions}\napprovals {approvals}\n\
         signatures {signatures}\ncheckpoints {checkpoints}\ntoken {}\n",
        Hex(state),
        Hex(token)
    )
}

fn verified(storage: &Storage) -> (Verified, Vec<Entry>) {
    let reader = JournalReader::open(storage).unwrap();
    (reader.verify(None, |_| true).unwrap(), reader.read(0, usize::MAX).unwrap())
}

/// The names of the events.
fn kinds(entries: &[Entry]) -> BTreeSet<String> {
    let name = |entry: &Entry| {
        let text = format!("{:?}", entry.record.event);
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    };
    entries.iter().map(name).collect()
}

#[test]
fn every_format_that_was_released_is_read() {
    assert_eq!(KINDS.len(), usize::from(FORMAT), "a new format needs a journal of it");
    for (format, kinds_then) in (1..).zip(KINDS) {
        let scratch = Scratch::new("formats");
        let storage = scratch.storage();
        fs::copy(path(format), &storage.path).unwrap();
        let told = fs::read_to_string(path(format).with_extension("txt")).unwrap();
        let token = bytes(told.lines().find_map(|line| line.strip_prefix("token ")).unwrap()).unwrap();
        let (verified, entries) = verified(&storage);
        assert_eq!(outcome(&verified, &token), told);
        assert_eq!(kinds(&entries).len(), kinds_then, "{:?}", kinds(&entries));
        let engine = JournalReader::open(&storage).unwrap().engine().unwrap();
        assert!(is_recorded(&entries, &engine, &token));
        is_as_it_was_left(&storage, SignedApproval::parse(&token).unwrap().sequence);
    }
}

/// Opened again, the vault knows what `history` left it with, and goes on.
fn is_as_it_was_left(storage: &Storage, last_approval: u64) {
    let clock = Arc::new(ManualClock::new(START));
    let (gate, recovery) = open(storage, &clock).unwrap();
    assert_eq!((recovery.replayed, recovery.dropped, recovery.epoch), (1, 0, 2));
    let view = gate.view().unwrap();
    let positions: Vec<_> = view.worths.iter().map(|worth| (worth.asset, worth.position)).collect();
    assert_eq!(positions, [(asset("BTC"), n("1.5"))]);
    let working: Vec<_> = view.working.iter().map(|one| (one.ruling.sequence, one.remaining)).collect();
    assert_eq!(working, [(last_approval, n("0.001"))]);
    assert_eq!((gate.state(), gate.trips().unwrap().len()), (TradingState::Halted, 0));
    assert_eq!(&*gate.notes().unwrap()["reserve"].text, "half of it is away");
    assert!(!gate.funding(asset("BTC"), n("-0.25"), Some(START)).unwrap(), "it was paid");
    gate.resume().unwrap();
    assert_eq!(gate.state(), TradingState::Active);
    gate.deposit(n("1")).unwrap();
    gate.close().unwrap();
    assert_eq!(verified(storage).1.len() as u64, recovery.sequence + 5);
}

/// A vault to which everything happened that is recorded; gives the last approval.
fn history(storage: &Storage, clock: &Arc<ManualClock>, owners: &[OwnerKey; 2]) -> Arc<Approval> {
    let custody = Custody { passphrase: None, owner_key: Some(owners[0].public()) };
    let gate = Gate::create(storage, VAULT, limits(), Arc::clone(clock) as _, &custody).unwrap();
    fund(&gate).unwrap();
    hand_over(&gate, clock, owners);
    gate.set_lot_steps([(asset("BTC"), n("0.001"))].into()).unwrap();
    gate.set_groups([("majors".into(), vec![asset("BTC"), asset("ETH")])].into()).unwrap();
    gate.set_risk_scale(n("0.9")).unwrap();
    gate.hold(Some(asset("BTC")), n("0.5"), "nothing to do").unwrap();
    gate.funding(asset("BTC"), n("-0.25"), Some(START)).unwrap();
    gate.note("reserve", "half of it is away").unwrap();
    // An order of each fate, the first one refused.
    assert!(gate.authorize(&order_of("100000", None), Origin::Agent).unwrap().approval.is_none());
    let [filled, failed, cancelled, expired] = ["a", "b", "c", "d"].map(|id| approve(&gate, Some(id)).unwrap().1);
    gate.redeem_token(&filled.token().unwrap()).unwrap();
    gate.order_accepted(&filled.order_id()).unwrap();
    gate.apply_fill(&fill(&filled.order_id(), "1")).unwrap();
    gate.order_failed(&failed.order_id(), "the venue is away").unwrap();
    gate.order_cancelled(&cancelled.order_id()).unwrap();
    clock.advance(3_600 * SECOND);
    assert!(gate.redeem(&expired).is_err());
    mark(&gate, "101").unwrap();
    // Bought where nobody approved it: recorded, and a breaker until the operator resumes.
    let (asset, side, quantity, price) = (Some(asset("BTC")), Some(Side::Buy), n("1.499"), n("100.5"));
    let foreign = FillReport { order_id: "venue-7", fill_id: "1", quantity, price, fee: n("0.1"), asset, side };
    gate.apply_fill(&foreign).unwrap();
    gate.resume().unwrap();
    gate.set_volatility(n("0.31")).unwrap();
    gate.set_volatility(n("0.2")).unwrap();
    gate.pause().unwrap();
    gate.resume().unwrap();
    approve(&gate, Some("e")).unwrap();
    gate.kill("a drill").unwrap();
    let (stop, until) = (gate.stopped_by().unwrap().unwrap(), clock.now().after(Span::seconds(60)));
    let request = ReactivationRequest::new(VAULT, stop, false, until.nanos()).unwrap();
    gate.reactivate(false, Some(&owners[1].sign_reactivation(&request))).unwrap();
    gate.set_limits(gate.limits().replace([("max_leverage", Value::Number(n("3")))]).unwrap()).unwrap();
    gate.close().unwrap();
    let gate = open(storage, clock).unwrap().0;
    clock.advance(86_400 * SECOND);
    mark(&gate, "102").unwrap();
    assert!(gate.authorize(&order(Some("a")), Origin::Agent).unwrap().approval.is_none());
    let approval = approve(&gate, Some("f")).unwrap().1;
    gate.pause().unwrap();
    gate.close().unwrap();
    approval
}

/// New keys, another owner, and a withdrawal that it signed.
fn hand_over(gate: &Gate, clock: &ManualClock, [owner, next]: &[OwnerKey; 2]) {
    gate.rotate_keys(None).unwrap();
    gate.rotate_owner_key(next.public(), &owner.sign_successor(VAULT, &next.public()).unwrap()).unwrap();
    let expires = gxrisk_gate::Clock::now(clock).after(Span::seconds(60)).nanos();
    let request = WithdrawalRequest::new(VAULT, n("250").raw(), "bank-1", [7; 16], expires).unwrap();
    gate.withdraw(&next.sign_withdrawal(&request)).unwrap();
}

/// Not a test of its own: writes the journal of the format that is written now.
#[test]
#[ignore = "run by hand when a format is released"]
fn write_the_journal_of_this_format() {
    let target = path(FORMAT);
    assert!(!target.exists(), "a released journal is never written again: {}", target.display());
    let scratch = Scratch::new("formats");
    let (storage, clock) = (scratch.storage(), clock());
    let owners = ["first.key", "second.key"]
        .map(|name| OwnerKey::create(&scratch.0.join(name), "owner", &passphrase()).unwrap());
    let approval = history(&storage, &clock, &owners);
    let (verified, entries) = verified(&storage);
    println!("{} kinds of events: {:?}", kinds(&entries).len(), kinds(&entries));
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(&storage.path, &target).unwrap();
    fs::write(target.with_extension("txt"), outcome(&verified, &approval.token().unwrap())).unwrap();
}
