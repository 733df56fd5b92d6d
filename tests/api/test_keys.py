"""API keys: shown once, kept hashed, of one scope, revocable, expiring; in both databases; by the command."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gxrisk import cli
from gxrisk.history import History
from gxrisk.server.database import DatabaseError, open_database, reading, revision, writing
from gxrisk.server.key_text import KeyText
from gxrisk.server.keys import SCOPES, USED_EVERY_MS, KeyRefused, Keyring, KeyringError
from gxrisk.server.lockout import Allowed, Lockout
from gxrisk.server.tables import VERSION_TABLE, metadata
from sqlalchemy import Engine, event, text
from typer.testing import CliRunner, Result

from tests.postgres import Server as Postgres

HERE = "192.0.2.1"
MONTH_MS = 30 * 86_400_000


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "server.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """It, open."""
    opened = open_database(url)
    yield opened
    opened.dispose()


def keyring(
    engine: Engine, clock: Clock | None = None, *, failures: int = 100, addresses: int = 10_000, window_s: int = 60
) -> Keyring:
    """The keys in it."""
    return Keyring(engine, Lockout(Allowed(failures, addresses, window_s), engine), clock=clock or Clock())


def refused(keys: Keyring, key: str, address: str = HERE) -> str:
    """The code of a refusal."""
    with pytest.raises(KeyRefused) as raised:
        keys.caller(key, address)
    return raised.value.code


def test_the_schema_is_what_the_tables_say(url: str, engine: Engine) -> None:
    """Also beside a history in the same database; a newer one is refused."""
    with reading(engine) as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert revision(connection) == "0002"
    if engine.dialect.name == "sqlite":
        History.open(url).close()
        open_database(url).dispose()
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608 (ours)
    with pytest.raises(DatabaseError, match=r"schema 9999, which is newer than 0002.*upgrade gxrisk"):
        open_database(url)


def test_the_secret_is_nowhere(url: str, engine: Engine) -> None:
    """Not in the database, not in any object's words."""
    key, whole = keyring(engine).create("ann", "own", ["ann"])
    secret = whole.split("_")[2][:64]
    with reading(engine) as connection:
        kept = repr(connection.execute(text("SELECT * FROM api_keys")).all())
    assert key.id in kept
    assert secret not in kept + repr(key) + repr(KeyText.parse(whole))
    if engine.dialect.name == "sqlite":
        assert secret.encode() not in Path(url).read_bytes()
        assert Path(url).stat().st_mode & 0o777 == 0o600


def test_a_key_lives_until_it_ends(engine: Engine) -> None:
    """By its expiry to the millisecond, or by being revoked, for another process within a second."""
    clock = Clock()
    keys = keyring(engine, clock)
    until = int(clock.now * 1000) + MONTH_MS
    key, whole = keys.create("ann", "own", ["ann"], expires_ms=until)
    clock.now = (until - 1) / 1000
    assert keys.caller(whole, HERE).id == key.id
    clock.now = until / 1000
    assert refused(keys, whole) == "unauthenticated"
    other, lasting = keys.create("bob", "read")
    assert keys.caller(lasting, HERE).vaults is None
    keyring(engine, clock).revoke(other.id)
    clock.now += 1.001
    assert refused(keys, lasting) == "unauthenticated"
    with pytest.raises(KeyringError, match="no API key 0000"):
        keys.revoke("0000")


def test_last_use_is_written_once_a_minute(engine: Engine) -> None:
    """Not at each request."""
    clock = Clock()
    keys = keyring(engine, clock)
    _, whole = keys.create("ann", "read")

    def used() -> int | None:
        return keyring(engine).all()[0].used_ms

    assert used() is None
    start = int(clock.now * 1000)
    for at_ms, seen in ((0, 0), (USED_EVERY_MS - 1, 0), (USED_EVERY_MS, USED_EVERY_MS)):
        clock.now = (start + at_ms) / 1000
        keys.caller(whole, HERE)
        assert used() == start + seen


@pytest.mark.parametrize("change", ["id", "secret", "checksum", "short", "long", "case", "empty", "words"])
def test_what_only_looks_like_a_key(engine: Engine, change: str) -> None:
    """Is refused in the same words as any other, and counts as a failure."""
    keys = keyring(engine, failures=1)
    _, whole = keys.create("ann", "read")
    other = KeyText.new().text
    given = {
        "id": "gxr_" + other[4:20] + whole[20:],
        "secret": whole[:21] + other[21:],
        "checksum": whole[:-8] + "00000000",
        "short": whole[:-1],
        "long": whole + "0",
        "case": whole.upper(),
        "empty": "",
        "words": "gxr_\u00e9\x00",
    }[change]
    assert refused(keys, given) == "unauthenticated"
    parsed = KeyText.parse(given)
    assert refused(keys, given if parsed else "gxr_") == "locked_out"


