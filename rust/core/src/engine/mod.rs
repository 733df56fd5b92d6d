//! One vault's engine: brings itself to now, judges, applies, looks at the breakers, and leaves the events of it.
//!
//! Every change goes through [`Engine::commit`], which applies an event and keeps it as a [`Record`]; marks alone are
//! taken as they come and told in one [`Event::Market`] before the next record. So the records rebuild the engine
//! ([`Engine::replay`]).

mod apply;
mod bookings;
mod checkpoint;
mod controls;
mod custody;
mod feed;
mod finished;
mod judge;
mod notes;
mod proof;
mod refusal;
mod venue;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::asset::{Asset, CarriedHashBuilder};
use crate::breakers::{Breaker, Jump, Latches, PriceWindow, Silence, Watch};
use crate::decide::Caps;
use crate::decide::room::Remembered;
use crate::event::{Event, Record, Ruling};
use crate::limits::Limits;
use crate::num::Nano;
use crate::reason::Reason;
use crate::state::{Account, GroupSum, Holding, TradingState};
use crate::time::{Span, Time};

pub use judge::Answer;
pub use notes::Note;
pub use refusal::{ApprovalRefusal, ReactivationRefusal, Refusal, WithdrawalRefusal};
pub use venue::{FillReport, order_id};
pub use view::{BookedOrder, Frozen, FrozenAsset, Stage, TripView, VaultView, Worth};

/// One approved order that has not ended, or only expired, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booked {
    ruling: Arc<Ruling>,
    stage: Stage,
    remaining: Nano,
    filled: Nano,
    cancel_requested: bool,
    /// Its own approval was the day's last: that trip does not stand against it.
    reached_trade_limit: bool,
    fills: BTreeSet<Box<str>>,
}

impl Booked {
    /// What was approved and not filled; below zero where more was filled.
    fn left(&self) -> Option<Nano> {
        self.ruling.order.terms.quantity.minus(self.filled)
    }
}

/// The engine of one vault.
#[derive(Clone, Debug)]
pub struct Engine {
    vault_id: Box<str>,
    /// The gate's time; it never goes back.
    now: Time,
    /// Before this time nothing follows from the clock alone. Zero when that must be worked out anew.
    deadline: Time,
    limits: Arc<Limits>,
    caps: Caps,
    /// The caps that follow equity are behind it.
    caps_are_old: bool,
    account: Account,
    assets: Vec<Asset>,
    holdings: Vec<Holding>,
    groups: Vec<GroupSum>,
    index: HashMap<Asset, u32, CarriedHashBuilder>,
    windows: Vec<PriceWindow>,
    /// By slot, for buys and sells.
    remembered: Vec<[Remembered; 2]>,
    /// Goes up with every change of what a decision reads, time apart.
    version: u64,
    latches: Latches,
    orders: BTreeMap<u64, Booked>,
    finished: BTreeMap<u64, finished::Finished>,
    working: BTreeSet<u64>,
    /// The earliest expiry of an approval that is not redeemed; never too late.
    next_expiry: Time,
    /// Fills of orders that nobody approved, by their order's id.
    foreign_fills: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// The record of each caller's id's first use.
    client_ids: BTreeMap<Box<str>, u64>,
    lot_steps: BTreeMap<Asset, Nano>,
    group_names: BTreeMap<Box<str>, Vec<Asset>>,
    custody: custody::Custody,
    /// When each asset's funding was last paid.
    funded: BTreeMap<Asset, Time>,
    notes: BTreeMap<Box<str>, Note>,
    /// The asset that was last seen to be stale.
    stale: Option<usize>,
    /// What this operation's mark and fill found.
    jump: Option<Jump>,
    mismatch: Option<Reason>,
    /// Marks taken, and how many of them are told in events.
    ticks: u64,
    told: u64,
    /// Assets marked since the last event.
    untold: BTreeSet<usize>,
    ignored_told: u64,
    sequence: u64,
    /// The time of the last record: all that a restart can know of the gate's time.
    recorded: Time,
    /// Which opening of the journal this is.
    epoch: u64,
    outbox: Vec<Record>,
}

impl Engine {
    /// A new vault.
    pub fn new(vault_id: &str, limits: Limits, now: Time) -> Result<Self, Refusal> {
        let mut engine = Self::empty(now, Arc::new(limits));
        let opened = Event::Opened { vault_id: vault_id.into(), limits: Arc::clone(&engine.limits) };
        engine.commit(opened)?;
        Ok(engine)
    }

