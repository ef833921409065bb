"""Letters about changed figures: who wants them, what they say, and how each is sent once."""
