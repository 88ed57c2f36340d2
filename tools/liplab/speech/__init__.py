"""Speech with known phones: engines, recordings, alignment, and the articulation that phones ask for."""
