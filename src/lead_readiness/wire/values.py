"""Single JSON values as the data contract wants them; what cannot be used becomes a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from operator import itemgetter
from types import NoneType
from typing import Any, NamedTuple, TypeVar

from lead_readiness.timelines import DAY, NEVER
from lead_readiness.wire.meaning import Meaning
from lead_readiness.wire.mistakes import Mistakes, Place

T = TypeVar("T")
Object = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
LONGEST_ID = 500  # characters; an id must fit an index of any database
LARGEST = 1e30  # as in tables: sums of such numbers still fit a float32
EXAMPLE = "2026-05-04T09:30:00+02:00"
TIME = f"an ISO 8601 date and time such as {EXAMPLE}"
MISSING, TEXTS, NUMBERS = {NoneType}, {str}, {int, float}
FORMS, _form = {"--", "--T:", "-- :"}, itemgetter(slice(4, 14, 3))
"""What stands between the numbers of a date, or of a date and a time up to the minutes."""
_UTC = re.compile(" ?UTC$|z$")


class Items(NamedTuple):
    """Objects of the list at ``at``: their numbers in it, and all keys that any of them has."""

    held: Sequence[Object]
    places: Sequence[int]
    at: Place
    keys: Set[str]

    def column(self, key: str) -> tuple[list[Any], set[type]]:
        """What they hold under a key, and of which types it is."""
        if key not in self.keys:
            return [None] * len(self.held), MISSING
        given = [item.get(key) for item in self.held]
        return given, {*map(type, given)}

    def only(self, rows: Sequence[int]) -> Items:
        """Those that stand in these rows."""
        held, places = [self.held[row] for row in rows], [self.places[row] for row in rows]
        return self._replace(held=held, places=places)

    def each(self, key: str, read: Callable[[Object, str, Place], T]) -> list[T]:
        """What is read of the objects one by one."""
        return [read(item, key, (*self.at, n)) for item, n in zip(self.held, self.places)]


class Values:
    """Reads values of objects by key; a value that cannot be used reads as missing and is remembered.

    A column is read at once where all its values are missing or plainly fine, and else value by value.
    """

    def __init__(self, means: Meaning, mistakes: Mistakes) -> None:
        self.zone = means.zone
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

    def instants(self, items: Items, key: str, required: bool = False) -> list[int]:
        """`instant` of each item."""
        given, types = items.column(key)
        if types == MISSING and not required:
            return [NEVER] * len(given)
        found = _plain(given) if types == TEXTS else []
        return found or items.each(key, partial(self.instant, required=required))

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

    def texts(self, items: Items, key: str) -> list[str | None]:
        """`text` of each item."""
        given, types = items.column(key)
        if types <= TEXTS | MISSING and sound("".join(filter(None, given))):
            return [value or None for value in given] if "" in given else given
        return items.each(key, self.text)

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

    def ids(self, items: Items, key: str, required: bool = False) -> list[str | None]:
        """`id` of each item."""
        given, types = items.column(key)
        if types == MISSING and not required:
            return given
        if types == TEXTS and "" not in given:
            whole = "".join(given)
            if whole.split() == [whole] and max(map(len, given)) <= LONGEST_ID and sound(whole):
                return given
        return items.each(key, partial(self.id, required=required))

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

    def numbers(self, items: Items, key: str) -> list[float | None]:
        """`number` of each item."""
        given, types = items.column(key)
        if types == MISSING:
            return given
        if types <= NUMBERS and all([-LARGEST <= value <= LARGEST for value in given]):
            return [*map(float, given)]
        return items.each(key, self.number)

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
        plain = _form(text) in FORMS
        return datetime.fromisoformat(_UTC.sub("Z", text) if text[-1] in "Cz" else text) if plain else None
    except ValueError:
        return None


def _plain(texts: Sequence[str]) -> list[int]:
    """Microseconds UTC of texts that all name a date, a time and an offset in its usual form, else none."""
    if not {*map(_form, texts)} <= FORMS:
        return []
    try:
        since = [when - EPOCH for when in map(datetime.fromisoformat, texts)]
    except (TypeError, ValueError):
        return []
    found = [one.days * DAY + one.seconds * 1_000_000 + one.microseconds for one in since]
    return found if min(found) >= 0 and max(found) < LATEST else []
