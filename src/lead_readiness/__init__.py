"""How ready each lead is to be handed to sales: learned from outcomes, compared with rules, explained."""
