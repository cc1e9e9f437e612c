"""Server-side apply through kubectl and through the API: owners, conflicts, what is dropped, diff, dry run."""

from typing import Any

from sandbox.tests.apiserver.conftest import Cluster

WEB = "/apis/apps/v1/namespaces/default/deployments/web"
APPLY = "application/apply-patch+yaml"


def deployment(**spec: Any) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "web:1",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "A", "value": "1"}],
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def managers(body: dict[str, Any]) -> dict[str, str]:
    return {entry["manager"]: entry["operation"] for entry in body["metadata"]["managedFields"]}


async def test_apply_creates_changes_and_leaves_alone(cluster: Cluster) -> None:
    first = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=[deployment(replicas=1)])
    assert (first.code, first.out) == (0, "deployment.apps/web serverside-applied\n"), first.err
    _, body = await cluster.api("GET", WEB)
    assert managers(body) == {"kubectl": "Apply"}
    fields = body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    container = fields["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert container["f:ports"] == {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}
    assert "f:strategy" not in fields, "defaults belong to nobody"
    again = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=[deployment(replicas=1)])
    assert again.code == 0
    _, same = await cluster.api("GET", WEB)
    assert same["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]


async def test_a_conflict_names_owner_and_field_and_force_takes_it(cluster: Cluster) -> None:
    await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=[deployment(replicas=1)])
    assert (await cluster.kubectl("scale", "deployment/web", "--replicas=3")).code == 0
    clash = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=[deployment(replicas=2)])
    assert clash.code == 1
    assert 'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale"' in clash.err
    assert ".spec.replicas" in clash.err
    code, body = await cluster.api("PATCH", f"{WEB}?fieldManager=other", deployment(replicas=2), media=APPLY)
    assert (code, body["reason"]) == (409, "Conflict")
    assert body["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    assert body["details"]["causes"][0]["field"] == ".spec.replicas"
    code, body = await cluster.api("PATCH", f"{WEB}?fieldManager=other&force=true", deployment(replicas=2), media=APPLY)
    assert (code, body["spec"]["replicas"]) == (200, 2)
    assert managers(body) == {"kubectl": "Apply", "other": "Apply"}


async def test_several_conflicts_are_listed_by_owner(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager="
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "1"}}
    for manager in ("one", "two"):
        assert (await cluster.api("PATCH", path + manager, config, media=APPLY))[0] in (200, 201)
    code, body = await cluster.api("PATCH", path + "me", {**config, "data": {"a": "2"}}, media=APPLY)
    shown = 'conflicts with "one":\n- .data.a\nconflicts with "two":\n- .data.a'
    assert (code, body["message"]) == (409, f"Apply failed with 2 conflicts: {shown}")


async def test_what_is_no_longer_applied_goes_unless_others_have_it(cluster: Cluster) -> None:
    mine = deployment(replicas=1)
    mine["metadata"] |= {"labels": {"a": "1", "b": "2"}, "annotations": {"only": "mine"}}
    await cluster.api("PATCH", f"{WEB}?fieldManager=one", mine, media=APPLY)
    code, _ = await cluster.api(
        "PATCH",
        f"{WEB}?fieldManager=two",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"b": "2"}}},
        media=APPLY,
    )
    assert code == 200
    less = deployment()
    less["spec"]["template"]["spec"]["containers"][0].pop("env")
    _, body = await cluster.api("PATCH", f"{WEB}?fieldManager=one", less, media=APPLY)
    assert body["metadata"]["labels"] == {"b": "2"}
    assert "annotations" not in body["metadata"]
    assert "env" not in body["spec"]["template"]["spec"]["containers"][0]
    assert body["spec"]["replicas"] == 1, "the default comes back"


async def test_from_client_side_to_server_side(cluster: Cluster) -> None:
    await cluster.apply(deployment(replicas=1))
    done = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=[deployment(replicas=2)])
    assert done.code == 0, done.err
    _, body = await cluster.api("GET", WEB)
    assert body["spec"]["replicas"] == 2
    assert managers(body)["kubectl"] == "Apply"


