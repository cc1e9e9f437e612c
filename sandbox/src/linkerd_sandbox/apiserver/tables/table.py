"""The `Table` of any kind: built-in columns, a CRD's printer columns, or name and age. PURE."""

from collections.abc import Callable, Sequence

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, encode
from linkerd_sandbox.apiserver.tables import cluster, jsonpath, kept, pods, signing, workloads
from linkerd_sandbox.apiserver.tables.cells import AGE, NAME, Column, since

_CREATED_AT = (NAME, Column("Created At", lambda body, _now: body["metadata"].get("creationTimestamp", ""), "date"))

_COLUMNS: dict[str, Sequence[Column]] = {
    "pods": pods.POD_COLUMNS,
    "podtemplates": workloads.POD_TEMPLATE_COLUMNS,
    "services": cluster.SERVICE_COLUMNS,
    "endpoints": cluster.ENDPOINTS_COLUMNS,
    "namespaces": cluster.NAMESPACE_COLUMNS,
    "nodes": cluster.NODE_COLUMNS,
    "configmaps": cluster.CONFIG_MAP_COLUMNS,
    "secrets": cluster.SECRET_COLUMNS,
    "serviceaccounts": cluster.SERVICE_ACCOUNT_COLUMNS,
    "events": cluster.EVENT_COLUMNS,
    "deployments.apps": workloads.DEPLOYMENT_COLUMNS,
    "replicasets.apps": workloads.REPLICA_SET_COLUMNS,
    "statefulsets.apps": workloads.STATEFUL_SET_COLUMNS,
    "daemonsets.apps": workloads.DAEMON_SET_COLUMNS,
    "controllerrevisions.apps": workloads.CONTROLLER_REVISION_COLUMNS,
    "jobs.batch": workloads.JOB_COLUMNS,
    "cronjobs.batch": workloads.CRON_JOB_COLUMNS,
    "leases.coordination.k8s.io": cluster.LEASE_COLUMNS,
    "endpointslices.discovery.k8s.io": cluster.ENDPOINT_SLICE_COLUMNS,
    "roles.rbac.authorization.k8s.io": cluster.ROLE_COLUMNS,
    "clusterroles.rbac.authorization.k8s.io": cluster.ROLE_COLUMNS,
    "rolebindings.rbac.authorization.k8s.io": cluster.BINDING_COLUMNS,
    "clusterrolebindings.rbac.authorization.k8s.io": cluster.BINDING_COLUMNS,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": cluster.WEBHOOK_COLUMNS,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": cluster.WEBHOOK_COLUMNS,
    "customresourcedefinitions.apiextensions.k8s.io": cluster.CRD_COLUMNS,
    "apiservices.apiregistration.k8s.io": cluster.API_SERVICE_COLUMNS,
    "poddisruptionbudgets.policy": cluster.PDB_COLUMNS,
    "networkpolicies.networking.k8s.io": cluster.NETWORK_POLICY_COLUMNS,
    "horizontalpodautoscalers.autoscaling": kept.AUTOSCALER_COLUMNS,
    "ingressclasses.networking.k8s.io": kept.INGRESS_CLASS_COLUMNS,
    "ingresses.networking.k8s.io": kept.INGRESS_COLUMNS,
    "resourcequotas": kept.QUOTA_COLUMNS,
    "certificatesigningrequests.certificates.k8s.io": signing.SIGNING_REQUEST_COLUMNS,
    "scales.autoscaling": workloads.SCALE_COLUMNS,
    "priorityclasses.scheduling.k8s.io": cluster.PRIORITY_CLASS_COLUMNS,
}


def _custom_cell(path: str, kind: str) -> Callable[[JsonObject, float], JsonValue]:
    def cell(body: JsonObject, now: float) -> JsonValue:
        found = jsonpath.find(body, path)
        if not found:
            return None
        if kind == "date":
            return since(str(found[0]), now)
        if kind == "string":
            if len(found) > 1:
                return ",".join(_text(item) for item in found)
            return _text(found[0])
        return found[0]

    return cell


def _text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    return encode(value).decode()


def _custom_columns(columns: Sequence[JsonObject]) -> list[Column]:
    if not columns:
        return [NAME, AGE]
    return [
        NAME,
        *(
            Column(
                column["name"],
                _custom_cell(column["jsonPath"], column["type"]),
                column["type"],
                wide=bool(column.get("priority")),
                format=column.get("format", ""),
                description=column.get("description", ""),
            )
            for column in columns
        ),
    ]


def columns_of(kind: ResourceType) -> Sequence[Column]:
    """The kind's columns."""
    if kind.custom is not None:
        return _custom_columns(kind.custom.columns)
    return _COLUMNS.get(kind.qualified, _CREATED_AT)


def table(kind: ResourceType, bodies: Sequence[JsonObject], now: float, include: str) -> JsonObject:
    """A Table, without apiVersion and metadata; `include`: what rows carry of objects (Metadata, Object, None)."""
    columns = columns_of(kind)
    rows = []
    for body in bodies:
        row: JsonObject = {"cells": [column.cell(body, now) for column in columns]}
        if include == "Object":
            row["object"] = body
        elif include != "None":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": body.get("metadata", {}),
            }
        rows.append(row)
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": 1 if column.wide else 0,
        }
        for column in columns
    ]
    return {"kind": "Table", "columnDefinitions": definitions, "rows": rows}
