"""What an exception of an encoder says: in words, and whether memory was lacking."""


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def is_lack_of_memory(error: Exception) -> bool:
    """Say whether there was no memory for it: PyTorch says so in a RuntimeError, on the processor as on a GPU."""
    words = str(error).lower()
    lacks = "out of memory" in words or "allocate memory" in words or "not enough memory" in words
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and lacks)
