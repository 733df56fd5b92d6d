//! What an auditor asks of a decision on record: whether it is what this engine knew, and what each rule said.

use crate::decide::{self, Evidence, Mask, decide};
use crate::event::Ruling;
use crate::num::Nano;
use crate::order::{Origin, Terms};
use crate::rules::Asked;

use super::Engine;
use super::judge::largest;

impl Engine {
    /// Whether a decision that comes next was decided on what the records up to here come to.
    pub fn agrees_with(&self, ruling: &Ruling) -> bool {
        let Ruling { order, evidence, expires, entry, .. } = ruling;
        let client_id = self.client_id(order.client_order_id.as_deref());
        let known = Evidence {
            now: evidence.now,
            ..Evidence::keep(&self.facts(&order.terms.asset, client_id), self.limits.clone())
        };
        known == *evidence
            && evidence.now >= self.now
            && *expires == evidence.now.after(evidence.limits.approval_ttl_s)
            && *entry == order.terms.price.or(evidence.holding.mark.map(|mark| mark.price))
    }
}

impl Ruling {
    /// What each rule said.
    pub fn asked(&self) -> Vec<Asked> {
        self.evidence.asked(&self.order.terms, self.origin, self.mask)
    }

    /// The largest quantity of this order that would have passed, on the scale rather than on a lot step.
    pub fn max_quantity(&self) -> Nano {
        let caps = self.evidence.caps();
        let facts = self.evidence.facts(&caps);
        let terms = |quantity| Terms { quantity, ..self.order.terms };
        largest(Nano::STEP, |quantity| decide(facts, &terms(quantity), self.origin) == Mask(0))
    }
}

impl Evidence {
    /// What each rule says of an order that was judged by this evidence.
    pub fn asked(&self, terms: &Terms, origin: Origin, mask: Mask) -> Vec<Asked> {
        let caps = self.caps();
        crate::rules::asked(&decide::Case::new(self.facts(&caps), terms, origin), mask)
    }
}
