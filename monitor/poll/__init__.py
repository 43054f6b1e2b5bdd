"""One feed, from due to committed.

`look` goes to the network and reads the document; `commit` stores what it found in one transaction, by way of
`tell`, which turns hits into stories, alerts and outbox rows; `rounds` runs many of these beside each other.
"""

from monitor.poll.commit import Outcome, commit
from monitor.poll.look import Look, Tools, look
from monitor.poll.rounds import Manners, Rounds
from monitor.poll.turns import Turns
from monitor.poll.world import Policy, World

__all__ = ["Look", "Manners", "Outcome", "Policy", "Rounds", "Tools", "Turns", "World", "commit", "look"]
