"""The third voice: shallow boosted trees that keep to the vocabulary's directions, explained exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from lead_readiness import evidence
from lead_readiness.errors import LeadReadinessError, ModelError
from lead_readiness.evidence import Floats, Matrix
from lead_readiness.treeshap.kernel import explain_few, explain_many
from lead_readiness.treeshap.model import parse
from lead_readiness.treeshap.tables import Tables, build

FEW = 8
"""Up to so many rows are faster one by one than as a block."""

CHUNK = 2048
"""Rows that one thread explains at a time."""

ROWS_PER_THREAD = 50_000
"""Fewer training rows than this keep a thread waiting for the others more than they give it to do."""


@dataclass(frozen=True)
class Params:
    """How the trees are grown: shallow and heavily averaged, so that few wins do not mislead them.

    ``rows_per_leaf`` is lowered to 4 % of the rows when there are few (but not below 20), and ``wins_per_leaf``
    bounds a leaf's summed ``p(1 - p)``, about its expected wins: rare wins need larger leaves.
    """

    trees: int = 300
    rate: float = 0.03
    leaves: int = 15
    depth: int = 6
    rows_per_leaf: int = 200
    wins_per_leaf: float = 3.0
    l2: float = 10.0
    features_per_tree: float = 0.5
    rows_per_tree: float = 0.8


@dataclass(frozen=True)
class Trees:
    """A trained model as LightGBM's text, and the tables made from it that explain any row."""

    text: str
    features: int
    base: float
    tables: Tables

    @classmethod
    def from_text(cls, text: str) -> Trees:
        """The voice that a LightGBM model text describes; needs no LightGBM.

        Raises ModelError when the text is damaged, or its trees are not such as `fit` makes.
        """
        model = parse(text)
        base, tables = build(model)
        return cls(text, model.features, base, tables)

    def contributions(self, X: Matrix, threads: int | None = None) -> tuple[float, Floats]:
        """The mean logit over the training rows, and what each feature (column) moves each row (row) from it.

        ``logit = base + phi.sum(axis=1)``: exact path-dependent TreeSHAP, in units of log-odds. A row's numbers
        do not depend on the other rows nor on ``threads`` (all processors by default). No rows give (0, p).
        Raises ModelError when ``X`` is not (n, p) float32 without NaN.
        """
        phi = np.empty(X.shape)
        self.explain(X, phi, threads)
        return self.base, phi

    def explain(self, X: Matrix, phi: Floats, threads: int | None = 1) -> None:
        """Fill ``phi`` in with the contributions."""
        rows = np.ascontiguousarray(X)
        fits = rows.ndim == 2 and rows.shape[1] == self.features and rows.dtype == np.float32
        if not fits or self._explain(rows, phi, threads):
            raise ModelError(
                f"the tree model was given {X.dtype} features of shape {X.shape}, NaN: {bool(np.isnan(X).any())}; "
                f"expected float32 of shape (rows, {self.features}) without NaN"
            )

    def _explain(self, rows: Matrix, phi: Floats, threads: int | None) -> bool:
        """Fill in the contributions of checked rows; whether some feature was NaN."""
        if len(rows) <= FEW:
            return explain_few(*self.tables, rows, phi)
        if len(rows) <= CHUNK or threads == 1:
            return explain_many(*self.tables, rows, phi)
        chunks = [slice(begin, begin + CHUNK) for begin in range(0, len(rows), CHUNK)]
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            return any(pool.map(lambda chunk: explain_many(*self.tables, rows[chunk], phi[chunk]), chunks))


def fit(
    X: Matrix,
    y: Floats,
    weight: Floats,
    directions: npt.NDArray[np.int8],
    names: Sequence[str],
    seed: int = 0,
    params: Params | None = None,
    threads: int | None = None,
) -> Trees:
    """Trees for the probability of winning that never fall in a feature of direction 1, nor rise in one of -1.

    Arguments as in `evidence.check`, which refuses bad rows with DataError. The same rows, seed and parameters
    give the same text on any number of threads. LeadReadinessError when LightGBM cannot be loaded.

    >>> views = np.arange(4000, dtype=np.float32)[:, np.newaxis]
    >>> won = (views[:, 0] > 3000).astype(float)
    >>> trees = fit(views, won, np.ones(4000), np.ones(1, np.int8), ["views"], params=Params(trees=50))
    >>> base, phi = trees.contributions(views)
    >>> (base + phi.sum(axis=1))[[1000, 3500]].round(1).tolist()
    [-2.8, 1.5]
    """
    evidence.check(X, y, weight, directions, names)
    chosen = params or Params()
    settings = {
        "objective": "binary",
        "num_leaves": chosen.leaves,
        "max_depth": chosen.depth,
        "learning_rate": chosen.rate,
        "min_data_in_leaf": min(chosen.rows_per_leaf, max(20, len(X) // 25)),
        "min_sum_hessian_in_leaf": chosen.wins_per_leaf,
        "lambda_l2": chosen.l2,
        "feature_fraction": chosen.features_per_tree,
        "bagging_fraction": chosen.rows_per_tree,
        "bagging_freq": 1,
        "monotone_constraints": directions.tolist() if directions.any() else None,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "use_missing": False,
        "num_threads": threads or max(1, min(os.cpu_count() or 1, len(X) // ROWS_PER_THREAD)),
        "verbosity": -1,
    }
    lightgbm = _lightgbm()
    booster = lightgbm.train(settings, lightgbm.Dataset(X, y, weight=weight), chosen.trees)
    text = booster.model_to_string()
    return Trees.from_text(text[: text.index("\nparameters:")])


def _lightgbm() -> ModuleType:
    """LightGBM, loaded when first needed: the rest of the library works where it cannot be."""
    try:
        import lightgbm
    except OSError as error:
        raise LeadReadinessError(
            f"LightGBM cannot be loaded ({error}); it needs the OpenMP runtime: install the system package "
            "libgomp1 (Debian, Ubuntu), libgomp (Fedora, Alpine) or libomp (macOS, Homebrew)"
        ) from None
    return lightgbm
