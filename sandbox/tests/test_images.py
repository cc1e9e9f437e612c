"""Image names and command lines."""

import pytest

from linkerd_sandbox.images import Image, ImageTable, Mapping, UnknownImage, repository_of


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.25", "docker.io/library/nginx"),
        ("curlimages/curl:8.1", "docker.io/curlimages/curl"),
        ("ghcr.io/linkerd-py/proxy:0.1.0", "ghcr.io/linkerd-py/proxy"),
        ("localhost:5000/a/b:tag", "localhost:5000/a/b"),
        ("ghcr.io/a/b@sha256:00ff", "ghcr.io/a/b"),
        ("localhost/b", "localhost/b"),
    ],
)
def test_repositories(name: str, repository: str) -> None:
    assert repository_of(name) == repository


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ([], [], ["serve", "--all"]),
        ([], ["-x"], ["serve", "-x"]),
        (["run"], [], ["run"]),
        (["run"], ["-x"], ["run", "-x"]),
        (["/usr/lib/tool"], ["-x"], ["/venv/tool", "-x"]),
    ],
)
def test_command_lines(command: list[str], args: list[str], expected: list[str]) -> None:
    image = Image("r", ("serve", "--all"), commands={"/usr/lib/tool": "/venv/tool"})
    assert image.argv(command, args) == expected


def test_the_mesh_is_in_the_table() -> None:
    table = ImageTable("/venv/bin")
    proxy = table.resolve("ghcr.io/linkerd-py/proxy:any")
    assert proxy.argv(["/usr/lib/linkerd/linkerd2-proxy-init"], ["--x"]) == ["/venv/bin/linkerd-proxy-init", "--x"]
    assert proxy.argv(["/usr/lib/linkerd/linkerd-await"], []) == ["/venv/bin/linkerd-await"]
    assert (proxy.user, proxy.is_proxy) == (2102, True)
    for name in ("identity", "destination", "injector", "viz"):
        assert table.resolve(f"ghcr.io/linkerd-py/{name}:1").user == 2103
    assert table.resolve("ghcr.io/linkerd-py/emojivoto-web:1").argv([], []) == ["/venv/bin/emojivoto-web"]


def test_arguments_replace_the_whole_command_where_there_is_no_entrypoint() -> None:
    table = ImageTable("/venv/bin")
    assert table.resolve("busybox").argv([], ["sh", "-c", "x"]) == ["sh", "-c", "x"]
    assert table.resolve("busybox").argv([], []) == ["sh"]
    assert table.resolve("curlimages/curl").argv([], ["-v", "u"]) == ["curl", "-v", "u"]


def test_unknown_images_say_how_to_add_them() -> None:
    with pytest.raises(UnknownImage, match="linkerd sandbox image add docker"):
        ImageTable("/venv/bin").resolve("me/app:1")
    own: Mapping = {"command": ["run"], "path": "/v/bin", "directory": "/src", "binds": ["/v", "/src"]}
    table = ImageTable("/venv/bin", {"me/app": ["python3", "app.py"], "me/own": own})
    found = table.resolve("me/own")
    assert (found.argv([], []), found.path, found.directory, found.binds) == (["run"], "/v/bin", "/src", ("/v", "/src"))
    assert table.resolve("me/app:2").argv([], []) == ["python3", "app.py"]
