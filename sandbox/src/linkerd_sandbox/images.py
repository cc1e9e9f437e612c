"""Which programs stand behind an image name: nothing is pulled, everything runs from this machine's files. PURE.

An image is a repository (any tag or digest), a default command, an environment, and translations of the absolute
commands that manifests use (`/usr/lib/linkerd/linkerd2-proxy`), since /usr in a container is the host's.
The user's own images are read from images.json (`linkerd sandbox image add NAME -- COMMAND`).
"""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict


class Mapping(TypedDict):
    """One of the user's images, as images.json has it; an older file has the command only."""

    command: list[str]
    path: str
    """Folder of programs that comes before the others; may be empty."""
    directory: str
    """Where it runs; may be empty."""
    binds: list[str]
    """Folders of this machine that it sees, read-only."""


class UnknownImage(Exception):
    """No mapping for an image; the message says how to add one."""

    def __init__(self, image: str) -> None:
        super().__init__(
            f'image "{image}" is not known to the sandbox, which pulls nothing: '
            f"linkerd sandbox image add {repository_of(image)} -- COMMAND"
        )


@dataclass(frozen=True, slots=True)
class Image:
    """What to run for an image name."""

    repository: str
    command: tuple[str, ...]
    """Entrypoint and arguments together; empty: the manifest must give a command."""
    entrypoint: int = field(default=1, kw_only=True)
    """How many of its words are the entrypoint, which stays where the manifest gives arguments."""
    env: MappingType[str, str] = field(default_factory=dict)
    commands: MappingType[str, str] = field(default_factory=dict)
    """Absolute command in the image -> program on this machine."""
    user: int = 0
    """Who runs it where the manifest does not say: the image's USER."""
    path: str = ""
    """Folder of programs that comes before the others."""
    directory: str = "/"
    """Where it runs where the manifest does not say: the image's WORKDIR."""
    binds: tuple[str, ...] = ()
    """Folders of this machine that it sees beside what all see, read-only."""
    is_proxy: bool = False
    """Holds the mesh's proxy and its init step, which are told of a mark where user ids cannot tell them apart."""

    @property
    def image_id(self) -> str:
        return f"linkerd-sandbox://{self.repository}"

    def argv(self, command: Sequence[str], args: Sequence[str]) -> list[str]:
        """The command line, by Kubernetes' rules: `command` replaces the entrypoint, `args` alone its arguments."""
        if command:
            line = [*command, *args]
        elif args:
            line = [*self.command[: self.entrypoint], *args]
        else:
            line = list(self.command)
        if line and line[0] in self.commands:
            line[0] = self.commands[line[0]]
        return line


def repository_of(image: str) -> str:
    """The name without tag and digest, as Docker spells it out: "nginx:1.25" is "docker.io/library/nginx"."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    tail = tail.partition(":")[0]
    name = f"{head}{slash}{tail}"
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    if "." not in first and ":" not in first and first != "localhost":
        return f"docker.io/{name}"
    return name


_OURS: Final = "ghcr.io/linkerd-py"
_CONTROL_PLANE: Final = {
    "identity": "linkerd-identity",
    "destination": "linkerd-destination",
    "injector": "linkerd-injector",
    "viz": "linkerd-viz-metrics-api",
}
_EMOJIVOTO: Final = ("emojivoto-web", "emojivoto-emoji", "emojivoto-voting", "emojivoto-vote-bot")
_CONTROL_PLANE_UID: Final = 2103
_PROXY_UID: Final = 2102
_PROXY_COMMANDS: Final = {
    "/usr/lib/linkerd/linkerd2-proxy": "linkerd-proxy",
    "/usr/lib/linkerd/linkerd2-proxy-init": "linkerd-proxy-init",
    "/usr/lib/linkerd/linkerd-await": "linkerd-await",
}
_TOOLS: Final = {
    "docker.io/curlimages/curl": ("curl",),
    "docker.io/library/busybox": ("sh",),
    "docker.io/library/debian": ("bash",),
    "docker.io/library/python": ("python3",),
    "docker.io/sandbox/tools": ("sleep", "infinity"),
    # The debug sidecar has tshark in its image; here it is what this machine has, and a shell in any case.
    f"{_OURS}/debug": (
        "sh",
        "-c",
        "command -v tshark >/dev/null && exec tshark -i any; command -v tcpdump >/dev/null && exec tcpdump -nli any; "
        "echo 'neither tshark nor tcpdump is installed on this machine' >&2; exec sleep infinity",
    ),
}


_ENTRYPOINTS: Final = {("curl",)}
"""Those of the tools that are an entrypoint; the others are a CMD, which arguments replace whole."""


def _plain(command: list[str]) -> Mapping:
    return {"command": command, "path": "", "directory": "", "binds": []}


class ImageTable:
    """The mappings that ship with the sandbox, for the environment whose scripts are in `scripts`, and the user's."""

    def __init__(self, scripts: str, user_images: MappingType[str, Mapping | list[str]] | None = None) -> None:
        env = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        commands = {path: f"{scripts}/{name}" for path, name in _PROXY_COMMANDS.items()}
        self._images: dict[str, Image] = {}
        for name, script in _CONTROL_PLANE.items():
            self._add(Image(f"{_OURS}/{name}", (f"{scripts}/{script}",), env, user=_CONTROL_PLANE_UID))
        for name in _EMOJIVOTO:
            self._add(Image(f"{_OURS}/{name}", (f"{scripts}/{name}",), env))
        self._add(Image(f"{_OURS}/proxy", (f"{scripts}/linkerd-proxy",), env, commands, _PROXY_UID, is_proxy=True))
        for repository, tool in _TOOLS.items():
            self._add(Image(repository, tool, {"PYTHONUNBUFFERED": "1"}, entrypoint=int(tool in _ENTRYPOINTS)))
        for name, known in (user_images or {}).items():
            mapping = known if isinstance(known, dict) else _plain(known)
            self._add(
                Image(
                    repository_of(name),
                    tuple(mapping["command"]),
                    env,
                    path=mapping["path"],
                    directory=mapping["directory"] or "/",
                    binds=tuple(mapping["binds"]),
                )
            )

    def _add(self, image: Image) -> None:
        self._images[image.repository] = image

    def resolve(self, name: str) -> Image:
        """Raises UnknownImage."""
        found = self._images.get(repository_of(name))
        if found is None:
            raise UnknownImage(name)
        return found
