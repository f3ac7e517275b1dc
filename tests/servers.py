"""A PostgreSQL server of our own: it lives in a temporary folder for one run of the tests."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs; they are rarely on the PATH."""
    places = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    if config := shutil.which("pg_config"):
        asked = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(asked.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = ("initdb", "pg_ctl", "postgres")
    return next((p for p in places if all((p / name).exists() for name in programs)), None)


class PostgresServer:
    """A fresh cluster on a free port; `stop` leaves nothing behind."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="simqueue-postgres-"))
        self._numbers = itertools.count()
        # The server refuses to run as root, so root lends it to somebody else.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = "postgres" if _is_user("postgres") else "nobody"
            shutil.chown(self._folder, user)
            self._as = {"user": user, "extra_groups": []}
        self.port = free_port()
        data = str(self._folder / "data")
        try:
            self._run("initdb", "-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8",
                      "--locale=C", "--no-sync")  # fmt: skip
            self._options = (
                f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off "
                f"-c unix_socket_directories={self._folder}"
            )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def new_database(self) -> str:
        """URL of an empty database: a schema of the one there is, which is made in no time."""
        name = f"shop{next(self._numbers)}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self._url}?options=-csearch_path%3D{name}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        data, log = str(self._folder / "data"), str(self._folder / "log")
        self._run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", self._options)

    def kill(self) -> None:
        """End it as a crash of its process would; what was committed is kept."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._folder / "data"))

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder)

    @property
    def _url(self) -> str:
        return f"postgresql://shop:secret@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        # Not captured through a pipe: the server would inherit it and keep it open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self._folder, check=False, **self._as,
            )  # fmt: skip
            output.seek(0)
            if done.returncode != 0:
                raise RuntimeError(f"{program}: {output.read().decode(errors='replace')}")


def _is_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())
