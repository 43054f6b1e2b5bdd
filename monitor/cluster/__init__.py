"""Many machines: the same polls and deliveries as jobs of a queue, on any number of hosts, against one PostgreSQL.

`jobs` is the queue (it alone knows Procrastinate), `leader` puts what is due into it, `batches` decides which feeds go
together, `clock` is the time all workers agree on, `worker` is the process: build, tick, drain.
"""

from monitor.cluster.clock import SharedClock
from monitor.cluster.jobs import prepare
from monitor.cluster.worker import Worker

__all__ = ["SharedClock", "Worker", "prepare"]
