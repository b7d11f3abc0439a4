"""The tests; trial finds them through these packages."""

import os

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile(
    "bitween", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bitween")

# What a test deletes must not land in the trash of the user who runs it.
os.environ["XDG_DATA_HOME"] = "/nonexistent"
