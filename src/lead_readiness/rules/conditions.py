"""What a rule looks at: events of some kinds, on some assets, with some values, by some leads."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, FiniteFloat, ValidationInfo, field_validator, model_validator

from lead_readiness.errors import nearest
from lead_readiness.project import Attribute, Project, Strict

ANY = "any"
"""The word that stands for every kind whose actor is the buyer."""


def _as_tuple(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _as_words(value: object) -> object:
    # YAML reads a bare 2 as a number; a category's values are text in the tables.
    words = _as_tuple(value)
    return [str(w) if type(w) is int else w for w in words] if isinstance(words, list | tuple) else words


def _as_wanted(value: object) -> object:
    return value if isinstance(value, dict | Wanted) else {"values": value}


def project_of(info: ValidationInfo) -> Project:
    """The project that a rule book is being checked against."""
    project: Project = info.context["project"]  # type: ignore[index]  # `parse` always gives one
    return project


def check_kinds(kinds: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """The kinds, unchanged; a kind that is unknown or that sales does is a ValueError."""
    project = project_of(info)
    for kind in kinds:
        if kind == ANY and kind not in project.vocabulary:
            continue
        if kind not in project.vocabulary:
            hint = nearest(kind, project.kinds)
            raise ValueError(f"{kind!r} is not an event kind of the project's vocabulary{hint}")
        if project.vocabulary[kind].actor == "sales":
            raise ValueError(
                f'{kind!r} is something sales does (actor = "sales"); what sales did must not earn points: '
                "name a kind whose actor is buyer, marketing or system"
            )
    return kinds


Kinds = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Globs = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Range(Strict):
    """Numbers from `min` to `max`, both included; a missing number is never in a range."""

    min: FiniteFloat | None = Field(None, description="Least number that counts, itself included.")
    max: FiniteFloat | None = Field(None, description="Greatest number that counts, itself included.")

    @model_validator(mode="after")
    def _some_bound(self) -> Range:
        if self.min is None and self.max is None and not getattr(self, "values", ()):
            raise ValueError("says nothing; give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}, so nothing could match")
        return self


class Wanted(Range):
    """What a lead's attribute must be: one of `values` (category), or from `min` to `max` (number)."""

    values: Annotated[tuple[str, ...], BeforeValidator(_as_words)] = Field(
        (), description="Values of a category that count; a bare list means the same."
    )

    def suits(self, attribute: Attribute) -> bool:
        """Whether the condition fits the attribute's type: values for a category, bounds for a number."""
        bounded = self.min is not None or self.max is not None
        return bool(self.values) != bounded and bool(self.values) == (attribute.type == "category")


class Condition(Strict):
    """Which events and which leads count; all parts that are given must hold."""

    kind: Kinds = Field(
        (), description=f"Event kind, or a list of them; `{ANY}` is every kind whose actor is the buyer."
    )
    asset: Globs = Field(
        (), description="Glob, or a list of them, one of which the event's asset must match (`/pricing*`)."
    )
    value: Range | None = Field(None, description="Bounds on the event's value.")
    attribute: dict[str, Annotated[Wanted, BeforeValidator(_as_wanted)]] = Field(
        {}, description="Lead attributes: a list of values for a category, `{min, max}` for a number."
    )

    @field_validator("kind", mode="after")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return check_kinds(value, info)

    @field_validator("attribute", mode="after")
    @classmethod
    def _known_attributes(cls, value: dict[str, Wanted], info: ValidationInfo) -> dict[str, Wanted]:
        attributes = project_of(info).attributes
        for name, wanted in value.items():
            if name not in attributes:
                raise ValueError(f"{name!r} is not an attribute of the project{nearest(name, attributes)}")
            if not wanted.suits(attributes[name]):
                shape = "a list of values" if attributes[name].type == "category" else "`min`, `max` or both"
                raise ValueError(f"{name!r} is a {attributes[name].type}: give {shape}")
        return value

    @model_validator(mode="after")
    def _some_part(self) -> Condition:
        if not self.kind and not self.attribute:
            raise ValueError("says nothing; give `kind`, `attribute` or both")
        if not self.kind:
            for key in ("asset", "value", "after", "within_days"):
                if getattr(self, key, None):
                    raise ValueError(f"`{key}` is about events; give `kind` too")
        return self


class After(Strict):
    """An earlier event that must have come first."""

    kind: Kinds = Field(description="Kind, or kinds, of the earlier event.")
    asset: Globs = Field((), description="Glob, or globs, the earlier event's asset must match.")
    value: Range | None = Field(None, description="Bounds on the earlier event's value.")
    within_days: Days = Field(description="At most this many days earlier, and at least one second.")

    @field_validator("kind", mode="after")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return check_kinds(value, info)


class When(Condition):
    """A rule's condition: a condition that may ask for an earlier event."""

    after: After | None = Field(None, description="Count the event only soon after this earlier one.")


class Trigger(Condition):
    """A condition that hands a lead off whatever its points."""

    within_days: Days | None = Field(
        None, description="The event is at most this many days old; for ever when left out."
    )

    @model_validator(mode="after")
    def _some_event(self) -> Trigger:
        if not self.kind:
            raise ValueError("a trigger is an event; give `kind`")
        return self
