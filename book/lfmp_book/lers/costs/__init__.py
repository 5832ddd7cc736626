"""LERS's study of efficiency: Table 8, Figures 3 and 4 (RQ3)."""
