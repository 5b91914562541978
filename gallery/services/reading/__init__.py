"""What is written in pictures: read by workers once everything is embedded, in a process of its own."""
