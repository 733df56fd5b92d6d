"""What comes in from outside, at and past every edge: an exact value or a clear error, never a surprise."""
