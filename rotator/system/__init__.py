"""The machine: files, locks, processes, signals, logs."""
