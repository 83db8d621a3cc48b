"""What lives inside somebody's training process, which it must never hurt."""
