"""Attribute columns: learned from training leads, the same for every lead thereafter."""

import numpy as np
import pytest
from histories import Lead, build, kinds

from lead_readiness.features import attributes
from lead_readiness.features.attributes import FOLDS, LEVEL_LEADS, LEVELS, Attributes, Matrix
from lead_readiness.project import Project

PROJECT = Project.model_validate(
    {
        "name": "Acme",
        "vocabulary": kinds(visit="up"),
        "attributes": {
            "sector": {"type": "category", "behaviour": "fit"},
            "people": {"type": "number", "phrase": "number of people"},
        },
    }
)


def fitted(
    leads: list[dict[str, str | float | None]], train: int | None = None, wins: int = 10
) -> tuple[Attributes, Matrix]:
    """Attributes fitted on the first ``train`` of the leads, of which the first ``wins`` won."""
    known = build([Lead(f"{n:04}", attributes=a) for n, a in enumerate(leads)], PROJECT)
    rows = np.arange(train or len(leads), dtype=np.int32)
    return attributes.fit(PROJECT, known, rows, rows < wins, seed=3)


def columns(found: tuple[Attributes, Matrix]) -> dict[str, list[float]]:
    return {f.name: c.tolist() for f, c in zip(found[0].features, found[1].T)}


def test_a_missing_number_reads_as_the_training_median_and_is_told() -> None:
    found = columns(
        fitted([{"people": 3.0}, {"people": 8.0}, {"people": 4.0}, {}, {"people": 99.0}, {}], train=4)
    )
    assert found == {"people": [3, 8, 4, 4, 99, 4], "people is missing": [0, 0, 0, 1, 0, 1]}


def test_a_number_that_training_never_misses_has_no_column_for_missing() -> None:
    assert columns(fitted([{"people": 3.0}, {"people": 5.0}, {}], train=2)) == {"people": [3, 5, 4]}


def test_a_number_that_training_never_has_gives_no_column() -> None:
    assert columns(fitted([{}, {}, {"people": 5.0}], train=2)) == {}


def test_frequent_levels_have_columns_and_unknown_ones_are_none_of_them() -> None:
    n = LEVEL_LEADS
    leads = [{"sector": s} for s in ["bank"] * n + ["law"] * (n + 1) + ["rare"] * (n - 1)] + [
        {},
        {"sector": "new"},
    ]
    found = columns(fitted(leads, train=3 * n + 1))
    assert list(found) == ["sector = law", "sector = bank"]
    assert sum(found["sector = bank"]) == n
    assert [found[level][-1] for level in found] == [0.0, 0.0]


def test_a_level_that_every_lead_has_tells_nothing() -> None:
    assert columns(fitted([{"sector": "bank"}] * LEVEL_LEADS)) == {}


def test_an_attribute_that_is_not_scored_gives_no_column() -> None:
    project = PROJECT.model_copy(
        update={
            "attributes": {n: a.model_copy(update={"scored": False}) for n, a in PROJECT.attributes.items()}
        }
    )
    known = build([Lead(f"{n}", attributes={"people": float(n)}) for n in range(9)], project)
    rows = np.arange(9, dtype=np.int32)
    assert attributes.fit(project, known, rows, rows < 5, seed=3)[0].features == ()


def many_levels(per_level: int = 12, levels: int = LEVELS + 5) -> list[dict[str, str | float | None]]:
    return [{"sector": f"s{k:02}"} for _ in range(per_level) for k in range(levels)]


def test_many_levels_give_a_shrunk_win_rate_cross_fitted_in_training() -> None:
    leads = many_levels()
    winner = [a["sector"] == "s03" for a in leads]
    order = np.argsort(~np.array(winner), kind="stable")
    found, matrix = fitted([leads[i] for i in order], wins=sum(winner))
    (rate,) = found.features
    assert (rate.name, rate.direction, rate.behaviour) == ("rate(sector)", 1, "fit")
    assert rate.empty == pytest.approx(np.mean(winner))
    rates = found.rates["sector"]
    assert 0.3 < rates["s03"] < 1.0 and max(v for k, v in rates.items() if k != "s03") < np.mean(winner)
    known = build(
        [Lead("x", attributes={"sector": "s03"}), Lead("y", attributes={"sector": "?"}), Lead("z")], PROJECT
    )
    alone = found.matrix(known, np.arange(3, dtype=np.int32))[:, 0]
    assert alone.tolist() == [np.float32(rates["s03"])] + [np.float32(rate.empty)] * 2
    assert len(set(matrix[: sum(winner), 0].tolist())) > 1  # each fold from the other folds' outcomes
    assert matrix[: sum(winner), 0].max() < np.float32(rates["s03"]) + 0.1


def test_leads_of_no_level_have_a_win_rate_of_their_own() -> None:
    unknown: list[dict[str, str | float | None]] = [{}] * 40
    found, _ = fitted([*unknown, *many_levels()], wins=30)
    known = build([Lead("x"), Lead("y", attributes={"sector": "s03"}), Lead("z")], PROJECT)
    for rows in ([0, 1, 2], [2], [1, 0, 2, 2]):
        column = found.matrix(known, np.array(rows, np.int32))[:, 0].tolist()
        rates = [found.rates["sector"]["s03" if row == 1 else "None"] for row in rows]
        assert column == np.float32(rates).tolist()


@pytest.mark.parametrize("wins", [0, 1, FOLDS - 1])
def test_with_too_few_wins_there_is_no_win_rate(wins: int) -> None:
    assert columns(fitted(many_levels(), wins=wins)) == {}
    assert list(columns(fitted(many_levels(), wins=FOLDS))) == ["rate(sector)"]
