"""The portal's own pages. A view only translates between HTTP and `core.actions` or the Hub's API."""
