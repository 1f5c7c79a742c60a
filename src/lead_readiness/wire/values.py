"""Single JSON values as the data contract wants them; what cannot be used becomes a mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from lead_readiness.project import Project
from lead_readiness.timelines import DAY, NEVER
from lead_readiness.wire.mistakes import Mistakes, Place

Object = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
LONGEST_ID = 500  # characters; an id must fit an index of any database
LARGEST = 1e30  # as in tables: sums of such numbers still fit a float32
EXAMPLE = "2026-05-04T09:30:00+02:00"
TIME = f"an ISO 8601 date and time such as {EXAMPLE}"
_UTC = re.compile(" ?UTC$|z$")


class Values:
    """Reads values of objects by key; a value that cannot be used reads as missing and is remembered."""

    def __init__(self, project: Project, mistakes: Mistakes) -> None:
        self.zone = ZoneInfo(project.timezone) if project.timezone else None
        self.mistakes = mistakes
        self.unclear = 0

    def instant(self, held: Object, key: str, at: Place, required: bool = False) -> int:
        """Microseconds UTC, ``NEVER`` where missing.

        Numbers are refused: whether an epoch counts seconds, milliseconds or microseconds cannot be known.
        """
        value = held.get(key)
        when = _parsed(value) if type(value) is str else value
        if not isinstance(when, datetime):
            if value is None or value == "":
                if required:
                    self.mistakes.add((*at, key), None, TIME, f"give `{key}`")
                return NEVER
            do = (
                "convert epoch numbers where you export"
                if type(value) in (int, float)
                else "write the time so"
            )
            self.mistakes.add((*at, key), value, TIME, do)
            return NEVER
        if when.tzinfo is None:
            if self.zone is None:
                do = "add the offset, or set `timezone` in the project file"
                self.mistakes.add((*at, key), value, f"a time zone in the value, such as {EXAMPLE}", do)
                return NEVER
            since = self._local(when, self.zone)
        else:
            since = when - EPOCH
        micros = since.days * DAY + since.seconds * 1_000_000 + since.microseconds
        if not 0 <= micros < LATEST:
            self.mistakes.add((*at, key), value, "a date between 1970 and 2199", "leave unknown dates out")
            return NEVER
        return micros

    def _local(self, when: datetime, zone: tzinfo) -> timedelta:
        """A local time since the epoch: the earlier of two readings; the end of the gap that it falls into."""
        earlier, later = when.replace(tzinfo=zone, fold=0), when.replace(tzinfo=zone, fold=1)
        before, after = earlier.utcoffset(), later.utcoffset()
        if before == after or before is None or after is None:
            return earlier - EPOCH
        self.unclear += 1
        first, last = later - EPOCH, earlier - EPOCH
        if first > last:
            return last
        while last - first > timedelta(microseconds=1):
            middle = first + (last - first) // 2
            if (EPOCH + middle).astimezone(zone).utcoffset() == before:
                first = middle
            else:
                last = middle
        return last

    def text(self, held: Object, key: str, at: Place, required: bool = False) -> str | None:
        """Text, None where missing."""
        value = held.get(key)
        if value is None or value == "":
            if required:
                self.mistakes.add((*at, key), None, "text", f"give `{key}`")
            return None
        if type(value) is not str or not sound(value):
            self.mistakes.add((*at, key), value, "text of Unicode characters without NUL", "write it as text")
            return None
        return value

    def id(self, held: Object, key: str, at: Place, required: bool = False) -> str | None:
        """An id as text, None where missing; whole numbers as they print."""
        value = held.get(key)
        if type(value) is str and 0 < len(value) <= LONGEST_ID and value == value.strip() and sound(value):
            return value
        if value is None or value == "":
            if required:
                self.mistakes.add((*at, key), None, "an id", f"give `{key}`")
            return None
        if type(value) is int and -(2**63) <= value < 2**64:
            return str(value)
        expected = f"an id: at most {LONGEST_ID} characters without whitespace around them, or a whole number"
        self.mistakes.add((*at, key), value, expected, "write it as bare text, the same everywhere")
        return None

    def number(self, held: Object, key: str, at: Place) -> float | None:
        """A finite number, None where missing."""
        value = held.get(key)
        if value is None or value == "":
            return None
        if type(value) in (int, float):
            if -LARGEST <= value <= LARGEST:
                return float(value)
            if value != value:
                return None
        do = "leave it out where unknown; no unit, currency sign or quotes"
        self.mistakes.add((*at, key), value, "a finite number up to 1e30 such as 1250.5", do)
        return None

    def level(self, held: Object, key: str, at: Place) -> str | None:
        """A category as text, None where missing; whole numbers and truth values as they print."""
        value = held.get(key)
        if type(value) is bool:
            return "true" if value else "false"
        if type(value) is int and -(2**63) <= value < 2**63:
            return str(value)
        return self.text(held, key, at)

    def list(self, held: Object, key: str, at: Place) -> list[Any]:
        """A list, empty where missing."""
        value = held.get(key)
        if value is None:
            return []
        if type(value) is list:
            return value
        self.mistakes.add((*at, key), value, "a list", f"write `{key}` as a list, or leave it out")
        return []

    def object(self, value: Any, at: Place) -> Object:
        """An object, empty where it is none."""
        if isinstance(value, dict):
            return value
        self.mistakes.add(at, value, "an object", "write {...} there")
        return {}


def sound(text: str) -> bool:
    """Whether text can be stored anywhere: no NUL, no half of a surrogate pair.

    >>> sound("Zoë"), sound("a\\0b"), sound("\\ud800")
    (True, False, False)
    """
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parsed(text: str) -> datetime | None:
    """The date and time that ISO 8601 text names, in the forms that the data contract takes."""
    try:
        plain = text[4] == "-" == text[7] and (len(text) == 10 or (text[10] in "T " and text[13] == ":"))
        return datetime.fromisoformat(_UTC.sub("Z", text) if text[-1] in "Cz" else text) if plain else None
    except (IndexError, ValueError):
        return None
