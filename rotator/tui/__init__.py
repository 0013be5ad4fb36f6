"""The dashboard: values, pure `update` and `view`, and one loop that owns the terminal."""
