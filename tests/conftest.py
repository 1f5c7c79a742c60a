"""What all tests share: hypothesis looks at the same examples everywhere, and at no clock."""

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("house")
