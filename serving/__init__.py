"""Uses a Scorer: answers over HTTP, rescores everybody, keeps what happened; runs from the checkout and in images."""
