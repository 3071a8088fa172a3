"""Property tests: the same examples in every run, and no deadline, because the first call of a function compiles it."""

from hypothesis import HealthCheck, settings

settings.register_profile("handrail", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("handrail")
