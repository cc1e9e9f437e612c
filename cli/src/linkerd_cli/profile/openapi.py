"""Routes of a ServiceProfile from an OpenAPI document (Swagger 2, OpenAPI 3), as Linkerd makes them. PURE.

A route for each method of each path, sorted; `{parameters}` match one segment; each numbered response becomes a class.
`x-linkerd-retryable` and `x-linkerd-timeout` become isRetryable and timeout.
"""

import re
from urllib.parse import urlsplit

from linkerd_cli.errors import CliError
from linkerd_cli.profile.document import quoted, service_profile
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_contract.durations import parse_go_duration_ms

METHODS = ("delete", "get", "head", "options", "patch", "post", "put")


def profile(document: JsonObject, service: str, namespace: str, domain: str) -> JsonObject:
    """The ServiceProfile. Raises CliError with the place of what cannot be used."""
    paths = mapping(document, "paths")
    if not paths:
        raise CliError("no `paths`: not an OpenAPI document, or an empty one")
    base = _base_path(document)
    routes: list[JsonObject] = []
    for path in sorted(paths):
        operations = mapping(paths, path)
        present = [method for method in METHODS if isinstance(operations.get(method), dict)]
        routes += [_route(base + path, method.upper(), mapping(operations, method)) for method in present]
    return service_profile(f"{service}.{namespace}.svc.{domain}", namespace, routes)


def path_regex(path: str) -> str:
    """/authors/{id}.json -> /authors/[^/]*\\.json."""
    pieces = re.split(r"\{[^}]*\}", path)
    return "[^/]*".join(map(quoted, pieces))


def _base_path(document: JsonObject) -> str:
    if base := text(document, "basePath"):
        return base.rstrip("/")
    servers = objects(document, "servers")
    return urlsplit(text(servers[0], "url")).path.rstrip("/") if servers else ""


def _route(path: str, method: str, operation: JsonObject) -> JsonObject:
    route: JsonObject = {
        "name": f"{method} {path}",
        "condition": {"method": method, "pathRegex": path_regex(path)},
    }
    if classes := _classes(mapping(operation, "responses")):
        route["responseClasses"] = classes
    retryable = operation.get("x-linkerd-retryable")
    if retryable is not None and not isinstance(retryable, bool):
        raise CliError(f"{method} {path}: x-linkerd-retryable must be true or false")
    if retryable:
        route["isRetryable"] = True
    if timeout := operation.get("x-linkerd-timeout"):
        try:
            parse_go_duration_ms(str(timeout))
        except ValueError as error:
            raise CliError(f"{method} {path}: x-linkerd-timeout: {error}") from error
        route["timeout"] = str(timeout)
    return route


def _classes(responses: JsonObject) -> list[JsonObject]:
    classes: list[JsonObject] = []
    for key in sorted(map(str, responses)):
        if key.isascii() and key.isdigit() and 100 <= int(key) <= 599:
            condition: JsonObject = {"status": {"min": int(key), "max": int(key)}}
        elif re.fullmatch("[1-5]XX", key):
            condition = {"status": {"min": int(key[0]) * 100, "max": int(key[0]) * 100 + 99}}
        else:
            continue  # "default", and extensions
        classes.append({"condition": condition} | ({"isFailure": True} if key[0] == "5" else {}))
    return classes
