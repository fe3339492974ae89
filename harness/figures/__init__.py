"""The ledger of documented figures: each is measured on the emulated device, and no verdict is typed in by hand."""