def test_a_lockout_is_of_an_address_and_an_id(engine: Engine) -> None:
    """The holder elsewhere is not shut out; an IPv6 subscriber's whole network is one address."""
    keys = keyring(engine, failures=2)
    _, whole = keys.create("ann", "read")
    wrong = whole[:21] + KeyText.new().text[21:]
    guess = f"{wrong[:85]}{KeyText.parse(whole).text[85:]}" if KeyText.parse(wrong) else wrong  # type: ignore[union-attr]
    revoked, gone = keys.create("gone", "read")
    keys.revoke(revoked.id)
    assert [refused(keys, gone, "2001:db8::1") for _ in range(2)] == ["unauthenticated"] * 2
    assert refused(keys, gone, "2001:db8::ffff") == "locked_out"
    assert refused(keys, gone, "2001:db8:0:1::1") == "unauthenticated"
    assert refused(keys, guess) == "unauthenticated"
    assert keys.caller(whole, HERE).scope == "read"


def test_a_lockout_outlives_a_restart(engine: Engine) -> None:
    """Of an id and of an address; too few failures and ended ones do not, nor is one longer for a clock set back."""

    def restarted() -> Keyring:
        return keyring(engine, failures=3, addresses=5)

    keys = restarted()
    revoked, gone = keys.create("gone", "read")
    keys.revoke(revoked.id)
    other = keys.create("ann", "read")[1]
    guesses = [(gone, HERE)] * 3 + [(KeyText.new().text, "192.0.2.2") for _ in range(5)] + [(gone, "192.0.2.3")] * 2
    with statements(engine) as written:
        assert {refused(keys, *guess) for guess in guesses} == {"unauthenticated"}
    assert len([one for one in written if one.startswith("INSERT")]) == 2
    keys = restarted()
    assert refused(keys, gone) == "locked_out"
    assert keys.caller(other, HERE).name == "ann"
    assert refused(keys, other, "192.0.2.2") == "locked_out"
    assert refused(keys, gone, "192.0.2.3") == "unauthenticated"
    with writing(engine) as connection:
        connection.execute(text("UPDATE lockouts SET until_ms = until_ms + 86400000 WHERE network = '192.0.2.1'"))
        connection.execute(text("UPDATE lockouts SET until_ms = until_ms - 60000 WHERE network = '192.0.2.2'"))
    keys = restarted()
    with pytest.raises(KeyRefused) as raised:
        keys.caller(gone, HERE)
    assert 50 < raised.value.wait_s <= 60
    assert keys.caller(other, "192.0.2.2").name == "ann"
    for _ in range(3):
        assert refused(keys, gone, "192.0.2.4") == "unauthenticated"
    with reading(engine) as connection:
        kept = {tuple(one) for one in connection.execute(text("SELECT network, key_id FROM lockouts"))}
    assert kept == {(HERE, revoked.id), ("192.0.2.4", revoked.id)}


def test_a_lockout_ends(engine: Engine) -> None:
    """After its time, and the next one takes as many failures again."""
    keys = keyring(engine, failures=2, window_s=1)
    wrong = KeyText.new().text
    for _ in range(2):
        assert [refused(keys, wrong) for _ in range(2)] == ["unauthenticated"] * 2
        assert refused(keys, wrong) == "locked_out"
        good = keys.create("ann", "read")[1]
        assert keys.caller(good, HERE).name == "ann"
        end = time.monotonic() + 30
        while refused(keys, wrong) == "locked_out":
            assert time.monotonic() < end
        assert refused(keys, wrong) == "unauthenticated"
        wrong = KeyText.new().text


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of a database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


NONSENSE = [
    ("propose", None, "exactly one vault"),
    ("propose", ["a", "b"], "exactly one vault"),
    ("own", None, "one vault or more"),
    ("own", [], "one vault or more"),
    ("admin", ["a"], "no vault in particular"),
    ("feed", ["a"], "no vault in particular"),
    ("read", [], "leave it out"),
    ("read", ["../a"], "no vault's id"),
    ("root", None, "allowed are read"),
]


@pytest.mark.parametrize(("scope", "vaults", "said"), NONSENSE)
def test_keys_that_make_no_sense(tmp_path: Path, scope: str, vaults: list[str] | None, said: str) -> None:
    """Are not made."""
    engine = open_database(str(tmp_path / "server.db"))
    with pytest.raises(KeyringError, match=said):
        keyring(engine).create("ann", scope, vaults)  # type: ignore[arg-type]
    engine.dispose()


def test_by_the_command(tmp_path: Path) -> None:
    """The key alone on stdout; a list without secrets; an end."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'folder = "{tmp_path / "data"}"\n')

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(cli.app, ["api-keys", *arguments, "--config", str(file)], env={"GXRISK_SEED": None})
        assert "Traceback" not in done.output
        return done

    made = run("create", "ann's agent", "--scope", "propose", "--vault", "ann", "--expires-in", "90d")
    assert re.fullmatch(r"gxr_[0-9a-f]{16}_[0-9a-f]{72}\n", made.stdout), made.output
    key_id = made.stdout.split("_")[1]
    assert key_id in made.stderr
    listed = json.loads(run("list", "--json").stdout)
    assert [(one["id"], one["scope"], one["vaults"], one["status"]) for one in listed] == [
        (key_id, "propose", ["ann"], "good")
    ]
    assert made.stdout.split("_")[2].strip() not in run("list").stdout
    assert run("revoke", key_id).exit_code == 0
    assert json.loads(run("list", "--json").stdout)[0]["status"] == "revoked"
    assert run("revoke", "nobody").exit_code == 1
    assert run("create", "x", "--scope", "root").exit_code == 1
    assert len(SCOPES) == 6
