"""What parts of the Showcase tell one another, inside the transaction of the change.

`submitted(revision)`: it was sent to be checked and reviewed for the public.
`recalled(revision)`: its author no longer wants it public; checks and reviews of it are void.
`withdrawn(publication)`: its page and apps must go now.
`published(revision)`: both reviewers approved it, it is what visitors get from now on.
"""

from django.dispatch import Signal

submitted = Signal()
recalled = Signal()
withdrawn = Signal()
published = Signal()

# In the scope of a request (ASGI): the key of the publication that a visitor's page shows. Who gives the page again
# without asking the site counts the reading by it.
READ = "regional_hub.publication"
