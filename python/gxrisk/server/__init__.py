"""The server: what an operator runs, and what agents, owners and feeds call."""
