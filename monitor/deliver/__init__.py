"""Draining the outbox: every due delivery is attempted once, in order, at the pace each channel allows.

`deliverer` ties lanes together, a `lane` is one channel and its order, `steps` are the database's side of an attempt,
`options` is what the outside gives.
"""

from monitor.deliver.deliverer import Deliverer
from monitor.deliver.options import PACE, Options

__all__ = ["PACE", "Deliverer", "Options"]
