//! What is known: limits, account, holdings, trips and reasons. The order of fields and the tags are the format.

use crate::breakers::{Breaker, Trip};
use crate::engine::Stage;
use crate::limits::{DrawdownBase, Limits};
use crate::reason::{Figure, Reason, Word};
use crate::state::{Account, GroupSum, Holding, Mark, PositionStop, TradingState};

use super::{coded_enum, coded_struct};

coded_struct!(Limits {
    max_leverage,
    max_position_fraction,
    max_daily_loss,
    max_drawdown,
    drawdown_base,
    max_concentration,
    max_correlated_exposure,
    stop_atr_min,
    stop_atr_max,
    max_daily_trades,
    max_order_notional,
    price_collar,
    orders_per_minute,
    order_burst,
    max_open_orders,
    min_confidence,
    maintenance_margin,
    liquidation_share,
    stop_risk_budget,
    assets,
    price_move_max,
    price_move_window_s,
    price_move_pause_s,
    mark_age_s_max,
    losses_in_row_max,
    loss_pause_s,
    failures_in_row_max,
    volatility_max,
    approval_ttl_s,
} if Limits::is_sound);
coded_enum!(DrawdownBase { 1 => Peak, 2 => Deposit });

coded_struct!(Account {
    collateral,
    realised,
    fees,
    funding,
    unrealised,
    equity,
    day_opening,
    deposit_base,
    peak,
    gross,
    stop_risk,
    unmarked,
    stop_unknown,
    funded,
    paused,
    killed,
    state,
    oldest_mark,
    day,
    daily_trades,
    loss_streak,
    failures_in_row,
    working,
    ignored_marks,
    bucket,
    volatility,
    risk_scale,
} if Account::is_sound);
coded_enum!(TradingState { 1 => Active, 2 => ReduceOnly, 3 => Halted });

coded_struct!(Holding {
    mark,
    atr,
    position,
    cost,
    buys,
    sells,
    reducing_buys,
    reducing_sells,
    order_stop_risk,
    stop,
    round_trip,
    exposure,
    unrealised,
    stop_risk,
    unmarked,
    stop_unknown,
    group,
} if Holding::is_sound);
coded_struct!(Mark { price, time });
coded_enum!(PositionStop { 1 => Flat, 2 => At(stop), 3 => Unknown });
coded_struct!(GroupSum { exposure, unmarked });

coded_enum!(Stage {
    1 => Approved,
    2 => Redeemed,
    3 => Accepted,
    4 => Filled,
    5 => Cancelled,
    6 => Failed,
    7 => Expired,
});

coded_struct!(Trip { since, until, cause });
coded_enum!(Breaker {
    1 => PriceMove,
    2 => Drawdown,
    3 => DailyLoss,
    4 => OracleFailure,
    5 => ConsecutiveLosses,
    6 => ExecutionFailure,
    7 => TradeLimit,
    8 => Volatility,
    9 => FillMismatch,
});
coded_struct!(Reason { limit, observed, message });
coded_enum!(Figure { 1 => Number(number), 2 => Money(money), 3 => Count(count), 4 => Word(word), 5 => Unknown });
coded_enum!(Word {
    1 => Active,
    2 => ReduceOnly,
    3 => Halted,
    4 => Opening,
    5 => New,
    6 => Used,
    7 => Marked,
    8 => NeverMarked,
    9 => Listed,
    10 => NotListed,
    11 => Bits128,
});
