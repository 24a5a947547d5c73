"""Hypothesis profiles: `dev` draws anew each time, `ci` (if CI is set) the same."""
import os

from hypothesis import HealthCheck, settings

ANY_SPEED = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", max_examples=50, **ANY_SPEED)
settings.register_profile("ci", max_examples=200, derandomize=True, **ANY_SPEED)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
