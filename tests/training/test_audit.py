"""Leak canaries are flagged, each by the check meant for it; their clean twins are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from small_company import DAYS, START, write_company

from lead_readiness import features, rules
from lead_readiness.errors import DataError
from lead_readiness.simulate.write import write
from training import dataset
from training.audit import Audit, audit, without_flagged
from training.audit.outcomes import goes_with
from training.dataset import Dataset

DAY = pd.Timedelta(days=1)
FAR = START + 999 * DAY
END = START + pd.Timedelta(days=DAYS)
Values = npt.NDArray[np.object_] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Past:
    """A company's leads with their outcomes, and dice."""

    leads: pd.DataFrame
    won: npt.NDArray[np.bool_]
    lost: npt.NDArray[np.bool_]
    dice: np.random.Generator

    def some(self, share: float) -> npt.NDArray[np.bool_]:
        return self.dice.random(len(self.leads)) < share

    def pick(self, *values: str) -> npt.NDArray[np.object_]:
        return self.dice.choice(np.array(values, dtype=object), len(self.leads))

    @property
    def created(self) -> pd.Series:
        return self.leads["created_at"]

    @property
    def decided(self) -> pd.Series:
        return self.leads["decided_at"]

    def day(self, base: pd.Series, low: float, high: float) -> pd.Series:
        return base + pd.to_timedelta(self.dice.uniform(low, high, len(self.leads)), unit="D")

    def dates(self, low: float, high: float, last: pd.Timestamp = FAR, style: str = "%Y-%m-%d") -> Values:
        """Dates so many days after creation."""
        at = self.day(self.created, low, high).clip(upper=last)
        return at.dt.strftime(style).to_numpy(dtype=object)

    def events(self, who: npt.NDArray[np.bool_], base: pd.Series, low: float, high: float) -> pd.DataFrame:
        at = self.day(base, low, high)
        chosen = who & (at < END).to_numpy()
        return pd.DataFrame({"lead_id": self.leads["lead_id"][chosen], "occurred_at": at[chosen]})


def past(folder: Path) -> Past:
    leads = pd.read_csv(folder / "leads.csv", parse_dates=["created_at"])
    outcomes = pd.read_csv(folder / "outcomes.csv", parse_dates=["decided_at"])
    leads = leads.merge(outcomes, on="lead_id", how="left")
    won, lost = (leads["outcome"] == "won").to_numpy(), (leads["outcome"] == "lost").to_numpy()
    return Past(leads, won, lost, np.random.default_rng(5))


