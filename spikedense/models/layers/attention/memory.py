"""The memory that an attention needs at inference."""

from dataclasses import dataclass

#: Bits of a real value, for example of a membrane potential.
REAL_BITS = 32


@dataclass(frozen=True)
class AttentionMemory:
    """Bits that an attention keeps for one image and one time step.

    An attention answers ``attention_memory(height, width)`` with this class.

    Args:
        state: Real values that are accumulated over the tokens, as the product of keys and values.
        queries: Spikes of the queries, if they are needed again after the last token.
        tokens: Spikes of queries, keys and values, if those of all tokens are in memory at once.
        buffer: Rows of spikes that a local term reads.
    """

    state: int
    queries: int
    tokens: int
    buffer: int = 0

    @property
    def streaming(self) -> int:
        """Bits if the tokens come one after the other."""
        return self.state + self.queries + self.buffer

    @property
    def materialised(self) -> int:
        """Bits if queries, keys and values of all tokens are computed first."""
        return self.state + self.tokens + self.buffer


def spike_bits(D: int | None) -> int:
    """Return the bits of an integer ``0..D``; those of a real value if D is None (ReLU)."""
    return REAL_BITS if D is None else D.bit_length()
