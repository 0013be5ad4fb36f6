"""The tables of the store, each with what is written into it."""
