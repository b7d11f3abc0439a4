"""Share lists over PEP and by request."""
