"""Engines that run firmware, behind one protocol."""
