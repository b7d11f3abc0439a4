"""The JSON-RPC API over HTTP: a thin shell around :class:`bitween.app.application.Bitween`."""