    fn empty(now: Time, limits: Arc<Limits>) -> Self {
        let account = Account::new(now, limits.order_burst);
        Self {
            vault_id: "".into(),
            now,
            deadline: Time::START,
            caps: Caps::new(&limits, &account),
            caps_are_old: false,
            limits,
            account,
            assets: Vec::new(),
            holdings: Vec::new(),
            groups: Vec::new(),
            index: HashMap::default(),
            windows: Vec::new(),
            remembered: Vec::new(),
            version: 1,
            latches: Latches::default(),
            orders: BTreeMap::new(),
            finished: BTreeMap::new(),
            working: BTreeSet::new(),
            next_expiry: Time::END,
            foreign_fills: BTreeMap::new(),
            client_ids: BTreeMap::new(),
            lot_steps: BTreeMap::new(),
            group_names: BTreeMap::new(),
            custody: custody::Custody::default(),
            funded: BTreeMap::new(),
            notes: BTreeMap::new(),
            stale: None,
            jump: None,
            mismatch: None,
            ticks: 0,
            told: 0,
            untold: BTreeSet::new(),
            ignored_told: 0,
            sequence: 0,
            recorded: now,
            epoch: 0,
            outbox: Vec::new(),
        }
    }

    /// The records since they were last taken.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.outbox)
    }

    /// The same in place, for a taker that drains them.
    pub fn outbox(&mut self) -> &mut Vec<Record> {
        &mut self.outbox
    }

    /// Whether there are records to take.
    #[inline]
    pub fn has_records(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Brings the engine to the clock's time: first in every operation, questions included.
    #[inline]
    pub fn bring_to(&mut self, clock: Time) {
        if clock > self.now {
            self.now = clock;
        }
        if self.now >= self.deadline {
            self.follow_clock();
        }
    }

    /// What follows from the clock alone: the day, timed ends, expiries, staleness.
    #[cold]
    fn follow_clock(&mut self) {
        let day = self.now.day();
        if day > self.account.day {
            let _ = self.commit(Event::DayOpened { day, opening: self.account.equity });
        }
        let now = self.now;
        self.end_where(|_, until| until.is_some_and(|until| until <= now));
        if self.next_expiry <= now {
            self.expire_approvals();
        }
        self.look();
    }

    fn expire_approvals(&mut self) {
        let unredeemed = |booked: &Booked| (booked.stage == Stage::Approved).then_some(booked.ruling.expires);
        let waiting: Vec<(u64, Time)> =
            self.working.iter().filter_map(|order| Some((*order, unredeemed(self.orders.get(order)?)?))).collect();
        self.next_expiry = Time::END;
        for (order, expires) in waiting {
            if expires <= self.now {
                // INVARIANT: releasing what was reserved cannot overflow.
                let _ = self.commit(Event::Expired { order });
            } else {
                self.next_expiry = self.next_expiry.min(expires);
            }
        }
    }

    fn end_where(&mut self, ends: impl Fn(Breaker, Option<Time>) -> bool) {
        let ended: Vec<Breaker> = self
            .latches
            .tripped()
            .filter(|(breaker, trip)| ends(*breaker, trip.until))
            .map(|(breaker, _)| breaker)
            .collect();
        for breaker in ended {
            let _ = self.commit(Event::Ended { breaker });
        }
    }

    /// The last step of every operation: each breaker is looked at, in order.
    fn look(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.account.raise_peak();
        self.refresh_loss_caps();
        let (jump, mismatch) = (self.jump.take(), self.mismatch.take());
        let silence = self.find_silence();
        for breaker in Breaker::ALL {
            let is_tripped = self.latches.get(breaker).is_some();
            if breaker == Breaker::OracleFailure && is_tripped && silence.is_none() {
                let _ = self.commit(Event::Ended { breaker });
                continue;
            }
            // A new move restarts the pause; every other latch stays as it is.
            if is_tripped && breaker != Breaker::PriceMove {
                continue;
            }
            let watch = Watch {
                now: self.now,
                limits: &self.limits,
                caps: &self.caps,
                account: &self.account,
                jump: jump.as_ref(),
                silence,
                mismatch: mismatch.as_ref(),
            };
            if let Some(cause) = breaker.finds(&watch) {
                let until = breaker.until(watch.now, &self.limits);
                let _ = self.commit(Event::Tripped { breaker, until, cause: Box::new(cause) });
                if breaker == Breaker::Drawdown {
                    self.request_cancels();
                }
            }
        }
        self.refresh_deadline();
    }

    fn request_cancels(&mut self) {
        let orders: Vec<u64> = self.working.iter().copied().collect();
        if !orders.is_empty() {
            let _ = self.commit(Event::CancelRequested { orders });
        }
    }

    /// Why no price can be trusted, where that is so: the oldest mark of what is exposed.
    fn find_silence(&mut self) -> Option<Silence> {
        let max = self.limits.mark_age_s_max;
        if self.account.unmarked > 0 {
            return Some(Silence::NeverMarked);
        }
        if self.now.since(self.account.oldest_mark) <= max {
            return None;
        }
        // Once stale, the oldest stays so until it is marked or let go: no need to search on every question.
        let age_of = |holding: &Holding| {
            let mark = holding.mark.filter(|_| holding.is_exposed())?;
            Some(self.now.since(mark.time)).filter(|age| *age > max)
        };
        let is_oldest = |holding: &Holding| {
            age_of(holding).is_some() && holding.mark.is_some_and(|mark| mark.time == self.account.oldest_mark)
        };
        let known = self.stale.filter(|index| self.holdings.get(*index).is_some_and(is_oldest));
        let culprit = known.or_else(|| {
            let exposed = self.holdings.iter().enumerate().filter(|(_, holding)| holding.is_exposed());
            // Of two as old the first by name: slots are numbered in the order of first sight, which a restart changes.
            let aged =
                |(index, holding): (usize, &Holding)| Some((holding.mark?.time, *self.assets.get(index)?, index));
            let oldest = exposed.filter_map(aged).min();
            self.account.oldest_mark = oldest.map_or(Time::END, |(time, ..)| time);
            oldest.map(|(.., index)| index)
        })?;
        let age = self.holdings.get(culprit).and_then(age_of)?;
        self.stale = Some(culprit);
        Some(Silence::Stale { asset: *self.assets.get(culprit)?, age })
    }

    fn refresh_deadline(&mut self) {
        let stale = self.account.oldest_mark.after(self.limits.mark_age_s_max).after(Span::from_nanos(1));
        let next_day = self.account.day.next().start();
        self.deadline = next_day.min(self.latches.next_end()).min(self.next_expiry).min(stale);
    }

    fn refresh_state(&mut self) {
        self.account.state = self.latches.state(|_| true).max(self.controls_state());
    }

    fn controls_state(&self) -> TradingState {
        if self.account.paused || self.account.killed { TradingState::Halted } else { TradingState::Active }
    }

    /// Keeps the caps of daily loss and drawdown in step with what they are measured from.
    fn refresh_loss_caps(&mut self) {
        self.caps.day_loss = self.account.day_opening.share_ceiling(self.limits.max_daily_loss);
        self.caps.drawdown = self.account.base(&self.limits).share_ceiling(self.limits.max_drawdown);
    }

    #[inline]
    fn refresh_caps(&mut self) {
        if self.caps_are_old {
            self.caps = Caps::new(&self.limits, &self.account);
            self.caps_are_old = false;
        }
    }

    /// Records what the marks since the last record did, if anything.
    pub fn tell(&mut self) {
        self.tell_marks();
    }

    /// Applies an event and keeps it; nothing changes where it does not fit.
    fn commit(&mut self, event: Event) -> Result<(), Refusal> {
        // What cannot be read again is not recorded.
        if !event.is_sound() {
            return Err(Refusal::OutOfRange);
        }
        self.tell_marks();
        self.apply(&event)?;
        self.keep(event);
        Ok(())
    }

    fn keep(&mut self, event: Event) {
        self.sequence = self.sequence.saturating_add(1);
        self.recorded = self.now;
        self.outbox.push(Record { sequence: self.sequence, time: self.now, event });
    }

    /// The sequence that the next record will have.
    fn next_sequence(&mut self) -> u64 {
        self.tell_marks();
        self.sequence.saturating_add(1)
    }

    #[inline]
    fn slot(&self, asset: &Asset) -> Option<usize> {
        self.index.get(asset).map(|slot| *slot as usize)
    }
}
