"""Faults as values: what is cut, how the interrupted operation tears, and the crash image that this leaves."""
