"""What the modules of several vendors need."""
