"""Settings that hold for all tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: on shared cores the time of one example says nothing. A failure prints how to repeat it.
settings.register_profile("harness", deadline=None, print_blob=True)
settings.load_profile("harness")
