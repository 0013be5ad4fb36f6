"""Benchmarks: figures of one run beside each other, not timed tests."""
