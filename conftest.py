"""Settings of every test run: Hypothesis takes as long as an example needs and finds the same examples each time."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
