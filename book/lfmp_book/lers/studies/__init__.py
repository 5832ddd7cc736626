"""Small trainings on generated rows, by which pages show what a start or a threshold does; no run of them is
kept."""
