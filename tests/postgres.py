"""A PostgreSQL server of the tests' own: Debian's programs, a temporary folder, a Unix socket, nothing left."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from gxrisk.history import migration
from gxrisk.history.database import connect, url_of

SETTINGS = "-c listen_addresses='' -c fsync=off -c shared_buffers=16MB -c max_connections=40"


@dataclass
class Server:
    """A running server, whose superuser is whoever can reach its socket."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def empty(self, template: str = "template0") -> str:
        """The URL of a new database."""
        name = f"t{next(self._numbers)}"
        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def migrated(self) -> str:
        """The URL of a new database with the newest schema."""
        return self.empty("migrated")


def programs() -> Path | None:
    """Where the newest installed PostgreSQL's programs lie: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """A new server, stopped at the end by the process id that it wrote down; root lends it a user."""
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="gxrisk-pg-") as name:
        folder = Path(name)
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"

        def call(program: str, *arguments: str) -> None:
            command = [str(binaries / program), "-D", str(data), *arguments]
            done = subprocess.run(
                command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
            )
            assert done.returncode == 0, done.stderr.decode()

        call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        call(
            "pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"{SETTINGS} -c unix_socket_directories={folder}"
        )
        try:
            server = Server(folder)
            with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE migrated TEMPLATE template0")
            engine = connect(url_of(server.url("migrated")))
            migration.migrate(engine)
            engine.dispose()
            yield server
        finally:
            call("pg_ctl", "stop", "-w", "-m", "immediate")
