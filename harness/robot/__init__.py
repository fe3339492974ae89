"""Robot Framework: `Library    harness.robot.BootHarness`, and `Resource    harness/robot/power_cuts.resource` in words of the business."""

from harness.robot.library import BootHarness

__all__ = ["BootHarness"]
