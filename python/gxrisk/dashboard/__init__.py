"""The dashboard: what a person sees of the vaults, and may do, through the server's API with a key of theirs."""
