"""Samples to stages."""

from collections import Counter

from bench.profile import stages
from bench.sampled import LOOP


def test_every_module_has_one_stage() -> None:
    samples = Counter(
        {
            "linkerd_proxy.transport.tls_stream": 40,
            "linkerd_proxy.transport.turn": 10,
            "linkerd_proxy.codec.h2.hpack": 20,
            "linkerd_rules.policy.match": 10,
            LOOP: 15,
            "linkerd_proxy.control.client": 5,
        }
    )
    found = stages(samples)
    assert found["TLS"] == 0.4
    assert found["writing, relays, timers"] == 0.1
    assert found["HTTP/2 codec"] == 0.2
    assert found["routing, balancing, policy"] == 0.1
    assert found["event loop, reading"] == 0.15
    assert found["other"] == 0.05
    assert abs(sum(found.values()) - 1) < 1e-9
