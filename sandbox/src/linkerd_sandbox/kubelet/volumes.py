"""A pod's volumes: folders below /run/linkerd-sandbox/pods, filled from the API and kept up to date.

ConfigMaps, Secrets and tokens are written as kubelet writes them: files in a fresh folder, published by one rename of
the symbolic link `..data`, so that a reader never sees half of a change.
"""

import asyncio
import contextlib
import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from linkerd_sandbox.fields import dig, dig_list
from linkerd_sandbox.kubelet.environment import ConfigError, Sources, data_of, field_value, resource_value
from linkerd_sandbox.kubelet.quantity import divided
from linkerd_sandbox.net import kernel

_TOKEN_REFRESH: Final = 0.8  # of a token's life, as kubelet
_TOKEN_MAX_AGE: Final = 24 * 3600.0


class VolumeError(Exception):
    """A volume cannot be made ready (yet); kubelet shows FailedMount and tries again."""


@dataclass(slots=True)
class _Token:
    text: str
    refresh_at: float


@dataclass(slots=True)
class PodVolumes:
    """Volumes of one pod below `directory`."""

    directory: Path
    pod: JsonObject
    client: KubeClient
    sources: Sources
    _tokens: dict[tuple[str, str, int], _Token] = field(default_factory=dict)

    async def prepare(self) -> None:
        """Makes every volume ready, or brings it up to date. Raises VolumeError."""
        for volume in dig_list(self.pod, "spec", "volumes"):
            name = str(volume["name"])
            try:
                await self._one(volume, self.directory / name)
            except (ConfigError, ApiError, OSError) as error:
                raise VolumeError(f'MountVolume.SetUp failed for volume "{name}": {error}') from error

    def path(self, name: str, sub_path: str = "") -> Path:
        """Where a volume lies in the supervisor's view. Raises KeyError for one that the pod does not have."""
        for volume in dig_list(self.pod, "spec", "volumes"):
            if volume["name"] == name:
                base = Path(volume["hostPath"]["path"]) if "hostPath" in volume else self.directory / name
                return _below(base, sub_path) if sub_path else base
        raise KeyError(name)

    def private(self, name: str) -> Path:
        """A place for the kubelet's own files, which go with the volumes."""
        folder = self.directory / ".kubelet"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    @property
    def refresh_at(self) -> float:
        """When the first token must be renewed (monotonic seconds)."""
        return min((token.refresh_at for token in self._tokens.values()), default=float("inf"))

    async def _one(self, volume: JsonObject, path: Path) -> None:
        if not _made(volume, path):
            return
        files: dict[str, tuple[bytes, int]] = {}
        if source := volume.get("configMap"):
            files = await self._config_map(source, int(source.get("defaultMode") or 0o644))
        elif source := volume.get("secret"):
            renamed = dict(source) | {"name": source.get("secretName")}
            files = await self._secret(renamed, int(source.get("defaultMode") or 0o644))
        elif source := volume.get("downwardAPI"):
            files = self._downward(source, int(source.get("defaultMode") or 0o644))
        elif source := volume.get("projected"):
            files = await self._projected(source)
        else:
            kinds = ", ".join(key for key in volume if key != "name")
            raise ConfigError(f"volumes of kind {kinds or 'none'} are not implemented in the sandbox")
        publish(path, files)

    async def _projected(self, source: JsonObject) -> dict[str, tuple[bytes, int]]:
        mode = int(source.get("defaultMode") or 0o644)
        files: dict[str, tuple[bytes, int]] = {}
        for part in dig_list(source, "sources"):
            if inner := part.get("configMap"):
                files |= await self._config_map(inner, mode)
            elif inner := part.get("secret"):
                files |= await self._secret(inner, mode)
            elif inner := part.get("downwardAPI"):
                files |= self._downward(inner, mode)
            elif inner := part.get("serviceAccountToken"):
                files[str(inner["path"])] = ((await self._token(inner)).encode(), mode)
            else:
                raise ConfigError(f"projected source {', '.join(part)} is not implemented in the sandbox")
        return files

    async def _config_map(self, source: JsonObject, mode: int) -> dict[str, tuple[bytes, int]]:
        found = self.sources.config_map(str(source["name"]))
        if found is None:
            found = await self._get(CONFIG_MAPS.path(self._namespace, str(source["name"])))
        return _items(found, source, mode, f'configmap "{source["name"]}"')

    async def _secret(self, source: JsonObject, mode: int) -> dict[str, tuple[bytes, int]]:
        found = self.sources.secret(str(source["name"]))
        if found is None:
            found = await self._get(SECRETS.path(self._namespace, str(source["name"])))
        if found is not None:
            found = dict(found) | {"kind": "Secret"}
        return _items(found, source, mode, f'secret "{source["name"]}"')

    @property
    def _namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    async def _get(self, path: str) -> JsonObject | None:
        """Asks the API: the cache may be a moment behind."""
        with contextlib.suppress(ApiError):
            return await self.client.get(path)
        return None

    def _downward(self, source: JsonObject, mode: int) -> dict[str, tuple[bytes, int]]:
        files: dict[str, tuple[bytes, int]] = {}
        for item in dig_list(source, "items"):
            if reference := item.get("fieldRef"):
                text = field_value(str(reference["fieldPath"]), self.sources)
            else:
                text = resource_value(dict(item.get("resourceFieldRef") or {}), {}, self.sources)
            files[str(item["path"])] = (text.encode(), int(item.get("mode") or mode))
        return files

    async def _token(self, source: JsonObject) -> str:
        audience, seconds = str(source.get("audience") or ""), int(source.get("expirationSeconds") or 3600)
        key = (str(source["path"]), audience, seconds)
        token = self._tokens.get(key)
        if token is None or time.monotonic() >= token.refresh_at:
            token = self._tokens[key] = await self._request_token(audience, seconds)
        return token.text

    async def _request_token(self, audience: str, seconds: int) -> _Token:
        account = str(dig(self.pod, "spec", "serviceAccountName") or "default")
        meta = self.pod["metadata"]
        spec: JsonObject = {
            "expirationSeconds": seconds,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
        }
        if audience:
            spec["audiences"] = [audience]
        body: JsonObject = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self.client.create(SERVICE_ACCOUNTS.path(self._namespace, account, "token"), body)
        expires = datetime.fromisoformat(str(dig(answer, "status", "expirationTimestamp")))
        left = expires.timestamp() - time.time()
        return _Token(
            str(dig(answer, "status", "token")), time.monotonic() + min(left * _TOKEN_REFRESH, _TOKEN_MAX_AGE)
        )

    async def remove(self) -> None:
        for volume in dig_list(self.pod, "spec", "volumes"):
            if dig(volume, "emptyDir", "sizeLimit"):
                with contextlib.suppress(OSError):
                    kernel.umount(str(self.directory / str(volume["name"])))
        await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)


