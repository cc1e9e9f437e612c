"""What a container is started with: image, environment, command line, who it runs as, what it sees.

Decided afresh for each run, as ConfigMaps, annotations and the image may have changed since the last one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list
from linkerd_sandbox.images import Image
from linkerd_sandbox.kubelet import environment, oneuid, rootfs, security
from linkerd_sandbox.kubelet.environment import ConfigError, Sources
from linkerd_sandbox.kubelet.launch import LaunchSpec
from linkerd_sandbox.kubelet.node import Node
from linkerd_sandbox.kubelet.volumes import PodVolumes
from linkerd_sandbox.net.podnet import PodNamespaces

_MESSAGE_BYTES: Final = 4096  # of a termination message, as kubelet


@dataclass(slots=True)
class PodContext:
    """What a container needs of its pod. `pod` and `sources` follow the object as it changes."""

    node: Node
    pod: JsonObject
    sources: Sources
    volumes: PodVolumes
    namespaces: PodNamespaces
    etc: dict[str, str]
    log_directory: Path
    changed: Callable[[], None]
    """Call when a state changed, so that the status is written."""

    @property
    def grace_seconds(self) -> float:
        value = dig(self.pod, "spec", "terminationGracePeriodSeconds")
        return 30.0 if value is None else float(value)


def hostname_of(pod: JsonObject) -> str:
    return str(dig(pod, "spec", "hostname") or pod["metadata"]["name"])[:63].rstrip("-.")


class Recipe:
    """Of one run of one container. Raises UnknownImage, ConfigError where it cannot be made."""

    def __init__(self, context: PodContext, spec: JsonObject, extra: Mapping[str, str]) -> None:
        """`extra`: environment past the manifest's."""
        self._context = context
        self._spec = spec
        self.image: Image = context.node.images().resolve(str(spec.get("image", "")))
        self._marked = self.image.is_proxy and context.node.mode == "one-uid"
        self._env = environment.build(spec, self._base(), context.sources) | dict(extra)
        self._message = self._message_file()

    def _base(self) -> dict[str, str]:
        """The environment before the manifest's: the image's, and where the API is."""
        node, image = self._context.node, self.image
        path = f"{image.path}:{node.root.path}" if image.path else node.root.path
        base = {"PATH": path, "HOSTNAME": hostname_of(self._context.pod), "HOME": "/root"} | dict(image.env)
        if self._spec.get("tty"):
            base["TERM"] = "xterm"
        if node.mode == "one-uid":
            base |= oneuid.EVERYWHERE
        base |= {
            "KUBERNETES_SERVICE_HOST": node.api_host,
            "KUBERNETES_SERVICE_PORT": "443",
            "KUBERNETES_SERVICE_PORT_HTTPS": "443",
        }
        return base | (oneuid.ENV if self._marked else {})

    def start(self) -> LaunchSpec:
        """For the container's own command."""
        command = [environment.expand(str(word), self._env) for word in dig_list(self._spec, "command")]
        args = [environment.expand(str(word), self._env) for word in dig_list(self._spec, "args")]
        argv = self.image.argv(command, args)
        if not argv:
            raise ConfigError("no command specified")
        return self._launch(oneuid.init_arguments(argv) if self._marked else argv)

    def beside(self, argv: Sequence[str]) -> LaunchSpec:
        """For a command in the running container: exec, hooks, probes."""
        if argv:
            argv = [self.image.commands.get(argv[0], argv[0]), *argv[1:]]
        return self._launch(argv)

    def _launch(self, argv: Sequence[str]) -> LaunchSpec:
        node, image = self._context.node, self.image
        who = security.resolve(self._context.pod, self._spec, image.user, one_uid=node.mode == "one-uid")
        own = [(path, path, "ro") for path in image.binds]
        if self._message is not None:
            own.append((str(self._message), str(self._spec["terminationMessagePath"]), "rw"))
        return LaunchSpec(
            argv=list(argv),
            env=self._env,
            cwd=str(self._spec.get("workingDir") or image.directory),
            uid=who.uid,
            gid=who.gid,
            groups=list(who.groups),
            bounding=who.bounding,
            ambient=who.ambient,
            no_new_privileges=who.no_new_privileges,
            read_only_root=who.read_only_root,
            symlinks=[list(pair) for pair in node.root.symlinks],
            binds=[list(bind) for bind in rootfs.in_mount_order([*node.root.binds, *own, *self._mounts()])],
            files=self._context.etc,
        )

    def _mounts(self) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        for mount in dig_list(self._spec, "volumeMounts"):
            sub_path = str(mount.get("subPath") or "")
            if expression := mount.get("subPathExpr"):
                sub_path = environment.expand(str(expression), self._env)
            try:
                source = self._context.volumes.path(str(mount["name"]), sub_path)
            except KeyError:
                raise ConfigError(f'volume "{mount["name"]}" is not defined') from None
            if sub_path and not source.exists():
                source.mkdir(parents=True)
            found.append((str(source), str(mount["mountPath"]), "ro" if mount.get("readOnly") else "rw"))
        return found

    def _message_file(self) -> Path | None:
        """A fresh file that the container sees at its terminationMessagePath."""
        if not self._spec.get("terminationMessagePath"):
            return None
        path = self._context.volumes.private(f"{self._spec['name']}-message")
        path.unlink(missing_ok=True)
        path.touch()
        path.chmod(0o666)
        return path

    def termination_message(self) -> str:
        """What the run left at its terminationMessagePath, 4096 bytes at most."""
        if self._message is None:
            return ""
        try:
            with self._message.open("rb") as file:
                return file.read(_MESSAGE_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
