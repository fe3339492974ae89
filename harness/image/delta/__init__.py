"""Patches: a target image told as copies of a base image and inserted bytes, applied in place page by page (SPEC, "Patch")."""
