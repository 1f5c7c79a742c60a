"""How a server is set up: by environment variables, so that every worker process and every image reads the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lead_readiness.errors import ConfigError, nearest
from serving.keys import Keys

PREFIX = "LEAD_READINESS_"
OPENABLE = ("metrics", "docs")
INSIDE = Path(__file__).resolve().parents[1] / "champion"
"""Where a Bento has its model: beside the package `serving`."""
NONE = "none"
NO_KEYS = Keys(())


@dataclass(frozen=True)
class Settings:
    """What a server needs to know.

    ``model`` is a scorer's folder or ``models:/NAME@ALIAS``; None says that there is none. ``store`` is a database
    URL, or None: nothing is kept. ``open`` names what is shown without a key, some of `OPENABLE`. Times in seconds.
    """

    model: str | None = None
    tracking: str | None = None
    store: str | None = None
    keys: Keys = NO_KEYS
    no_keys: bool = False
    open: frozenset[str] = frozenset()
    poll_seconds: float = 15.0
    refresh_seconds: float = 5.0
    timeout_seconds: float = 10.0
    workers: int = 1
    most_leads: int = 1_000
    most_events: int = 100_000
    most_bytes: int = 32_000_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings that the variables ``LEAD_READINESS_...`` give; what they leave out is usual.

        Raises ConfigError for a value that cannot be used, never showing a key.

        >>> Settings.from_environment({"LEAD_READINESS_MOST_LEADS": "20"}).most_leads
        20
        >>> Settings.from_environment({"LEAD_READINESS_MOST_LEADS": "many"})
        Traceback (most recent call last):
            ...
        lead_readiness.errors.ConfigError: LEAD_READINESS_MOST_LEADS: found 'many'; expected a number above 0; ...
        """
        given = os.environ if environment is None else environment
        text = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}
        usual, numbers = cls(), dict[str, float]()
        for name in ("poll_seconds", "refresh_seconds", "timeout_seconds"):
            numbers[name] = _number(text, name, getattr(usual, name))
        counts = {n: int(_number(text, n, getattr(usual, n))) for n in ("workers", *_MOST)}
        store = text.get("STORE") or "sqlite:///lead-readiness.db"
        return cls(
            model=text.get("MODEL") or (str(INSIDE) if INSIDE.is_dir() else None),
            tracking=text.get("MLFLOW") or None,
            store=None if store == NONE else store,
            keys=Keys.parse(text.get("KEYS", "")),
            no_keys=text.get("NO_KEYS", "") in ("1", "true", "yes"),
            open=_open(text.get("OPEN", "")),
            **numbers,  # type: ignore[arg-type]
            **counts,
        )

    def check(self) -> None:
        """Raise ConfigError when the server would be open to everybody and nobody has said that it may."""
        if not self.keys and not self.no_keys:
            raise ConfigError(
                "no API key is set; expected LEAD_READINESS_KEYS, such as 'score:KEY,ingest+score:KEY2', with keys of "
                "16 characters or more; set it, or say that anybody may ask: `--no-keys`, LEAD_READINESS_NO_KEYS=1"
            )
        if self.keys and self.no_keys:
            raise ConfigError(
                "both LEAD_READINESS_KEYS and LEAD_READINESS_NO_KEYS are set; expected one; unset the other"
            )


_MOST = ("most_leads", "most_events", "most_bytes")


def _number(text: Mapping[str, str], name: str, usual: float) -> float:
    given = text.get(name.upper()) or str(usual)
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ConfigError(
            f"{PREFIX}{name.upper()}: found {given!r}; expected a number above 0; correct it or leave it out"
        )
    return number


def _open(text: str) -> frozenset[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in OPENABLE:
            raise ConfigError(
                f"{PREFIX}OPEN: found {name!r}{nearest(name, OPENABLE)}; expected some of {', '.join(OPENABLE)}, "
                "with commas between; correct it or leave it out"
            )
    return frozenset(names)
