"""`python -m regional_hub.lab.live FOLDER --ip ADDRESS --port PORT --base-url /user/showcase/SLUG/`."""

from regional_hub.lab.live.app import main

main()
