//! The strategy's side: judge, authorize, hold, and what would pass.

use std::sync::Arc;

use crate::asset::Asset;
use crate::decide::room::Remembered;
use crate::decide::{self, Approved, ClientId, Evidence, Facts, Mask, approve, decide};
use crate::event::{Event, Ruling};
use crate::num::Nano;
use crate::order::{Order, Origin, Side, Terms};
use crate::rules::REGISTRY;
use crate::state::{GroupSum, Holding};

use super::{Engine, Refusal};

/// What `authorize` answers.
#[derive(Debug)]
pub enum Answer {
    /// The order's id was used before, by this decision: compare, and ask again with `is_other` where it differs.
    Seen(u64),
    /// It was decided on.
    Decided {
        /// The decision, recorded.
        ruling: Arc<Ruling>,
        /// The proof, where it is approved.
        approved: Option<Approved<Arc<Order>>>,
    },
}

/// What is held in an asset that the gate has never seen.
static NO_HOLDING: Holding = Holding::NONE;
static NO_GROUP: GroupSum = GroupSum::NONE;

impl Engine {
    /// The facts for an order in an asset. The caps must be in step.
    #[inline]
    pub(super) fn facts(&self, asset: &Asset, client_id: ClientId) -> Facts<'_> {
        let holding = self.slot(asset).and_then(|slot| self.holdings.get(slot));
        let group = holding.and_then(|holding| self.groups.get(holding.group as usize));
        Facts {
            now: self.now,
            limits: &self.limits,
            caps: &self.caps,
            account: &self.account,
            holding: holding.unwrap_or(&NO_HOLDING),
            group: group.unwrap_or(&NO_GROUP),
            client_id,
        }
    }

    pub(super) fn client_id(&self, client_order_id: Option<&str>) -> ClientId {
        match client_order_id {
            None => ClientId::Absent,
            Some(id) if self.client_ids.contains_key(id) => ClientId::Used,
            Some(_) => ClientId::New,
        }
    }

    /// Judges an order and changes nothing.
    #[inline]
    pub fn judge(&mut self, terms: &Terms, client_order_id: Option<&str>, origin: Origin) -> Mask {
        let is_plain = origin == Origin::Agent && client_order_id.is_none();
        if is_plain && self.remembered(terms).is_some_and(|known| known.holds(self.version, self.now, terms)) {
            return Mask(0);
        }
        self.refresh_caps();
        let facts = self.facts(&terms.asset, self.client_id(client_order_id));
        let mask = decide(facts, terms, origin);
        if mask == Mask(0)
            && is_plain
            && let Some(mut known) = self.remembered(terms).copied()
        {
            known.note(self.version, &facts, terms);
            self.remember(terms, known);
        }
        mask
    }

    #[inline]
    fn remembered(&self, terms: &Terms) -> Option<&Remembered> {
        let [buys, sells] = self.remembered.get(self.slot(&terms.asset)?)?;
        Some(if terms.side == Side::Buy { buys } else { sells })
    }

    fn remember(&mut self, terms: &Terms, known: Remembered) {
        let slot = self.slot(&terms.asset);
        if let Some([buys, sells]) = slot.and_then(|slot| self.remembered.get_mut(slot)) {
            *(if terms.side == Side::Buy { buys } else { sells }) = known;
        }
    }

    /// What a judgement was computed from, to be kept.
    pub fn evidence(&mut self, terms: &Terms, client_order_id: Option<&str>) -> Evidence {
        self.refresh_caps();
        Evidence::keep(&self.facts(&terms.asset, self.client_id(client_order_id)), Arc::clone(&self.limits))
    }

    /// Decides on an order and reserves for it; the record of it is in the outbox, to be made durable.
    ///
    /// Whether an order with a known id repeats its first use only the records know: `is_other` says that it does not.
    pub fn authorize(&mut self, order: Arc<Order>, origin: Origin, is_other: bool) -> Result<Answer, Refusal> {
        let first = order.client_order_id.as_deref().and_then(|id| self.client_ids.get(id));
        if let (Some(first), false) = (first, is_other) {
            return Ok(Answer::Seen(*first));
        }
        let client_id = self.client_id(order.client_order_id.as_deref());
        let sequence = self.next_sequence();
        self.refresh_caps();
        let facts = self.facts(&order.terms.asset, client_id);
        let evidence = Evidence::keep(&facts, Arc::clone(&self.limits));
        let entry = order.terms.price.or(facts.holding.mark.map(|mark| mark.price));
        let expires = self.now.after(self.limits.approval_ttl_s);
        let (mask, approved) = match approve(facts, &order, origin) {
            Ok(approved) => (Mask(0), Some(approved)),
            Err(mask) => (mask, None),
        };
        let ruling = Arc::new(Ruling { sequence, order, origin, mask, evidence, expires, entry });
        self.commit(Event::Decided(Arc::clone(&ruling)))?;
        self.look();
        Ok(Answer::Decided { ruling, approved })
    }

    /// Records that a model chose to do nothing; gives the record's sequence.
    pub fn hold(&mut self, asset: Option<Asset>, confidence: Nano, reasoning: &str) -> Result<u64, Refusal> {
        let sequence = self.next_sequence();
        self.commit(Event::Hold { asset, confidence, reasoning: reasoning.into() })?;
        self.look();
        Ok(sequence)
    }

    /// The largest quantity, on the asset's lot step, for which the order would be approved; zero where there is none.
    pub fn max_quantity(&mut self, terms: &Terms, client_order_id: Option<&str>, origin: Origin) -> Nano {
        self.refresh_caps();
        let facts = self.facts(&terms.asset, self.client_id(client_order_id));
        self.largest(&terms.asset, |quantity| decide(facts, &Terms { quantity, ..*terms }, origin) == Mask(0))
    }

    /// Per rule, the largest quantity of a plain market order that it lets pass; `None` where it sets no bound.
    pub fn headroom(&mut self, asset: Asset, side: Side) -> Vec<(&'static str, Option<Nano>)> {
        self.refresh_caps();
        let facts = self.facts(&asset, ClientId::Absent);
        let mask = |quantity| {
            let terms = Terms {
                asset,
                side,
                quantity,
                price: None,
                leverage: Nano::ONE,
                stop_loss: None,
                take_profit: None,
                reduce_only: false,
                confidence: Nano::ONE,
            };
            decide::decide(facts, &terms, Origin::Agent).0
        };
        let room = |index: usize| {
            let bit = 1_u32.wrapping_shl(u32::try_from(index).unwrap_or(0));
            let passes = |quantity| mask(quantity) & bit == 0;
            if passes(Nano::MAX) { None } else { Some(self.largest(&asset, passes)) }
        };
        let asked = REGISTRY.iter().enumerate().filter(|(_, rule)| rule.headroom);
        asked.map(|(index, rule)| (rule.code, room(index))).collect()
    }

    /// The largest multiple of the asset's lot step that passes.
    fn largest(&self, asset: &Asset, passes: impl Fn(Nano) -> bool) -> Nano {
        largest(self.lot_steps.get(asset).copied().unwrap_or(Nano::STEP), passes)
    }
}

/// The largest multiple of a step that passes: no rule that refuses a quantity lets a larger one pass.
pub(super) fn largest(step: Nano, passes: impl Fn(Nano) -> bool) -> Nano {
    let step = step.raw().max(1);
    let multiple = |count: i128| Nano::from_raw(count.saturating_mul(step));
    let (mut lower, mut upper) = (0_i128, Nano::MAX.raw().checked_div(step).unwrap_or(0).saturating_add(1));
    while upper.saturating_sub(lower) > 1 {
        let middle = lower.midpoint(upper);
        if passes(multiple(middle)) { lower = middle } else { upper = middle }
    }
    multiple(lower)
}
