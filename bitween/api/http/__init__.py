"""HTTP itself: the site, who may use it, log-in, what every answer carries."""
