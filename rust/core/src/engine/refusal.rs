//! Why an operation was not done.

use crate::asset::Asset;
use crate::order::AMOUNT_RANGE;
use crate::time::Time;

/// Why an operation was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A number would go beyond 128 bits.
    #[error("the amounts go beyond what 128-bit numbers hold; nothing was changed")]
    Overflow,
    /// A value that no call takes.
    #[error("a value is outside its range; nothing was changed")]
    OutOfRange,
    /// A mark from the future.
    #[error("the mark of {asset} is from {time}, more than 5 s ahead of the gate's {now}; check the feed's clock")]
    FutureMark {
        /// Of which asset.
        asset: Asset,
        /// The feed's time.
        time: Time,
        /// The gate's time.
        now: Time,
    },
    /// An order id that no decision gave.
    #[error("no approved order has the id {0:?}")]
    UnknownOrder(String),
    /// A fill without approval that does not say of what.
    #[error("no approved order has the id {0:?}: name the fill's asset and side, so that it can be booked")]
    UnnamedFill(String),
    /// An asset that is in two groups.
    #[error("{0} is in two correlation groups, or twice in one; an asset belongs to one at most")]
    TwoGroups(Asset),
    /// Limits loosened while something is held or working.
    #[error(
        "these limits would be loosened: {0}; that needs a flat vault with no working orders (tightening is always possible)"
    )]
    Loosened(String),
    /// A reactivation below the drawdown threshold.
    #[error(
        "equity is still at or below the drawdown threshold: reactivate with rebase=True to take today's equity as the new base"
    )]
    StillDrawnDown,
    /// A new base that is nothing.
    #[error("equity is {0}: a new base must be above zero; deposit first")]
    NoBase(String),
    /// A note that is too long.
    #[error("the note {topic:?} has {bytes} bytes; at most {allowed} are allowed")]
    LongNote {
        /// Its topic.
        topic: String,
        /// Its length.
        bytes: usize,
        /// The longest.
        allowed: usize,
    },
    /// One topic too many.
    #[error("there are {allowed} notes already, so {topic:?} finds no room: end one with an empty text")]
    ManyNotes {
        /// The new topic.
        topic: String,
        /// The most.
        allowed: usize,
    },
    /// A reactivation that the owner did not sign for this stop.
    #[error(transparent)]
    Reactivation(#[from] ReactivationRefusal),
    /// A withdrawal that is not booked.
    #[error(transparent)]
    Withdrawal(#[from] WithdrawalRefusal),
    /// An approval that cannot be used.
    #[error(transparent)]
    Approval(#[from] ApprovalRefusal),
}

/// Why an approval cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefusal {
    /// There is no such decision, or it approved nothing.
    #[error("this vault's gate gave no such approval")]
    Unknown,
    /// It ran out.
    #[error("the approval has expired; authorize the order anew")]
    Expired,
    /// It was redeemed before.
    #[error("the approval was used already; each one passes once")]
    Used,
    /// Its order was cancelled or failed.
    #[error("the order has ended; authorize it anew")]
    Ended,
    /// Its order is to be cancelled.
    #[error("the order is to be cancelled; authorize it anew")]
    Cancelled,
    /// The trading state changed.
    #[error("the vault's state became stricter after the decision; authorize the order anew")]
    Stricter,
    /// It cannot be read.
    #[error("the bytes are no approval")]
    Malformed,
    /// Someone else signed it, or nobody.
    #[error("the signature is not by this vault's wallet key")]
    Signature,
    /// It belongs to another vault.
    #[error("the approval is for another vault")]
    Vault,
    /// Its content differs from the decision on record.
    #[error("the approval does not say what the journal says")]
    Altered,
}

impl ApprovalRefusal {
    /// A word for it that never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Ended => "ended",
            Self::Cancelled => "cancel_requested",
            Self::Stricter => "stricter_state",
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Vault => "vault",
            Self::Altered => "altered",
        }
    }
}

/// Why a withdrawal is not booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawalRefusal {
    /// No amount of money.
    #[error("the amount {AMOUNT_RANGE}")]
    Amount,
    /// It ran out.
    #[error("the withdrawal expired at {0}; sign a new one")]
    Expired(Time),
    /// Its nonce was used before.
    #[error("a withdrawal with this nonce was booked already; each one passes once")]
    Replayed,
    /// Something is held, or works.
    #[error("close positions and cancel orders first: {0}")]
    NotFlat(String),
    /// More than there is.
    #[error("the vault's equity is {0}; no more than that can be withdrawn")]
    Overdrawn(String),
}

impl WithdrawalRefusal {
    /// A word for it that never changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Expired(_) => "expired",
            Self::Replayed => "replayed",
            Self::NotFlat(_) => "not_flat",
            Self::Overdrawn(_) => "overdrawn",
        }
    }
}

/// Why the owner's word does not end a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReactivationRefusal {
    /// There is none, and the vault has an owner's key.
    #[error("this vault has an owner: a reactivation is signed with the owner's key (gxrisk reactivate sign)")]
    Unsigned,
    /// Nobody can have signed it.
    #[error(
        "this vault has no owner key, so nobody can have signed its reactivation; reactivate it without a signature"
    )]
    NoOwner,
    /// What was signed and what is asked for differ in the new base.
    #[error("the owner signed a reactivation {}, and one {} was asked for", base(*.0), base(!*.0))]
    Rebase(bool),
    /// It ran out.
    #[error("the reactivation expired at {0}; sign a new one")]
    Expired(Time),
    /// It is for a stop that is over, or for one before the last.
    #[error("the reactivation ends the stop of record {ends}, and {}", stopped_by(*stop))]
    OtherStop {
        /// The stop that it ends.
        ends: u64,
        /// The stop that is in force.
        stop: Option<u64>,
    },
}

fn base(rebase: bool) -> &'static str {
    if rebase { "with a new base" } else { "without a new base" }
}

fn stopped_by(stop: Option<u64>) -> String {
    stop.map_or_else(
        || "the vault is not stopped: each one ends a stop once".to_owned(),
        |stop| format!("the vault is stopped by record {stop}; sign one for that"),
    )
}

impl ReactivationRefusal {
    /// A word for it that never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::NoOwner => "no_owner",
            Self::Rebase(_) => "rebase",
            Self::Expired(_) => "expired",
            Self::OtherStop { .. } => "other_stop",
        }
    }
}
