"""The dashboard's plug-in in opencode's TUI."""
