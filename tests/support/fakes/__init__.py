"""Ports without the world behind them."""
