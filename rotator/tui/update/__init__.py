"""What a key or an event changes."""
