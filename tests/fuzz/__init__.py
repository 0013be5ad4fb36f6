"""Fixtures with bytes changed at random, by hand and many of them."""
