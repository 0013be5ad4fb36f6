"""The dashboard's values."""
