"""The template is a profile that admission takes."""

import yaml

from linkerd_cli.profile.template import template
from linkerd_rules.validation.profile import read_service_profile


def test_it_is_valid() -> None:
    made = yaml.safe_load(template("web", "x", "cluster.local"))
    assert made["metadata"] == {"name": "web.x.svc.cluster.local", "namespace": "x"}
    reading = read_service_profile(made)
    assert reading.problems == []
    assert [route.name for route in reading.value.routes] == ["/authors/{id}"]
