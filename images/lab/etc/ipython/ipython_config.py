"""IPython for everyone in the image; a person's own profile comes after it."""

c = get_config()  # noqa: F821
c.InteractiveShellApp.extensions = ["regional_hub.lab.memory", "regional_hub.lab.dask_client"]
