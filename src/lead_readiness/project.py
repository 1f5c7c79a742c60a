"""The project file `readiness.toml`: where the tables are and what the company's words mean."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from lead_readiness.errors import ConfigError, nearest

Actor = Literal["buyer", "marketing", "sales", "system"]
Direction = Literal["up", "down", "none"]
Hold = Literal["opt_out", "complaint", "bounce"]
ReturnReason = Literal["not now", "price", "competitor", "no decision", "no response", "not a lead", "other"]


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(Strict):
    """What one event kind means: which behaviour it shows, who acted, which way it points, how to say it.

    From one that is not ``scored`` nothing is learned, whoever acted; rules may read it.
    """

    behaviour: str
    actor: Actor = "buyer"
    direction: Direction = "none"
    phrase: str = ""
    plural: str = ""
    hold: Hold | None = None
    scored: bool = True

    def count_phrase(self, n: int) -> str:
        """The phrase after a count.

        >>> Kind(behaviour="pricing", phrase="pricing view").count_phrase(3)
        '3 pricing views'
        """
        return f"{n:,} {self.phrase if n == 1 else self.plural or self.phrase + 's'}"


class Table(Strict):
    """Where one table is: a file beside the project file, or a table or query behind a SQL URL.

    ``columns`` maps the contract's column to the name found; ``values`` maps, per contract column,
    the value found to the contract's value (an empty string means missing: an outcome so mapped is not yet decided).
    ``${NAME}`` in ``path`` and ``url`` is taken from the environment, so that no secret is written down.
    """

    path: str | None = None
    url: str | None = None
    table: str | None = None
    query: str | None = None
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}

    @model_validator(mode="after")
    def _one_place(self) -> Table:
        if (self.path is None) == (self.url is None):
            raise ValueError(
                "give either `path` (a file) or `url` (a SQL database), not both and not neither"
            )
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a SQL source needs either `table` or `query`")
        return self

    def resolved(self) -> str:
        """The path or URL with ``${NAME}`` replaced from the environment.

        Raises ConfigError when a variable is not set.
        """
        return re.sub(r"\$\{(\w+)\}", _from_environment, self.path or self.url or "")


def _from_environment(match: re.Match[str]) -> str:
    value = os.environ.get(match[1])
    if value is None:
        raise ConfigError(
            f"the project file names the environment variable {match[1]}, which is not set; export it first"
        )
    return value


def _as_table(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


TableField = Annotated[Table, BeforeValidator(_as_table)]


class Tables(Strict):
    """The contract's tables; hand-offs may be absent."""

    leads: TableField
    events: TableField
    outcomes: TableField
    handoffs: TableField | None = None

    def items(self) -> Iterator[tuple[str, Table]]:
        """The tables that are named, in the contract's order."""
        for name in ("leads", "events", "outcomes", "handoffs"):
            table = getattr(self, name)
            if table is not None:
                yield name, table


class Attribute(Strict):
    """One lead attribute, known at creation.

    One that is not ``scored`` may be read by rules, and the judgement may be shown by it, but nothing is learned
    from it.
    """

    type: Literal["category", "number"]
    phrase: str = ""
    behaviour: str = "fit"
    scored: bool = True


