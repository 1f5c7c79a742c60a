"""What follows from a policy or a project alone, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

Model = TypeVar("Model")
Rest = TypeVarTuple("Rest")
Made = TypeVar("Made")

MOST = 1024


def remembered(make: Callable[[Model, *Rest], Made]) -> Callable[[Model, *Rest], Made]:
    """The function, which remembers what it made of a model (by identity) and further arguments (by their values).

    A model is kept with what was made of it, so that no other gets its identity. Once there are 1,024 all are dropped.

    >>> twice = remembered(lambda model, more: [*model, *more])
    >>> model = ["a"]
    >>> twice(model, ("b",)) is twice(model, ("b",)), twice(model, ("b",)) is twice(["a"], ("b",))
    (True, False)
    """
    kept: dict[tuple[object, ...], tuple[Model, Made]] = {}

    @wraps(make)
    def made(model: Model, *rest: *Rest) -> Made:
        key = (id(model), *rest)
        found = kept.get(key)
        if found is None:
            if len(kept) >= MOST:
                kept.clear()
            found = kept[key] = model, make(model, *rest)
        return found[1]

    return made
