"""opencode-rotator: the right login in opencode's auth.json at the right moment."""

__version__ = "0.1.0"
