"""config.toml and the variables: read, checked, changed."""
