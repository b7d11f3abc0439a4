"""The tests; trial finds them through these packages."""

import os

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile(
    "bitween", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bitween")

# Nothing that a test deletes may land in the trash of whoever runs it.
os.environ["XDG_DATA_HOME"] = "/nonexistent"
