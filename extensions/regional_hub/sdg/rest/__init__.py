"""SDMX REST 2.2 and 1.5 over the store of releases: URL to query, query to answer, answer to message."""
