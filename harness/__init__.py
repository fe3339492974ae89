"""Power-cut testing of real bootloader firmware on emulated microcontrollers."""

__version__ = "0.1.0"
