"""Traps that others fell into, each a test by name.

| trap | test |
|---|---|
| a reduce-only check of direction alone: flat to open | test_reduce_only_cannot_open_from_flat |
| a reduce-only check of direction alone: long 1 sell 10 | test_reduce_only_cannot_sell_ten_of_one |
| exits blocked by minimum size | test_an_exit_of_the_smallest_unit_passes |
| exits blocked by halts | test_a_halt_blocks_no_protective_exit |
| exits blocked by rate | test_an_empty_rate_bucket_blocks_no_exit |
| stops past the liquidation price | test_a_stop_past_the_liquidation_price_is_refused |
| opposite working orders netted | test_opposite_working_orders_are_not_netted |
| drawdown from summed trade ratios | test_drawdown_is_of_equity_not_of_summed_trade_ratios |
| loss base moved by deposits | test_a_deposit_moves_no_percentage |
| breakers that clear themselves when flat | test_a_breaker_does_not_clear_itself_when_flat |
| breakers that re-trip after a win | test_a_breaker_does_not_trip_again_after_a_win |
| state lost by restart | test_a_gate_never_pretends_to_be_durable |
| a NaN that disables a limit | test_nan_disables_no_limit |
| an unknown limit key dropped in silence | test_an_unknown_limit_key_is_refused |
| a limit configured but not wired | test_every_limit_is_wired |
| paper mode that signs for real | test_a_gate_in_memory_signs_nothing_that_outlives_it |
| a rate limiter that keeps refusing after traffic has stopped | test_the_rate_limiter_recovers_while_refusing |
| margin errors turned into zero | test_a_margin_that_cannot_be_computed_is_not_zero |
| missing price skips the check | test_a_missing_price_skips_no_check |
| a phantom halt from one bad equity reading | test_no_phantom_halt_from_one_bad_reading |
| kill without a way back | test_a_kill_has_a_way_back |
"""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gxrisk import ApprovalError, Gate, InvalidOrder, JournalError, Limits, ManualClock, VaultError, verify_approval

from .vaults import NOON, WIDE, Vault, exit_of, proposal
from .wiring import PROBES


def test_every_trap_has_its_test_and_every_test_its_trap() -> None:
    """The table above is whole, both ways."""
    rows = [line.split("|")[1:3] for line in (__doc__ or "").splitlines() if line.startswith("|")][2:]
    named = [test.strip() for _, test in rows]
    here = {name for name in globals() if name.startswith("test_")}
    assert here - set(named) == {"test_every_trap_has_its_test_and_every_test_its_trap"}
    assert set(named) <= here
    assert len(set(named)) == len(named) == 21


def test_reduce_only_cannot_open_from_flat() -> None:
    """Neither side reduces nothing."""
    for side in ("buy", "sell"):
        assert Vault().codes(exit_of(side, 1)) == ("reduce_only",)


def test_reduce_only_cannot_sell_ten_of_one() -> None:
    """Nor in ten orders of one; what works counts."""
    vault = Vault().holding(1)
    assert vault.codes(exit_of("sell", 10)) == ("reduce_only",)
    answers = [vault.gate.authorize(exit_of("sell", 1)).approved for _ in range(10)]
    assert answers == [True] + [False] * 9


def test_an_exit_of_the_smallest_unit_passes() -> None:
    """One unit of the scale, off the lot step too."""
    vault = Vault().holding(1)
    vault.gate.set_lot_steps({"BTC": 1})
    vault.filled(exit_of("sell", "0.000000001"))
    assert vault.now.positions["BTC"] == Decimal("0.999999999")


def test_a_halt_blocks_no_protective_exit() -> None:
    """Paused, killed, at any price."""
    vault = Vault().holding(1)
    vault.gate.pause()
    vault.gate.kill("stop")
    for origin in ("owner", "protection"):
        assert vault.codes(exit_of("sell", 1, price="0.01"), origin) == ()


def test_an_empty_rate_bucket_blocks_no_exit() -> None:
    """Nor does an exit take from it."""
    vault = Vault().holding(5).limited(order_burst=1, orders_per_minute=1)
    vault.approved(proposal())
    assert vault.codes(proposal()) == ("order_rate",)
    for _ in range(5):
        vault.approved(exit_of("sell", 1))


def test_a_stop_past_the_liquidation_price_is_refused() -> None:
    """At leverage 10 and 1 % of margin liquidation is 9 % away; a stop 10 % away would never be reached."""
    vault = Vault(maintenance_margin="0.01")
    assert vault.codes(proposal("buy", 1, stop=90, leverage=10)) == ("liquidation_buffer",)
    assert vault.codes(proposal("sell", 1, stop=110, leverage=10)) == ("liquidation_buffer",)
    assert vault.codes(proposal("buy", 1, stop=91, leverage=10)) == ()


