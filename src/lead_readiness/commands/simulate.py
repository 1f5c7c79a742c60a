"""`lead-readiness simulate`: a simulated company's tables, with the truth behind them."""

from __future__ import annotations

from pathlib import Path

import click

from lead_readiness.console import say, steps
from lead_readiness.errors import LeadReadinessError


@click.command()
@click.option("--leads", type=click.IntRange(min=1), default=6_000, show_default=True, help="How many leads.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same company.")
@click.option(
    "--months", type=click.IntRange(min=1), default=18, show_default=True, help="Months of history."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Directory to write to."
)
def simulate(leads: int, seed: int, months: int, out: Path) -> None:
    """Write leads, events, outcomes, hand-offs, rule book and project file of a simulated company."""
    from lead_readiness.simulate.write import write

    with steps() as step:
        step(f"simulating {leads:,} leads over {months} months")
        try:
            write(out, leads, seed, months)
        except OSError as error:
            raise LeadReadinessError(
                f"{out}: cannot be written ({error.strerror or error}); name a folder of yours with --out"
            ) from None
    say(f"Wrote {out}. Next: lead-readiness check --project {out / 'readiness.toml'}")
