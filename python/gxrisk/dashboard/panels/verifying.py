"""A record's place in the chain, and a button that has the whole chain verified."""

from gxrisk.dashboard.api import Api
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.panels.doing import Outcome, button
from gxrisk.dashboard.words import NOTHING

_NAMES = ("Record", "Hash", "Hash before")


class Verifying:
    """The hashes, and what verifying found."""

    def __init__(self, api: Api, vault_id: str) -> None:
        self._api = api
        self._vault_id = vault_id
        with panel("In the chain", "gx-across"):
            with box("dl", "gx-facts"):
                self._values = {}
                for name in _NAMES:
                    words_in("dt", name)
                    self._values[name] = words_in("dd", NOTHING, "gx-hash")
            outcome = Outcome()
            with box("div", "gx-actions"):
                button("Verify the journal", lambda: outcome.of(self._verify))

    def show(self, sequence: int, previous: str | None, own: str) -> None:
        """This place."""
        for name, text in zip(_NAMES, (f"{sequence:,}", own, previous or NOTHING), strict=True):
            if self._values[name].text != text:
                self._values[name].text = text

    async def _verify(self) -> str:
        found = await self._api.verify(self._vault_id)
        return (
            f"{found.records:,} records hold together up to {found.head.hash[:16]}…: {found.signatures:,} signatures "
            f"checked, {found.decisions:,} decisions worked out anew."
        )
