"""Limits: unknown names, values out of range, contradictions, and TOML files."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import TIERS, Gate, GxriskError, InvalidOrder, Limits, ManualClock, VaultError

from .arguments import START, refusal, vault

PROMISED = """
max_leverage max_position_fraction max_daily_loss max_drawdown drawdown_base max_concentration
max_correlated_exposure stop_atr_min stop_atr_max max_daily_trades max_order_notional price_collar
orders_per_minute order_burst max_open_orders min_confidence maintenance_margin liquidation_share
stop_risk_budget assets price_move_max price_move_window_s price_move_pause_s mark_age_s_max
losses_in_row_max loss_pause_s failures_in_row_max volatility_max approval_ttl_s
"""

GROWTH = Limits.for_tier("growth")


def test_the_fields_are_those_that_were_promised() -> None:
    assert list(GROWTH.to_dict()) == PROMISED.split()
    for name, value in GROWTH.to_dict().items():
        assert getattr(GROWTH, name) == value


@pytest.mark.parametrize(
    "name", ["max_levrage", "", "MAX_LEVERAGE", "max_leverage ", "tier", "__class__", "x" * 10_000]
)
def test_an_unknown_limit_is_refused(name: str) -> None:
    assert "is not a limit" in refusal(lambda: GROWTH.replace(**{name: 1}), name[:20])


@pytest.mark.parametrize("value", [None, "", "Deposit", "low", 1, True, b"peak"])
def test_the_drawdown_base_is_one_of_two(value: Any) -> None:
    assert "deposit" in refusal(lambda: GROWTH.replace(drawdown_base=value), "drawdown_base")


@pytest.mark.parametrize(
    "value", ["BTC", 5, True, [5], ["a b"], [None], [""], ["A" * 65], b"BTC", {"BTC": [1]}.values()]
)
def test_the_allow_list_is_a_list_of_names(value: Any) -> None:
    refusal(lambda: GROWTH.replace(assets=value), "asset")


def test_an_empty_allow_list_allows_nothing() -> None:
    assert GROWTH.replace(assets=[]).assets == ()
    assert GROWTH.replace(assets=["B", "A", "A"]).assets == ("A", "B")
    assert GROWTH.replace(assets=["B"]).replace(assets=None).assets is None


def test_the_stop_range_may_not_be_empty() -> None:
    assert GROWTH.replace(stop_atr_min=4).stop_atr_min == 4
    refusal(lambda: GROWTH.replace(stop_atr_min="4.000000001"), "stop_atr_min")


def test_a_change_is_refused_as_a_whole_and_limits_are_frozen() -> None:
    refusal(lambda: GROWTH.replace(max_leverage=2, max_drawdown=2), "max_drawdown")
    assert Limits.for_tier("growth") == GROWTH
    for act in (lambda: setattr(GROWTH, "max_leverage", 1), lambda: delattr(GROWTH, "max_leverage")):
        with pytest.raises(AttributeError):
            act()


@pytest.mark.parametrize("tier", TIERS)
def test_limits_survive_a_copy_and_a_pickle(tier: str) -> None:
    limits = Limits.for_tier(tier).replace(assets=["BTC"], max_order_notional="0.000000001")
    for again in (copy.copy(limits), copy.deepcopy(limits), *(pickle.loads(pickle.dumps(limits, p)) for p in range(6))):  # noqa: S301
        assert again == limits
        assert hash(again) == hash(limits)


def written(folder: Path, text: str | bytes) -> Path:
    """A file with that content."""
    path = folder / "limits.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_taken_exactly(tmp_path: Path) -> None:
    text = 'tier = "growth"\nmax_drawdown = 0.123456789\nmax_daily_trades = 7\nassets = ["ETH", "BTC"]\n'
    text += 'drawdown_base = "peak"\n'
    limits = Limits.from_toml(
        written(tmp_path, text + "price_collar = 0.1\nmax_order_notional = 100000000.000000001\n")
    )
    assert (limits.max_drawdown, limits.price_collar) == (Decimal("0.123456789"), Decimal("0.1"))
    assert limits.max_order_notional == Decimal("100000000.000000001")
    assert (limits.max_daily_trades, limits.drawdown_base, limits.assets) == (7, "peak", ("BTC", "ETH"))
    assert limits.max_leverage == GROWTH.max_leverage
    assert Limits.from_toml(str(written(tmp_path, 'tier = "growth"'))) == GROWTH


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "tier"),
    "no tier": ("max_leverage = 2\n", "tier"),
    "unknown tier": ('tier = "yolo"\n', "yolo"),
    "tier is a number": ("tier = 5\n", "tier"),
    "unknown key": ('tier = "growth"\nmax_levrage = 2\n', "max_levrage"),
    "a table": ('tier = "growth"\n[limits]\nmax_leverage = 2\n', "limits"),
    "out of range": ('tier = "growth"\nmax_drawdown = 1.5\n', "max_drawdown"),
    "too fine": ('tier = "growth"\nmax_drawdown = 0.1234567891\n', "max_drawdown"),
    "nan": ('tier = "growth"\nmax_drawdown = nan\n', "max_drawdown"),
    "inf": ('tier = "growth"\nmax_leverage = inf\n', "max_leverage"),
    "bool": ('tier = "growth"\nmax_leverage = true\n', "max_leverage"),
    "date": ('tier = "growth"\nmax_leverage = 2020-03-12\n', "max_leverage"),
    "list": ('tier = "growth"\nmax_leverage = [2]\n', "max_leverage"),
    "half a trade": ('tier = "growth"\nmax_daily_trades = 1.5\n', "max_daily_trades"),
    "empty stop range": ('tier = "growth"\nstop_atr_min = 9\n', "stop_atr_min"),
    "twice": ('tier = "growth"\ntier = "growth"\n', "TOML"),
    "not TOML": ("tier: growth\n", "TOML"),
    "JSON": ('{"tier": "growth"}', "TOML"),
    "not UTF-8": (b"\xff\xfe\x00", "UTF-8"),
    "NUL": ('tier = "growth"\x00', "TOML"),
}


@pytest.mark.parametrize("label", BAD_FILES)
def test_a_malformed_file_is_an_invalid_order_that_names_the_file(tmp_path: Path, label: str) -> None:
    text, named = BAD_FILES[label]
    path = written(tmp_path, text)
    with pytest.raises(GxriskError) as caught:
        Limits.from_toml(path)
    assert type(caught.value) is InvalidOrder
    assert named in str(caught.value)
    assert "limits.toml" in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Limits.from_toml(tmp_path / "missing.toml")
    with pytest.raises(OSError, match="irectory"):
        Limits.from_toml(tmp_path)


def test_loosening_needs_a_flat_vault_and_names_what_it_would_loosen() -> None:
    gate = vault()
    gate.apply_fill("elsewhere", "f", 1, 100, asset="BTC", side="buy")
    with pytest.raises(VaultError, match="max_leverage"):
        gate.set_limits(GROWTH.replace(max_leverage=6, max_drawdown="0.1"))
    assert gate.limits == GROWTH
    gate.set_limits(GROWTH.replace(max_drawdown="0.1"))
    assert gate.limits.max_drawdown == Decimal("0.1")
    assert Gate("v", gate.limits, clock=ManualClock(START)).limits == gate.limits
