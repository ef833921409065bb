"""The roof: starting, stopping and checking all the parts below."""
