"""Whose login it is, and what becomes of it."""
