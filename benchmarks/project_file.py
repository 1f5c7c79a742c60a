"""Changing a simulated company's project file, and reading what it says."""

from __future__ import annotations

import tomllib

import pandas as pd

TIME = "%Y-%m-%dT%H:%M:%SZ"


def replaced(text: str, old: str, new: str) -> str:
    """The text with ``old``, which it must hold, replaced."""
    if old not in text:
        raise ValueError(f"the simulated company's project file holds no {old!r}; adapt the benchmark to it")
    return text.replace(old, new)


def end(text: str) -> pd.Timestamp:
    """The cut that a project file states."""
    return pd.Timestamp(tomllib.loads(text)["cut"])
