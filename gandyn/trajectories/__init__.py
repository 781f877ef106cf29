"""Trajectories: of flows by an adaptive Runge-Kutta method, of maps by iteration."""

from gandyn.trajectories.integrate import Status, Trajectory, trajectory

__all__ = ["Status", "Trajectory", "trajectory"]
