"""The judgement: who is better on later leads of unseen accounts, by how much, how surely, and what that allows."""
