"""Field validation of request bodies."""

from typing import Any

import pytest

CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


async def test_unknown_fields_are_refused_warned_of_or_ignored(cluster: Cluster) -> None:
    body = {"metadata": {"name": "x"}, "dataa": {}}
    code, refusal = await cluster.api("POST", f"{CONFIG}?fieldValidation=Strict", body)
    assert (code, refusal["message"]) == (
        400,
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"',
    )
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    async with cluster.session.post(cluster.url + CONFIG, json=body, headers=headers) as response:
        assert response.status == 201
        assert response.headers["Warning"] == '299 - "unknown field \\"dataa\\""'
        assert "dataa" not in await response.json()


@pytest.mark.parametrize(
    ("patch", "shown", "why"),
    [
        ({"replicas": "x"}, "map[replicas:x]", "unrecognized type: int32"),
        ({"replicas": 1.5}, "map[replicas:1.5]", "cannot convert float64 to int32"),
        ({"paused": "x"}, "map[paused:x]", "unrecognized type: bool"),
        ({"template": "x"}, "map[template:x]", "cannot restore struct from: string"),
        (
            {"template": {"spec": {"containers": "x"}}},
            "map[template:map[spec:map[containers:x]]]",
            "cannot restore slice from string",
        ),
        (
            {"template": {"metadata": {"labels": "x"}}},
            "map[template:map[metadata:map[labels:x]]]",
            "cannot restore map from string",
        ),
        (
            {"template": {"metadata": {"labels": {"a": 1}}}},
            "map[template:map[metadata:map[labels:map[a:1]]]]",
            "cannot convert int64 to string",
        ),
    ],
)
async def test_a_strategic_patch_that_does_not_fit_is_shown(
    cluster: Cluster, patch: dict[str, Any], shown: str, why: str
) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    assert (await cluster.api("POST", path, {"metadata": {"name": "d"}, "spec": spec}))[0] == 201
    media = "application/strategic-merge-patch+json"
    code, body = await cluster.api("PATCH", f"{path}/d", {"spec": patch}, media=media)
    assert code == 422
    assert body["details"]["causes"][0]["message"] == f'Invalid value: "map[spec:{shown}]": {why}'


async def test_a_merge_patch_that_does_not_fit_shows_what_it_made(cluster: Cluster) -> None:
    assert (await cluster.api("POST", CONFIG, {"metadata": {"name": "x"}}))[0] == 201
    media = "application/merge-patch+json"
    code, body = await cluster.api("PATCH", f"{CONFIG}/x", {"data": {"a": 1}}, media=media)
    assert code == 422
    message = body["details"]["causes"][0]["message"]
    assert message.startswith('Invalid value: "{')
    assert message.endswith('": json: cannot unmarshal number into Go struct field ConfigMap.data of type string')
