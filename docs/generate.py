"""Writes the pages that the core's registries describe: `python -m docs.generate`. A test fails where they differ."""

from pathlib import Path

from gxrisk import TIERS
from gxrisk._native import breaker_docs, limit_docs, rule_docs

FOLDER = Path(__file__).parent
NOTE = "<!-- Generated from the core's registries by `make docs`; edit the source files in rust/core/src instead. -->"


def _limits(names: list[str]) -> str:
    return ", ".join(f"[`{name}`](limits.md#{name})" for name in names) or "none"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def rules() -> str:
    """The page of the rules."""
    parts = [
        "# Rules",
        NOTE,
        "Every rule is asked, in this order, and every violation is reported. `<=` passes at equality, `<` does not.\n"
        "A rule that applies but cannot be computed (no mark, no ATR, equity at or below zero, overflow) is violated.\n"
        "An order is opening unless it says `reduce_only`.",
    ]
    for number, rule in enumerate(rule_docs(), start=1):
        parts.append(
            f"## {number}. `{rule['code']}`\n\n"
            f"- **Passes when:** {rule['passes_when']}.\n"
            f"- **Asked for:** {rule['applies_to']}.\n"
            f"- **Why:** {rule['why']}\n"
            f"- **Refuses, for example:** {rule['example']}\n"
            f"- **Limits:** {_limits(rule['limits'])}"
        )
    parts.append(
        "## Outside the table\n\n"
        "- `arithmetic_overflow`: a number in a check does not fit 128 bits; the order is refused.\n"
        "- `engine_halted`: a bug was met or a record was lost, and the message says which; nothing passes any more."
    )
    return "\n\n".join(parts) + "\n"


def breakers() -> str:
    """The page of the breakers."""
    parts = [
        "# Breakers",
        NOTE,
        "A breaker is a latch: it trips once, is recorded with its cause and numbers, restricts the vault, and ends only\n"
        "as its row says. The gate finds it by itself, on every operation.",
    ]
    for breaker in breaker_docs():
        parts.append(
            f"## `{breaker['code']}`\n\n"
            f"- **Trips when:** {breaker['trips_when']}.\n"
            f"- **Effect:** {breaker['effect']} (state `{breaker['state']}`).\n"
            f"- **Ends:** {breaker['ends']}.\n"
            f"- **Why:** {breaker['why']}\n"
            f"- **Limits:** {_limits(breaker['limits'])}"
        )
    return "\n\n".join(parts) + "\n"


def limits() -> str:
    """The page of the limits."""
    parts = [
        "# Limits",
        NOTE,
        "The fields of `gxrisk.Limits`. Tightening one takes effect at once; loosening any needs a vault without positions\n"
        "and working orders. Fractions are of equity unless said otherwise: 0.15 is 15 %.",
    ]
    for limit in limit_docs():
        values = ", ".join(f"`{tier}` {limit[tier]}" for tier in TIERS)
        parts.append(
            f'## <a id="{limit["name"]}"></a>`{limit["name"]}`\n\n'
            f"{limit['about']}\n\n"
            f"- **Allowed:** {limit['allowed']}. {limit['tighter']}.\n"
            f"- **Tiers:** {values}"
        )
    return "\n\n".join(parts) + "\n"


PAGES = {"rules.md": rules, "breakers.md": breakers, "limits.md": limits}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
