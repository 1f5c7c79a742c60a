"""What is wrong with a request, as data: where, what was found, what was expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from lead_readiness.errors import DataError

Place = tuple[str | int, ...]
SHOWN = 5
LONGEST = 60
"""Characters of a value that a message repeats: enough to find it, too few to spread it."""


@dataclass(frozen=True)
class Mistake:
    """One value that cannot be used; ``where`` is its JSON pointer (RFC 6901)."""

    where: str
    found: str
    expected: str
    do: str

    def __str__(self) -> str:
        """The mistake in one line.

        >>> str(Mistake("/leads/0/created_at", "nothing", "a time", "give it"))
        '/leads/0/created_at: found nothing; expected a time; give it'
        """
        return f"{self.where}: found {self.found}; expected {self.expected}; {self.do}"


class BadValuesError(DataError):
    """Values that do not keep the data contract: all ``mistakes``, or as many as were asked for, which ``cut`` says."""

    def __init__(self, mistakes: tuple[Mistake, ...], cut: bool) -> None:
        count = (
            f"{len(mistakes)}{' or more' if cut else ''} value{'' if len(mistakes) == 1 and not cut else 's'}"
        )
        rest = [f"and {len(mistakes) - SHOWN:,} more"] if len(mistakes) > SHOWN else []
        shown = [*map(str, mistakes[:SHOWN]), *rest]
        super().__init__("\n".join([f"{count} that cannot be used", *shown]))
        self.mistakes = mistakes
        self.cut = cut


class Mistakes:
    """The mistakes of one request, collected while it is read."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: list[Mistake] = []

    def add(self, place: Place, value: object, expected: str, do: str) -> None:
        """Remember a mistake; raises BadValuesError when there are as many as were asked for."""
        self.found.append(Mistake(pointer(place), shown(value), expected, do))
        if len(self.found) >= self.most:
            self._refuse(cut=True)

    def check(self) -> None:
        """Raise BadValuesError if there is any mistake."""
        if self.found:
            self._refuse(cut=False)

    def stop(self, place: Place, value: object, expected: str, do: str) -> NoReturn:
        """Raise BadValuesError at once: there is no use in reading on."""
        self.found.append(Mistake(pointer(place), shown(value), expected, do))
        self._refuse(cut=True)

    def _refuse(self, cut: bool) -> NoReturn:
        raise BadValuesError(tuple(self.found), cut)


def pointer(place: Place) -> str:
    """A place in the request as a JSON pointer.

    >>> pointer(("leads", 0, "attributes", "a/b"))
    '/leads/0/attributes/a~1b'
    """
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


def shown(value: Any) -> str:
    """What was found, short and printable whatever it is.

    >>> shown("next week"), shown(None), shown([1, 2]), shown(True), shown(10**400)
    ("'next week'", 'nothing', 'a list of 2', 'true', 'a number of 1,329 bits')
    """
    if value is None or value == "":
        return "nothing"
    if isinstance(value, Said):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {value.bit_length():,} bits"
    text = ascii(value[: LONGEST + 1]) if isinstance(value, str) else ascii(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class Said(str):
    """What was found in our own words, to be shown as it is."""
