"""Watches."""

import asyncio
import json
from typing import Any

import aiohttp

CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


async def _lines(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        return [json.loads(await response.content.readline()) for _ in range(count)]


def _watch(cluster: Cluster, path: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    return cluster.session.get(cluster.url + path, params={"watch": "True", **query}, headers=headers)


async def test_a_watch_from_a_revision_sees_everything_after_it_once(cluster: Cluster) -> None:
    _, listed = await cluster.api("GET", CONFIG)
    start = listed["metadata"]["resourceVersion"]
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a", "labels": {"x": "1"}}})
    async with _watch(cluster, CONFIG, resourceVersion=start, labelSelector="x=1") as response:
        assert (await _lines(response, 1))[0]["type"] == "ADDED"
        media = "application/merge-patch+json"
        await cluster.api("PATCH", f"{CONFIG}/a", {"data": {"k": "v"}}, media=media)
        await cluster.api("PATCH", f"{CONFIG}/a", {"metadata": {"labels": {"x": "2"}}}, media=media)
        await cluster.api("PATCH", f"{CONFIG}/a", {"metadata": {"labels": {"x": "1"}}}, media=media)
        await cluster.api("DELETE", f"{CONFIG}/a")
        events = await _lines(response, 4)
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED", "ADDED", "DELETED"]
    left, back = (event["object"]["metadata"] for event in events[1:3])
    assert left["labels"] == {"x": "1"}  # as the watcher knew it
    assert int(left["resourceVersion"]) < int(back["resourceVersion"])


async def test_a_watch_without_revision_begins_with_what_is_there(cluster: Cluster) -> None:
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a"}})
    async with _watch(cluster, CONFIG, sendInitialEvents="true", allowWatchBookmarks="true") as response:
        first, end = await _lines(response, 2)
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_in_time_with_a_bookmark(cluster: Cluster) -> None:
    async with _watch(cluster, CONFIG, timeoutSeconds="1", allowWatchBookmarks="true") as response:
        lines = (await response.text()).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["BOOKMARK"]


async def test_history_that_is_gone_is_a_410_and_the_future_a_504(cluster: Cluster) -> None:
    for index in range(4200):
        cluster.server.store.put("configmaps", {"metadata": {"name": "x", "namespace": "default"}, "n": index}, {})
    async with _watch(cluster, CONFIG, resourceVersion="2") as response:
        event = (await _lines(response, 1))[0]
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    code, answer = await cluster.api("GET", f"{CONFIG}?watch=1&resourceVersion=999999")
    assert (code, answer["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")
