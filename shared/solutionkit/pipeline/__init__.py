"""The TFX graph and its components, thin shells around the rooms' plain functions."""
