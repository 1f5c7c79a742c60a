"""A draft as a commented project file and a first rule book."""

from __future__ import annotations

import json
import re

from lead_readiness.proposal.draft import Draft, Kind
from lead_readiness.proposal.look import PASSWORD, without_password

POINTS = {
    "meeting": 30,
    "form": 25,
    "pricing": 15,
    "product": 15,
    "webinar": 10,
    "conversation": 10,
    "content": 5,
}


def text(value: str) -> str:
    """A TOML or YAML string.

    >>> text('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A TOML key, quoted where it must be.

    >>> key("pricing_view"), key("Pricing page")
    ('pricing_view', '"Pricing page"')
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else text(name)


def project_file(made: Draft, name: str, rules: str) -> str:
    """The text of `readiness.toml`."""
    parts = [
        "# What lead-readiness knows of your company, guessed from a look at your files.",
        "# Every line is yours to correct; `lead-readiness check` says whether it fits, `lead-readiness train` learns.",
        f"name = {text(name)}",
        f"rules = {text(rules)}        # the rule book: sales' own points",
        *_zone(made),
        *(line for table in made.tables for line in _table(made, table)),
        *_attributes(made),
        *_settings(made),
        *_vocabulary(made.kinds),
    ]
    return "\n".join(parts) + "\n"


def _zone(made: Draft) -> list[str]:
    if not made.zoneless:
        return [
            '# timezone = "Europe/Berlin"   # needed only when dates come without a zone; yours all have one'
        ]
    return [
        f"# Dates without a zone are in: {', '.join(made.zoneless)}.",
        'timezone = "UTC"             # CHECK: the zone that these dates were written in, such as "Europe/Berlin"',
    ]


def _table(made: Draft, name: str) -> list[str]:
    table = made.tables[name].candidate.table
    lines = ["", f"[tables.{name}]"]
    if table.path is not None:
        lines.append(f"path = {text(table.path)}")
    else:
        url = without_password(table.url or "")
        note = f"   # export {PASSWORD} first" if PASSWORD in url else ""
        lines += [f"url = {text(url)}{note}", f"table = {text(table.table or '')}"]
    lines += [f"# CHECK: {remark}" for remark in made.remarks.get(name, [])]
    renamed = {ours: theirs for ours, theirs in made.columns[name].items() if ours != theirs}
    if renamed:
        lines += ["", f"[tables.{name}.columns]   # the contract's column = yours"]
        lines += [f"{key(ours)} = {text(theirs)}" for ours, theirs in renamed.items()]
    if name == "outcomes" and made.outcomes:
        lines += [
            "",
            '[tables.outcomes.values.outcome]   # your value = won | lost | disqualified | "" (still open)',
        ]
        lines += [
            f"{text(value)} = {text(stands)}   # {rows:,} rows"
            for value, (stands, rows) in made.outcomes.items()
        ]
    return lines


def _attributes(made: Draft) -> list[str]:
    lines = ["", "# What is known of a lead when it is created: category | number.", "[attributes]"]
    lines += [f'{key(name)} = "{kind}"   # {why}' for name, (kind, why) in made.attributes.items()]
    return [*lines, *(f"# left out: {' '.join(name.split())}: {why}" for name, why in made.left_out.items())]


def _settings(made: Draft) -> list[str]:
    said = "the usual week in your hand-offs" if made.capacity else "CHECK: how many leads sales can take"
    return [
        "",
        "[label]",
        'horizon_days = "auto"        # won within how many days; "auto" takes it from your winners',
        "",
        "[handoff]",
        f"capacity_per_week = {made.capacity or 25}       # {said}",
        "",
        "# [judgement]",
        "# slices = []      # category attributes by which the comparison with the rules is shown",
        "# groups = []      # those whose levels should be handed off about as often",
    ]


def _vocabulary(kinds: list[Kind]) -> list[str]:
    lines = [
        "",
        "# What each event kind means. behaviour: the word that reasons are grouped by. actor: buyer | marketing |",
        "# sales | system; only what buyers do feeds the score. direction: up | down | none, whether more of it can",
        "# only raise or lower the score. hold: opt_out | complaint | bounce keep a lead with marketing. phrase: how",
        "# reasons say it.",
        "[vocabulary]",
    ]
    return lines + [_kind(kind) for kind in kinds]


def _kind(kind: Kind) -> str:
    what = kind.meaning
    parts = [f'behaviour = "{what.behaviour}"', f'actor = "{what.actor}"', f'direction = "{what.direction}"']
    if what.hold:
        parts.append(f'hold = "{what.hold}"')
    phrase = " ".join(re.sub(r"[_\W]+", " ", kind.name).lower().split())
    if phrase and phrase != kind.name.replace("_", " "):
        parts.append(f"phrase = {text(phrase)}")
    unsure = "" if what.sure else " CHECK: no word of it is known"
    return f"{key(kind.name)} = {{ {', '.join(parts)} }}   # {kind.events:,} events of {kind.leads:,} leads{unsure}"


def rule_book(made: Draft, name: str) -> str:
    """The text of a first `rules.yaml`: usual points for what buyers did, for sales and marketing to correct."""
    lines = [
        "# The rule book: sales' own points. These are usual values, not yours: correct them with sales and marketing",
        "# before anything is compared with them. A rule may also look at asset, value, attributes and order.",
        f"name: {text(name + ' lead scoring')}",
        "version: 1",
        "threshold: 60                    # points from which sales takes a lead",
        "decay: {half_life_days: 30}      # old points fade; a rule may say `decay: none`",
        "rules:",
    ]
    buyer = [k for k in made.kinds if k.meaning.actor == "buyer" and k.meaning.hold is None]
    ups = [k for k in buyer if k.meaning.direction == "up"] or buyer
    for kind in ups:
        points = POINTS.get(kind.meaning.behaviour, 2)
        lines += [
            f"  - name: {text(kind.name)}",
            f"    points: {points}",
            f"    when: {{kind: {text(kind.name)}}}",
            "    limit: {count: 3, days: 7}   # at most three awards in any week",
        ]
    resets = [k for k in made.kinds if k.meaning.hold == "opt_out"]
    if resets:
        lines.append(
            f"reset: {{kinds: [{', '.join(text(k.name) for k in resets)}]}}   # starts from nothing again"
        )
    return "\n".join(lines) + "\n"
