"""The parts of a vault's pages, one file each: each is made once and brought up to date by `show`."""
