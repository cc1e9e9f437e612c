"""Make `apiserver/data/protobuf.json.xz`: field numbers of the kinds that kubectl sends as protobuf.

Source: the struct tags of k8s.io/api and k8s.io/apimachinery (Apache-2.0), which also say what the .proto files cannot:
which fields are embedded, and which are pointers, so that a zero in them counts. Get the modules with
`go mod download k8s.io/api@v0.32.0 k8s.io/apimachinery@v0.32.0`, then run
`python sandbox/tools/make_protobuf.py API_DIRECTORY APIMACHINERY_DIRECTORY`.

Each message maps field numbers to `name:type`. A type is `s` (text), `b` (bool), `i` (integer), `d` (double), `y`
(bytes), a special message (`Time`, `MicroTime`, `Duration`, `Quantity`, `IntOrString`, `Raw`, `Items`) or the name of a
message, after any of `*` (pointer), `[]` (repeated), `{}` (map from text). No name: the message is embedded.
"""

import json
import lzma
import re
import sys
from pathlib import Path

from linkerd_sandbox.apiserver.kinds import BUILT_IN, SUBRESOURCE_KINDS

TARGET = Path(__file__).parent.parent / "src" / "linkerd_sandbox" / "apiserver" / "data" / "protobuf.json.xz"
_META = "k8s.io/apimachinery/pkg/apis/meta/v1"
_SPECIAL = {
    f"{_META}.Time": "Time",
    f"{_META}.MicroTime": "MicroTime",
    f"{_META}.Duration": "Duration",
    f"{_META}.FieldsV1": "Raw",
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "Quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "IntOrString",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "Raw",
}
_PLAIN = {"string": "s", "bool": "b", "int": "i", "int32": "i", "int64": "i", "uint32": "i", "float64": "d"}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^type (\w+) ([\w.\[\]*]+)$", re.MULTILINE)
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.\[\]*]+)\s+`([^`]*)`", re.MULTILINE)
_IMPORT = re.compile(r'^\t?(?:import )?(\w+)? ?"(k8s\.io/[^"]+)"$', re.MULTILINE)
_NUMBER = re.compile(r'protobuf:"\w+,(\d+)')
_JSON = re.compile(r'json:"([^",]*)')


class Package:
    """One Go package: its structs, named types and imports."""

    def __init__(self, path: str, directory: Path) -> None:
        self.path = path
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.named: dict[str, str] = {}
        self.imports: dict[str, str] = {}
        for source in sorted(directory.glob("*.go")):
            if source.name.endswith("_test.go") or source.name.startswith(("zz_", "generated")):
                continue
            text = source.read_text()
            for alias, target in _IMPORT.findall(text):
                self.imports[alias or target.rpartition("/")[2]] = target
            for name, body in _STRUCT.findall(text):
                self.structs[name] = _FIELD.findall(body)
            self.named.update(_NAMED.findall(text))


class Modules:
    """Packages of the two modules, read when they are asked for."""

    def __init__(self, api: Path, machinery: Path) -> None:
        self._roots = {"k8s.io/api": api, "k8s.io/apimachinery": machinery}
        self._packages: dict[str, Package] = {}
        self.messages: dict[str, dict[str, str]] = {}

    def package(self, path: str) -> Package:
        """A package by its import path."""
        if path not in self._packages:
            root = next(name for name in self._roots if path.startswith(name + "/"))
            directory = self._roots[root] / path.removeprefix(root + "/")
            self._packages[path] = Package(path, directory)
        return self._packages[path]

    def type_of(self, package: Package, text: str, *, in_map: bool = False) -> str:
        """The type's short form; messages on the way are added."""
        if text.startswith("*"):
            return "*" + self.type_of(package, text[1:])
        if text in ("[]byte", "[]uint8"):
            return "y"
        if text.startswith("[]"):
            return "[]" + self.type_of(package, text[2:])
        if text.startswith("map["):
            return "{}" + self.type_of(package, text.partition("]")[2], in_map=True)
        if text in _PLAIN:
            return _PLAIN[text]
        alias, dot, name = text.rpartition(".")
        path = package.imports[alias] if dot else package.path
        if path == "k8s.io/apimachinery/pkg/types":
            return "s"
        if f"{path}.{name}" in _SPECIAL:
            return _SPECIAL[f"{path}.{name}"]
        home = self.package(path)
        if name in home.structs:
            return self.message(home, name)
        found = self.type_of(home, home.named[name])
        return "Items" if in_map and found == "[]s" else found

    def message(self, package: Package, name: str) -> str:
        """The name of a struct's message, which is added with all that it holds."""
        full = f"{package.path}.{name}".removeprefix("k8s.io/").replace("/", ".")
        if full not in self.messages:
            fields = self.messages[full] = {}
            for go_name, kind, tags in package.structs[name]:
                number, shown = _NUMBER.search(tags), _JSON.search(tags)
                if number is None or shown is None:
                    continue
                label = "" if not go_name and not shown[1] else shown[1] or go_name
                fields[number[1]] = f"{label}:{self.type_of(package, kind)}"
        return full


def main() -> None:
    """Write the file."""
    modules = Modules(Path(sys.argv[1]), Path(sys.argv[2]))
    kinds: dict[str, str] = {}
    wanted = [(kind.group, kind.version, kind.kind) for kind in BUILT_IN]
    wanted += [(group, version, kind) for group, version, kind, _ in SUBRESOURCE_KINDS.values()]
    for group, version, kind in sorted({*wanted, ("autoscaling", "v1", "Scale")}):
        if group.startswith(("apiextensions", "apiregistration")):
            continue  # kept in other modules; kubectl sends these kinds as JSON only
        directory = "rbac" if group.startswith("rbac") else group.partition(".")[0] or "core"
        package = modules.package(f"k8s.io/api/{directory}/{version}")
        kinds[f"{group}/{version}/{kind}"] = modules.message(package, kind)
    kinds["//DeleteOptions"] = modules.message(modules.package(_META), "DeleteOptions")
    document = {"kinds": kinds, "messages": dict(sorted(modules.messages.items()))}
    content = lzma.compress(json.dumps(document, separators=(",", ":")).encode(), preset=9 | lzma.PRESET_EXTREME)
    TARGET.write_bytes(content)
    sys.stdout.write(f"{TARGET.name}: {len(content)} bytes, {len(modules.messages)} messages\n")


if __name__ == "__main__":
    main()
