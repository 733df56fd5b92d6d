"""The way about a vault's pages."""

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.markup import box, link
from gxrisk.dashboard.sessions import Person


def around(person: Person, vault_id: str, here: str) -> None:
    """Links to the parts of a vault; its controls only for those who have any."""
    parts = [("Overview", ""), ("Stress", "stress"), ("Audit", "audit")]
    if person.operates:
        parts.append(("Controls", "controls"))
    with box("nav", "gx-nav gx-parts").props('aria-label="Parts of the vault"'):
        for name, part in parts:
            one = link(name, vault_at(vault_id, part))
            if name == here:
                one.props["aria-current"] = "page"
