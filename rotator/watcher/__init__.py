"""What only the resident watcher does."""
