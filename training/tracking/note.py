"""A training in a page of Markdown, as MLflow shows it with the run: the verdict first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lead_readiness import moments
from lead_readiness.errors import masked
from lead_readiness.scorer import Scorer
from training.judgement.comparison import PHRASES, Comparison
from training.judgement.judge import MODEL, RULES
from training.judgement.verdict import Verdict
from training.report.judgement import across_folds
from training.wording import estimand

if TYPE_CHECKING:
    from training.job import Findings

SHOWN = (
    "winners_reached",
    "days_gained",
    "revenue_reached",
    "precision",
    "lift",
    "roc_auc",
    "brier_skill",
    "calibration_slope",
)


def run(found: Findings) -> str:
    """The page of a training's run."""
    return "\n\n".join(_run(found))


def version(found: Findings) -> str:
    """The page of its scorer as a version of the registered model."""
    return "\n\n".join([found.verdict.words(), _compared(found), _learned(found), _estimand(found.scorer)])


def left_out(found: Findings) -> list[str]:
    """What did not take part and why, each once; folds that say the same but for their wins are one."""
    notes = list(found.scorer.card.notes)
    if found.judged is not None:
        notes += [*across_folds(found.judged.trial.notes), *found.judged.contest.left_out]
    return list(dict.fromkeys(notes))


def _run(found: Findings) -> Iterator[str]:
    yield f"**{found.verdict.words()}**"
    yield _compared(found)
    if found.judged is not None:
        comparison = found.judged.comparison
        yield _figures(comparison)
        yield (
            "95 % intervals from a bootstrap over accounts. The runs below this one are the policies, each with the "
            "same metrics: select them and press *Compare*."
        )
    if found.verdict.gates:
        yield _gates(found.verdict)
    yield f"**What is predicted.** {_estimand(found.scorer)}"
    yield f"**Learned from.** {_learned(found)}"
    yield f"**Left out.** {_listed(left_out(found))}"
    yield f"**Leak audit.** {_listed([f'{flag.what} {flag.column}: {flag.words}' for flag in found.audit.flags])}"


def _compared(found: Findings) -> str:
    judged = found.judged
    return judged.comparison.summary() if judged else f"Not compared with the rules: {masked(found.refused)}."


def _estimand(scorer: Scorer) -> str:
    return f"{estimand(scorer)}. An association: nothing here says that a call causes a win."


def _learned(found: Findings) -> str:
    card, blend = found.scorer.card, found.scorer.blend
    voices = " and ".join(blend.voices) if blend else "rules"
    return (
        f"{card.wins:,} wins among {card.leads:,} leads known up to {moments.written(card.cut)[:10]}; voices: "
        f"{voices}; seed {card.seed}."
    )


def _figures(comparison: Comparison) -> str:
    rows = [
        (PHRASES[m][0], comparison.cell(m, MODEL), comparison.cell(m, RULES), comparison.gap(m, MODEL))
        for m in SHOWN
        if comparison.cell(m, MODEL) != "-"
    ]
    return _table(("", MODEL, RULES, "difference"), rows)


def _gates(verdict: Verdict) -> str:
    rows = [(g.name, "passed" if g.passed else "**not passed**", g.found, g.needed) for g in verdict.gates]
    return _table(("gate", "", "found", "needed"), rows)


def _listed(lines: Iterable[str]) -> str:
    """Nothing, or one bullet a line.

    >>> _listed([]), _listed(["trees: 99 wins", "linear: 9 wins"])
    ('Nothing.', '\\n\\n- trees: 99 wins\\n- linear: 9 wins')
    """
    bullets = "\n".join(f"- {line}" for line in lines)
    return f"\n\n{bullets}" if bullets else "Nothing."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