def test_opposite_working_orders_are_not_netted() -> None:
    """A buy and a sell of 50: either may fill alone, so 5,000 count and not 0; both filled, nothing does."""
    vault = Vault(max_concentration="0.5")
    buy, sell = vault.accepted(proposal("buy", 50)), vault.accepted(proposal("sell", 50))
    assert vault.now.exposures["BTC"] == 5000
    assert vault.codes(proposal("buy", "0.000000001")) == ("concentration",)
    assert vault.codes(proposal("sell", "0.000000001")) == ("concentration",)
    vault.fill(buy, 50)
    vault.fill(sell, 50)
    assert not vault.now.exposures.get("BTC")


def test_drawdown_is_of_equity_not_of_summed_trade_ratios() -> None:
    """Twenty trades that lose 10 % each of the 10 that they put in: 20 of 10,000 are gone, and not 200 %."""
    vault = Vault(max_drawdown="0.15")
    for _ in range(20):
        vault.filled(proposal("buy", "0.1"))
        vault.filled(exit_of("sell", "0.1"), 90)
    assert (vault.now.drawdown, vault.tripped()) == (Decimal("0.002"), ())


def test_a_deposit_moves_no_percentage() -> None:
    """10 % down and 10 % lost today stay so, whatever is deposited; no loss is healed and none is made."""
    vault = Vault(max_drawdown="0.15").lost(1000)
    for amount in (9000, "0.000000001", 10**9):
        vault.gate.deposit(amount)
        snap = vault.now
        assert snap.base - snap.equity == snap.day_loss
        assert abs(snap.day_loss / snap.day_opening - Decimal("0.1")) < Decimal("1e-18")
    assert vault.tripped() == ()
    assert vault.lost(int(vault.now.base * Decimal("0.05")) + 1).tripped() == ("drawdown",)


def test_a_breaker_does_not_clear_itself_when_flat() -> None:
    """A drawdown of a position that is then closed is a drawdown; test_breaker_ends has all nine."""
    vault = Vault(max_drawdown="0.15").holding(20).marked("BTC", 25)
    assert vault.tripped() == ("drawdown",)
    vault.filled(exit_of("sell", 20), 100)  # at a price that wins all of it back
    assert (vault.now.equity, vault.now.positions.get("BTC", 0)) == (10_000, 0)
    assert (vault.tripped(), vault.gate.state) == (("drawdown",), "reduce_only")


def test_a_breaker_does_not_trip_again_after_a_win() -> None:
    """The streak of before is over with its pause: a win, then four losses, and nothing trips."""
    vault = Vault(losses_in_row_max=5, loss_pause_s=1800)
    for _ in range(5):
        vault.round_trip(-1)
    vault.after(1800).round_trip(1)
    for _ in range(4):
        vault.round_trip(-1)
    assert (vault.tripped(), len(vault.journal("trip"))) == ((), 1)


def test_a_gate_never_pretends_to_be_durable(tmp_path: Path) -> None:
    """A new vault does not write over a journal, a restart goes on from it, and memory cannot be carried away."""
    path, clock = tmp_path / "vault.journal", ManualClock(NOON)
    with Gate("v", WIDE, clock=clock, journal=path) as gate:
        gate.deposit(10_000)
        gate.kill("the end of the day")
    with pytest.raises(JournalError, match="exists"):
        Gate("v", WIDE, clock=clock, journal=path)
    with Gate.open(path, clock=clock) as gate:
        assert (gate.state, gate.snapshot().equity) == ("halted", 10_000)
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(Vault().gate)


NAN: tuple[Any, ...] = (math.nan, "nan", "NaN", Decimal("nan"), np.float64("nan"), math.inf, -math.inf, "inf")


def test_nan_disables_no_limit() -> None:
    """It is refused wherever a number goes in, and nothing has changed."""
    vault = Vault().holding(1)
    before, limits, gate = vault.now, vault.gate.limits, vault.gate
    entries: list[Callable[[Any], Any]] = [
        lambda nan: proposal("buy", nan),
        lambda nan: proposal("buy", 1).replace(price=nan),
        lambda nan: proposal("buy", 1, stop=nan),
        lambda nan: proposal("buy", 1, leverage=nan),
        lambda nan: proposal("buy", 1, confidence=nan),
        lambda nan: gate.deposit(nan),
        lambda nan: gate.mark("BTC", nan),
        lambda nan: gate.mark("BTC", 100, atr=nan),
        lambda nan: gate.funding("BTC", nan),
        lambda nan: gate.set_volatility(nan),
        lambda nan: gate.set_risk_scale(nan),
        lambda nan: gate.set_lot_steps({"BTC": nan}),
        lambda nan: gate.apply_fill("gx-1", "f", nan, 100, asset="BTC", side="buy"),
        lambda nan: gate.apply_fill("gx-1", "f", 1, nan, asset="BTC", side="buy"),
        lambda nan: gate.apply_fill("gx-1", "f", 1, 100, nan, asset="BTC", side="buy"),
        lambda nan: gate.hold(nan, "wait"),
        lambda nan: limits.replace(max_drawdown=nan),
        lambda nan: limits.replace(max_order_notional=nan),
        lambda nan: limits.replace(price_move_pause_s=nan),
    ]
    for entry in entries:
        for nan in NAN:
            with pytest.raises(InvalidOrder):
                entry(nan)
    assert (vault.now, gate.limits) == (before, limits)


