"""The databases: the accounts and what happened."""
