"""The one error family: what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

SECRETS = (
    re.compile(r"(://[^:/@\s\"']*:)(?!\$\{)[^@\s\"']+(?=@)"),
    re.compile(r"([?&](?:password|passwd|pwd|token|secret)=)(?!\$\{)[^&\s\"']+", re.IGNORECASE),
)
"""Passwords written into a URL instead of taken from the environment."""


class LeadReadinessError(Exception):
    """Anything the product refuses to do; its message is written for the person who can mend it."""


class ConfigError(LeadReadinessError):
    """A project file or rule book that cannot be used as written."""


class DataError(LeadReadinessError):
    """Tables that do not keep the data contract."""


class ModelError(LeadReadinessError):
    """A saved scorer that is broken, altered or made for other inputs."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint ``; did you mean 'x'?`` for the nearest known name, or an empty string.

    >>> nearest("pricng_view", ["pricing_view", "demo_request"])
    "; did you mean 'pricing_view'?"
    >>> nearest("zzz", ["pricing_view"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def masked(text: str) -> str:
    """The text with `***` for passwords written into its URLs instead of taken from the environment.

    >>> masked("postgresql://ann:secret@db/crm"), masked("postgresql://ann:${PASSWORD}@db/crm")
    ('postgresql://ann:***@db/crm', 'postgresql://ann:${PASSWORD}@db/crm')
    """
    for secret in SECRETS:
        text = secret.sub(r"\1***", text)
    return text
