"""Servers of a kind, jobs, gateway back ends, images and networks: what runs on the machine, below every platform."""

from regional_hub import fast_start

fast_start.install()  # before JupyterHub is imported: it spares each start of the Hub most of a second
