"""Published values, tables, figures and claims: what a page shows."""

from .provenance import provenance

__all__ = ["provenance"]
