//! What happened: the only thing that changes a vault, and all that anyone needs to rebuild it.

pub(crate) mod sound;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::asset::Asset;
use crate::breakers::Breaker;
use crate::decide::{Evidence, Mask, Outcome, decide};
use crate::limits::Limits;
use crate::num::{Atto, Nano};
use crate::order::{Order, Origin, Side};
use crate::reason::Reason;
use crate::rules::Violation;
use crate::time::{Day, Time};

/// An event with its place in the vault's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 1, 2, 3, … without a gap.
    pub sequence: u64,
    /// The gate's time.
    pub time: Time,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The vault came to be.
    Opened {
        /// Its id.
        vault_id: Box<str>,
        /// Its limits.
        limits: Arc<Limits>,
    },
    /// The marks since the last event that still matter: those that a price window can still see, and the newest.
    Market(Box<MarketMove>),
    /// A deposit.
    Flow {
        /// The amount.
        amount: Nano,
    },
    /// Funding received; negative for paid.
    Funding {
        /// Of which position.
        asset: Asset,
        /// The amount.
        amount: Nano,
        /// When the venue paid it, where that is known: what makes it count once.
        paid: Option<Time>,
    },
    /// The operator's market volatility.
    Volatility {
        /// As a fraction.
        value: Nano,
    },
    /// The assets' lot steps.
    LotSteps {
        /// By asset.
        steps: BTreeMap<Asset, Nano>,
    },
    /// The correlation groups.
    Groups {
        /// Assets by group.
        groups: BTreeMap<Box<str>, Vec<Asset>>,
    },
    /// An order was decided on.
    Decided(Arc<Ruling>),
    /// A model said hold by itself.
    Hold {
        /// What it was asked about, where that is known.
        asset: Option<Asset>,
        /// How sure it was.
        confidence: Nano,
        /// Why.
        reasoning: Box<str>,
    },
    /// An approval was used.
    Redeemed {
        /// Of which decision.
        order: u64,
        /// The wallet key's signature of the approval, where there is such a key.
        signature: Option<Box<[u8; 64]>>,
    },
    /// The venue took the order.
    Accepted {
        /// Of which decision.
        order: u64,
    },
    /// The venue executed.
    Filled(Box<Fill>),
    /// The venue confirmed the end of an order.
    Cancelled {
        /// Of which decision.
        order: u64,
    },
    /// The venue did not take the order.
    Failed {
        /// Of which decision.
        order: u64,
        /// In the venue's words.
        reason: Box<str>,
    },
    /// An approval ran out unredeemed.
    Expired {
        /// Of which decision.
        order: u64,
    },
    /// A new UTC day.
    DayOpened {
        /// The date.
        day: Day,
        /// The equity it opens at.
        opening: Atto,
    },
    /// A breaker tripped.
    Tripped {
        /// Which.
        breaker: Breaker,
        /// When it ends by itself.
        until: Option<Time>,
        /// Why.
        cause: Box<Reason>,
    },
    /// A breaker ended.
    Ended {
        /// Which.
        breaker: Breaker,
    },
    /// These working orders are to be cancelled at the venue.
    CancelRequested {
        /// Of which decisions.
        orders: Vec<u64>,
    },
    /// The owner paused the vault.
    Paused,
    /// The pause ended.
    Resumed,
    /// The kill switch.
    Killed {
        /// Why.
        reason: Box<str>,
    },
    /// The owner brought the vault back.
    Reactivated {
        /// With a new base.
        rebase: Option<Box<Rebase>>,
        /// The owner's word for it, where the vault has an owner's key.
        consent: Option<Box<Consent>>,
    },
    /// New limits.
    LimitsSet {
        /// All of them.
        limits: Arc<Limits>,
    },
    /// A new risk scale.
    RiskScaleSet {
        /// Above 0, at most 1.
        scale: Nano,
    },
    /// The journal was opened again.
    Restarted {
        /// Which opening this is.
        epoch: u64,
        /// The bytes of an incomplete last record, which were dropped.
        dropped: u64,
    },
    /// The vault's own keys from this record on.
    KeysSet(Keys),
    /// The owner's master key.
    OwnerKeySet {
        /// Its public half.
        key: [u8; 32],
        /// The signature that allowed it, where one was needed.
        signature: Option<Box<[u8; 64]>>,
    },
    /// A withdrawal that the owner signed.
    Withdrawn(Box<Withdrawal>),
    /// All that came before is also kept as a checkpoint.
    Checkpointed {
        /// The hash of its bytes.
        digest: [u8; 32],
    },
    /// What whoever runs the vault must not forget; no decision reads it.
    Noted {
        /// What it is about: the newest text of a topic is the one that counts.
        topic: Box<str>,
        /// The text; an empty one ends the topic.
        text: Box<str>,
    },
}

