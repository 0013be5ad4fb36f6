"""The line for a prompt: nothing is loaded that it does not need."""
