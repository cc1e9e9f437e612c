"""outbound_tcp_transfer_cost_bytes_total: bytes to and from endpoints, by whether they are in this pod's zone.

Transfer between zones is what clouds charge for. It is summed up from tcp_{read,write}_bytes_total when metrics are
rendered, so it costs nothing where bytes are counted.
"""

from linkerd_proxy.telemetry.registry import Counter, Family
from linkerd_proxy.telemetry.views import header, sample


class _Side:
    """One value of `op`."""

    def __init__(self, op: str, bytes_total: Family[Counter]) -> None:
        self._op = op
        self._bytes_total = bytes_total
        self._localities: dict[str, str] = {}
        self._evicted: dict[str, float] = {}
        bytes_total.on_evicted = self._on_evicted

    def locate(self, labels: str, locality: str) -> None:
        # Beyond the family's limit there is no series, and nothing would ever be forgotten.
        if self._bytes_total.peek(labels) is not None:
            self._localities[labels] = locality

    def samples(self, name: str) -> list[str]:
        sums = dict(self._evicted)
        for labels, locality in self._localities.items():
            counter = self._bytes_total.peek(labels)
            if counter is not None:
                sums[locality] = sums.get(locality, 0) + counter.value
        return [sample(name, f'op="{self._op}",zone_locality="{locality}"', value) for locality, value in sums.items()]

    def _on_evicted(self, labels: str, counter: Counter) -> None:
        # The sum goes on: one that fell would be taken for a restart.
        locality = self._localities.pop(labels, None)
        if locality is not None:
            self._evicted[locality] = self._evicted.get(locality, 0) + counter.value


class TransferCost:
    """The family, in the registry."""

    name = "outbound_tcp_transfer_cost_bytes_total"

    def __init__(self, read: Family[Counter], written: Family[Counter]) -> None:
        """Of tcp_read_bytes_total and tcp_write_bytes_total."""
        self._sides = (_Side("Send", written), _Side("Recv", read))

    def locate(self, labels: str, locality: str) -> None:
        """The series of this label set are of an endpoint that is "local", "remote", or of a zone "unknown"."""
        for side in self._sides:
            side.locate(labels, locality)

    def write(self, out: list[str]) -> None:
        """Append the text; nothing where there is no endpoint."""
        lines = [line for side in self._sides for line in side.samples(self.name)]
        if lines:
            help = "The total amount of data transferred in and out of this proxy, by the endpoint's zone."
            out += [header(self.name, "counter", help), *lines]

    def evict(self, now: float, retain: float) -> int:
        """Nothing of its own: what it sums up is evicted by its families."""
        return 0
