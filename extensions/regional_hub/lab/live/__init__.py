"""A live app: the server of one reviewed notebook, for visitors without an account.

`python -m regional_hub.lab.live FOLDER` starts it. Standalone Voila does the rendering; who gets in, what a browser may
send, and when kernels begin and end is ours.

Trust boundary. The notebook's code was reviewed; visitors were not. So the boundary is the message: a visitor has a
ticket, which opens one kernel (`seats`), and over its websocket sends messages of widgets and nothing else (`socket`):
no `execute_request`, no REST call on kernels, files or terminals exists. What a callback of the notebook does with the
value of a slider is the notebook's own matter, and part of the review.

What is *not* apart: kernels of one app run under one uid in one container, so code in one kernel could read the memory
or signal the processes of another (`/proc`, `ptrace`, the folder of connection files). Only reviewed code runs in them;
a notebook that let visitors' input become code (`eval`) would give away the other visitors of the same app, no more:
the container has no token, no secret (the ticket key in its environment is the public half), a read-only file system
and the network of apps, which reaches the portal's public data service alone. Apps are apart by container.
"""
