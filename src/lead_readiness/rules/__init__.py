"""The rule book: sales' own points, checked, explained and replayed point in time."""

from lead_readiness.rules.book import RuleBook, load, parse
from lead_readiness.rules.replay import Replay, replay
from lead_readiness.rules.terms import Term

__all__ = ["Replay", "RuleBook", "Term", "load", "parse", "replay"]