ATTRIBUTES: dict[str, tuple[str, Callable[[Past], Values], str | None]] = {
    # name: type, values, the check that finds it (none: a clean twin)
    "amount": ("number", lambda c: np.where(c.won & c.some(0.5), 900.0, np.nan), "filled for one outcome"),
    "paid": ("number", lambda c: np.where(c.won, c.dice.integers(1, 99, len(c.won)), 0), "filled for one outcome"),
    "stage": ("category", lambda c: np.where(c.won, "customer", c.pick("a", "b")), "filled for one outcome"),
    "loss": ("category", lambda c: np.where(c.lost, c.pick("price", "time"), None), "filled for one outcome"),
    "loss or no": ("category", lambda c: np.where(c.lost, c.pick("price", "time"), "no"), "filled for one outcome"),
    "wiped": ("category", lambda c: np.where(c.won, None, c.pick("a", "b")), "filled for one outcome"),
    "closed": ("category", lambda c: np.where(c.won | c.lost, "yes", "no"), "filled for one outcome"),
    "changed": ("category", lambda c: c.dates(2, 9, last=END - DAY, style="%d.%m.%Y"), "dated after creation"),
    "updated": ("category", lambda c: c.dates(-9, 9, last=END - DAY), "dated after creation"),
    "heat": ("number", lambda c: c.dice.normal(3.0 * c.won, 1), "ranks too well"),
    "seconds": ("number", lambda c: c.dice.gamma(np.where(c.won, 3.7, 1.5), 99), "says more than all else"),
    "guess": ("number", lambda c: np.where(c.some(0.5), c.dice.integers(1, 99, len(c.won)), np.nan), None),
    "referral": ("category", lambda c: np.where(c.some(0.1) | c.won & c.some(0.3), "yes", "no"), None),
    "student": ("category", lambda c: np.where(~c.won & c.some(0.2), "yes", "no"), None),
    "start wanted": ("category", lambda c: c.dates(9, 200), None),
    "founded": ("category", lambda c: c.dates(-9999, -9), None),
    "company": ("category", lambda c: np.array([f"{n} Ltd" for n in range(len(c.won))], dtype=object), None),
    "asked since May": ("category", lambda c: np.where(np.arange(len(c.won)) > 200, c.pick("a", "b"), None), None),
}  # fmt: skip
KINDS: dict[str, tuple[str, Callable[[Past], pd.DataFrame], str | None]] = {
    "invoice": ("", lambda c: c.events(c.won, c.decided, 0, 9), "falls with the decision"),
    "closing": ("", lambda c: c.events(c.won | c.lost, c.decided, -0.1, 0.1), "falls with the decision"),
    "goodbye": (', actor = "marketing"', lambda c: c.events(c.lost, c.decided, 0, 0.1), "falls with the decision"),
    "contract": ("", lambda c: c.events(c.won & c.some(0.7), c.decided, -9, -2), "of one outcome"),
    "write-off": ("", lambda c: c.events(c.lost & c.some(0.7), c.decided, -4, -2), "of one outcome"),
    "visit by us": ("", lambda c: c.events(c.some(0.3), c.created, 10.5, 11.5), "done by sales"),
    "promise": ("", lambda c: c.events(c.won & c.some(0.9) | c.some(0.05), c.created, 0, 0.1), "ranks too well"),
    "update": ("", lambda c: pd.concat([c.events(c.won & c.some(0.8), c.decided, -9, -3),
                                        c.events(c.some(0.02), c.created, 0, 9)]), "gone with the last days"),
    "demo": ("", lambda c: pd.concat([c.events(c.won & c.some(0.5), c.decided, -5, -1.5),
                                      c.events(c.some(0.3), c.created, 0, 20)]), None),
    "letter": ("", lambda c: c.events(c.some(0.5), c.created, 0, 60), None),
    "stop": (', hold = "opt_out"', lambda c: c.events(c.lost & c.some(0.1), c.decided, -0.1, 0), None),
}  # fmt: skip


