"""The truth of a simulated company: equal to a slow reading of its definition, calibrated, and above the rules."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lead_readiness import project, rules, simulate, snapshots, tables, timelines
from lead_readiness.simulate import Company, company, events, kernel, truth
from lead_readiness.simulate.tables import names
from lead_readiness.snapshots import NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import Timelines

Floats = npt.NDArray[np.float64]
RATES, BUSY, VECTORS = company.rates(), company.rhythm(800), events.vectors()


@cache
def acme() -> Company:
    return simulate.simulate(1_000, seed=2)


@cache
def people(made: Company) -> pd.Series:
    """Each lead's place among the hidden people."""
    found = names(made.hidden.history)[0]
    return pd.Series(np.arange(len(found)), index=found)


def day_of(made: Company, rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    return (rows["as_of"] - pd.Timestamp(company.START)).dt.days.to_numpy()


def believed(made: Company, person: int, until: int, view: int = kernel.ALL) -> Floats:
    """The filter in plain Python, from the first day to midnight ``until``, with what was known by then."""
    past, log = made.hidden.history, made.hidden.log
    account = past.account[person]
    known = [p for p in range(past.people[account], past.people[account + 1]) if past.created[p] < until]
    seen = np.array(log.observations()).T
    seen = seen[np.isin(seen[:, 0], known)]
    seen = seen[np.maximum(seen[:, 2], past.created[seen[:, 0]] + 1) <= until]
    steps = company.transitions(past.cycle[account], past.fit[account])
    belief = company.initial(past.company_type[account])
    first_created = past.created[past.people[account]]
    for day in range(past.first_day[account], until):
        if day > past.first_day[account]:
            belief = belief @ steps
        for p in known:
            if past.first_seen[p] <= day and not (view == kernel.ALONE and p != person):
                belief = belief * np.exp(-expected_events(made, p, day, until, view if p == person else None))
        if day > past.created[person]:
            chance = company.opens()[past.cycle[account], past.seniority[person]]
            belief = belief * np.where(np.arange(7) == company.READY, 1 - chance, 1)
        if day > first_created:
            belief = belief * (1 - company.CLEAN_UP)
        if day > first_created and view != kernel.ALONE and sum(past.created[p] < day for p in known) < 6:
            joined = any(past.created[p] == day for p in known)
            belief = belief * (company.JOIN if joined else 1 - company.JOIN)
        for p, _, _, behaviour, vector in seen[seen[:, 1] == day]:
            if counts(p == person, behaviour, vector, view):
                belief = belief * np.exp(VECTORS[vector])
        belief = belief / belief.sum()
    return belief


def expected_events(made: Company, person: int, day: int, until: int, view: int | None) -> Floats:
    """Over the states, how many events of one person and day should be known by ``until``."""
    past, total = made.hidden.history, np.zeros(7)
    known_late = 1 - company.LATE_SHARE * (1 - sum(company.LATE_NIGHTS[: until - day - 1]))
    for c, channel in enumerate(company.CHANNELS):
        silent = channel.once and made.hidden.done[person, events.ONCE.index(c)] < day
        unseen = view == kernel.MUTE or (
            view is not None and view == company.BEHAVIOURS.index(channel.behaviour)
        )
        if not silent and not unseen:
            rate = RATES[past.seniority[person], c]
            total += BUSY[day] * rate * (known_late if channel.late else 1)
    return total


def counts(own: bool, behaviour: int, vector: int, view: int) -> bool:
    source, review = vector >= events.SOURCES_AT, events.REVIEWS_AT <= vector < events.SOURCES_AT
    if not own:
        return view != kernel.ALONE and not review
    return source or (view != kernel.MUTE and behaviour != view)


def chance(belief: Floats, cycle: int, fit: int, seniority: int) -> float:
    """P(opens within the horizon | undecided in the gap), by powers of a matrix that ends in an opening."""
    steps, opens = company.transitions(cycle, fit), company.opens()[cycle, seniority]
    to = np.zeros((8, 8))
    to[:7, :7], to[7, 7] = steps, 1
    to[:7, 7] = steps[:, company.READY] * opens
    to[:7, company.READY] *= 1 - opens
    gap = belief @ to[:7, :7] * (1 - company.CLEAN_UP)
    days = company.HORIZON_DAYS[company.CYCLES[cycle]] - 1
    return float(np.append(gap, 0) @ np.linalg.matrix_power(to, days)[:, 7] / gap.sum())


def logit(p: float) -> float:
    p = float(np.clip(p, truth.LEAST, 1 - truth.LEAST))
    return float(np.log(p) - np.log1p(-p))


VIEWS = {
    **{name: b for b, name in enumerate(company.BEHAVIOURS)},
    "engagement": kernel.MUTE,
    "account": kernel.ALONE,
}


def test_the_truth_is_what_a_slow_reading_of_its_definition_gives() -> None:
    made = acme()
    past = made.hidden.history
    crowded = made.truth[made.truth["account"] > 0.3]
    rows = pd.concat([made.truth.sample(3, random_state=0), crowded.sample(3, random_state=0)])
    for (_, row), day in zip(rows.iterrows(), day_of(made, rows)):
        person = int(people(made)[row["lead_id"]])
        account = past.account[person]
        who = (past.cycle[account], past.fit[account], past.seniority[person])
        full = chance(believed(made, person, day), *who)
        assert row["probability"] == pytest.approx(max(full, truth.LEAST), rel=1e-9)
        for name in ("content", "webinar", "email", "handoff", "engagement", "account"):
            without = chance(believed(made, person, day, VIEWS[name]), *who)
            assert row[name] == pytest.approx(logit(full) - logit(without), abs=1e-7), name


def prepared(made: Company, tmp_path: Path) -> tuple[Timelines, Snapshots, npt.NDArray[np.float64]]:
    """Timelines, every snapshot that the library finds, and the rule points of each (-1,000 where excluded)."""
    (tmp_path / "readiness.toml").write_text(made.project_file)
    (tmp_path / "rules.yaml").write_text(made.rule_book)
    settings = project.load(tmp_path / "readiness.toml")
    known = timelines.build(
        tables.validate(settings, made.leads, made.events, made.outcomes, made.handoffs), settings
    )
    instants = snapshots.grid(int(known.created.min()), known.cut, settings.label.cadence_days)
    rows = snapshots.on_grid(known, settings, instants, snapshots.horizons(known, settings)[0])
    said = rules.replay(rules.load(tmp_path / "rules.yaml", settings), known, rows.lead, rows.as_of)
    return known, rows, np.where(said.excluded, -1_000.0, said.points)


def test_its_rows_are_the_snapshots_that_the_library_finds(tmp_path: Path) -> None:
    known, rows, _ = prepared(acme(), tmp_path)
    found = pd.DataFrame({"lead_id": known.lead_ids[rows.lead], "as_of": rows.as_of})
    told = acme().truth[["lead_id"]].assign(as_of=timelines.micros(acme().truth["as_of"]))
    pd.testing.assert_frame_equal(
        found.sort_values(["lead_id", "as_of"], ignore_index=True).astype({"lead_id": str}),
        told.astype({"lead_id": str}),
    )


def judged(made: Company, tmp_path: Path) -> pd.DataFrame:
    """Decided snapshots with the true probability, whether the lead won in time, and the rule points.

    Who won is taken from the hidden history, so that deals under way at the cut count.
    """
    known, rows, points = prepared(made, tmp_path)
    told = made.truth.assign(as_of=timelines.micros(made.truth["as_of"])).set_index(["lead_id", "as_of"])
    table = pd.DataFrame(
        {"lead_id": known.lead_ids[rows.lead], "as_of": rows.as_of, "label": rows.label, "points": points}
    )
    table = table.join(told, on=["lead_id", "as_of"])
    past = made.hidden.history
    place = people(made)[table["lead_id"]].to_numpy()
    opened = past.opened_at[place] + int(pd.Timestamp(company.START).timestamp()) * 1_000_000
    days = np.array(list(company.HORIZON_DAYS.values()))[past.cycle[past.account[place]]]
    end = table["as_of"] + days * timelines.DAY
    table["won"] = (opened > table["as_of"] + timelines.DAY) & (opened <= end)
    return table[((table["label"] == POSITIVE) | (table["label"] == NEGATIVE)) & (end <= known.cut)]


def test_it_is_calibrated_and_better_than_the_rules_which_are_better_than_chance(tmp_path: Path) -> None:
    rows = judged(acme(), tmp_path)
    assert rows["won"].sum() / rows["probability"].sum() == pytest.approx(1, abs=0.25)
    assert roc_auc_score(rows["won"], rows["probability"]) > roc_auc_score(rows["won"], rows["points"]) > 0.65


@pytest.mark.slow
def test_a_large_company_shows_how_well_it_is_calibrated_and_how_well_the_rules_do(tmp_path: Path) -> None:
    rows = judged(simulate.simulate(20_000, seed=11), tmp_path)
    assert rows["won"].sum() / rows["probability"].sum() == pytest.approx(1, abs=0.06)
    by_decile = rows.groupby(pd.qcut(rows["probability"], 10, labels=False))[["won", "probability"]].mean()
    assert (by_decile["won"] / by_decile["probability"])[8:].between(0.85, 1.15).all()
    assert 0.86 < roc_auc_score(rows["won"], rows["probability"]) < 0.91
    assert 0.72 < roc_auc_score(rows["won"], rows["points"]) < 0.79


SIGNS = {"pricing_view": ("pricing", 1), "demo_request": ("meeting", 1), "careers_view": ("careers", -1)}


@pytest.mark.parametrize("kind", SIGNS)
def test_what_was_just_done_moves_its_behaviour(kind: str) -> None:
    behaviour, sign = SIGNS[kind]
    done = acme().events.query("kind == @kind")[["lead_id", "occurred_at"]]
    rows = acme().truth.merge(done, on="lead_id")
    fresh = rows["occurred_at"].between(rows["as_of"] - pd.Timedelta(days=5), rows["as_of"])
    assert sign * rows.loc[fresh, behaviour].mean() > 0.1


def test_silence_speaks_against_a_lead() -> None:
    last = acme().events.groupby("lead_id")["occurred_at"].max()
    rows = acme().truth.set_index("lead_id").join(last, how="inner")
    silent = rows["as_of"] - rows["occurred_at"] > pd.Timedelta(days=45)
    assert (rows.loc[silent, "engagement"] < 0).mean() > 0.9


def test_fit_follows_the_level_of_fit() -> None:
    past = acme().hidden.history
    level = past.fit[past.account[people(acme())[acme().truth["lead_id"]].to_numpy()]]
    by_level = acme().truth["fit"].groupby(level).median()
    assert by_level.is_monotonic_increasing
