"""Several processes in one sidecar (proxy-cpu-limit): the first worker is the proxy, the others follow it.

Every worker listens on the same ports (SO_REUSEPORT), has its own connection to discovery and its own connections to
endpoints. The first one also certifies, serves the admin port and tap, and starts the others, again where one ends.
They are joined by a socket each (channel.py): the certificate, the log level, taps and the word to drain go one way,
readiness, metrics and what taps see come back. A follower whose first worker is gone drains and ends.
"""

from linkerd_proxy.workers.follower import Leader, Orders
from linkerd_proxy.workers.leader import METRICS, Followers

__all__ = ["METRICS", "Followers", "Leader", "Orders"]
