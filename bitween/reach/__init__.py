"""How two peers meet: own addresses, later probes and relay."""
