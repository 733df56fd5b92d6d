"""Journals opened in threads, a few ahead of the one whose turn it is: each waits for the disk and for Argon2."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

from gxrisk._native import Gate

AHEAD: Final = 4  # each with a passphrase takes 64 MiB while it is opened
Opened = Callable[[], Gate]


@contextmanager
def opened_ahead(vault_ids: Iterable[str], open_gate: Callable[[str], Gate]) -> Iterator[Iterator[tuple[str, Opened]]]:
    """Each vault in order, and what waits for its gate or raises what `open_gate` raised.

    Gates that were opened and not asked for by the end are closed.
    """
    coming: deque[tuple[str, Future[Gate]]] = deque()
    rest = iter(vault_ids)

    def in_order(pool: ThreadPoolExecutor) -> Iterator[tuple[str, Opened]]:
        while True:
            while len(coming) < AHEAD and (vault_id := next(rest, None)) is not None:
                coming.append((vault_id, pool.submit(open_gate, vault_id)))
            if not coming:
                return
            vault_id, opening = coming.popleft()
            yield vault_id, opening.result

    with ThreadPoolExecutor(AHEAD, "opening") as pool:
        try:
            yield in_order(pool)
        finally:
            for _, opening in coming:
                with suppress(Exception):
                    opening.result().close()


@contextmanager
def closing_on_failure(gate: Gate) -> Iterator[None]:
    """Close a gate where what makes a vault of it fails."""
    try:
        yield
    except BaseException:
        gate.close()
        raise
