"""Preprocessing for tf.Transform, shared by training and serving."""
