//! What happened: events and what they are made of. The order of fields and the tags are the format.

use crate::decide::{ClientId, Evidence};
use crate::event::{Consent, Event, Fill, Keys, MarketMove, Rebase, Record, Ruling, Tick, Withdrawal};
use crate::order::{Order, Origin, Side, Terms};

use super::{coded_enum, coded_struct};

coded_struct!(Record { sequence, time, event } if Record::is_sound);

coded_enum!(Event {
    1 => Opened { vault_id, limits },
    2 => Market(market),
    3 => Flow { amount },
    4 => Funding { asset, amount, paid },
    5 => Volatility { value },
    6 => LotSteps { steps },
    7 => Groups { groups },
    8 => Decided(ruling),
    9 => Hold { asset, confidence, reasoning },
    10 => Redeemed { order, signature },
    11 => Accepted { order },
    12 => Filled(fill),
    13 => Cancelled { order },
    14 => Failed { order, reason },
    15 => Expired { order },
    16 => DayOpened { day, opening },
    17 => Tripped { breaker, until, cause },
    18 => Ended { breaker },
    19 => CancelRequested { orders },
    20 => Paused,
    21 => Resumed,
    22 => Killed { reason },
    23 => Reactivated { rebase, consent },
    24 => LimitsSet { limits },
    25 => RiskScaleSet { scale },
    26 => Restarted { epoch, dropped },
    27 => KeysSet(keys),
    28 => OwnerKeySet { key, signature },
    29 => Withdrawn(withdrawal),
    30 => Checkpointed { digest },
    31 => Noted { topic, text },
} if Event::is_sound);

coded_struct!(MarketMove { ticks, peak, ignored_marks });
coded_struct!(Tick { asset, price, time, atr });
coded_struct!(Fill { order, order_id, fill_id, asset, side, quantity, price, fee });
coded_struct!(Rebase { old_base, old_peak, new_base });
coded_struct!(Keys { wallet, head });
coded_struct!(Consent { ends, expires, signature });
coded_struct!(Withdrawal { amount, destination, nonce, expires, signature });

coded_struct!(Ruling { sequence, order, origin, mask, evidence, expires, entry } if Ruling::is_sound);
coded_struct!(Evidence { now, limits, account, holding, group, client_id });
coded_enum!(ClientId { 1 => Absent, 2 => New, 3 => Used });
coded_struct!(Order { terms, reasoning, client_order_id } if Order::is_sound);
coded_struct!(Terms { asset, side, quantity, price, leverage, stop_loss, take_profit, reduce_only, confidence });
coded_enum!(Side { 1 => Buy, 2 => Sell });
coded_enum!(Origin { 1 => Agent, 2 => Owner, 3 => Protection });
