"""Owners and dependents of any kind, custom ones too, on an API server of this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sandbox.tests.apiserver.conftest import Cluster, cluster

from linkerd_kube.client import KubeClient
from linkerd_sandbox.controllers.collector import Collector

__all__ = ["cluster"]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOOS = "/apis/ex.io/v1/namespaces/default/foos"
BARS = "/apis/ex.io/v1/bars"
CONFIGS = "/api/v1/namespaces/default/configmaps"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"


def _definition(plural: str, kind: str, scope: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "kind": kind}
    return {
        "metadata": {"name": f"{plural}.ex.io"},
        "spec": {"group": "ex.io", "scope": scope, "names": names, "versions": [version]},
    }


@asynccontextmanager
async def collecting(cluster: Cluster) -> AsyncIterator[None]:
    async def token() -> str:
        return cluster.tokens["admin"]

    client = KubeClient(cluster.url, cluster.session, token)
    task = asyncio.create_task(Collector(client, []).run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def _create(cluster: Cluster, path: str, name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    """An object, and the reference that a dependent of it has."""
    body: dict[str, Any] = {"metadata": {"name": name, "ownerReferences": list(owners)}}
    if "ex.io" in path:
        body |= {"apiVersion": "ex.io/v1", "kind": "Foo" if path == FOOS else "Bar"}
    code, made = await cluster.api("POST", path, body)
    assert code == 201, made
    kind = {FOOS: "Foo", BARS: "Bar", CONFIGS: "ConfigMap", ROLES: "Role"}[path]
    version = {CONFIGS: "v1", ROLES: "rbac.authorization.k8s.io/v1"}.get(path, "ex.io/v1")
    return {"apiVersion": version, "kind": kind, "name": name, "uid": made["metadata"]["uid"]}


async def _gone(cluster: Cluster, *paths: str) -> None:
    async with asyncio.timeout(20):
        for path in paths:
            while (await cluster.api("GET", path))[0] != 404:
                await asyncio.sleep(0.02)


async def _defined(cluster: Cluster) -> None:
    for definition in (_definition("foos", "Foo", "Namespaced"), _definition("bars", "Bar", "Cluster")):
        code, made = await cluster.api("POST", CRDS, definition)
        assert code == 201, made


async def test_what_a_custom_resource_owns_goes_with_it(cluster: Cluster) -> None:
    async with collecting(cluster):
        await _defined(cluster)
        owner = await _create(cluster, FOOS, "owner")
        foo = await _create(cluster, FOOS, "dependent", owner)
        await _create(cluster, CONFIGS, "dependent", foo)
        await _create(cluster, ROLES, "dependent", owner)
        assert (await cluster.api("DELETE", f"{FOOS}/owner"))[0] == 200
        await _gone(cluster, f"{FOOS}/dependent", f"{CONFIGS}/dependent", f"{ROLES}/dependent")


async def test_a_cluster_scoped_owner(cluster: Cluster) -> None:
    async with collecting(cluster):
        await _defined(cluster)
        owner = await _create(cluster, BARS, "owner")
        await _create(cluster, FOOS, "dependent", owner)
        assert (await cluster.api("DELETE", f"{BARS}/owner?propagationPolicy=Foreground"))[0] == 200
        await _gone(cluster, f"{FOOS}/dependent", f"{BARS}/owner")


async def test_orphans_stay(cluster: Cluster) -> None:
    async with collecting(cluster):
        await _defined(cluster)
        owner = await _create(cluster, FOOS, "owner")
        await _create(cluster, CONFIGS, "dependent", owner)
        assert (await cluster.api("DELETE", f"{FOOS}/owner", {"propagationPolicy": "Orphan"}))[0] == 200
        await _gone(cluster, f"{FOOS}/owner")
        code, kept = await cluster.api("GET", f"{CONFIGS}/dependent")
        assert code == 200
        assert "ownerReferences" not in kept["metadata"]


async def test_owners_that_went_before_their_kind_was_known(cluster: Cluster) -> None:
    await _defined(cluster)
    owner = await _create(cluster, FOOS, "owner")
    await _create(cluster, CONFIGS, "dependent", owner)
    assert (await cluster.api("DELETE", f"{FOOS}/owner"))[0] == 200
    async with collecting(cluster):
        await _gone(cluster, f"{CONFIGS}/dependent")


async def _collected(cluster: Cluster) -> None:
    """One owner and its dependent, gone: the kind is followed."""
    await _create(cluster, CONFIGS, "dependent", await _create(cluster, FOOS, "owner"))
    assert (await cluster.api("DELETE", f"{FOOS}/owner"))[0] == 200
    await _gone(cluster, f"{CONFIGS}/dependent")


async def test_a_kind_that_goes_takes_its_dependents_along(cluster: Cluster) -> None:
    async with collecting(cluster):
        await _defined(cluster)
        await _collected(cluster)
        await _create(cluster, CONFIGS, "dependent", await _create(cluster, FOOS, "owner"))
        assert (await cluster.api("DELETE", f"{CRDS}/foos.ex.io"))[0] == 200
        await _gone(cluster, f"{CONFIGS}/dependent")
        assert (await cluster.api("POST", CRDS, _definition("foos", "Foo", "Namespaced")))[0] == 201
        await _collected(cluster)


async def test_owners_that_cannot_be_are_taken_to_be_alive(cluster: Cluster) -> None:
    """A kind that nobody serves; a namespaced owner of what has no namespace."""
    async with collecting(cluster):
        await _defined(cluster)
        unserved = {"apiVersion": "none.io/v1", "kind": "None", "name": "n", "uid": "1"}
        owner = await _create(cluster, FOOS, "owner")
        await _create(cluster, CONFIGS, "unserved", unserved)
        await _create(cluster, BARS, "across", owner)
        await _create(cluster, CONFIGS, "dependent", owner)
        assert (await cluster.api("DELETE", f"{FOOS}/owner"))[0] == 200
        await _gone(cluster, f"{CONFIGS}/dependent")
        assert (await cluster.api("GET", f"{CONFIGS}/unserved"))[0] == 200
        assert (await cluster.api("GET", f"{BARS}/across"))[0] == 200
