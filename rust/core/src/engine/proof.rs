//! What an auditor asks of a decision on record: whether it is what this engine knew, and what each rule said.

use crate::decide::{self, Evidence, Facts, Mask, decide};
use crate::event::Ruling;
use crate::num::Nano;
use crate::order::{Origin, Terms};
use crate::rules::Asked;
use crate::state::Account;
use crate::time::Time;

use super::Engine;
use super::judge::largest;

impl Engine {
    /// Whether a decision that comes next was decided on what the records up to here come to.
    pub fn agrees_with(&self, ruling: &Ruling) -> bool {
        let Ruling { order, evidence, expires, entry, .. } = ruling;
        let client_id = self.client_id(order.client_order_id.as_deref());
        let facts = self.facts(&order.terms.asset, client_id);
        let account = Account { oldest_mark: self.oldest_exposed(evidence.now), ..self.account };
        let known = Evidence::keep(&Facts { now: evidence.now, account: &account, ..facts }, self.limits.clone());
        known == *evidence
            && evidence.now >= self.now
            && *expires == evidence.now.after(evidence.limits.approval_ttl_s)
            && *entry == order.terms.price.or(evidence.holding.mark.map(|mark| mark.price))
    }

    /// The oldest mark of what is exposed. An engine that follows records asks no questions, and so keeps a bound on it alone.
    fn oldest_exposed(&self, now: Time) -> Time {
        let bound = self.account.oldest_mark;
        if now.since(bound) <= self.limits.mark_age_s_max {
            return bound;
        }
        let exposed = self.holdings.iter().filter(|holding| holding.is_exposed());
        exposed.filter_map(|holding| Some(holding.mark?.time)).min().unwrap_or(Time::END)
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
