"""What rows and queries have in common."""

TEXTS = ["a", "b", "Ab", "abc", "", "x y", "Zed", "12", "-3", "ä", " b ", "a,b,c"]


def interval(count):
    """So many seconds, as Flink writes them: with at most three digits."""
    return f"INTERVAL '{count}' SECOND(3)" if abs(count) < 1000 else f"INTERVAL '{count // 60}' MINUTE(3)"
