"""The one command, `lead-readiness`: subcommands are loaded when they are called."""

from __future__ import annotations

from importlib import import_module

import click

from lead_readiness.errors import LeadReadinessError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("lead_readiness.commands.init:init", "Write a first project file from a look at your files."),
    "check": (
        "lead_readiness.commands.check:check",
        "Check tables, vocabulary and rule book without training.",
    ),
    "simulate": ("lead_readiness.commands.simulate:simulate", "Write the tables of a simulated company."),
    "train": ("training.cli:train", "Learn a scorer and compare it with the rule book."),
    "explain": ("training.cli:explain", "Explain one lead's score."),
    "review": ("training.cli:review", "List what was trained, with its verdicts."),
    "promote": ("training.cli:promote", "Make a version the champion, or take that back."),
    "serve": ("serving.start:serve", "Answer over HTTP: scores with reasons, and events as they happen."),
    "rescore": ("serving.cli:rescore", "Score every open lead again, into a file or a table."),
    "demo": ("training.cli:demo", "Train on the sample company and show what comes out."),
}


class LazyGroup(click.Group):
    """A group that knows its subcommands by dotted name, so that help and start-up load none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now; one that needs the checkout says so when it is not there."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if not module.startswith(("training", "serving")) or (error.name or "").startswith(
                "lead_readiness"
            ):
                raise
            raise LeadReadinessError(_not_here(cmd_name, error.name or "")) from None
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of subcommands, from what is known without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand: what the product refuses ends with a message and 2, an interruption with 130."""
        try:
            return super().invoke(ctx)
        except LeadReadinessError as error:
            click.echo(f"lead-readiness: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("lead-readiness: interrupted", err=True)
            ctx.exit(130)


def _not_here(command: str, module: str) -> str:
    room = COMMANDS[command][0].partition(".")[0]
    extra = {"training": "train", "serving": "serve"}[room]
    needs = f"the `{room}` package" if module.partition(".")[0] == room else f"`{module}`"
    return (
        f"`{command}` needs {needs}, which is not installed: {room} runs from the checkout with the extra `{extra}` "
        f"(in the checkout: pip install -e '.[{extra}]')"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lead-readiness")
def main() -> None:
    """How ready each lead is to be handed to sales."""