def _below(base: Path, sub_path: str) -> Path:
    """A subPath that does not lead out of its volume, by no link either. Raises ConfigError."""
    found = (base / sub_path).resolve()
    if not found.is_relative_to(base.resolve()):
        raise ConfigError(f"subPath {sub_path} leads out of its volume")
    return found


def _made(volume: JsonObject, path: Path) -> bool:
    """Makes the folder; whether there is something to write into it. Raises ConfigError."""
    if "hostPath" in volume:
        if not Path(volume["hostPath"]["path"]).exists():
            raise ConfigError(f"hostPath {volume['hostPath']['path']} does not exist")
        return False
    if not path.is_dir():
        path.mkdir(parents=True)
        if limit := dig(volume, "emptyDir", "sizeLimit"):
            size = _size(str(limit))
            kernel.mount("tmpfs", str(path), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode=777,size={size}")
        path.chmod(0o777)
    return "emptyDir" not in volume


def _size(limit: str) -> int:
    """Bytes of a sizeLimit, at least a page. Raises ConfigError."""
    try:
        return max(divided(limit, "1"), 4096)
    except ValueError as error:
        raise ConfigError(f"sizeLimit: {error}") from None


def _items(found: JsonObject | None, source: JsonObject, mode: int, what: str) -> dict[str, tuple[bytes, int]]:
    """The files chosen by `items`, or all of them. Raises ConfigError."""
    optional = bool(source.get("optional"))
    if found is None:
        if optional:
            return {}
        raise ConfigError(f"{what} not found")
    data = data_of(found)
    items = dig_list(source, "items")
    if not items:
        return {key: (value, mode) for key, value in data.items()}
    files: dict[str, tuple[bytes, int]] = {}
    for item in items:
        if item["key"] in data:
            files[str(item["path"])] = (data[item["key"]], int(item.get("mode") or mode))
        elif not optional:
            raise ConfigError(f"references non-existent config key: {item['key']}")
    return files


def publish(directory: Path, files: dict[str, tuple[bytes, int]]) -> bool:
    """Shows `files` (contents, mode) in the directory at once; False where nothing changed."""
    link = directory / "..data"
    current = link.resolve() if link.is_symlink() else None
    if current is not None and _same(current, files):
        return False
    fresh = directory / f"..{time.time_ns():x}"
    fresh.mkdir(mode=0o755)
    for name, (content, mode) in files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    temporary = directory / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.replace(link)
    tops = {name.partition("/")[0] for name in files}
    for name in tops:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    for path in directory.iterdir():
        if path.is_symlink() and not path.name.startswith("..") and path.name not in tops:
            path.unlink()
    if current is not None:
        shutil.rmtree(current, ignore_errors=True)
    return True


def _same(directory: Path, files: dict[str, tuple[bytes, int]]) -> bool:
    there = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return there == set(files) and all(
        (directory / name).read_bytes() == content for name, (content, _) in files.items()
    )
