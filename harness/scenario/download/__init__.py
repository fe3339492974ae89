"""A host that sends an update over the UART, and the line between it and the device."""