def test_an_unknown_limit_key_is_refused(tmp_path: Path) -> None:
    """In code and in a file; the message names the key."""
    with pytest.raises(InvalidOrder, match="max_levrage"):
        WIDE.replace(max_levrage=2)
    file = tmp_path / "limits.toml"
    for text in ("max_levrage = 2", "[limits]\nmax_leverage = 2", "max_leverage = 2000"):
        file.write_text(f'tier = "growth"\n{text}\n')
        with pytest.raises(InvalidOrder):
            Limits.from_toml(file)
    file.write_text('tier = "growth"\nmax_leverage = 2\n')
    assert Limits.from_toml(file) == Limits.for_tier("growth").replace(max_leverage=2)


def test_every_limit_is_wired() -> None:
    """For each field two values under which the same history ends differently, and as the specification says."""
    assert set(PROBES) == set(WIDE.to_dict())
    for name, (loose, strict, probe, expected) in PROBES.items():
        assert (probe(**{name: loose}), probe(**{name: strict})) == expected, name


def test_a_gate_in_memory_signs_nothing_that_outlives_it() -> None:
    """Its key is made for it alone and kept nowhere; its approvals hold no secret and cannot be carried away."""
    vaults = [Vault(), Vault()]
    keys = {vault.gate.wallet_key for vault in vaults}
    assert len(keys) == 2
    approval = vaults[0].approved(proposal()).approval
    assert approval is not None
    names = {name for name in dir(approval) if not name.startswith("_")}
    assert names == {"vault_id", "order_id", "order", "sequence", "expires_at", "token"}
    verify_approval(approval.token, vaults[0].gate.wallet_key, "table")
    with pytest.raises(ApprovalError, match="signature"):
        verify_approval(approval.token, vaults[1].gate.wallet_key, "table")
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(approval)


def test_the_rate_limiter_recovers_while_refusing() -> None:
    """A client that knocks ten times a second is let in once a second: a refusal takes no less than a token."""
    vault = Vault(order_burst=2, orders_per_minute=60)
    answers = []
    for _ in range(50):
        answers.append(vault.gate.authorize(proposal()).approved)
        vault.after("0.1")
    # 2 at 0.0 and 0.1 s, for the bucket was full; a whole token again at 1.0, 2.0, 3.0 and 4.0 s
    assert [index for index, answer in enumerate(answers) if answer] == [0, 1, 10, 20, 30, 40]


def test_a_margin_that_cannot_be_computed_is_not_zero() -> None:
    """A position nobody can price stands against every opening, with no figure rather than a zero."""
    vault = Vault()
    vault.fill("foreign", 1, asset="DOGE", side="buy")
    decision = vault.gate.validate_order(proposal("buy", "0.000000001"))
    found = {violation.rule: violation.observed for violation in decision.violations}
    assert {"leverage", "stale_price"} <= set(found)
    assert found["leverage"] is found["stale_price"] is None


def test_a_missing_price_skips_no_check() -> None:
    """Every rule that needs the mark is violated without it."""
    codes = Vault(marks={}, max_order_notional=1).codes(proposal("buy", 1, price=100))
    needed = "unknown_asset stale_price leverage position_size stop_loss_distance concentration correlated_exposure"
    assert codes == (*needed.split(), "price_collar", "order_notional")


def test_no_phantom_halt_from_one_bad_reading() -> None:
    """Before the first deposit, by a mark that is old or of the future, by a fill without a mark: no false loss."""
    vault = Vault(WIDE, deposit=None, max_drawdown="0.15", max_daily_loss="0.04", price_move_max="0.1",
                  price_move_window_s=300, price_move_pause_s=900, mark_age_s_max=60)  # fmt: skip
    vault.gate.snapshot()
    vault.gate.deposit(10_000)
    vault.holding(50)
    now = vault.after(10).marked("BTC", 100).clock.now_ns
    assert not vault.gate.mark("BTC", 1, at=now - 1)
    with pytest.raises(VaultError):
        vault.gate.mark("BTC", 1, at=now + 5 * 10**9 + 1)
    with pytest.raises(InvalidOrder):
        vault.gate.mark("BTC", 0)
    assert (vault.tripped(), vault.now.equity, vault.now.ignored_marks) == ((), 10_000, 1)
    vault.fill("foreign", 50, asset="DOGE", side="buy")  # 5,000 bought, worth nothing known: no loss of 5,000
    assert (vault.now.equity, vault.now.day_loss) == (10_000, 0)
    assert vault.tripped() == ("oracle_failure", "fill_mismatch")


def test_a_kill_has_a_way_back() -> None:
    """The owner reactivates, and the vault trades again; the journal tells both."""
    vault = Vault()
    vault.gate.kill("false alarm")
    assert vault.codes(proposal()) == ("trading_state",)
    vault.gate.reactivate()
    assert vault.codes(proposal()) == ()
    kinds = [record["kind"] for record in vault.gate.events()]
    assert kinds[-2:] == ["killed", "reactivated"], json.dumps(kinds)