async def test_what_was_there_before_belongs_to_before_first_apply(cluster: Cluster) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    await cluster.api("POST", "/api/v1/namespaces/default/configmaps", config)
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=me"
    code, body = await cluster.api("PATCH", path, {**config, "data": {"a": "2"}}, media=APPLY)
    assert code == 409
    assert 'conflict with "before-first-apply" using v1: .data.a' in body["message"]
    code, body = await cluster.api("PATCH", path, {**config, "data": {"b": "2"}}, media=APPLY)
    assert (code, body["data"]) == (200, {"a": "1", "b": "2"})


async def test_bad_applies(cluster: Cluster) -> None:
    code, body = await cluster.api("PATCH", WEB, deployment(), media=APPLY)
    assert code == 422
    assert "fieldManager: Required value: is required for apply patch" in body["message"]
    bad = deployment(replicass=1)
    code, body = await cluster.api("PATCH", f"{WEB}?fieldManager=x&fieldValidation=Strict", bad, media=APPLY)
    assert code in (400, 422)
    assert 'unknown field "spec.replicass"' in body["message"]
    elsewhere = deployment()
    elsewhere["metadata"]["namespace"] = "other"
    code, body = await cluster.api("PATCH", f"{WEB}?fieldManager=x", elsewhere, media=APPLY)
    assert code == 400
    code, body = await cluster.api(
        "PATCH", WEB.replace("/default/", "/gone/") + "?fieldManager=x", {**deployment(), "metadata": {}}, media=APPLY
    )
    assert (code, body["message"]) == (404, 'namespaces "gone" not found')


async def test_diff_and_dry_run_change_nothing(cluster: Cluster) -> None:
    new = await cluster.kubectl("diff", "-f", "-", stdin=[deployment(replicas=1)])
    assert (new.code, "+kind: Deployment" in new.out) == (1, True), new.err
    await cluster.apply(deployment(replicas=1))
    assert (await cluster.kubectl("diff", "-f", "-", stdin=[deployment(replicas=1)])).code == 0
    changed = await cluster.kubectl("diff", "-f", "-", stdin=[deployment(replicas=4)])
    assert changed.code == 1
    assert "-  replicas: 1" in changed.out
    assert "+  replicas: 4" in changed.out
    side = await cluster.kubectl(
        "diff", "--server-side", "--force-conflicts", "-f", "-", stdin=[deployment(replicas=5)]
    )
    assert "+  replicas: 5" in side.out, side.err
    for command in (
        ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"),
        ("apply", "--dry-run=server", "-f", "-"),
        ("delete", "--dry-run=server", "deployment/web"),
    ):
        done = await cluster.kubectl(*command, stdin=[deployment(replicas=6)] if "apply" in command else None)
        assert done.code == 0, done.err
        assert "server dry run" in done.out
    _, body = await cluster.api("GET", WEB)
    assert body["spec"]["replicas"] == 1


async def test_custom_kinds_apply(cluster: Cluster) -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer"},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                },
            }
        },
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "cogs.example.io"},
        "spec": {
            "group": "example.io",
            "scope": "Namespaced",
            "versions": [version],
            "names": {"plural": "cogs", "singular": "cog", "kind": "Cog", "listKind": "CogList"},
        },
    }
    await cluster.apply(crd)
    path = "/apis/example.io/v1/namespaces/default/cogs/c?fieldManager="
    cog: dict[str, Any] = {"apiVersion": "example.io/v1", "kind": "Cog", "metadata": {"name": "c"}}
    code, _ = await cluster.api("PATCH", path + "a", cog | {"spec": {"size": 1, "tags": ["x"]}}, media=APPLY)
    assert code == 201
    code, body = await cluster.api("PATCH", path + "b", cog | {"spec": {"tags": ["y"]}}, media=APPLY)
    assert (code, sorted(body["spec"]["tags"])) == (200, ["x", "y"])
    code, body = await cluster.api("PATCH", path + "a", cog | {"spec": {"size": 2}}, media=APPLY)
    assert body["spec"] == {"size": 2, "tags": ["y"]}


async def test_what_is_not_enforced_is_said(cluster: Cluster) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "default"},
        "spec": {"podSelector": {}},
    }
    done = await cluster.kubectl("apply", "-f", "-", stdin=[policy])
    assert done.code == 0, done.err
    assert done.err == "Warning: the sandbox stores NetworkPolicies and does not enforce them\n"
