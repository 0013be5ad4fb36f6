"""The bridge inside opencode 1.x, and the files that it exchanges with the watcher."""
