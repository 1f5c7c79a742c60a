"""What a training tells a person on the screen: what was predicted, whether it helps, who is ready, where to look."""

from training.report.show import show

__all__ = ["show"]
