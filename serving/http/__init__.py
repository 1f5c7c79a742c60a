"""What every request passes: who asks, how much, and how a refusal is told."""
