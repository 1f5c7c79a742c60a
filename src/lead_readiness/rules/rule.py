"""One rule: its points, how often it may award them and how they fade."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, SerializerFunctionWrapHandler, model_serializer, model_validator

from lead_readiness.project import Strict
from lead_readiness.rules.conditions import Days, When

Tier = Annotated[int, Field(gt=0)]
Tiering = Annotated[dict[Tier, FiniteFloat], Field(min_length=1)]


class Limit(Strict):
    """At most `count` awards in any window of `days`."""

    count: Annotated[int, Field(gt=0, le=10_000)] = Field(description="Most awards in one window.")
    days: Days | None = Field(None, description="Length of the rolling window; for ever when left out.")


class Step(Strict):
    """From `after_days` on, an award is worth `factor` of its points."""

    after_days: Days = Field(description="Age in days from which the factor holds.")
    factor: Annotated[float, Field(ge=0, le=1)] = Field(description="Share of the points that is left.")


class Decay(Strict):
    """How an award fades with age: by half-lives, at the end of a window, in steps, or not (`none`)."""

    half_life_days: Days | None = Field(None, description="Points halve every so many days.")
    window_days: Days | None = Field(
        None, description="Points count in full up to this age, then not at all."
    )
    steps: tuple[Step, ...] = Field((), description="Points are worth a smaller share from given ages on.")

    @model_validator(mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        if value == "none":
            return {}
        if isinstance(value, str) or value == {}:
            raise ValueError("give `half_life_days`, `window_days`, `steps` or the word none")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Decay:
        if (self.half_life_days is not None) + (self.window_days is not None) + bool(self.steps) > 1:
            raise ValueError("give one of `half_life_days`, `window_days` and `steps`")
        ages = [step.after_days for step in self.steps]
        factors = [1.0, *(step.factor for step in self.steps)]
        if ages != sorted(set(ages)) or factors != sorted(factors, reverse=True):
            raise ValueError("steps must grow in `after_days` and never grow in `factor`")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> object:
        return "none" if self == Decay.never() else handler(self)

    @classmethod
    def never(cls) -> Decay:
        """Points that do not fade, in YAML the word `none`."""
        return cls.model_construct()


class Tiers(Strict):
    """Points by how often it happened lately: those of the highest count reached."""

    days: Days = Field(description="Length of the window that ends now, in days.")
    at: Tiering = Field(description="Points for each least count, such as `{3: 5, 6: 10}`.")


class Silence(Strict):
    """Points by how long ago it last happened: those of the longest silence reached."""

    at: Tiering = Field(description="Points for each least number of days, such as `{30: -5, 90: -15}`.")


class Rule(Strict):
    """One line of the rule book: a condition and its points."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What sales calls it; unique in the book.")
    when: When = Field(description="What the rule looks at.")
    points: FiniteFloat | None = Field(None, description="Points for each award; negative takes points away.")
    tiers: Tiers | None = Field(None, description="Points by frequency, instead of `points`.")
    silence: Silence | None = Field(None, description="Points by inactivity, instead of `points`.")
    once: bool = Field(False, description="Award once only, until a reset.")
    limit: Limit | None = Field(None, description="Award at most so many times in a rolling window.")
    decay: Decay | None = Field(None, description="How the awards fade; the book's `decay` when left out.")
    group: str | None = Field(None, description="The capped group that the points belong to.")
    fit: bool | None = Field(
        None, description="Counts to fit, not to engagement; rules on attributes alone do by default."
    )

    @property
    def about_lead(self) -> bool:
        """Whether the rule looks at attributes alone, so that its points stand as long as the lead does."""
        return not self.when.kind

    @property
    def is_fit(self) -> bool:
        """Whether the points count to the fit grade."""
        return self.about_lead if self.fit is None else self.fit

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        if (self.points is not None) + (self.tiers is not None) + (self.silence is not None) != 1:
            raise ValueError("give exactly one of `points`, `tiers` and `silence`")
        if self.points is None and self.about_lead:
            raise ValueError("`tiers` and `silence` are about events; give `when.kind`")
        if self.silence is not None and self.when.after is not None:
            raise ValueError("`silence` is about one last event; it takes no `when.after`")
        if self.once and self.limit is not None:
            raise ValueError("give `once` or `limit`, not both")
        if self.points is None or self.about_lead:
            self._no_awards()
        return self

    def _no_awards(self) -> None:
        for key in ("once", "limit", "decay"):
            if getattr(self, key):
                raise ValueError(
                    f"`{key}` is about points awarded event by event; "
                    "rules on attributes alone, on tiers or on silence have none: leave it out"
                )
