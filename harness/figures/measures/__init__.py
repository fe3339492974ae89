"""What measures each figure; importing this package registers all measures."""

from harness.figures.measures import comparisons, delta, devices, documents, driver, firmware, guide, image, patch_path, protection, scenarios, speed

__all__ = ["comparisons", "delta", "devices", "documents", "driver", "firmware", "guide", "image", "patch_path", "protection", "scenarios", "speed"]
