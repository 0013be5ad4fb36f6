"""The modules of vendors: found, loaded, held to their contract."""
