//! What the feed, the venue, the operator and the owner tell the gate, and what can be seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gxrisk_core::asset::Asset;
use gxrisk_core::engine::{FillReport, Note, TripView, VaultView};
use gxrisk_core::event::Tick;
use gxrisk_core::{Engine, Limits, Nano, Time, TradingState};

use crate::journal::{Entry, JournalError};

use super::{Gate, GateError};

impl Gate {
    /// Takes a mark; without a time of its own it is of now.
    pub fn mark(&self, asset: Asset, price: Nano, atr: Option<Nano>, at: Option<Time>) -> Result<bool, GateError> {
        self.attempt(|engine| {
            let time = at.unwrap_or_else(|| engine.now());
            engine.mark(&Tick { asset, price, time, atr })
        })
    }

    /// Books a deposit.
    pub fn deposit(&self, amount: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.deposit(amount))
    }

    /// Books funding; `false` where the asset's payment of that time or a later one is booked already.
    pub fn funding(&self, asset: Asset, amount: Nano, paid: Option<Time>) -> Result<bool, GateError> {
        self.attempt(|engine| engine.funding(asset, amount, paid))
    }

    /// Takes the market's volatility.
    pub fn set_volatility(&self, value: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_volatility(value))
    }

    /// Sets the lot steps.
    pub fn set_lot_steps(&self, steps: BTreeMap<Asset, Nano>) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_lot_steps(steps))
    }

    /// Sets the correlation groups.
    pub fn set_groups(&self, groups: BTreeMap<Box<str>, Vec<Asset>>) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_groups(groups))
    }

    /// The venue took the order.
    pub fn order_accepted(&self, id: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_accepted(id))
    }

    /// The venue confirmed the end of the order.
    pub fn order_cancelled(&self, id: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_cancelled(id))
    }

    /// The venue did not take the order.
    pub fn order_failed(&self, id: &str, reason: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_failed(id, reason))
    }

    /// The venue executed.
    pub fn apply_fill(&self, report: &FillReport<'_>) -> Result<bool, GateError> {
        self.attempt(|engine| engine.apply_fill(report))
    }

    /// Halts the agent until `resume`.
    pub fn pause(&self) -> Result<(), GateError> {
        self.attempt(Engine::pause)
    }

    /// Ends the pause and the breakers that end by the operator.
    pub fn resume(&self) -> Result<(), GateError> {
        self.attempt(Engine::resume)
    }

    /// Halts the vault until the owner reactivates it.
    pub fn kill(&self, reason: &str) -> Result<(), GateError> {
        self.attempt(|engine| engine.kill(reason))
    }

    /// Sets new limits.
    pub fn set_limits(&self, limits: Limits) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_limits(limits))
    }

    /// Trips `fill_mismatch` for what the venue's account shows and this one does not.
    pub fn report_mismatch(&self, difference: &str) -> Result<(), GateError> {
        self.attempt(|engine| {
            engine.report_mismatch(difference.to_owned());
            Ok(())
        })
    }

    /// Sets the risk scale.
    pub fn set_risk_scale(&self, scale: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_risk_scale(scale))
    }

    /// Keeps a text under a topic, in the place of the last one; an empty text ends the topic.
    pub fn note(&self, topic: &str, text: &str) -> Result<(), GateError> {
        self.attempt(|engine| engine.note(topic, text))
    }

    /// Every topic with its newest text.
    pub fn notes(&self) -> Result<BTreeMap<String, Note>, GateError> {
        self.operate(|engine| engine.notes().map(|(topic, note)| (topic.to_owned(), note.clone())).collect())
    }

    /// The limits in force.
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(self.inner.lock().engine.limits())
    }

    /// The sequence of the newest record.
    pub fn sequence(&self) -> u64 {
        self.inner.lock().engine.sequence()
    }

    /// The trading state; halted once a bug was met.
    pub fn state(&self) -> TradingState {
        self.operate(|engine| engine.state()).unwrap_or(TradingState::Halted)
    }

    /// The tripped breakers.
    pub fn trips(&self) -> Result<Vec<TripView>, GateError> {
        self.operate(|engine| engine.trips())
    }

    /// Everything at this instant.
    pub fn view(&self) -> Result<VaultView, GateError> {
        self.operate(|engine| engine.view())
    }

    /// At most so many records after a sequence, as they were kept; readable even after the gate has stopped.
    pub fn events(&self, after: u64, max: usize) -> Result<Vec<Entry>, GateError> {
        match self.operate(|_| ()) {
            Ok(())
            | Err(GateError::EngineHalted | GateError::RecordLost(_) | GateError::Journal(JournalError::Closed)) => {
                Ok(self.journal.read(after, max)?)
            }
            Err(error) => Err(error),
        }
    }
}
