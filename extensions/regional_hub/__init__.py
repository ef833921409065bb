"""Regional Hub: a JupyterHub-based research environment for official statistics."""
