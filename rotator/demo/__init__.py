"""`rotator demo`: one failover of two made-up accounts, seen happening.

Everything lies in a temporary HOME and on the loopback interface; nothing of the user's is
read or written.
"""
