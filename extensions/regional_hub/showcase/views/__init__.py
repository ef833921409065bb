"""The pages of the Showcase."""
