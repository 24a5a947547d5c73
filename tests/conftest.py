"""One BLAS thread; Hypothesis profiles: `dev` draws anew each time, `ci` (if CI is set)
the same."""
import os

# Before NumPy is loaded: the products in tests are small, and on a busy machine a second
# thread of OpenBLAS makes them many times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

ANY_SPEED = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", max_examples=50, **ANY_SPEED)
settings.register_profile("ci", max_examples=200, derandomize=True, **ANY_SPEED)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
