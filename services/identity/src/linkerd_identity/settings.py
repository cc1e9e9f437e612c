"""Settings of the identity service, from environment variables (names in README.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from linkerd_contract import names
from linkerd_runtime.logs import LEVELS
from linkerd_runtime.settings import Addr, Reader

_STALE_MOST = timedelta(seconds=120)
_STALE_LEAST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Lives:
    """How long certificates live, and how wrong clocks may be."""

    leaf: timedelta = timedelta(hours=24)
    skew: timedelta = timedelta(seconds=20)
    issuer: timedelta = timedelta(days=365)
    anchor: timedelta = timedelta(days=3650)

    @property
    def stale(self) -> timedelta:
        """How old a replica's picture of trust may be: with an older one it signs nothing."""
        return min(_STALE_MOST, max(_STALE_LEAST, self.leaf / 10))

    @property
    def overlap(self) -> timedelta:
        """After a change of trust, the time until no leaf from before it can be in use.

        A replica may learn of it `stale` late, and sign then: leaf + skew. Its clock, the leader's, and that of
        the peer that looks at the leaf may each be wrong by up to the skew; two of them count besides the leaf's own.
        """
        return self.leaf + 3 * self.skew + 2 * self.stale

    def problems(self) -> list[str]:
        """What does not fit together; a sentence each."""
        found = []
        if self.leaf < timedelta(seconds=1):
            found.append("the leaf lifetime must be at least 1s")
        if self.issuer < 3 * self.overlap:
            found.append(f"the issuer lifetime must be at least {_seconds(3 * self.overlap)}, for these leaves")
        if self.anchor < max(9 * self.overlap, self.issuer):
            least = max(9 * self.overlap, self.issuer)
            found.append(f"the anchor lifetime must be at least {_seconds(least)}, for these leaves and issuers")
        return found


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    namespace: str
    """Of the control plane."""
    trust_domain: str
    pod_name: str
    """Unique among replicas: who holds the Lease."""
    directory: str
    """A memory volume: the certificate and key that this service serves with."""
    listen: Addr
    admin: Addr
    log_level: str
    log_format: str
    lives: Lives
    lives_given: frozenset[str]
    """Lives set by variables, which the installation's values do not override."""

    @property
    def server_name(self) -> str:
        """Our own identity, which every workload verifies."""
        return names.identity_name("linkerd-identity", self.namespace, self.namespace, self.trust_domain)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read all variables. Raises BadSettings."""
        read = Reader(env)
        default = Lives()
        given = frozenset(
            name for name in ("leaf", "skew", "issuer", "anchor") if read.optional(_LIVES[name]) is not None
        )

        def life(name: str, otherwise: timedelta) -> timedelta:
            return timedelta(milliseconds=read.duration_ms(_LIVES[name], round(otherwise.total_seconds() * 1000)))

        settings = cls(
            namespace=read.text("LINKERD_NAMESPACE", names.LINKERD_NAMESPACE),
            trust_domain=read.text("LINKERD_TRUST_DOMAIN", read.text("LINKERD_CLUSTER_DOMAIN", names.CLUSTER_DOMAIN)),
            pod_name=read.text("POD_NAME", "linkerd-identity"),
            directory=read.text("LINKERD_IDENTITY_DIR", names.IDENTITY_DIR),
            listen=read.addr("LINKERD_LISTEN_ADDR", f"0.0.0.0:{names.PORT_IDENTITY}"),
            admin=read.addr("LINKERD_ADMIN_ADDR", f"0.0.0.0:{names.PORT_SERVICE_ADMIN}"),
            log_level=read.choice("LINKERD_LOG_LEVEL", "info", LEVELS),
            log_format=read.choice("LINKERD_LOG_FORMAT", "plain", ("plain", "json")),
            lives=Lives(
                leaf=life("leaf", default.leaf),
                skew=life("skew", default.skew),
                issuer=life("issuer", default.issuer),
                anchor=life("anchor", default.anchor),
            ),
            lives_given=given,
        )
        read.errors.extend(f"LINKERD_IDENTITY_*: {problem}" for problem in settings.lives.problems())
        read.finish()
        return settings


def _seconds(life: timedelta) -> str:
    return f"{life.total_seconds():g}s"


_LIVES = {
    "leaf": "LINKERD_IDENTITY_LEAF_LIFETIME",
    "skew": "LINKERD_IDENTITY_CLOCK_SKEW",
    "issuer": "LINKERD_IDENTITY_ISSUER_LIFETIME",
    "anchor": "LINKERD_IDENTITY_ANCHOR_LIFETIME",
}
