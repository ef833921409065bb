"""Every change of state in the Showcase, by area: pages, API, commands and background tasks call these."""
