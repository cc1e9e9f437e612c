"""Settings: defaults, and every bad value at once."""

import pytest

from linkerd_runtime.settings import BadSettings
from linkerd_viz.settings import from_env


def test_defaults() -> None:
    settings = from_env({})
    assert str(settings.admin) == "0.0.0.0:9990"
    assert str(settings.debug) == "127.0.0.1:9991"
    assert (settings.scrape_interval, settings.scrape_timeout, settings.retention) == (5.0, 3.0, 600.0)
    assert settings.hosts == ()


def test_hosts_are_listed_with_commas() -> None:
    assert from_env({"LINKERD_VIZ_HOSTS": "viz.example, mesh.local,"}).hosts == ("viz.example", "mesh.local")


def test_every_bad_value_is_named() -> None:
    with pytest.raises(BadSettings) as caught:
        from_env({"LINKERD_ADMIN_ADDR": "x", "LINKERD_VIZ_SCRAPE_CONCURRENCY": "0", "LINKERD_LOG_LEVEL": "loud"})
    assert [message.partition(":")[0] for message in caught.value.messages] == [
        "LINKERD_ADMIN_ADDR",
        "LINKERD_LOG_LEVEL",
        "LINKERD_VIZ_SCRAPE_CONCURRENCY",
    ]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"LINKERD_VIZ_SCRAPE_INTERVAL": "0"}, "LINKERD_VIZ_SCRAPE_INTERVAL"),
        ({"LINKERD_VIZ_RETENTION": "6s"}, "LINKERD_VIZ_RETENTION"),
        ({"LINKERD_VIZ_HISTORY": "1m"}, "LINKERD_VIZ_HISTORY"),
        ({"LINKERD_VIZ_PROMETHEUS_URL": "prometheus:9090"}, "LINKERD_VIZ_PROMETHEUS_URL"),
    ],
)
def test_values_that_do_not_go_together(environ: dict[str, str], name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        from_env(environ)
