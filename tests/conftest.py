"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes says nothing on a machine that does other things beside: tests are never timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
