"""Random days of one person's computer, with our real code on it; tests/property runs them."""
