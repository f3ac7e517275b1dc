"""An autoscaler judged: against workers all day, and against other settings of its own."""
