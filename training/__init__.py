"""Learns a Scorer, judges it against the rules and keeps both in MLflow; runs from the checkout."""
