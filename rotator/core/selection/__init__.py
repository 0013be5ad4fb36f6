"""Which account takes over, and until when one rests."""
