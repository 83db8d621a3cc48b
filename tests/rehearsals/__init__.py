"""What people's trainings do to the alerts: scenarios, and the setups that they are played in."""
