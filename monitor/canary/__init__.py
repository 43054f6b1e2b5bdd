"""The canary: once a day a made-up story goes the way that news go, and nobody hears of it unless it fails.

Its document is read by the workers that read feeds, matched by the engine and stored by the commit that news have, in
the same database, and delivered by the deliverer; only the rule and the receiver are its own, so that it says nothing
about the rules people write. What its poll writes is taken back in the same transaction: no other reader ever sees it.
"""

from monitor.canary.box import Box
from monitor.canary.flight import RECEIVER, Canary, Ground

__all__ = ["RECEIVER", "Box", "Canary", "Ground"]
