//! The owner's and operator's controls.

use std::sync::Arc;

use crate::breakers::{Breaker, Ending};
use crate::event::{Consent, Event, Rebase};
use crate::limits::Limits;
use crate::num::Nano;
use crate::reason::Reason;

use super::{Engine, Refusal};

impl Engine {
    /// Halts the agent until `resume`.
    pub fn pause(&mut self) -> Result<(), Refusal> {
        if !self.account.paused {
            self.commit(Event::Paused)?;
        }
        self.look();
        Ok(())
    }

    /// Ends the pause and the breakers that end by the operator.
    pub fn resume(&mut self) -> Result<(), Refusal> {
        self.commit(Event::Resumed)?;
        self.end_where(|breaker, _| breaker.doc().ending == Ending::Resume);
        self.look();
        Ok(())
    }

    /// Halts the vault and cancels everything, until the owner reactivates it.
    pub fn kill(&mut self, reason: &str) -> Result<(), Refusal> {
        self.commit(Event::Killed { reason: reason.into() })?;
        self.request_cancels();
        self.look();
        Ok(())
    }

    /// Ends the kill and the drawdown breaker, or refuses as a whole; a vault with an owner's key asks for the owner's word.
    pub fn reactivate(&mut self, rebase: bool, consent: Option<Consent>) -> Result<(), Refusal> {
        self.check_consent(consent.as_ref())?;
        let is_tripped = self.latches.get(Breaker::Drawdown).is_some();
        let rebase = if rebase {
            if !self.account.equity.is_positive() {
                return Err(Refusal::NoBase(self.account.equity.to_string()));
            }
            Some(Box::new(Rebase {
                old_base: self.account.deposit_base,
                old_peak: self.account.peak,
                new_base: self.account.equity,
            }))
        } else {
            let lost = self.account.base(&self.limits).minus(self.account.equity);
            if is_tripped && lost.is_none_or(|lost| lost >= self.caps.drawdown) {
                return Err(Refusal::StillDrawnDown);
            }
            None
        };
        self.commit(Event::Reactivated { rebase, consent: consent.map(Box::new) })?;
        if is_tripped {
            self.commit(Event::Ended { breaker: Breaker::Drawdown })?;
        }
        self.look();
        Ok(())
    }

    /// Sets new limits: tighter ones at once, looser ones only while nothing is held or working.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), Refusal> {
        let loosened = self.limits.loosened_by(&limits);
        if !loosened.is_empty() && !self.unfinished().is_empty() {
            return Err(Refusal::Loosened(loosened.join(", ")));
        }
        self.commit(Event::LimitsSet { limits: Arc::new(limits) })?;
        // A tighter limit may already be broken by the marks that are known.
        if self.latches.get(Breaker::PriceMove).is_none() {
            self.jump = (0..self.assets.len()).find_map(|slot| self.find_jump(slot));
        }
        self.look();
        Ok(())
    }

    /// Trips `fill_mismatch` for what the venue's account shows and this one does not.
    pub fn report_mismatch(&mut self, difference: String) {
        self.mismatch = Some(Reason::new(None::<Nano>, None::<Nano>, difference));
        self.look();
    }

    /// Sets the risk scale, above 0 and at most 1.
    pub fn set_risk_scale(&mut self, scale: Nano) -> Result<(), Refusal> {
        self.commit(Event::RiskScaleSet { scale })?;
        self.look();
        Ok(())
    }
}
