"""Tests of device data and of the reader that all TOML files share."""
