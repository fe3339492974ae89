"""The only loop: clean run, crash images, recovery, judgement."""
