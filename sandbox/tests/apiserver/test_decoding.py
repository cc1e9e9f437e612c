"""Field validation of request bodies."""

from typing import Any

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
