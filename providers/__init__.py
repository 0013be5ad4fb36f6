"""One file a vendor: what each knows of its own credentials, limits and errors."""
