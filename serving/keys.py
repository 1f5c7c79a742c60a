"""API keys with scopes, compared in constant time."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from lead_readiness.errors import ConfigError

SCOPES = ("score", "ingest", "admin")
SHORTEST = 16
FORM = "expected SCOPES:KEY with commas between, such as 'score:KEY,ingest+score:KEY2'"


@dataclass(frozen=True, repr=False)
class Keys:
    """Pairs of a key and its scopes; ``admin`` may do everything. No message and no representation shows a key."""

    held: tuple[tuple[bytes, frozenset[str]], ...]

    def __bool__(self) -> bool:
        return bool(self.held)

    @classmethod
    def parse(cls, text: str) -> Keys:
        """The keys that ``SCOPES:KEY,...`` names; none for an empty text.

        Raises ConfigError, which tells the place of what is wrong and not the text.

        >>> Keys.parse("ingest+score:0123456789abcdef").scopes("0123456789abcdef") == {"ingest", "score"}
        True
        >>> Keys.parse("score:secret")
        Traceback (most recent call last):
            ...
        lead_readiness.errors.ConfigError: LEAD_READINESS_KEYS: key 1 has 6 characters; expected at least 16; ...
        """
        pairs = [part.strip() for part in text.split(",") if part.strip()]
        return cls(tuple([_pair(n, pair) for n, pair in enumerate(pairs, start=1)]))

    def scopes(self, key: str) -> frozenset[str] | None:
        """What a key may do, None where it is no key of ours; every key is looked at, whatever was found before."""
        asked, found = key.encode("utf-8", "surrogateescape"), None
        for known, scopes in self.held:
            if hmac.compare_digest(known, asked):
                found = scopes
        return found


def _pair(n: int, pair: str) -> tuple[bytes, frozenset[str]]:
    names, separator, key = pair.partition(":")
    scopes = [scope.strip() for scope in names.split("+")]
    if not separator:
        raise ConfigError(f"LEAD_READINESS_KEYS: key {n} has no scope; {FORM}; write its scopes before it")
    if not set(scopes) <= set(SCOPES):
        raise ConfigError(
            f"LEAD_READINESS_KEYS: key {n} has a scope that there is not; expected some of {', '.join(SCOPES)}; {FORM}"
        )
    if len(key) < SHORTEST:
        raise ConfigError(
            f"LEAD_READINESS_KEYS: key {n} has {len(key)} characters; expected at least {SHORTEST}; make one with "
            '`python -c "import secrets; print(secrets.token_urlsafe(32))"`'
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            f"LEAD_READINESS_KEYS: key {n} has characters that no header can hold; expected ASCII without blanks; "
            "make another"
        )
    return key.encode(), frozenset(SCOPES if "admin" in scopes else scopes)
