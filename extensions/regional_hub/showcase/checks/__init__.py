"""The automatic checks of what is meant for the public. Plain data in, findings out: no Django, and nothing is executed
here; the one check that runs the notebook does so in a job (`run`)."""
