"""Keys, certificates and signatures: what the ``cryptography`` library makes for bitween."""
