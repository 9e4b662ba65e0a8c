"""Raw data -> audited, split tf.Examples."""
