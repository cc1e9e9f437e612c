"""What holds for all tests.

Hypothesis: `make test` always asks the same, so that a failure is a change's; `make fuzz` explores. No deadline for an
example and no check of how fast examples are made: a slow machine is no failure.

Proxies that the environment names are for the world outside. Tests ask this machine only, and most clients (curl, grpc,
urllib, browsers) would ask the proxy for it.

Who ends a run with SIGTERM, as CI systems do, ends it as with Ctrl-C: the clusters that it started go with it.
"""

import os
import signal

from hypothesis import HealthCheck, settings

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("repeat", _PATIENT, derandomize=True)
settings.register_profile("explore", _PATIENT, max_examples=2_000)
settings.load_profile("repeat")

for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)

signal.signal(signal.SIGTERM, signal.default_int_handler)
