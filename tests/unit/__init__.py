"""The rules of the model and of formats; no reactor."""
