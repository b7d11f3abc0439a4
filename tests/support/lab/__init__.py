"""Networks of namespaces, as people have them at home, and what runs in them."""
