"""Real daemons, a real Prosody, real bytes."""
