"""Servers of a kind, jobs, gateway back ends, images and networks: what runs on the machine, below every platform."""
