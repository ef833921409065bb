"""The Showcase: notebooks shared with colleagues, and reviewed ones as pages, live apps and methods for everybody."""
