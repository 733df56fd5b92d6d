//! The pure heart of gxrisk: exact numbers, limits, vault state, the decision and the breakers.
//!
//! Nothing in here reads a clock, a file or a random number, starts a thread, compares floats or depends on a hash order:
//! the same operations at the same times give the same state and the same events, anywhere.
//!
//! The way through: an operation on [`Engine`] first brings it to `now`, then judges or applies, and leaves what
//! happened as [`Event`]s. [`decide::decide`] is the only judge; [`Approved`] the only proof that it said yes.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a failing test may panic"
    )
)]

pub mod asset;
pub mod breakers;
pub mod codec;
pub mod decide;
pub mod engine;
pub mod event;
pub mod exposure;
pub mod limits;
pub mod num;
pub mod order;
pub mod reason;
pub mod rules;
pub mod state;
pub mod time;
mod wide;

pub use asset::Asset;
pub use breakers::{BREAKERS, Breaker};
pub use decide::approved::Approved;
pub use decide::{Mask, Outcome};
pub use engine::{Engine, Refusal};
pub use event::{Event, Record};
pub use limits::Limits;
pub use num::{Atto, Nano};
pub use order::{Order, Origin, Side, Terms};
pub use rules::RULES;
pub use state::TradingState;
pub use time::Time;
