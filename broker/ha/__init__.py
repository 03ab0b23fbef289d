"""One master feeds one slave its commit log, byte for byte, and knows how far the slave has got."""
