"""Scenarios: what is on the device, what is staged, and which ends are allowed."""
