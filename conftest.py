"""How Hypothesis runs: `make test` always asks the same, so that a failure is a change's; `make fuzz` explores.

No deadline for an example and no check of how fast examples are made: a slow machine is no failure.
"""

from hypothesis import HealthCheck, settings

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("repeat", _PATIENT, derandomize=True)
settings.register_profile("explore", _PATIENT, max_examples=2_000)
settings.load_profile("repeat")
