"""What follows from a policy or a project alone, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar, TypeVarTuple

Model = TypeVar("Model")
Rest = TypeVarTuple("Rest")
Made = TypeVar("Made")


class _Same:
    """A model as a key: the very object, since models that hold dicts have no hash."""

    __slots__ = ("model",)

    def __init__(self, model: object) -> None:
        self.model = model

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.model is other.model


def remembered(make: Callable[[Model, *Rest], Made]) -> Callable[[Model, *Rest], Made]:
    """The function, which remembers what it made of a model (by identity) and further arguments (by their values).

    Of the combinations asked for most lately 1,024 are kept, and their models with them.

    >>> twice = remembered(lambda model, more: [*model, *more])
    >>> model = ["a"]
    >>> twice(model, ("b",)) is twice(model, ("b",)), twice(model, ("b",)) is twice(["a"], ("b",))
    (True, False)
    """

    @lru_cache(maxsize=1024)
    def kept(key: _Same, *rest: *Rest) -> Made:
        return make(key.model, *rest)  # type: ignore[arg-type]  # what was put in

    @wraps(make)
    def made(model: Model, *rest: *Rest) -> Made:
        return kept(_Same(model), *rest)

    return made
