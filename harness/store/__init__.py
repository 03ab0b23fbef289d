"""Where runs are kept: one folder a run, and a catalogue of the folders."""
