"""The accuracy benchmark on made-up folders: what each protocol lets a scorer see, and what is said of absent sets."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import accuracy
from benchmarks.bpic2012 import protocol
from benchmarks.bpic2012.protocol import Prefixes, Split
from benchmarks.measure import Measure
from lead_readiness.snapshots import POSITIVE, Snapshots

HOUR = pd.Timedelta(hours=1)
BEGIN = pd.Timestamp("2011-10-01T08:00Z")
STEPS = ("A_SUBMITTED-COMPLETE", "O_SENT-COMPLETE", "W_Nabellen offertes-START", "O_SENT_BACK-COMPLETE")
ENDINGS = ("accepted", "declined", "cancelled")
ENDS = ("O_ACCEPTED-COMPLETE", "O_DECLINED-COMPLETE", "O_CANCELLED-COMPLETE")


def histories(leads: int) -> Iterator[tuple[str, pd.Timestamp, list[str], int]]:
    """Each lead's id, first event, kinds an hour apart, and the place of its decision; one goes on after that.

    Ids run against time, so that an order by id would be seen; lead 0 calls 50 times before its decision.
    """
    for n in range(leads):
        steps = [*STEPS[: 3 + n % 2], *["W_Nabellen offertes-START"] * (50 if n == 0 else n % 5)]
        yield f"{900 - n}", BEGIN + 6 * n * HOUR, [*steps, ENDS[n % 3], "A_REGISTERED-COMPLETE"], len(steps)


def write(folder: Path, leads: int = 150) -> Path:
    """A folder in the data set's layout; one more lead was never made an offer and is no part of the benchmark."""
    people, log = [], []
    for lead, begin, kinds, decided in histories(leads):
        people.append((lead, begin, 5000, begin + decided * HOUR, kinds[decided], True))
        log += [(lead, n, begin + n * HOUR, kind) for n, kind in enumerate(kinds)]
    people.append(("1000", BEGIN, 1, BEGIN + HOUR, None, False))
    log.append(("1000", 0, BEGIN, STEPS[0]))
    names = [
        "lead_id",
        "first_event_at",
        "amount_requested",
        "outcome_at",
        "last_offer_event",
        "in_teinemaa_benchmark",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(people, columns=names).to_csv(folder / "outcomes.csv", index=False)
    events = pd.DataFrame(log, columns=["lead_id", "seq", "timestamp", "event_type"]).assign(actor="112")
    events.to_csv(folder / "events.csv.gz", index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "bpic2012")


@pytest.fixture(scope="module")
def published(folder: Path) -> tuple[Prefixes, Split]:
    return protocol.prepared(*protocol.read(folder), honest=False)


@pytest.fixture(scope="module")
def honest(folder: Path) -> tuple[Prefixes, Split]:
    return protocol.prepared(*protocol.read(folder), honest=True)


def taught(data: Prefixes, split: Split) -> Snapshots:
    return data.rows(split.cut, split.teaches, seed=0)[0]


def test_the_earliest_leads_teach_and_the_rest_are_told(published: tuple[Prefixes, Split]) -> None:
    data, split = published
    ids = data.timelines.lead_ids
    assert set(ids[split.teaches]) == {f"{900 - n}" for n in range(120)}
    assert set(ids[~split.teaches]) == {f"{900 - n}" for n in range(120, 150)}
    assert set(taught(data, split).lead) <= set(np.flatnonzero(split.teaches))


def test_training_stops_before_the_first_test_event(published: tuple[Prefixes, Split]) -> None:
    data, split = published
    assert pd.Timestamp(split.cut, unit="us", tz="UTC") == BEGIN + 120 * 6 * HOUR
    rows = taught(data, split)
    assert rows.as_of.max() <= split.cut
    begun_late = data.timelines.lead_ids == "781"  # the 120th lead: its events run beyond the cut
    assert 0 < begun_late[rows.lead].sum() < begun_late[data.prefixes().lead].sum()


def test_one_row_after_each_of_the_first_forty_events(
    published: tuple[Prefixes, Split], folder: Path
) -> None:
    data, _ = published
    rows = data.prefixes()
    sizes = pd.Series(data.timelines.lead_ids[rows.lead]).value_counts()
    whole = pd.read_csv(folder / "events.csv.gz", dtype={"lead_id": str}).lead_id.value_counts()
    assert sizes["900"] == 40 < whole["900"]
    assert (sizes == whole.drop("1000").clip(upper=40)[sizes.index]).all()
    first = rows.as_of[data.timelines.lead_ids[rows.lead] == "899"][0]
    assert first == (BEGIN + 6 * HOUR).value // 1000 + 1  # the event itself is seen


def test_events_of_one_instant_are_a_row_each(tmp_path: Path) -> None:
    events = pd.read_csv(write(tmp_path, 20) / "events.csv.gz")
    events["timestamp"] = events.groupby("lead_id")["timestamp"].transform("first")
    events.to_csv(tmp_path / "events.csv.gz", index=False)
    data, _ = protocol.prepared(*protocol.read(tmp_path), honest=False)
    assert len(data.prefixes()) == sum(min(len(kinds), 40) for _, _, kinds, _ in histories(20))


def test_the_honest_rows_end_before_the_decision(
    published: tuple[Prefixes, Split], honest: tuple[Prefixes, Split]
) -> None:
    (data, split), (all_data, _) = honest, published
    assert split.cut == published[1].cut
    rows = data.prefixes()
    decided = {lead: begin + n * HOUR for lead, begin, _, n in histories(150)}
    seen = pd.to_datetime(rows.as_of, unit="us", utc=True)
    assert all(at < decided[lead] for at, lead in zip(seen, data.timelines.lead_ids[rows.lead]))
    assert len(all_data.prefixes()) - len(rows) == 2 * 149  # of lead 900 both have the first 40


@pytest.mark.parametrize(("name", "end"), list(zip(ENDINGS, ENDS)))
def test_one_class_against_the_others(published: tuple[Prefixes, Split], name: str, end: str) -> None:
    data = protocol.of_class(*published, name)
    rows = data.prefixes()
    ends = {lead: kinds[n] for lead, _, kinds, n in histories(150)}
    expected = [ends[lead] == end for lead in data.timelines.lead_ids[rows.lead]]
    assert (rows.label == POSITIVE).tolist() == expected
    assert (rows.label >= 0).all()


def test_what_test_leads_did_or_became_teaches_nothing(published: tuple[Prefixes, Split]) -> None:
    data, split = published
    known = protocol.of_class(data, split, "accepted")
    flipped = split.outcome.copy()
    flipped[~split.teaches] = ENDS[1]
    other = protocol.of_class(data, replace(split, outcome=flipped), "accepted")
    said = [protocol.predicted(one, split, seed=0)[1] for one in (known, other)]
    np.testing.assert_array_equal(*said)


def test_intervals_draw_leads() -> None:
    rng = np.random.default_rng(0)
    lead = np.repeat(np.arange(60, dtype=np.int32), 20)
    won = lead % 2 == 0
    said = won * 0.5 + rng.normal(size=60)[lead]
    value, low, high = protocol.interval(won, said, lead)
    of_rows = protocol.interval(won, said, np.arange(len(lead), dtype=np.int32))
    assert low < value < high
    assert high - low > 2 * (of_rows[2] - of_rows[1])


def test_the_command_names_absent_sets_and_writes_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cdnow").mkdir()
    measured = [Measure("cdnow: any purchase", 0.77, "ROC AUC", 0.76, 0.78, ">= 0.775", False)]
    monkeypatch.setattr(accuracy, "protocol", lambda name: lambda folder, quick, say: measured)
    target = tmp_path / "found.json"
    told = CliRunner().invoke(accuracy.main, ["--data", str(tmp_path), "--json", str(target)])
    assert told.exit_code == 0, told.output
    for name in ("bpic2012", "uci_bank", "olist_funnel"):
        assert f"{name} is absent" in " ".join(told.output.split())
    assert [m["measure"] for m in json.loads(target.read_text())] == ["cdnow: any purchase"]


@pytest.mark.slow
def test_every_class_is_measured_by_both_protocols(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "QUICK_SHARE", 1.0)
    said: list[str] = []
    found = protocol.measure(folder, True, said.append)
    assert [m.measure for m in found] == [
        f"bpic2012 {how}: {name}" for how in protocol.GOALS for name in ENDINGS
    ]
    assert all(m.low <= m.value <= m.high and m.reached is None for m in found)
    assert said[:2] == ["bpic2012, published: accepted", "bpic2012, published: declined"]
