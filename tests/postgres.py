"""A PostgreSQL server of the tests' own on the loopback interface, with a password nobody else knows."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest


def program(name: str) -> str | None:
    """Where a program of PostgreSQL's server is, the newest version first."""
    installed = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)  # noqa: PTH207
    return next(iter(installed), shutil.which(name))


def unprivileged() -> str | None:
    """The user to run the server as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def run(*command: str, user: str | None) -> None:
    """Run a program, as ``user`` where one is given; its output is shown when it fails."""
    as_user = ["runuser", "-u", user, "--", *command] if user else list(command)
    done = subprocess.run(as_user, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database of a server that lives as long as the tests."""
    initdb, control, user = program("initdb"), program("pg_ctl"), unprivileged()
    if initdb is None or control is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    if os.geteuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
    password, port = secrets.token_hex(8), free_port()
    with tempfile.TemporaryDirectory(prefix="lead-readiness-postgres-") as made:
        home = Path(made)
        (home / "password").write_text(password)
        if user is not None:
            for path in (home, home / "password"):
                shutil.chown(path, user)
        data = str(home / "data")
        login = ["--username=ann", "--auth=scram-sha-256", f"--pwfile={home / 'password'}"]
        run(initdb, "-D", data, *login, "--no-sync", "--encoding=UTF8", "--locale=C", user=user)
        options = (
            f"-F -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c timezone=Asia/Tokyo"
        )
        run(control, "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start", user=user)
        try:
            yield f"postgresql://ann:{password}@127.0.0.1:{port}/postgres"
        finally:
            run(control, "-D", data, "-m", "immediate", "stop", user=user)