/// The public halves of a vault's own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Of the key that signs approvals.
    pub wallet: [u8; 32],
    /// Of the key that signs the journal's head.
    pub head: [u8; 32],
}

/// What the owner signed: this much, to there, once, until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// How much.
    pub amount: Nano,
    /// Where to.
    pub destination: Box<str>,
    /// What makes it pass once.
    pub nonce: [u8; 16],
    /// From this time on it is worth nothing.
    pub expires: Time,
    /// The signature by the owner's master key.
    pub signature: [u8; 64],
}

/// What the owner signed beside what the record itself says: that this stop ends, until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The record that stopped the vault, which no other record is: what makes it pass once.
    pub ends: u64,
    /// From this time on it is worth nothing.
    pub expires: Time,
    /// The signature by the owner's master key.
    pub signature: [u8; 64],
}

/// One mark of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Which asset.
    pub asset: Asset,
    /// The price.
    pub price: Nano,
    /// The feed's time.
    pub time: Time,
    /// The average true range, where the mark carried one.
    pub atr: Option<Nano>,
}

/// What the marks since the last event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketMove {
    /// The ones that matter, in their order.
    pub ticks: Vec<Tick>,
    /// The flow-adjusted highest equity since.
    pub peak: Atto,
    /// Marks ignored so far.
    pub ignored_marks: u64,
}

/// One decision with all that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The decision's own sequence, which names the order from here on.
    pub sequence: u64,
    /// What was asked.
    pub order: Arc<Order>,
    /// By whom.
    pub origin: Origin,
    /// What the gate said.
    pub mask: Mask,
    /// What it knew.
    pub evidence: Evidence,
    /// When an approval of it runs out.
    pub expires: Time,
    /// The entry price it was decided at.
    pub entry: Option<Nano>,
}

impl Ruling {
    /// Approved, rejected or held.
    pub fn outcome(&self) -> Outcome {
        self.mask.outcome()
    }

    /// The decision, worked out again from the record alone.
    pub fn decided_again(&self) -> Mask {
        decide(self.evidence.facts(&self.evidence.caps()), &self.order.terms, self.origin)
    }

    /// Every violated rule and why.
    pub fn violations(&self) -> Vec<Violation> {
        self.evidence.explain(&self.order.terms, self.origin, self.mask)
    }
}

/// What the venue says was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The decision that approved it; `None` where none did.
    pub order: Option<u64>,
    /// The order's id in the caller's words.
    pub order_id: Box<str>,
    /// The fill's id.
    pub fill_id: Box<str>,
    /// Which asset.
    pub asset: Asset,
    /// Which side.
    pub side: Side,
    /// How much.
    pub quantity: Nano,
    /// At what price.
    pub price: Nano,
    /// The fee; negative for a rebate.
    pub fee: Nano,
}

/// The anchors before and after a reactivation with a new base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebase {
    /// The deposit base before.
    pub old_base: Atto,
    /// The peak before.
    pub old_peak: Atto,
    /// Both from now on.
    pub new_base: Atto,
}
