"""The search through every state that cuts can make of a device: any number of them in a row."""
