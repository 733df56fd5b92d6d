//! What outlives a process: an engine as bytes, and the records that come after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::asset::Asset;
use crate::breakers::{Content, Latches, PriceWindow};
use crate::codec::{Coded, FORMAT, Input, coded_struct};
use crate::event::sound::{are_groups, are_lot_steps, is_note};
use crate::event::{Event, Record};
use crate::limits::Limits;
use crate::num::{Atto, Nano};
use crate::state::{Account, GroupSum, Holding};
use crate::time::Time;

use super::custody::Custody;
use super::finished::Finished;
use super::{Booked, Engine, Note, Refusal, Stage};

/// All that an engine's future depends on, without what only saves searching and the numbers of slots and groups.
#[derive(Debug, PartialEq, Eq)]
struct Checkpoint {
    vault_id: Box<str>,
    sequence: u64,
    epoch: u64,
    now: Time,
    limits: Arc<Limits>,
    account: Account,
    holdings: BTreeMap<Asset, (Holding, Content)>,
    group_names: BTreeMap<Box<str>, Vec<Asset>>,
    latches: Latches,
    orders: BTreeMap<u64, Booked>,
    finished: BTreeMap<u64, Finished>,
    foreign_fills: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    client_ids: BTreeMap<Box<str>, u64>,
    lot_steps: BTreeMap<Asset, Nano>,
    custody: Custody,
    funded: BTreeMap<Asset, Time>,
    notes: BTreeMap<Box<str>, Note>,
}
coded_struct!(Checkpoint {
    vault_id,
    sequence,
    epoch,
    now,
    limits,
    account,
    holdings,
    group_names,
    latches,
    orders,
    finished,
    foreign_fills,
    client_ids,
    lot_steps,
    custody,
    funded,
    notes,
} if Checkpoint::is_sound);
coded_struct!(Booked { ruling, stage, remaining, filled, cancel_requested, reached_trade_limit, fills });

impl Checkpoint {
    fn is_sound(&self) -> bool {
        let mut notes = self.notes.iter();
        are_lot_steps(&self.lot_steps)
            && are_groups(&self.group_names)
            && notes.all(|(topic, note)| is_note(topic, &note.text))
            && self.orders.values().all(|booked| !booked.stage.is_finished())
            && self.finished.keys().all(|order| !self.orders.contains_key(order))
    }
}

