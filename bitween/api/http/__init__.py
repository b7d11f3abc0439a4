"""HTTP: the site, authentication and log-in, and the headers of every answer."""
