"""Runs the graph and publishes what it made."""
