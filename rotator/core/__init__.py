"""Pure decisions: what a failed answer means, who takes over, whose login it is."""
