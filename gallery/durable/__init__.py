"""What survives a crash: locks between processes, synced writing, and the moments at which tests kill."""
