"""All that knows opencode: its credential file, its log, its plugins."""