def company(
    folder: Path, attributes: Iterable[str] = (), kinds: Iterable[str] = (), leads: int = 700, more: str = ""
) -> Dataset:
    """The small company with some of the columns above, hand-offs in every lead's second week, and more settings."""
    path = write_company(folder, leads=leads)
    outcomes = pd.read_csv(folder / "outcomes.csv")
    decided = (outcomes["outcome"] == "won") | (outcomes.index % 5 > 0)  # every fifth lost lead stays open
    outcomes[decided].to_csv(folder / "outcomes.csv", index=False)
    known = past(folder)
    filled = {name: ATTRIBUTES[name][1](known) for name in attributes}
    people = pd.read_csv(folder / "leads.csv").assign(**filled)
    logs = [pd.read_csv(folder / "events.csv", parse_dates=["occurred_at"])]
    for kind in kinds:
        log = KINDS[kind][1](known)
        logs.append(log.assign(kind=kind, event_id=[f"{kind} {n}" for n in range(len(log))]))
    created = known.created
    begin, end = created + 10 * DAY, created + 12 * DAY
    passed = pd.DataFrame({"lead_id": people["lead_id"], "handed_off_at": begin, "returned_at": end})
    for name, table in (("leads", people), ("events", pd.concat(logs)), ("handoffs", passed[end < END])):
        table.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    columns = "\n".join(f'"{name}" = "{ATTRIBUTES[name][0]}"' for name in attributes)
    words = "\n".join(f'"{kind}" = {{ behaviour = "{kind}"{KINDS[kind][0]} }}' for kind in kinds)
    text = path.read_text(encoding="utf-8").replace("[tables]", '[tables]\nhandoffs = "handoffs.csv"')
    text = text.replace("[attributes]", f"[attributes]\n{columns}").replace(
        "[vocabulary]", f"[vocabulary]\n{words}"
    )
    path.write_text(text + more, encoding="utf-8")
    return dataset.load(path)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A company with every canary and every twin."""
    return company(tmp_path_factory.mktemp("leaky"), ATTRIBUTES, KINDS)


@pytest.fixture(scope="module")
def found(leaky: Dataset) -> Audit:
    return audit(leaky)


@pytest.mark.parametrize("column", [*ATTRIBUTES, *KINDS])
def test_canaries_are_flagged_by_their_check_and_clean_twins_are_not(found: Audit, column: str) -> None:
    expected = {**ATTRIBUTES, **KINDS}[column][2]
    flags = {flag.column: flag for flag in found.flags}
    assert (flags[column].check if column in flags else None) == expected
    assert column not in flags or flags[column].what == (
        "attribute" if column in ATTRIBUTES else "event kind"
    )


def test_nothing_else_is_flagged_and_flags_stand_in_the_project_files_order(
    found: Audit, leaky: Dataset
) -> None:
    names = [*leaky.project.attributes, *leaky.project.vocabulary]
    leaks = [name for name in names if (*ATTRIBUTES, *KINDS).count(name) and {**ATTRIBUTES, **KINDS}[name][2]]
    assert [flag.column for flag in found.flags] == leaks


WORDS = {
    "amount": "filled for 92 leads, 100 % of them won; of the others 14 % were",
    "paid": "other than 0 for",
    "stage": "'customer' for",
    "loss or no": "other than 'no' for",
    "changed": "dates: 100 % of 700 lie a day or more after the lead was created",
    "seconds": "alone it ranks leads a day old with a ROC AUC of 0.",
    "heat": "alone it ranks later leads with a ROC AUC of 0.9",
    "closing": "for 100 % of the",
    "contract": "leads have one, 100 % of them won; of the others",
    "visit by us": "events fall while sales has the lead; of the other kinds' ",
    "promise": "ranks later leads with a ROC AUC of 0.9",
    "update": "hiding the last 7 days takes 0.",
}


@pytest.mark.parametrize("column", WORDS)
def test_a_flag_says_the_figures_that_made_it(found: Audit, column: str) -> None:
    (words,) = (flag.words for flag in found.flags if flag.column == column)
    assert WORDS[column] in words


def test_the_same_data_give_the_same_audit(found: Audit, leaky: Dataset) -> None:
    assert audit(leaky) == found


def test_without_what_was_flagged_nothing_is(found: Audit, leaky: Dataset) -> None:
    assert audit(without_flagged(leaky, found)).flags == tuple(
        f for f in found.flags if f.what == "attribute"
    )


def test_flagged_columns_feed_no_feature(found: Audit, leaky: Dataset) -> None:
    left = without_flagged(leaky, found)
    rows, known = left.rows(left.timelines.cut, np.ones(len(left.timelines.account_start) - 1, bool), seed=0)
    catalogue, _ = features.build(left.project, known, rows, seed=0)
    read = {name for feature in catalogue.features for name in (*feature.kinds, feature.then)}
    assert not read & {flag.column for flag in found.flags}
    assert {"guess", "demo", "pricing"} <= read
    assert left.project.kinds == leaky.project.kinds


RULES = """
name: Reads leaks
version: 1
threshold: 15
rules:
  - {name: Contract, points: 10, when: {kind: contract}}
  - {name: Anything, points: 1, when: {kind: any}}
  - {name: Customer, points: 5, when: {attribute: {stage: [customer]}}}
  - {name: Soon, points: 5, when: {kind: pricing, after: {kind: contract, within_days: 9}}}
  - {name: Visit, points: 1, when: {kind: visit}}