def _as_attribute(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


AttributeField = Annotated[Attribute, BeforeValidator(_as_attribute)]


class Label(Strict):
    """What is predicted: won within the horizon, seen from a fixed grid of instants.

    ``horizon_days`` is a number of days, ``"auto"`` (the round number nearest the 80th percentile of
    time-to-decision among winners), ``"eventual"`` (for logs in which every case is decided), or one number
    of days per value of the attribute named by ``cycle``.
    """

    horizon_days: (
        Annotated[int, Field(gt=0)] | Literal["auto", "eventual"] | dict[str, Annotated[int, Field(gt=0)]]
    ) = "auto"
    cycle: str | None = None
    gap_days: float = Field(default=1.0, ge=0)
    cadence_days: int = Field(default=7, gt=0)
    snapshots_per_episode: int = Field(default=8, gt=0)

    @field_validator("horizon_days", mode="wrap")
    @classmethod
    def _days(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise ValueError(
                'expected a whole number of days above 0, "auto", "eventual" or such a number per value of `cycle`'
            ) from None

    @model_validator(mode="after")
    def _cycle_has_horizons(self) -> Label:
        if isinstance(self.horizon_days, dict) and self.cycle is None:
            raise ValueError(
                "one horizon per sales cycle needs `cycle`, the attribute that names a lead's cycle"
            )
        return self


class Return(Strict):
    """What follows when sales gives a lead back: the nurture track, and for how many days nobody hands it off again."""

    track: str = Field(min_length=1)
    days: int = Field(ge=0)


RETURNS: dict[ReturnReason, Return] = {
    "not now": Return(track="later", days=60),
    "price": Return(track="value", days=90),
    "competitor": Return(track="competitor", days=180),
    "no decision": Return(track="nurture", days=90),
    "no response": Return(track="wake up", days=30),
    "not a lead": Return(track="none", days=365),
    "other": Return(track="nurture", days=60),
}


class Entry(Strict):
    """What a lead must reach to be handed off; a key of a sales cycle that is left out is that of all leads.

    ``floor`` and ``line`` are scores; ``least_probability`` is the floor as a probability; ``cost_ratio`` r, the cost
    of a call that leads nowhere over the value of a win, puts the line at the probability r / (1 + r), from which on
    a call is worth its cost. Without ``line`` and ``cost_ratio`` the line follows sales' capacity.
    """

    floor: FiniteFloat | None = None
    least_probability: float | None = Field(default=None, gt=0, lt=1)
    line: FiniteFloat | None = None
    cost_ratio: FiniteFloat | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if self.line is not None and self.cost_ratio is not None:
            raise ValueError(
                "give either `line` (a score) or `cost_ratio` (a wasted call over a win), not both; "
                "without either the line follows the capacity"
            )
        if self.line is not None and self.floor is not None and self.line < self.floor:
            raise ValueError(
                f"`line` {self.line:g} is below `floor` {self.floor:g}; nobody could be in between"
            )
        return self


class CycleEntry(Entry):
    """What one sales cycle asks for, and how many of the week's places it may take at most."""

    capacity_per_week: int | None = Field(default=None, ge=0)


class Handoff(Entry):
    """Who is handed to sales, how many a week, and what follows a return; `docs/hand-off.md` tells it key by key.

    ``queues`` gives places of ``capacity_per_week`` to values of the attribute ``queue``, ``cycles`` to sales cycles;
    what is named in neither shares the places left. A lead that is ready stays so until it is ``band`` points
    below the line. ``explore`` is the share of the places that is drawn at random.
    """

    capacity_per_week: int = Field(default=25, gt=0)
    floor: FiniteFloat = 0.0
    band: FiniteFloat = Field(default=10.0, ge=0)
    queue: str | None = None
    queues: dict[str, Annotated[int, Field(ge=0)]] = {}
    cycles: dict[str, CycleEntry] = {}
    returns: dict[ReturnReason, Return] = RETURNS
    hold_days: dict[Literal["complaint", "bounce"], Annotated[int, Field(gt=0)]] = {}
    explore: float = Field(default=0.0, ge=0, le=0.05)

    @field_validator("returns", mode="after")
    @classmethod
    def _every_reason(cls, value: dict[ReturnReason, Return]) -> dict[ReturnReason, Return]:
        return {**RETURNS, **value}

    @model_validator(mode="after")
    def _places_add_up(self) -> Self:
        if self.queues and self.queue is None:
            raise ValueError("`queues` needs `queue`, the attribute whose values name them")
        named = {
            "queues": sum(self.queues.values()),
            "cycles": sum(c.capacity_per_week or 0 for c in self.cycles.values()),
        }
        for key, places in named.items():
            if places > self.capacity_per_week:
                raise ValueError(
                    f"`{key}` take {places} places a week together, `capacity_per_week` is "
                    f"{self.capacity_per_week}; raise it or give them fewer"
                )
        return self

    @model_validator(mode="after")
    def _lines_above_floors(self) -> Self:
        for name in self.cycles:
            entry = self.entry(name)
            if entry.line is not None and entry.line < entry.floor:
                raise ValueError(
                    f"cycles.{name}: `line` {entry.line:g} is below `floor` {entry.floor:g}; "
                    "nobody could be in between"
                )
        return self

    @property
    def by_reason(self) -> tuple[Return, ...]:
        """What follows each return, in the order of the contract's reasons."""
        return tuple(self.returns[reason] for reason in RETURNS)

    def entry(self, cycle: str) -> Handoff:
        """The policy as it is for one sales cycle."""
        if cycle not in self.cycles:
            return self
        own = self.cycles[cycle]
        given = {name: getattr(own, name) for name in Entry.model_fields if getattr(own, name) is not None}
        if given.keys() & {"line", "cost_ratio"}:
            given = {"line": None, "cost_ratio": None, **given}
        return self.model_copy(update={**given, "cycles": {}})


class Waiver(Strict):
    """Who answers for handing off one part of a declared group much more often than another, and why."""

    signed: str = Field(min_length=1)
    on: date
    reason: str = Field(min_length=1)


class Judgement(Strict):
    """How a training is judged: what its figures are shown by, and what people have decided about it.

    ``slices`` and ``groups`` name category attributes: figures are shown by both, and no level of a group may be
    handed off much less often than another without a waiver. ``keep`` names attributes and event kinds that the
    score uses although the leak audit flags them.
    """

    slices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    waivers: dict[str, Waiver] = {}
    keep: tuple[str, ...] = ()


class Project(Strict):
    """What one company's words mean: vocabulary, attributes, label and capacity. It travels with the model."""

    name: str = Field(min_length=1)
    timezone: str | None = None
    cut: datetime | None = None
    attributes: dict[str, AttributeField] = {}
    label: Label = Label()
    handoff: Handoff = Handoff()
    vocabulary: dict[str, Kind]

    @field_validator("vocabulary", "attributes", mode="after")
    @classmethod
    def _phrases(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {
            k: v if v.phrase else v.model_copy(update={"phrase": k.replace("_", " ")})
            for k, v in value.items()
        }

    @field_validator("vocabulary", mode="after")
    @classmethod
    def _some_buyer(cls, value: dict[str, Kind]) -> dict[str, Kind]:
        if not any(kind.actor == "buyer" for kind in value.values()):
            raise ValueError('no event kind has actor = "buyer"; only what buyers do feeds the score')
        return value

    @field_validator("timezone", mode="after")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"not a known time zone{nearest(value, available_timezones())}")
        return value

    @model_validator(mode="after")
    def _cycle_is_attribute(self) -> Project:
        cycle = self.label.cycle
        categories = [name for name, attribute in self.attributes.items() if attribute.type == "category"]
        if cycle is not None and cycle not in categories:
            raise ValueError(
                f"label.cycle = {cycle!r} is not a category under [attributes]{nearest(cycle, categories)}"
            )
        return self

    @model_validator(mode="after")
    def _handoff_names_what_is_there(self) -> Project:
        queue = self.handoff.queue
        categories = [name for name, attribute in self.attributes.items() if attribute.type == "category"]
        if queue is not None and queue not in categories:
            raise ValueError(
                f"handoff.queue = {queue!r} is not a category under [attributes]{nearest(queue, categories)}"
            )
        if self.handoff.cycles and self.label.cycle is None:
            raise ValueError(
                "handoff.cycles needs label.cycle, the attribute that names a lead's sales cycle"
            )
        return self

    @model_validator(mode="after")
    def _cut_in_zone(self) -> Project:
        if self.cut is not None and self.cut.tzinfo is None:
            if self.timezone is None:
                cut = self.cut.isoformat()
                raise ValueError(f"cut = {cut} has no time zone; write it as {cut}Z or set `timezone`")
            object.__setattr__(self, "cut", self.cut.replace(tzinfo=ZoneInfo(self.timezone)))
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The event kinds, in the project file's order; an event's kind code is its place here."""
        return tuple(self.vocabulary)

    @property
    def model_name(self) -> str:
        """The name under which the company's scorers are registered.

        >>> Project.model_validate({"name": "Müller & Co", "vocabulary": {"visit": {"behaviour": "web"}}}).model_name
        'müller-co-readiness'
        """
        return "-".join([*re.findall(r"\w+", self.name.lower()), "readiness"])


class ProjectFile(Project):
    """The whole project file: the project, where its tables are (paths from ``root``), its rule book, its judgement."""

    rules: str
    tables: Tables
    judgement: Judgement = Judgement()
    root: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _judged_by_what_is_there(self) -> ProjectFile:
        asked, categories = self.judgement, [n for n, a in self.attributes.items() if a.type == "category"]
        known = {
            "slices": (asked.slices, categories, "a category under [attributes]"),
            "groups": (asked.groups, categories, "a category under [attributes]"),
            "waivers": (tuple(asked.waivers), asked.groups, "one of judgement.groups"),
            "keep": (asked.keep, [*self.attributes, *self.vocabulary], "an attribute or an event kind"),
        }
        for key, (names, allowed, expected) in known.items():
            for name in names:
                if name not in allowed:
                    raise ValueError(f"judgement.{key}: {name!r} is not {expected}{nearest(name, allowed)}")
        return self

    def meaning(self) -> Project:
        """The project without its tables: what a model takes along, free of paths and URLs."""
        return Project.model_validate({name: getattr(self, name) for name in Project.model_fields})


def load(path: str | Path) -> ProjectFile:
    """Read and check a project file.

    Raises ConfigError naming the file, the key, what was found and the nearest known key.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(
            f"{path}: no project file there; `lead-readiness init` writes one from a look at your files"
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    return parse(data, source=str(path), root=path.parent)


def parse(data: Mapping[str, Any], source: str = "readiness.toml", root: Path = Path()) -> ProjectFile:
    """Check a project given as a mapping; ``root`` is what its relative paths start from."""
    try:
        return ProjectFile.model_validate({**data, "root": root})
    except ValidationError as error:
        raise ConfigError(describe(error, ProjectFile, source)) from None


def describe(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """One line per mistake: file, key, what was found, what was expected, the nearest known key."""
    return "\n".join(f"{source}: {_line(e, model)}" for e in error.errors())


def _line(e: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(p) for p in e["loc"] if p != "[key]" and not str(p).startswith("function-"))
    if e["type"] == "extra_forbidden":
        return f"unknown key `{where}`{nearest(str(e['loc'][-1]), _known(model, e['loc'][:-1]))}"
    if e["type"] == "missing":
        return f"`{where}` is missing"
    found = (
        ""
        if e["type"] == "value_error" and isinstance(e["input"], dict | BaseModel)
        else f"found {e['input']!r}: "
    )
    return f"{f'`{where}`: ' if where else ''}{found}{e['msg'].removeprefix('Value error, ')}"


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields at ``loc`` below ``model``; every model's fields when the path is not a plain one."""
    names: list[str] = []
    seen: set[type[BaseModel]] = set()
    stack: list[type[BaseModel]] = [model]
    for step in loc:
        field = stack[-1].model_fields.get(str(step)) if stack else None
        inner = _models_in(field.annotation) if field else []
        if inner:
            stack.append(inner[0])
    if len(stack) > 1 or not loc:
        return list(stack[-1].model_fields)
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        names += list(current.model_fields)
        for field in current.model_fields.values():
            stack += _models_in(field.annotation)
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _models_in(arg)]
