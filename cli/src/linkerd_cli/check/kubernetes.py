"""kubernetes-api, kubernetes-version, pre-kubernetes-setup."""

from datetime import datetime, timedelta

from linkerd_cli.check.model import Category, Check, Failed
from linkerd_cli.check.namespaces import going
from linkerd_cli.check.state import State
from linkerd_cli.inject.manual import server_version
from linkerd_cli.install.survey import foreign_definitions
from linkerd_cli.tree import mapping, meta, objects, text

MINIMUM_VERSION = (1, 17)
# A node reports at least every 5 minutes (nodeStatusReportFrequency); one more is Linkerd's tolerance.
ALLOWED_SKEW = timedelta(minutes=6)


async def _client(state: State) -> None:
    """The connection is closed by whoever runs the checks."""
    from linkerd_kube.config import ConfigError

    try:
        state.connection = await state.context.connect()
    except ConfigError as error:
        raise Failed(str(error)) from error


async def _query(state: State) -> None:
    state.version = await state.client.get("/version")


async def _version(state: State) -> None:
    found = server_version(state.version)
    if found < MINIMUM_VERSION:
        minimum, is_now = (".".join(map(str, version)) for version in (MINIMUM_VERSION, found))
        raise Failed(f"Kubernetes is on version [{is_now}], but version [{minimum}] or more recent is required")


async def _no_namespace(state: State) -> None:
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import NAMESPACES

    try:
        await state.client.get(NAMESPACES.path(name=state.namespace))
    except NotFound:
        return
    exists = f"The {state.namespace} namespace already exists"
    raise Failed("\n".join([exists, *await going(state, state.namespace)]))


async def may(state: State, verb: str, group: str, resource: str, namespace: str = "") -> None:
    """Ask the API server whether we may. Raises Failed."""
    from linkerd_kube.resources import SELF_SUBJECT_ACCESS_REVIEWS

    attributes: dict[str, object] = {"verb": verb, "group": group, "resource": resource}
    if namespace:
        attributes["namespace"] = namespace
    review = await state.client.create(
        SELF_SUBJECT_ACCESS_REVIEWS.path(),
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    status = mapping(review, "status")
    if status.get("allowed") is not True:
        name = f"{resource}.{group}" if group else resource
        reason = text(status, "reason")
        raise Failed(f"not authorized to {verb} {name}" + (f": {reason}" if reason else ""))


async def _non_namespaced(state: State) -> None:
    for group, resource in (
        ("", "namespaces"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ):
        await may(state, "create", group, resource)


async def _no_foreign_definitions(state: State) -> None:
    foreign = await foreign_definitions(state.client, state.namespace)
    if foreign:
        raise Failed("\n".join(f"{name} belongs to {who}; install leaves it as it is" for name, who in foreign.items()))


def _creates(kind: str, group: str, resource: str) -> Check:
    async def run(state: State) -> None:
        await may(state, "create", group, resource, state.namespace)

    return Check(f"can create {kind}", "pre-k8s", run)


async def _reads_secrets(state: State) -> None:
    await may(state, "get", "", "secrets", state.namespace)


async def _reads_extension_authentication(state: State) -> None:
    """Whom the API server vouches for when it hands requests on: viz's tap reads it, and so must who installs it."""
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import CONFIG_MAPS

    name = "extension-apiserver-authentication"
    try:
        found = await state.client.get(CONFIG_MAPS.path("kube-system", name))
    except NotFound:
        raise Failed(f"ConfigMap kube-system/{name} is not there: this cluster has no aggregated APIs") from None
    if "requestheader-client-ca-file" not in mapping(found, "data"):
        raise Failed(f"--requestheader-client-ca-file is not configured: ConfigMap kube-system/{name} lacks it")


async def _clock(state: State) -> None:
    from linkerd_kube.resources import NODES

    now = state.now()
    skewed = []
    for node in (await state.client.list(NODES)).items:
        for condition in objects(mapping(node, "status"), "conditions"):
            heartbeat = text(condition, "lastHeartbeatTime")
            if condition.get("type") != "Ready" or not heartbeat:
                continue
            apart = now - datetime.fromisoformat(heartbeat)
            if abs(apart) > ALLOWED_SKEW:
                skewed.append(f"{meta(node, 'name')} ({abs(apart).total_seconds():.0f} s)")
    if skewed:
        raise Failed(f"clock skew detected for nodes {', '.join(skewed)}, or they do not report")


API = (
    Category(
        "kubernetes-api",
        (
            Check("can initialize the client", "k8s-api", _client, fatal=True),
            Check("can query the Kubernetes API", "k8s-api", _query, fatal=True),
        ),
    ),
    Category("kubernetes-version", (Check("is running the minimum Kubernetes API version", "k8s-version", _version),)),
)
PRE = Category(
    "pre-kubernetes-setup",
    (
        Check("control plane namespace does not already exist", "pre-ns", _no_namespace),
        Check(
            "CustomResourceDefinitions belong to no other installation",
            "pre-crds",
            _no_foreign_definitions,
            warning=True,
        ),
        Check("can create non-namespaced resources", "pre-k8s-cluster-k8s", _non_namespaced),
        _creates("ServiceAccounts", "", "serviceaccounts"),
        _creates("Services", "", "services"),
        _creates("Deployments", "apps", "deployments"),
        _creates("ConfigMaps", "", "configmaps"),
        _creates("Secrets", "", "secrets"),
        Check("can read Secrets", "pre-k8s", _reads_secrets),
        Check(
            "can read extension-apiserver-authentication configmap",
            "pre-k8s-extension-apiserver",
            _reads_extension_authentication,
        ),
        Check("no clock skew detected", "pre-k8s-clock-skew", _clock, warning=True),
    ),
)
