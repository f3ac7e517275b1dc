"""Calibration: a scenario made of what a live BullMQ was seen to do."""
