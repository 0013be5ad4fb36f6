"""OpenCode 2's home of logins: a table in its database, and the servers that have it open."""
