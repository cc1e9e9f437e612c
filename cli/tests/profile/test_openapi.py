"""OpenAPI documents into profiles."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.errors import CliError
from linkerd_cli.profile.openapi import path_regex, profile
from linkerd_rules.validation.profile import read_service_profile

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "basePath": "/v1/",
    "paths": {
        "/books/{id}.json": {
            "parameters": [],
            "put": {"responses": {"200": {}, "default": {}, "503": {}}, "x-linkerd-timeout": "1.5s"},
            "get": {"responses": {200: {}, "4XX": {}}, "x-linkerd-retryable": True},
        },
        "/authors": {"post": {}},
    },
}


def test_swagger() -> None:
    made = profile(SWAGGER, "web", "x", "cluster.local")
    assert made["spec"] == {
        "routes": [
            {"name": "POST /v1/authors", "condition": {"method": "POST", "pathRegex": "/v1/authors"}},
            {
                "name": "GET /v1/books/{id}.json",
                "condition": {"method": "GET", "pathRegex": r"/v1/books/[^/]*\.json"},
                "isRetryable": True,
                "responseClasses": [
                    {"condition": {"status": {"min": 200, "max": 200}}},
                    {"condition": {"status": {"min": 400, "max": 499}}},
                ],
            },
            {
                "name": "PUT /v1/books/{id}.json",
                "condition": {"method": "PUT", "pathRegex": r"/v1/books/[^/]*\.json"},
                "timeout": "1.5s",
                "responseClasses": [
                    {"condition": {"status": {"min": 200, "max": 200}}},
                    {"condition": {"status": {"min": 503, "max": 503}}, "isFailure": True},
                ],
            },
        ]
    }
    assert read_service_profile(made).problems == []


def test_openapi_3_has_its_base_in_servers() -> None:
    made: Any = profile({"servers": [{"url": "https://a.b/api"}], "paths": {"/x": {"get": {}}}}, "web", "x", "a.b")
    assert made["spec"]["routes"][0]["name"] == "GET /api/x"
    assert made["metadata"]["name"] == "web.x.svc.a.b"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "no `paths`"),
        ({"paths": {"/a": {"get": {"x-linkerd-timeout": "soon"}}}}, "GET /a: x-linkerd-timeout: "),
        ({"paths": {"/a": {"get": {"x-linkerd-retryable": "yes"}}}}, "GET /a: x-linkerd-retryable must be"),
    ],
)
def test_what_cannot_be_used(document: dict[str, object], told: str) -> None:
    with pytest.raises(CliError) as caught:
        profile(document, "web", "x", "cluster.local")
    assert str(caught.value).startswith(told)


@given(st.text(st.characters(codec="ascii", exclude_characters="{}/"), max_size=12), st.text("abc.", min_size=1))
def test_a_path_matches_itself_and_its_parameters(text: str, value: str) -> None:
    regex = path_regex(f"/{text}/{{id}}")
    assert re.fullmatch(regex, f"/{text}/{value}")
    assert not re.fullmatch(regex, f"/{text}/{value}/more")
