"""Between auth.json and the store, under the lock of swaps."""
