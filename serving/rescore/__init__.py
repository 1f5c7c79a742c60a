"""Everybody scored again: tables in buckets, one Arrow function on any engine, one decision, an output whole or not."""