impl Engine {
    /// Everything that the engine's future depends on, as canonical bytes: two engines with the same ones go on alike.
    ///
    /// Marks that no record tells would be told again by the next one: call [`Engine::tell`] first.
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        self.kept().encode(&mut out);
        out
    }

    /// The engine that gave these bytes, ready to follow the records after it and to go on.
    pub fn from_checkpoint(bytes: &[u8]) -> Option<Self> {
        let mut input = Input::new(bytes);
        if input.byte()? != FORMAT {
            return None;
        }
        let kept = Checkpoint::decode(&mut input)?;
        let engine = Self::restored(&kept)?;
        // Sums that are not those of their parts show here.
        (input.is_empty() && engine.kept() == kept).then_some(engine)
    }

    /// Rebuilds an engine from all its records; `None` where they are not a whole history.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<Self> {
        let mut records = records.into_iter();
        let mut engine = Self::begun(records.next()?)?;
        for record in records {
            engine.follow(record)?;
        }
        Some(engine)
    }

    /// The engine after its first record.
    pub fn begun(first: &Record) -> Option<Self> {
        let Event::Opened { limits, .. } = &first.event else { return None };
        let mut engine = Self::empty(first.time, Arc::clone(limits));
        engine.follow(first)?;
        Some(engine)
    }

    /// Does what the next record says; `None`, and nothing to go on with, where it does not come next.
    pub fn follow(&mut self, record: &Record) -> Option<()> {
        let is_first = record.sequence == 1;
        if record.sequence != self.sequence.checked_add(1)? || matches!(record.event, Event::Opened { .. }) != is_first
        {
            return None;
        }
        self.now = self.now.max(record.time);
        self.apply(&record.event).ok()?;
        (self.sequence, self.recorded) = (record.sequence, self.now);
        self.wake();
        Some(())
    }

    /// Records that the journal was opened again. It changes nothing that a decision reads.
    pub fn restart(&mut self, epoch: u64, dropped: u64) -> Result<(), Refusal> {
        self.commit(Event::Restarted { epoch, dropped })
    }

    /// Which opening of the journal this is.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Records the hash of a checkpoint.
    pub fn note_checkpoint(&mut self, digest: [u8; 32]) -> Result<(), Refusal> {
        self.commit(Event::Checkpointed { digest })
    }

    fn kept(&self) -> Checkpoint {
        let part = |slot: &u32| {
            let slot = *slot as usize;
            let holding = Holding { group: 0, ..*self.holdings.get(slot)? };
            Some((holding, self.windows.get(slot)?.content()))
        };
        Checkpoint {
            vault_id: self.vault_id.clone(),
            sequence: self.sequence,
            epoch: self.epoch,
            now: self.recorded,
            limits: Arc::clone(&self.limits),
            account: Account { oldest_mark: Time::END, ..self.account },
            holdings: self.index.iter().filter_map(|(asset, slot)| Some((*asset, part(slot)?))).collect(),
            group_names: self.group_names.clone(),
            latches: self.latches.clone(),
            orders: self.orders.clone(),
            finished: self.finished.clone(),
            foreign_fills: self.foreign_fills.clone(),
            client_ids: self.client_ids.clone(),
            lot_steps: self.lot_steps.clone(),
            custody: self.custody.clone(),
            funded: self.funded.clone(),
            notes: self.notes.clone(),
        }
    }

    /// The engine of a checkpoint: what adds up is added up again from positions and working orders.
    fn restored(kept: &Checkpoint) -> Option<Self> {
        let mut engine = Self::empty(kept.now, Arc::clone(&kept.limits));
        engine.vault_id.clone_from(&kept.vault_id);
        (engine.sequence, engine.epoch) = (kept.sequence, kept.epoch);
        engine.account = without_sums(&kept.account);
        engine.account.sum_equity()?;
        engine.group_names.clone_from(&kept.group_names);
        engine.groups = vec![GroupSum::NONE; kept.group_names.len()];
        for (asset, (holding, content)) in &kept.holdings {
            engine.restore_holding(*asset, holding, content)?;
        }
        engine.latches = kept.latches.clone();
        engine.orders.clone_from(&kept.orders);
        engine.finished.clone_from(&kept.finished);
        for (order, booked) in kept.orders.iter().filter(|(_, booked)| booked.stage.is_working()) {
            engine.restore(*order, booked.remaining).ok()?;
            if booked.stage == Stage::Approved {
                engine.next_expiry = engine.next_expiry.min(booked.ruling.expires);
            }
        }
        engine.foreign_fills.clone_from(&kept.foreign_fills);
        engine.client_ids.clone_from(&kept.client_ids);
        engine.lot_steps.clone_from(&kept.lot_steps);
        engine.custody = kept.custody.clone();
        engine.funded.clone_from(&kept.funded);
        engine.notes.clone_from(&kept.notes);
        engine.ignored_told = kept.account.ignored_marks;
        engine.refresh_state();
        engine.wake();
        Some(engine)
    }

    fn restore_holding(&mut self, asset: Asset, kept: &Holding, content: &Content) -> Option<()> {
        let slot = self.slot_of(asset);
        self.revise(slot, |holding, _| {
            *holding = Holding {
                buys: Nano::ZERO,
                sells: Nano::ZERO,
                reducing_buys: Nano::ZERO,
                reducing_sells: Nano::ZERO,
                order_stop_risk: Atto::ZERO,
                group: holding.group,
                ..*kept
            };
            Some(())
        })
        .ok()?;
        *self.windows.get_mut(slot)? = PriceWindow::of(content.clone());
        Some(())
    }

    /// Makes ready for an operation: everything that is looked up rather than known is out of date.
    fn wake(&mut self) {
        self.refresh_loss_caps();
        self.caps_are_old = true;
        self.deadline = Time::START;
    }
}

/// The account before anything is added up.
fn without_sums(account: &Account) -> Account {
    Account {
        unrealised: Atto::ZERO,
        gross: Atto::ZERO,
        stop_risk: Atto::ZERO,
        unmarked: 0,
        stop_unknown: 0,
        working: 0,
        oldest_mark: Time::END,
        ..*account
    }
}