exclude: [{attribute: {stage: [a]}}]
triggers: [{kind: contract}]
reset: {kinds: [contract]}
"""


@pytest.fixture
def ruled(tmp_path: Path) -> Dataset:
    """A company whose rules read an attribute and a kind that leak."""
    company(tmp_path, ["stage"], ["contract"])
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return dataset.load(tmp_path / "readiness.toml")


def test_rules_that_read_a_flagged_column_are_named_and_keep_the_audit_from_being_clean(
    ruled: Dataset,
) -> None:
    found = audit(ruled)
    assert not found.clean
    assert found.rules == (
        "rule 'Contract' reads contract",
        "rule 'Anything' reads contract",
        "rule 'Customer' reads stage",
        "rule 'Soon' reads contract",
        "an exclusion reads stage",
        "a trigger reads contract",
        "the reset reads contract",
    )


def test_rules_replay_as_before_also_when_the_book_is_saved_and_read_again(ruled: Dataset) -> None:
    left = without_flagged(ruled, audit(ruled))
    lead = np.arange(len(ruled.timelines), dtype=np.int32)
    as_of = np.full(len(lead), ruled.timelines.cut)
    before = rules.replay(ruled.book, ruled.timelines, lead, as_of)
    assert before.excluded.any() and before.points.any()
    again = rules.parse(left.book.model_dump(mode="json", exclude_unset=True), left.project)
    for book in (left.book, again):
        after = rules.replay(book, left.timelines, lead, as_of)
        assert after.points.tolist() == before.points.tolist()
        assert after.excluded.tolist() == before.excluded.tolist()


def test_what_the_project_keeps_is_flagged_feeds_the_score_and_is_not_clean(tmp_path: Path) -> None:
    data = company(tmp_path, ["stage"], ["contract"], more='[judgement]\nkeep = ["stage"]\n')
    found = audit(data)
    assert [(flag.column, flag.kept) for flag in found.flags] == [("stage", True), ("contract", False)]
    assert not found.clean
    left = without_flagged(data, found).project
    assert left.attributes["stage"].scored and not left.vocabulary["contract"].scored


def test_what_was_left_out_does_not_make_it_unclean(tmp_path: Path) -> None:
    found = audit(company(tmp_path, ["stage"], ["contract"]))
    assert len(found.flags) == 2 and found.clean


def test_a_clean_company_has_no_flag_and_stays_as_it_is(tmp_path: Path) -> None:
    data = company(tmp_path, [name for name, spec in ATTRIBUTES.items() if spec[2] is None])
    found = audit(data)
    assert found == Audit() and found.clean
    assert without_flagged(data, found) is data


def test_with_few_leads_nothing_is_concluded(tmp_path: Path) -> None:
    assert audit(company(tmp_path, ATTRIBUTES, KINDS, leads=15)).flags == ()


def test_a_company_whose_every_buyer_kind_is_flagged_is_refused(tmp_path: Path) -> None:
    data = company(tmp_path, kinds=["contract"])
    vocabulary = {k: v.model_copy(update={"actor": "system"}) if k != "contract" else v
                  for k, v in data.project.vocabulary.items()}  # fmt: skip
    data = replace(data, project=data.project.model_copy(update={"vocabulary": vocabulary}))
    with pytest.raises(
        DataError, match=r"flags every event kind of the buyer's.*contract; check when these events"
    ):
        without_flagged(data, audit(data))


@pytest.mark.parametrize(
    ("marked", "hits", "others", "other_hits", "share", "expected"),
    [
        (30, 30, 300, 30, 0.95, (30, 1.0, 0.1)),
        (30, 28, 300, 30, 0.95, None),  # 93 % is not nearly all
        (19, 19, 300, 30, 0.95, None),  # too few
        (30, 30, 300, 290, 0.95, None),  # so are nearly all the others
        (30, 30, 300, 240, 0.95, None),  # may be chance
        (330, 330, 0, 0, 0.95, None),  # nothing to compare with
    ],
)
def test_a_mark_goes_with_an_outcome(
    marked: int,
    hits: int,
    others: int,
    other_hits: int,
    share: float,
    expected: tuple[int, float, float] | None,
) -> None:
    mark = np.arange(marked + others) < marked
    hit = np.r_[np.arange(marked) < hits, np.arange(others) < other_hits]
    assert goes_with(mark, hit, mark | True, share) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "leads"), [(1, 2000), (2, 2000), (3, 3000), (4, 3000), (5, 4000), (6, 6000)]
)
def test_simulated_companies_are_clean(tmp_path: Path, seed: int, leads: int) -> None:
    write(tmp_path, leads, seed, truth=False)
    assert audit(dataset.load(tmp_path / "readiness.toml"), seed) == Audit()
