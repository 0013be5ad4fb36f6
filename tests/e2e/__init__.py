"""Tests with the real opencode, each in a HOME of its own."""
