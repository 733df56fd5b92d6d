//! The worst case of what is held and what is working.

use crate::num::Nano;

/// The larger of the worst long and the worst short: opposite orders never net until they fill.
///
/// ```
/// use gxrisk_core::{Nano, exposure::exposure_quantity};
/// let n = Nano::whole;
/// // long 2, selling 5: at worst short 3 if the sells fill, long 2 if they do not
/// assert_eq!(exposure_quantity(n(2), n(0), n(5)), Some(n(3)));
/// ```
#[inline]
pub fn exposure_quantity(position: Nano, buys: Nano, sells: Nano) -> Option<Nano> {
    let long = position.plus(buys)?;
    let short = sells.minus(position)?;
    Some(long.max(short).max(Nano::ZERO))
}
