"""What is run to learn something: the demo, Task 1, Task 2, the swarm; their bounds, plots and report."""
