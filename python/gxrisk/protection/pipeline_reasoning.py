"""What the journal says of the guards: in the hold that a refusal becomes, and in the reasoning of a changed order."""

import re
from typing import Final

from gxrisk._native import Order
from gxrisk.agent.strategy import REASONING_CHARS_MAX
from gxrisk.protection.bounds import plain
from gxrisk.protection.pipeline import Assessment

_REFUSED: Final = re.compile(r"not opened: (?P<side>buy|sell) ")


def refusal(wanted: Order, found: Assessment) -> str:
    """What would have been done, which guard said no with its figures, what the others changed, the model's own words.

    >>> from gxrisk import order
    >>> from gxrisk.protection.pipeline import Reason
    >>> wanted = order("BTC", "buy", 20, confidence=0.9, reasoning="a breakout", stop_loss=98)
    >>> no = Reason("health", "refused", "critical", "sharpe -3.78 (critical)")
    >>> print(refusal(wanted, Assessment(False, wanted, "critical", (no,), "health")))
    not opened: buy 20 BTC, stop 98; health: sharpe -3.78 (critical). The model: a breakout
    """
    price = "" if wanted.price is None else f" at {plain(wanted.price)}"
    stop = "no stop" if wanted.stop_loss is None else f"stop {plain(wanted.stop_loss)}"
    wish = f"{wanted.side} {plain(wanted.quantity)} {wanted.asset}{price}, {stop}"
    told = [str(one) for one in found.reasons if one.did in ("refused", "failed")]
    told += [str(one) for one in found.reasons if one.did == "changed"]
    return f"not opened: {wish}; {'; '.join(told)}. The model: {wanted.reasoning}"[:REASONING_CHARS_MAX]


def refused_side(reasoning: str) -> str | None:
    """The side of the opening that a `refusal` is of; None for any other reasoning.

    >>> refused_side("not opened: sell 20 BTC, stop 102; health: critical. The model: down"), refused_side("waits")
    ('sell', None)
    """
    found = _REFUSED.match(reasoning)
    return None if found is None else found["side"]


def explained(found: Assessment) -> Order:
    """The order as the guards left it; where they changed it, its reasoning ends with what was changed and by whom.

    >>> from gxrisk import order
    >>> from gxrisk.protection.pipeline import Reason
    >>> left = order("BTC", "buy", 5, confidence=0.9, reasoning="a breakout", stop_loss=98)
    >>> cut = Reason("size", "changed", None, "size 20 to 5, at most 5 % of equity")
    >>> explained(Assessment(True, left, "low", (cut,))).reasoning
    'a breakout [size: size 20 to 5, at most 5 % of equity]'
    """
    told = "; ".join(str(one) for one in found.reasons if one.did == "changed")
    if not told:
        return found.order
    suffix = f" [{told}]"
    said = found.order.reasoning[: REASONING_CHARS_MAX - len(suffix)]
    return found.order.replace(reasoning=said + suffix)
