"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says nothing on a machine that does other things beside: tests are never timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
