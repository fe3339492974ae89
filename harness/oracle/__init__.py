"""Rules and verdicts: values in, values out, no I/O."""
