"""The Django site that composes the platforms: settings, addresses, home, people, servers."""
