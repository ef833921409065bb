"""The pages of the SDG database: HTTP in, a template out; what they show comes from `sdg.explorer` and the store."""
