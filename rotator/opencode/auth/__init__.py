"""auth.json: read whole, changed in one piece."""
