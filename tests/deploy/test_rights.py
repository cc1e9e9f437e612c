"""Each right of a ServiceAccount, and in which file it is used. A rule that nobody needs fails here, and one that is
missing from this table, too. That they suffice the end-to-end tests show: the sandbox enforces RBAC.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import yaml
from tests.deploy.rendering import DEPLOY, ROOT, Obj

SERVICES = ROOT / "services"
READ = "list watch"


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on resources (`resource.group`, or `resource` of the core), used by a line with `by` in a file."""

    verbs: str
    resources: str
    file: str
    by: str
    names: tuple[str, ...] = ()
    namespace: str = ""
    """Empty for the whole cluster."""


def lease(name: str, file: str, by: str) -> list[Right]:
    """What libs/kube's leader election asks for; RBAC cannot restrict create by name."""
    leases = "leases.coordination.k8s.io"
    return [
        Right("create", leases, file, by, (), "linkerd"),
        Right("get update", leases, file, by, (name,), "linkerd"),
    ]


DISCOVERY = "linkerd_viz/discovery.py"
VIZ = [
    Right(READ, "pods services namespaces", DISCOVERY, "reflect(resources.PODS"),
    Right(READ, "deployments.apps statefulsets.apps daemonsets.apps jobs.batch", DISCOVERY, "_WORKLOADS.items()"),
    Right(READ, "replicasets.apps", DISCOVERY, "reflect(resources.REPLICA_SETS"),
    Right(READ, "serviceprofiles.linkerd.io", DISCOVERY, "resources.SERVICE_PROFILES"),
    Right(READ, "trafficsplits.split.smi-spec.io", DISCOVERY, "resources.TRAFFIC_SPLITS"),
]
EVENTS = ("create patch", "events")
WEBHOOKS = "webhookconfigurations.admissionregistration.k8s.io"
POLICY = "policy.linkerd.io"
GATEWAY = "gateway.networking.k8s.io"
FEED = "linkerd_destination/watch/feed.py"
CUSTOM = "linkerd_destination/watch/custom.py"
CONDITIONS = "linkerd_destination/status/conditions.py"
RIGHTS: dict[str, list[Right]] = {
    "linkerd-identity": [
        Right("create", "tokenreviews.authentication.k8s.io", "linkerd_identity/tokens.py", "TOKEN_REVIEWS"),
        Right(*EVENTS, "linkerd_identity/events.py", "EventRecorder("),
        Right("get list watch update", "secrets", "linkerd_identity/keeper.py", "names.ISSUER_SECRET",
              ("linkerd-identity-issuer",), "linkerd"),
        Right("get update", "secrets", "linkerd_identity/keeper.py", "names.ANCHOR_SECRET",
              ("linkerd-identity-trust-anchor",), "linkerd"),
        Right("create", "secrets", "linkerd_identity/keeper.py", "client.create", (), "linkerd"),
        Right("get list watch update", "configmaps", "linkerd_identity/keeper.py", "names.TRUST_ROOTS_CONFIG_MAP",
              ("linkerd-identity-trust-roots",), "linkerd"),
        Right("create", "configmaps", "linkerd_identity/keeper.py", "client.create", (), "linkerd"),
        Right("get", "configmaps", "linkerd_identity/keeper.py", "names.CONFIG_MAP", ("linkerd-config",), "linkerd"),
        *lease("linkerd-identity", "linkerd_identity/keeper.py", "LEASE"),
        Right("get", "deployments.apps", "linkerd_identity/events.py", "DEPLOYMENTS", ("linkerd-identity",), "linkerd"),
    ],
    "linkerd-destination": [
        Right(READ, "services pods namespaces nodes", FEED, "resources.PODS"),
        Right(READ, "endpointslices.discovery.k8s.io", FEED, "ENDPOINT_SLICES"),
        Right(READ, "serviceprofiles.linkerd.io", CUSTOM, "resources.SERVICE_PROFILES"),
        Right(READ, "trafficsplits.split.smi-spec.io", CUSTOM, "resources.TRAFFIC_SPLITS"),
        Right(READ, f"servers.{POLICY} serverauthorizations.{POLICY} authorizationpolicies.{POLICY} "
              f"meshtlsauthentications.{POLICY} networkauthentications.{POLICY} faultinjections.{POLICY} "
              f"httproutes.{POLICY} httplocalratelimitpolicies.{POLICY}", CUSTOM, "resources.SERVERS"),
        Right(READ, f"httproutes.{GATEWAY} grpcroutes.{GATEWAY} referencegrants.{GATEWAY}", CUSTOM, "HTTP_ROUTES"),
        Right("get", f"httproutes.{POLICY} httplocalratelimitpolicies.{POLICY} httproutes.{GATEWAY} "
              f"grpcroutes.{GATEWAY}", CONDITIONS, "self._client.get"),
        Right("patch", f"httproutes/status.{POLICY} httplocalratelimitpolicies/status.{POLICY} "
              f"httproutes/status.{GATEWAY} grpcroutes/status.{GATEWAY}", CONDITIONS, "self._client.patch"),
        Right(*EVENTS, "linkerd_destination/status/reports.py", "recorder.record("),
        Right(READ, "configmaps", FEED, "CONFIG_MAPS",
              ("linkerd-config", "linkerd-identity-trust-roots"), "linkerd"),
        *lease("linkerd-destination-status", "linkerd_destination/app.py", "LEASE"),
    ],
    "linkerd-proxy-injector": [
        Right("get list watch patch", f"mutating{WEBHOOKS}", "linkerd_injector/keeper.py", "MUTATING",
              ("linkerd-proxy-injector-webhook-config",)),
        Right("get list watch patch", f"validating{WEBHOOKS}", "linkerd_injector/keeper.py", "VALIDATING",
              ("linkerd-sp-validator-webhook-config", "linkerd-policy-validator-webhook-config")),
        Right("get list watch", "namespaces", "linkerd_injector/cluster.py", "NAMESPACES"),
        Right("get", "replicasets.apps", "linkerd_injector/owners.py", "REPLICA_SETS.path"),
        Right(*EVENTS, "linkerd_injector/events.py", "recorder.record("),
        Right("get list watch update", "secrets", "linkerd_injector/keeper.py", "client.replace",
              ("linkerd-proxy-injector-k8s-tls",), "linkerd"),
        Right("create", "secrets", "linkerd_injector/keeper.py", "client.create", (), "linkerd"),
        Right(READ, "configmaps", "linkerd_injector/cluster.py", "CONFIG_MAPS",
              ("linkerd-config", "linkerd-identity-trust-roots"), "linkerd"),
        *lease("linkerd-proxy-injector", "linkerd_injector/keeper.py", "LEASE"),
    ],
    "metrics-api": [
        *VIZ,
        Right("watch", "*/tap.tap.linkerd.io tap.tap.linkerd.io", "linkerd_viz/tap/forward.py", "post"),
    ],
    "tap": [
        *VIZ,
        Right("create", "subjectaccessreviews.authorization.k8s.io", "linkerd_viz/tap/access.py",
              "SUBJECT_ACCESS_REVIEWS"),
        Right("get list watch patch", "apiservices.apiregistration.k8s.io", "linkerd_viz/tap/keeper.py",
              "API_SERVICES", ("v1alpha1.tap.linkerd.io",)),
        Right("get list watch patch", f"mutating{WEBHOOKS}", "linkerd_viz/tap/keeper.py", "MUTATING_WEBHOOKS",
              ("linkerd-tap-injector-webhook-config",)),
        Right(READ, "configmaps", "linkerd_viz/tap/mesh.py", "CONFIG_MAPS", ("linkerd-identity-trust-roots",),
              "linkerd"),
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class One:
    """A right taken apart."""

    namespace: str
    verb: str
    resource: str
    name: str = field(default="")


def objects() -> Iterator[Obj]:
    for file in sorted(DEPLOY.rglob("rbac.yaml")):
        yield from yaml.safe_load_all(file.read_text())


OBJECTS = list(objects())
ROLES = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in OBJECTS if "rules" in o}


def granted(account: str) -> set[One]:
    """By the manifests' bindings and roles; Kubernetes' own role for aggregated APIs is not among them."""
    found = set()
    for binding in (o for o in OBJECTS if o["kind"].endswith("Binding")):
        namespace = binding["metadata"].get("namespace", "")
        reference = binding["roleRef"]
        role = ROLES.get((reference["kind"], namespace, reference["name"]))
        if role is None or account not in [subject["name"] for subject in binding["subjects"]]:
            continue
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    full = f"{resource}.{group}" if group else resource
                    names = rule.get("resourceNames", [""])
                    found |= {One(namespace, verb, full, name) for verb in rule["verbs"] for name in names}
    return found


def needed(account: str) -> set[One]:
    return {
        One(right.namespace, verb, resource, name)
        for right in RIGHTS[account]
        for verb in right.verbs.split()
        for resource in right.resources.split()
        for name in right.names or ("",)
    }


@pytest.mark.parametrize("account", RIGHTS)
def test_what_is_granted_is_what_is_needed(account: str) -> None:
    assert sorted(granted(account) - needed(account)) == [], "granted, and nobody needs it"
    assert sorted(needed(account) - granted(account)) == [], "needed, and not granted"


def test_every_account_is_in_the_table() -> None:
    assert {o["metadata"]["name"] for o in OBJECTS if o["kind"] == "ServiceAccount"} == set(RIGHTS)


@pytest.mark.parametrize(
    "right", [r for rights in RIGHTS.values() for r in rights], ids=lambda r: f"{r.verbs} {r.file}"
)
def test_every_right_is_used_where_the_table_says(right: Right) -> None:
    (file,) = SERVICES.glob(f"*/src/{right.file}")
    assert right.by in file.read_text()


def test_roles_that_nobody_is_given_are_for_users() -> None:
    bound = {(o["roleRef"]["kind"], o["roleRef"]["name"]) for o in OBJECTS if o["kind"].endswith("Binding")}
    free = {(kind, name) for kind, _, name in ROLES} - bound
    assert free == {("ClusterRole", "linkerd-linkerd-viz-tap-headers")}
