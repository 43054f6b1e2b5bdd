"""Composition root: the service (what polls and delivers), and the daemon that ticks it."""
