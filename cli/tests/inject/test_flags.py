"""Flags that become annotations."""

import pytest

from linkerd_cli.errors import UsageError
from linkerd_cli.inject.flags import FLAGS, add_config_flags, annotations_of
from linkerd_cli.usage import Parser
from linkerd_rules.injection.annotations import SETTINGS


def _annotations(*argv: str) -> dict[str, str]:
    parser = Parser("linkerd inject", "")
    add_config_flags(parser)
    return annotations_of(parser.parse_args(list(argv)))


def test_every_flag_is_an_annotation_that_the_injector_knows() -> None:
    assert {row.annotation for row in FLAGS} <= {setting.annotation for setting in SETTINGS}


def test_given_flags_only() -> None:
    assert _annotations() == {}
    assert _annotations("-v", "1.2", "--opaque-ports", "25,smtp", "--native-sidecar") == {
        "config.linkerd.io/proxy-version": "1.2",
        "config.linkerd.io/opaque-ports": "25,smtp",
        "config.linkerd.io/proxy-enable-native-sidecar": "true",
    }
    assert _annotations("--skip-outbound-ports", "") == {"config.linkerd.io/skip-outbound-ports": ""}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--proxy-uid", "root"], "--proxy-uid: 'root' is not a whole number"),
        (["--skip-inbound-ports", "99999"], "--skip-inbound-ports: "),
        (["--default-inbound-policy", "frog"], "--default-inbound-policy: 'frog' is not one of"),
        (["--proxy-cpu-request", "lots"], "--proxy-cpu-request: 'lots' is not a quantity"),
    ],
)
def test_values_that_the_injector_would_refuse(argv: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=f"^{told}"):
        _annotations(*argv)
