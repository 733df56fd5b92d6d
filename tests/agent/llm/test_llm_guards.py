"""What a guard refused or changed reaches the model's next prompt: which guard, its figures, what would pass."""

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gxrisk import Gate, Limits, ManualClock
from gxrisk.agent.llm import LlmStrategy
from gxrisk.feeds import Candle, read_candles
from gxrisk.protection import ProtectionSettings
from gxrisk.protection.pipeline_guards import ORDER
from gxrisk.protection.settings import HealthGuardSettings, PortfolioSettings, SizeSettings
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.proposals import Proposer
from gxrisk.vaults.protecting import Protection
from gxrisk.venues.paper import PaperVenue

from .models import Answered, answering
from .views import CRASH_MS, FILE, HOLD, opening, view

WIDE = dict.fromkeys(("max_leverage", "max_position_fraction", "max_concentration", "max_correlated_exposure"), 10)


def bars() -> tuple[Candle, ...]:
    """As many as volatility is known from."""
    series = read_candles(Path(os.environ["GXRISK_DATA_DIR"]) / FILE, asset="BTC")
    return tuple(one for one in series.candles if one.end_ms <= CRASH_MS)[-200:]


def asked(answer: Callable[[str], Answered], guards: dict[str, Any], questions: int = 1) -> tuple[list[str], Gate]:
    """The pages that the model read, and the gate behind it, after some questions at the same moment."""
    pages: list[str] = []
    now = replace(view(), candles=bars())

    def read(page: str) -> Answered:
        pages.append(page)
        return answer(page)

    async def main() -> Gate:
        limits = Limits.for_tier("growth").replace(**WIDE, stop_risk_budget=1)
        gate = Gate("ann", limits, clock=ManualClock(now.at))
        gate.deposit(10_000)
        gate.mark("BTC", now.candles[-1].close, atr=now.atr)
        alone: dict[str, Any] = dict.fromkeys(name for name, _ in ORDER) | {"breakers": False}
        protection = Protection(gate, ProtectionSettings(**alone | guards), Notices(gate))
        account = await PaperVenue().account("ann", gate.redeem)
        strategy = LlmStrategy(answering(read))
        proposer = Proposer(strategy, gate, account, asyncio.Lock(), protection=protection)
        async with strategy:
            for _ in range(questions):
                await proposer.ask(now)
        return gate

    return pages, asyncio.run(main())


def last_proposal(page: str) -> list[str]:
    """The lines about it."""
    return page.split("# Your last proposal\n")[1].split("\n\n")[0].splitlines()


def test_a_model_hears_which_guard_refused_and_proposes_what_it_passes() -> None:
    """Asked again at once, since the guard knows a quantity; the second proposal is that one, and is approved."""
    close = float(view().candles[-1].close)
    stop = close - 300

    def passing(page: str) -> Answered:
        found = re.search(r"what would have passed of this order: a quantity of at most ([\d.]+)", page)
        quantity = round(30_000 / close, 9) if found is None else float(found[1])
        return opening(quantity=quantity, leverage=5, stop_loss=stop)

    pages, gate = asked(passing, {"portfolio": PortfolioSettings(gap="0.5")})
    assert len(pages) == 2
    lines = last_proposal(pages[1])
    assert lines[0].endswith(": held")
    assert lines[1].startswith(
        "- guard portfolio refused it: limit survives -50 %, observed does not survive it, with it, a gap of -50 %"
    )
    assert "; it passes a quantity of " in lines[1]
    assert not any("confidence" in line for line in lines), "that was not why"
    assert lines[-1].endswith("(the guard; the gate has not been asked)")
    outcomes = [each.get("outcome", each["kind"]) for each in gate.events() if each["kind"] in ("decision", "hold")]
    assert outcomes == ["hold", "approved"]


def test_a_guard_that_knows_no_quantity_is_not_asked_again_at_once() -> None:
    """But the next question tells of it."""
    close = float(view().candles[-1].close)
    guards = {"size": SizeSettings(floor=0), "health": HealthGuardSettings()}
    pages, gate = asked(lambda _: opening(quantity=0.1, stop_loss=close - 300), guards, questions=2)
    assert len(pages) == 2
    assert "# Your last proposal" not in pages[0]
    lines = last_proposal(pages[1])
    assert lines[1].startswith("- guard size refused it: no edge is known: 0 % of equity, the floor")
    assert lines[-1] == "what would have passed of this order: no quantity; something else has to change"
    assert [each["kind"] for each in gate.events() if each["kind"] in ("decision", "hold")] == ["hold", "hold"]


def test_a_size_that_was_cut_is_told_with_the_approval() -> None:
    close = float(view().candles[-1].close)
    answers = iter([opening(quantity=1, stop_loss=close - 300), HOLD])
    pages, gate = asked(lambda _: next(answers), {"size": SizeSettings(floor="0.05")}, questions=2)
    left = next(each["order"]["quantity"] for each in gate.events() if each["kind"] == "decision")
    lines = last_proposal(pages[1])
    assert lines[0].endswith(": approved")
    assert lines[1].startswith(f"- guard size changed it: limit quantity {left.normalize():f}, observed quantity 1, ")
    assert len(lines) == 2


def test_a_guard_that_breaks_is_named_as_such() -> None:
    close = float(view().candles[-1].close)
    guards = {"predictor": {"file": "/nowhere/at/all", "sha256": "0" * 64}}
    pages, _ = asked(lambda _: opening(quantity=0.1, stop_loss=close - 300), guards, questions=2)
    lines = last_proposal(pages[1])
    assert lines[1].startswith("- guard predictor broke and refused it: it raised FileNotFoundError: ")
